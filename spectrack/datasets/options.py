"""What can be chosen about the sequences of a data set; nothing heavy is imported here."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spectrack.files import resolved

if TYPE_CHECKING:
    from spectrack.datasets.dataset import Dataset


@dataclass(frozen=True)
class DatasetPart:
    """Which sequences of a data set.

    Attributes:
        split: Only this split, such as test.
        modality: Only this modality, such as HSI-NIR.
        stream: Which stream: HSI, HSI-FalseColor or RGB; each has its own truth.
        origin: Index of the first pixel in files of boxes, 0 or 1; by default as the data set has it.
        calibration: File of `spectrack calibrate`: the cubes' raw counts become reflectance.
    """

    split: str | None = None
    modality: str | None = None
    stream: str = "HSI"
    origin: int | None = None
    calibration: Path | None = None

    def describe(self, dataset: Dataset) -> dict[str, Any]:
        """Which part of which data set, and where it lies, as JSON values for the record of a run."""
        root = None if dataset.root is None else str(resolved(dataset.root))
        later = ("origin", "calibration")  # left out of records where they are not given, as before there were any
        told = {key: value for key, value in asdict(self).items() if key not in later or value is not None}
        if self.calibration is not None:
            from spectrack.calibration.files import read_calibration

            digest = read_calibration(self.calibration).digest
            told |= {"calibration": str(resolved(self.calibration)), "calibration_digest": digest[:12]}
        return {"name": dataset.name, "root": root, **told}
