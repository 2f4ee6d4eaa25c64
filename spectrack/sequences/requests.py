"""What a caller asked for of a sequence, and which frame files were found for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from spectrack.errors import SequenceNotFoundError
from spectrack.sensors import Sensor
from spectrack.sequences.axes import AxisEvidence
from spectrack.sequences.layout import KINDS, Layout, frame_kinds, is_calibration, kind_of
from spectrack.sequences.series import check_one_series, matching
from spectrack.sequences.triplets import are_triplets


@dataclass(frozen=True)
class Request:
    """What the caller asked for and what was found at the place.

    Attributes:
        layout: where things lie.
        sensor: the camera, given or recorded in the side file; None when unknown.
        sensor_given: the caller named it.
        axes: axis letters, or None.
        variable: name of the array in files with several, or None.
        no_data: what stands where there is no data, given in place of what files say, or None.
        pattern: which files of a folder are its frames, with ``*`` and ``?``, or None.
        only: the one frame file to open of a folder that others are still written to, or None for all.
        faults: what a side file says that cannot be used; sentences are added as they are found.
    """

    layout: Layout
    sensor: Sensor | None = None
    sensor_given: bool = False
    axes: str | None = None
    variable: str | None = None
    no_data: float | None = None
    pattern: str | None = None
    only: Path | None = None
    faults: list[str] = field(default_factory=list)

    @property
    def told_no_data(self) -> float | None:
        """What stands where there is no data, as the caller or the side file says."""
        return self.layout.side.no_data if self.no_data is None else self.no_data

    def files(self, kind: str) -> list[Path]:
        """The frame files of one kind (a key of `KINDS`).

        Raises:
            SequenceNotFoundError: there are none.
            SequenceError: they are not one series of names, and no pattern chooses.
        """
        frames = self.layout.frames
        found = [frames] if frames.is_file() else self.kinds.get(kind, [])
        if not found:
            suffixes = ", ".join(sorted(KINDS[kind]))
            raise SequenceNotFoundError(
                f"expected {kind} files ({suffixes}) in {frames}, found none; name their folder, or another format"
            )
        if self._pattern is None and not are_triplets(found):
            check_one_series(found)
        return found

    @cached_property
    def kinds(self) -> dict[str, list[Path]]:
        """The frame files of the folder by kind, as far as the pattern matches; a camera's references are none.

        Raises:
            SequenceNotFoundError: the pattern matches none of them.
        """
        there = frame_kinds(self.layout.frames) if self.only is None else {kind_of(self.only) or "": [self.only]}
        if headers := [file for file in there.get("envi", []) if not is_calibration(file.name)]:
            there["envi"] = headers
        found = {kind: chosen for kind, files in there.items() if (chosen := matching(files, self._pattern))}
        if there and not found:
            example = next(iter(there.values()))[0].name
            raise SequenceNotFoundError(
                f"expected frames named {self._pattern!r} in {self.layout.frames}, found others such as {example}; "
                "correct the pattern (--pattern)"
            )
        return found

    @property
    def _pattern(self) -> str | None:
        return self.pattern or self.layout.side.pattern

    def evidence(self) -> AxisEvidence:
        """What is known of an array besides its shape."""
        side = self.layout.side
        bands = self.sensor.bands if self.sensor else side.bands
        return AxisEvidence(bands=bands, frames=side.frames, block=self.sensor.block if self.sensor else side.block)
