"""What can be chosen about the sequences of a data set; nothing heavy is imported here."""

from __future__ import annotations

from dataclasses import asdict, dataclass
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
    """

    split: str | None = None
    modality: str | None = None
    stream: str = "HSI"
    origin: int | None = None

    def describe(self, dataset: Dataset) -> dict[str, Any]:
        """Which part of which data set, and where it lies, as JSON values for the record of a run."""
        root = None if dataset.root is None else str(resolved(dataset.root))
        told = {key: value for key, value in asdict(self).items() if key != "origin" or value is not None}
        return {"name": dataset.name, "root": root, **told}
