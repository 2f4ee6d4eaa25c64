"""Measuring beside a track: a frame at a time, into the files that were asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from spectrack.measuring.files import CocoMasks, append_csv, write_mask_picture, write_parquet
from spectrack.measuring.measurement import Measurements, measure_target
from spectrack.measuring.options import COCO, MASKS, MEASUREMENTS, PARQUET, MeasureOptions, parse_scale
from spectrack.sequences.base import Sequence
from spectrack.sources.base import FrameSource
from spectrack.trackers.base import Estimate


class MeasuredTrack:
    """Measures one track and writes what it finds; make it with `of`.

    Rows and pictures are written as they come. Parquet and COCO's masks are kept in memory for one file at the end.

    Args:
        frames: what is tracked in.
        folder: where to write; claimed by the caller.
        options: what to write.

    Raises:
        MissingExtraError: a package that the files need is not installed.
    """

    def __init__(self, frames: Sequence | FrameSource, folder: Path, options: MeasureOptions) -> None:
        self._folder, self._options = folder, options
        scale = None if options.scale is None else parse_scale(options.scale)
        self._measurements = Measurements(frames, scale=scale)
        self._rows: list[list[Any]] = []
        shape = frames.height, frames.width
        self._coco = CocoMasks(frames.name, *shape) if options.mask == "coco" else None
        self._pictures = folder / MASKS if options.mask == "png" else None
        if options.tables:
            append_csv(folder / MEASUREMENTS, self._measurements.columns)

    @classmethod
    def of(cls, frames: Sequence | FrameSource, folder: Path, options: MeasureOptions) -> MeasuredTrack | None:
        """Ready for the first frame; None where nothing is to be measured."""
        return cls(frames, folder, options) if options.wanted else None

    def beside(self, sequence: Sequence, first_frame: int) -> Callable[[int, Estimate], None]:
        """What measures frame after frame of a sequence, whose frame 0 has that number in the recording."""
        return lambda index, estimate: self.measure(sequence, index, estimate, first_frame + index)

    def measure(self, sequence: Sequence, index: int, estimate: Estimate, number: int) -> None:
        """Measure a frame of a sequence, which has that number in the recording."""
        measurement, mask = measure_target(sequence, index, estimate)
        row = self._measurements.row(number, measurement)
        if self._options.tables:
            append_csv(self._folder / MEASUREMENTS, row)
        if self._options.parquet:
            self._rows.append(row)
        if self._pictures is not None:
            self._pictures.mkdir(exist_ok=True)
            write_mask_picture(self._pictures / f"{number:06d}.png", mask, sequence.height, sequence.width)
        if self._coco is not None:
            self._coco.add(number, mask, measurement.score)

    def write(self) -> dict[str, Any]:
        """Write what is kept for the end, and say what the tables hold as the summary of a run keeps it."""
        if self._options.parquet:
            write_parquet(self._folder / PARQUET, self._measurements.columns, self._rows)
        if self._coco is not None:
            self._coco.write(self._folder / COCO)
        return self._measurements.describe()
