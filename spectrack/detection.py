"""Searching one video into a folder of results: ranked regions of every frame, a picture of the best one, a summary.

The folder appears when everything in it is complete, so an interrupted or refused search leaves nothing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spectrack.errors import ConfigError
from spectrack.evidence.finding import FoundRegions, Point, detect
from spectrack.evidence.library import LibrarySpectrum
from spectrack.evidence.options import MAP, REGIONS, SUMMARY, DetectOptions, MatchOptions
from spectrack.evidence.search import Region
from spectrack.figure_files import save_figure
from spectrack.files import check_folder, write_folder, write_json, write_text
from spectrack.provenance import provenance
from spectrack.reports.search_map import draw_search_map
from spectrack.sequences.base import Sequence
from spectrack.sequences.calibrated import calibrated_by

COLUMNS = ("frame", "rank", "x", "y", "w", "h", "score", "area")

_FRAMES = re.compile(r"(\d{1,9})|(\d{0,9}):(\d{0,9})(?::(0{0,8}[1-9]\d{0,8}))?")

OnFrame = Callable[[int, int], None]
"""Called with frames done and frames in all."""


@dataclass(frozen=True)
class Detection:
    """One searched video.

    Attributes:
        directory: the folder of results.
        regions: by frame, the best first; every frame that was searched is there.
        shown: the frame in the picture: that of the best region.
        best: the best score of any region, also where it is no match.
        summary: what ``summary.json`` says.
    """

    directory: Path
    regions: dict[int, list[Region]]
    shown: int
    best: float
    summary: dict[str, Any]


def record_detection(
    sequence: Sequence,
    directory: str | os.PathLike[str],
    *,
    spectrum: LibrarySpectrum | None = None,
    point: Point | None = None,
    matching: MatchOptions | None = None,
    options: DetectOptions | None = None,
    settings: Mapping[str, Any] | None = None,
    inputs: tuple[Path, ...] = (),
    on_frame: OnFrame | None = None,
) -> Detection:
    """Search one video, and write what was found into a folder, whole or not at all.

    Args:
        sequence: where to search.
        directory: the folder to make; it must not exist or be empty, unless an earlier search may be overwritten.
        spectrum: of a material; without it and without a point, what is rare is searched for.
        point: column and row of a pixel of the thing in frame 0.
        matching: what counts as a match.
        options: which frames, how many regions, overwriting.
        settings: whatever the caller wants to remember in the summary, as JSON values.
        inputs: what else is read; the folder of results is none of it, and lies in none.
        on_frame: called after every frame.

    Raises:
        ConfigError: the folder is taken, or there are no such frames.
        InputError: what `spectrack.detect` raises.
    """
    options, matching = options or DetectOptions(), matching or MatchOptions()
    terms = options.terms((*inputs, *sequence.places))
    check_folder(directory, terms)
    frames = parse_frames(options.frames, sequence)
    if options.top < 1:
        raise ConfigError(f"expected at least one region a frame, found --top {options.top}; 10 is usual")
    found = detect(sequence, spectrum=spectrum, point=point, frames=frames, most=options.top, options=matching)
    wanted = _wanted(spectrum, point)
    with write_folder(directory, terms) as folder:
        regions, best = _collect(found, len(frames), on_frame)
        write_text(folder / REGIONS, "".join(_lines(regions)))
        title = f"{sequence.name}, frame {best.frame}: {wanted}"
        unit = "ACE" if spectrum is not None or point is not None else "RX / bands"
        picture = sequence.false_colour(best.frame)
        save_figure(draw_search_map(picture, best.scores, best.regions, title=title, unit=unit), folder / MAP)
        summary = {
            "sequence": {
                "name": sequence.name,
                "frames": len(sequence),
                "bands": sequence.bands,
                "calibration": calibrated_by(sequence),
            },
            "searched_for": wanted,
            "frames_searched": len(regions),
            "regions": sum(len(each) for each in regions.values()),
            "shown_frame": best.frame,
            "best_score": best.best,
            "settings": dict(settings or {}),
            "provenance": provenance(),
        }
        write_json(folder / SUMMARY, summary)
    return Detection(Path(directory), regions, best.frame, best.best, summary)


def parse_frames(text: str | None, sequence: Sequence) -> range:
    """Frames of a sequence by what a user writes: ``40``, ``START:STOP``, ``START:STOP:STEP``; all without a text.

    Raises:
        ConfigError: something else, or frames that the sequence does not have.

    Example:
        >>> import numpy as np
        >>> from spectrack.sequences.memory import MemorySequence
        >>> ten = MemorySequence(np.zeros((10, 4, 4, 3), np.uint8))
        >>> list(parse_frames("2:9:3", ten)), list(parse_frames("7:", ten)), list(parse_frames("4", ten))
        ([2, 5, 8], [7, 8, 9], [4])
    """
    if text is None:
        return range(len(sequence))
    found = _FRAMES.fullmatch(text)
    chosen = range(0)
    if found is not None:
        one, *parts = (int(part) if part else None for part in found.groups())
        wanted = slice(*parts) if one is None else slice(one, one + 1)
        chosen = range(*wanted.indices(len(sequence)))
    if not chosen:
        raise ConfigError(
            f"expected frames among the {len(sequence)} of {sequence.name}, such as 40 or 0:80:10, found {text!r}; "
            "count from 0"
        )
    return chosen


def _wanted(spectrum: LibrarySpectrum | None, point: Point | None) -> str:
    if spectrum is not None:
        return spectrum.name
    return "anomalies" if point is None else f"what is like {point[0]},{point[1]}"


def _collect(
    found: Iterator[FoundRegions], count: int, on_frame: OnFrame | None
) -> tuple[dict[int, list[Region]], FoundRegions]:
    """Regions by frame, and the frame with the best score."""
    regions: dict[int, list[Region]] = {}
    best: FoundRegions | None = None
    for one in found:
        regions[one.frame] = one.regions
        best = one if best is None or one.best > best.best else best
        if on_frame is not None:
            on_frame(len(regions), count)
    if best is None:
        raise ConfigError("expected at least one frame to search, found none; name frames of the sequence")
    return regions, best


def _lines(regions: Mapping[int, list[Region]]) -> Iterator[str]:
    yield ",".join(COLUMNS) + "\n"
    for frame, each in regions.items():
        for rank, region in enumerate(each, start=1):
            box = ",".join(f"{value:g}" for value in region.box)
            yield f"{frame},{rank},{box},{region.score:.4f},{region.area}\n"
