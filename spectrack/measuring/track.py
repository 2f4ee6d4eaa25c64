"""Measuring beside a track: a frame at a time, into the files that were asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from spectrack.measuring.files import CocoMasks, write_csv, write_mask_picture, write_parquet
from spectrack.measuring.measurement import Measurements, measure_target
from spectrack.measuring.options import COCO, MASKS, MEASUREMENTS, PARQUET, MeasureOptions, parse_scale
from spectrack.sequences.base import Sequence
from spectrack.trackers.base import Estimate


class MeasuredTrack:
    """Measures one track and writes what it finds; make it with `of`.

    Args:
        sequence: what is tracked in.
        folder: where to write; claimed by the caller.
        options: what to write.
        first_frame: number of the sequence's first frame in the recording.

    Raises:
        MissingExtraError: a package that the files need is not installed.
    """

    def __init__(self, sequence: Sequence, folder: Path, options: MeasureOptions, first_frame: int) -> None:
        self._sequence, self._folder, self._options, self._first = sequence, folder, options, first_frame
        scale = None if options.scale is None else parse_scale(options.scale)
        self.measurements = Measurements(sequence, first_frame=first_frame, scale=scale)
        shape = sequence.height, sequence.width
        self._coco = CocoMasks(sequence.name, *shape) if options.mask == "coco" else None
        self._pictures = folder / MASKS if options.mask == "png" else None

    @classmethod
    def of(
        cls, sequence: Sequence, folder: Path, options: MeasureOptions, first_frame: int = 0
    ) -> MeasuredTrack | None:
        """Ready for the first frame; None where nothing is to be measured."""
        return cls(sequence, folder, options, first_frame) if options.wanted else None

    def add(self, index: int, estimate: Estimate) -> None:
        """Measure the next frame of the sequence."""
        measurement, mask = measure_target(self._sequence, index, estimate)
        self.measurements.add(measurement)
        number = self._first + index
        if self._pictures is not None:
            self._pictures.mkdir(exist_ok=True)
            shape = self._sequence.height, self._sequence.width
            write_mask_picture(self._pictures / f"{number:06d}.png", mask, *shape)
        if self._coco is not None:
            self._coco.add(number, mask, measurement.score)

    def write(self) -> dict[str, Any]:
        """Write the tables, and say what they hold as the summary of a run keeps it."""
        if self._options.tables:
            write_csv(self._folder / MEASUREMENTS, self.measurements)
        if self._options.parquet:
            write_parquet(self._folder / PARQUET, self.measurements)
        if self._coco is not None:
            self._coco.write(self._folder / COCO)
        return self.measurements.describe()
