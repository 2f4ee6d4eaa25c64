"""Scores of several targets with identities, as the package motmetrics computes them: CLEAR MOT and identity figures.

Nothing is counted here: boxes are read, overlaps handed over. A box can match a truth from an overlap (IoU) of one half
on, as the MOT Challenge has it. Sources: CLEAR MOT, Bernardin and Stiefelhagen, EURASIP J. Image and Video Processing,
2008; identity figures, Ristani et al., ECCV Workshops 2016.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spectrack.annotations.box_tracks import BoxTrack
from spectrack.annotations.rows import read_mot_tracks, rows_dialect
from spectrack.annotations.untrusted_files import decode_text, read_file
from spectrack.boxes import iou
from spectrack.errors import SequenceError
from spectrack.extras import import_extra

LEAST_OVERLAP = 0.5

FIGURES: dict[str, str] = {
    "mota": "MOTA: 1 less misses, false boxes and switches of identity over the boxes in truth",
    "idf1": "IDF1: how far each target keeps one identity over its whole track",
    "motp": "MOTP: mean of 1 less overlap over the matches; small is good",
    "num_switches": "switches of identity",
    "num_false_positives": "false boxes",
    "num_misses": "boxes in truth that are missed",
    "num_objects": "boxes in truth",
    "mostly_tracked": "targets that are matched in at least 80 % of their frames",
    "num_unique_objects": "targets in truth",
}
"""motmetrics' names, and what they are in words."""


@dataclass(frozen=True)
class SeveralScores:
    """What motmetrics says of a result.

    Attributes:
        figures: by motmetrics' names; NaN where there is nothing to divide by.
        frames: from the first to the last with a box on either side.
    """

    figures: dict[str, float]
    frames: int

    def to_json(self) -> dict[str, Any]:
        """As JSON values, with what they are and who computed them."""
        import motmetrics

        values = {name: None if math.isnan(value) else value for name, value in self.figures.items()}
        return {
            "figures": values,
            "meaning": FIGURES,
            "least_overlap": LEAST_OVERLAP,
            "frames": self.frames,
            "computed_by": f"motmetrics {motmetrics.__version__}",
        }


def score_several(results: Path, truth: Path) -> SeveralScores:
    """Score a MOT file against the truth.

    Args:
        results: rows ``frame,id,x,y,w,h,...``, such as ``mot.txt`` of ``spectrack track --boxes-from``; or its folder.
        truth: likewise; rows whose seventh number is 0 do not count, whatever their class.

    Raises:
        MissingExtraError: motmetrics is not installed.
        SequenceError: files that are no MOT rows; a truth without boxes.
    """
    motmetrics = import_extra("motmetrics", "mot")
    found, known = (_by_frame(_read(place)) for place in (results, truth))
    if not known:
        raise SequenceError(f"expected boxes that count in the truth {truth}, found none; give the file that has them")
    accumulator = motmetrics.MOTAccumulator()
    last = max((*found, *known), default=-1)
    for frame in range(last + 1):
        own, true = found.get(frame, {}), known.get(frame, {})
        accumulator.update(list(true), list(own), _distances(true, own), frameid=frame)
    computed = motmetrics.metrics.create().compute(accumulator, metrics=list(FIGURES), return_dataframe=False)
    return SeveralScores({name: float(computed[name]) for name in FIGURES}, last + 1)


def _read(place: Path) -> list[BoxTrack]:
    file = place / "mot.txt" if place.is_dir() else place
    text = decode_text(read_file(file, "tracked boxes"), file, "tracked boxes")
    if not text.strip():
        return []  # everything was lost
    if rows_dialect(text, file) != "mot":
        raise SequenceError(
            f"expected rows frame,id,x,y,w,h and four more numbers in {file}, found others; give a file in MOT's form"
        )
    return read_mot_tracks(text, file)


def _by_frame(tracks: list[BoxTrack]) -> dict[int, dict[str, np.ndarray[Any, np.dtype[np.float64]]]]:
    frames: dict[int, dict[str, np.ndarray[Any, np.dtype[np.float64]]]] = {}
    for track in tracks:
        for frame, box in track.boxes.items():
            frames.setdefault(frame, {})[track.identity] = np.array(box, dtype=np.float64)
    return frames


def _distances(true: dict[str, Any], own: dict[str, Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """(true, own) 1 less overlap; NaN where the overlap is too small to match."""
    if not true or not own:
        return np.zeros((len(true), len(own)))
    overlap = iou(np.stack(list(true.values()))[:, None], np.stack(list(own.values()))[None])
    return np.where(overlap >= LEAST_OVERLAP, np.maximum(1 - overlap, 0), np.nan)  # rounding alone goes below 0
