"""What is known of every frame of a track besides its box: times, confidence, state and probability, as a small CSV."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spectrack.errors import InputError
from spectrack.evaluation.speed import Speed, speed_of
from spectrack.files import write_text
from spectrack.trackers.base import STATES, State

COLUMNS = ("frame", "reading_ms", "network_ms", "rest_ms", "score", "lost", "state", "probability")
_NUMBERS = 6
"""So many columns come first, which are numbers; tables of the earliest version end there."""

_LARGEST_FILE = 256 * 2**20

Values = NDArray[np.float64]

Row = tuple[float, float, float, float, bool, State, float]
"""Reading, network and rest in milliseconds, score, lost, state, probability."""


@dataclass(frozen=True)
class FrameTable:
    """One row a frame; frames that were never tracked, because the tracker had failed, hold NaN and are not lost.

    Attributes:
        reading_ms: (N,) time spent reading and decoding.
        network_ms: (N,) time spent in the network.
        rest_ms: (N,) all other time; row 0 of the three is the tracker's start.
        score: (N,) the tracker's confidence.
        lost: (N,) bool, whether the tracker reports the object as lost.
        state: what the tracker believes, one word of `STATES` a frame; empty where it was never tracked.
        probability: (N,) stated probability that the box does not miss the object; NaN where none was stated.
    """

    reading_ms: Values
    network_ms: Values
    rest_ms: Values
    score: Values
    lost: NDArray[np.bool_]
    state: tuple[str, ...]
    probability: Values

    def __len__(self) -> int:
        return len(self.score)

    @staticmethod
    def of(rows: Sequence[Row], frames: int) -> FrameTable:
        """The table of the rows that there are, filled up to `frames`."""
        gathered = FrameRows(frames)
        for row in rows:
            gathered.append(row)
        return gathered.table()

    def after(self, frames: int) -> FrameTable:
        """The same behind so many frames that were not tracked."""
        if frames == 0:
            return self
        columns = np.stack([self.reading_ms, self.network_ms, self.rest_ms, self.score, self.probability])
        reading, network, rest, score, stated = np.pad(columns, ((0, 0), (frames, 0)), constant_values=np.nan)
        states = (*[""] * frames, *self.state)
        return FrameTable(reading, network, rest, score, np.pad(self.lost, (frames, 0)), states, stated)

    def joined(self, later: FrameTable, place: int) -> FrameTable:
        """The first `place` rows of this table, and behind them another one."""
        pairs = [(getattr(self, name.name), getattr(later, name.name)) for name in fields(self) if name.name != "state"]
        reading, network, rest, score, lost, stated = (np.concatenate([one[:place], other]) for one, other in pairs)
        states = (*self.state[:place], *later.state)
        return FrameTable(reading, network, rest, score, lost, states, stated)

    @property
    def milliseconds(self) -> dict[str, Values]:
        """Times by name: ``reading``, ``network``, ``rest``."""
        return {"reading": self.reading_ms, "network": self.network_ms, "rest": self.rest_ms}

    @property
    def total_ms(self) -> Values:
        """(N,) whole time a frame."""
        return self.reading_ms + self.network_ms + self.rest_ms

    @property
    def speed(self) -> Speed:
        """How fast the track was."""
        return speed_of([self.milliseconds])

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write as CSV, whole or not at all: microseconds, and six digits of score and probability."""
        columns = (self.reading_ms, self.network_ms, self.rest_ms, self.score, self.lost)
        rows = zip(*(column.tolist() for column in columns), self.state, self.probability.tolist(), strict=True)
        lines = [
            f"{i},{read:.3f},{net:.3f},{rest:.3f},{score:.6g},{int(lost)},{state},{stated:.6g}"
            for i, (read, net, rest, score, lost, state, stated) in enumerate(rows)
        ]
        write_text(path, "\n".join([",".join(COLUMNS), *lines]) + "\n")


class FrameRows:
    """Rows as they come, with room for all from the start: a long track takes no more memory at its end.

    Args:
        frames: how many there can be.
    """

    def __init__(self, frames: int) -> None:
        self._numbers = np.full((frames, 6), np.nan)
        self._states = [""] * frames
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def append(self, row: Row) -> None:
        """Take in the next frame's."""
        self._numbers[self._count] = (*row[:5], row[6])
        self._states[self._count] = row[5]
        self._count += 1

    def table(self) -> FrameTable:
        """The rows so far, filled up; later ones do not change it."""
        reading, network, rest, score, lost, stated = self._numbers.T.copy()
        return FrameTable(reading, network, rest, score, lost == 1, tuple(self._states), stated)


def read_frame_table(path: str | os.PathLike[str]) -> FrameTable:
    """The inverse of `FrameTable.write`; a table without states has those that its lost flags say, one without
    probabilities states none.

    Raises:
        InputError: the file is missing, or was not written by it.
    """
    try:
        if Path(path).stat().st_size > _LARGEST_FILE:
            raise InputError(f"expected a table of frames below 256 MiB, found a larger file at {path}; track again")
        lines = Path(path).read_bytes().decode("utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"expected a table of frames in {path}, found undecodable bytes; track again") from error
    except OSError as error:
        raise InputError(
            f"expected a table of frames at {path}, found: {error.strerror or error}; track again"
        ) from error
    columns = tuple(lines[0].split(",")) if lines else ()
    if len(columns) < _NUMBERS or columns != COLUMNS[: len(columns)]:
        found = repr(lines[0][:60]) if lines else "an empty file"
        raise InputError(f"expected the columns {','.join(COLUMNS)} in {path}, found {found}; track the sequence again")
    rows = [_row(line, columns, path, index) for index, line in enumerate(lines[1:])]
    table = np.array([numbers for numbers, _ in rows], dtype=np.float64).reshape(-1, _NUMBERS + 1)
    states = tuple(state for _, state in rows)
    return FrameTable(table[:, 1], table[:, 2], table[:, 3], table[:, 4], table[:, 5] == 1, states, table[:, 6])


def _row(line: str, columns: tuple[str, ...], path: str | os.PathLike[str], index: int) -> tuple[list[float], str]:
    """The numbers of a line, the probability last, and its state."""
    words = line.split(",")
    try:
        values = [float(word) for word in (*words[:_NUMBERS], *words[_NUMBERS + 1 :])]
    except ValueError:
        values = []
    fits = len(words) == len(columns) and len(values) >= _NUMBERS
    fits = fits and values[0] == index and values[5] in (0, 1) and not any(value < 0 for value in values[1:4])
    state = words[_NUMBERS] if len(words) > _NUMBERS else _state_of(values) if fits else ""
    if not fits or state not in (*STATES, ""):
        raise InputError(f"expected {','.join(columns)} of frame {index} in {path}, found {line[:60]!r}; track again")
    return [*values, *[np.nan] * (_NUMBERS + 1 - len(values))], state


def _state_of(values: list[float]) -> str:
    """What a row without a state says."""
    tracked = not np.isnan(values[4])
    return ("lost" if values[5] else "tracking") if tracked else ""
