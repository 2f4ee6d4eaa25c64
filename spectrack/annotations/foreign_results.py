"""Other people's results as boxes by sequence, with a report of every name that had to be mapped.

`read_foreign_results` finds the dialect, matches names by the rules of `sequence_names`, and reads only what was
matched. `start_offsets` tells results that start half a pixel, or one, beside the truth: a habit of test scripts that
costs up to two points of AUC. Nothing is corrected silently.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spectrack.annotations.result_files import ResultSet, find_result_set
from spectrack.annotations.sequence_names import NameMapping, match_names
from spectrack.boxes import Boxes
from spectrack.errors import InputError, SequenceNotFoundError, nearest_name
from spectrack.signs import counted

Place = str | os.PathLike[str]

_START_OFFSETS = {
    0.5: "half a pixel: scripts that start from cx - (w - 1) / 2 do this",
    1.0: "a pixel: coordinates that count from 1 do this, and --origin 1 undoes it",
    -1.0: "a pixel the other way: coordinates that were shifted twice do this",
}


@dataclass(frozen=True)
class ForeignResults:
    """Results that another program wrote.

    Attributes:
        boxes: sequence to (N, 4), NaN in frames without a prediction; in the order of the sequences asked for.
        mapped: every name that was not its sequence's, and the rules that led there.
        dialect: ``text``, ``got10k``, ``run``, ``mot``, ``coco`` or ``hotc2026``.
        unmatched: names of results that belong to no sequence.
        seconds: sequence to seconds a frame, where the results keep them.
        notes: what had to be assumed or passed over, in sentences.
    """

    boxes: dict[str, Boxes]
    mapped: list[NameMapping]
    dialect: str
    unmatched: tuple[str, ...] = ()
    seconds: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class StartOffset:
    """Sequences whose first result box lies by the same step beside the first truth box.

    Attributes:
        offset_px: of x and of y; the sides agree.
        sequences: their names.
        compared: number of sequences whose first boxes were compared.
        reason: what usually does this.
    """

    offset_px: float
    sequences: tuple[str, ...]
    compared: int
    reason: str

    def __str__(self) -> str:
        return (
            f"{len(self.sequences)} of {self.compared} results start {self.offset_px:+g} px in x and y beside the "
            f"truth ({self.reason}); they are scored as they are"
        )


def read_foreign_results(path: Place, names: Iterable[str] | None = None, *, origin: int = 0) -> ForeignResults:
    """Results of any dialect, by the names of the sequences they belong to.

    Args:
        path: folder or file, see `spectrack.annotations.result_files`.
        names: sequences; None takes every result under its own name. A lone result whose file's name says nothing
            belongs to a single name.
        origin: index of the first pixel in the results' convention: 0 for HOTC, 1 for OTB's MATLAB boxes.

    Raises:
        SequenceNotFoundError: no such place, no result in it, or none that belongs to a sequence.
        SequenceError: a damaged file.
        InputError: an origin that is neither 0 nor 1, a name that could belong to several sequences, or several names
            that could belong to one.
    """
    found = find_result_set(path)
    return match_results(found, list(found.sources if names is None else names), origin=origin)


def match_results(
    found: ResultSet, names: list[str], *, origin: int = 0, keep: Iterable[str] | None = None
) -> ForeignResults:
    """`read_foreign_results` of results that were found already.

    Args:
        found: the results.
        names: all sequences, so that a name is told from similar ones.
        origin: as above.
        keep: read only these sequences; all by default.

    Raises:
        See `read_foreign_results`.
    """
    if origin not in (0, 1):
        raise InputError(f"expected 0 or 1 as the index of the first pixel, found {origin}; correct it (--origin)")
    matched, mapped = match_names(found.sources, names)
    if found.single and len(names) == 1 and not matched:
        (only,) = found.sources
        # One against one: a file name such as boxes.txt says nothing about the sequence.
        matched, mapped = {only: names[0]}, [NameMapping(only, names[0], ("the only one on both sides",))]
    if not matched and names:
        first = next(iter(found.sources))
        raise SequenceNotFoundError(
            f"expected results of {counted(len(names), 'sequence')} in {found.place}, "
            f"found {len(found.sources)} of other names "
            f"such as {first!r}; name them as the sequences ({nearest_name(first, names)})"
        )
    wanted = set(names if keep is None else keep)
    boxes, seconds = {}, {}
    for result, sequence in matched.items():
        if sequence in wanted:
            boxes[sequence] = found.read(result, origin=origin)
            times = found.seconds(result)
            if times is not None:
                seconds[sequence] = times
    return ForeignResults(
        boxes=boxes,
        mapped=[replace(item, source=_source(found, item.found)) for item in mapped if item.sequence in wanted],
        dialect=found.dialect,
        unmatched=tuple(name for name in found.sources if name not in matched),
        seconds=seconds,
        notes=tuple(found.notes),
    )


def start_offsets(predictions: Mapping[str, Boxes], truth: Mapping[str, Boxes]) -> list[StartOffset]:
    """Known steps between the first predicted and the first true box, the most frequent first.

    Args:
        predictions: sequence to (N, 4).
        truth: sequence to (N, 4).

    Returns:
        one entry for each of +0.5, +1 and -1 px that occurs exactly (to a thousandth) in x and y with equal sides.
    """
    shared = [name for name in truth if name in predictions and len(truth[name]) and len(predictions[name])]
    found: dict[float, list[str]] = {}
    for name in shared:
        step = predictions[name][0] - truth[name][0]
        for offset in _START_OFFSETS:
            if np.allclose(step, [offset, offset, 0, 0], rtol=0, atol=1e-3):
                found.setdefault(offset, []).append(name)
    by_number = sorted(found.items(), key=lambda item: -len(item[1]))
    return [StartOffset(offset, tuple(names), len(shared), _START_OFFSETS[offset]) for offset, names in by_number]


def _source(found: ResultSet, name: str) -> str:
    source = found.sources[name]
    path = source if isinstance(source, Path) else found.place
    return (
        path.relative_to(found.place).as_posix()
        if path != found.place and path.is_relative_to(found.place)
        else path.name
    )
