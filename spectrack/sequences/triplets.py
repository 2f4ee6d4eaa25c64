"""MUST and MSITrack re-packed as JPEG: three images a frame that share eight bands between their channels.

``<stem>_img1.jpg`` holds bands 0-2, ``_img2`` 3-5, ``_img3`` 5-7 (band 5 twice). As OpenCV wrote them, band 0 is blue.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spectrack.errors import SequenceError
from spectrack.files import number_key
from spectrack.files.fingerprints import Ingredients
from spectrack.sequences.base import Sequence
from spectrack.sequences.footage import read_footage
from spectrack.sequences.frame_files import frame_mismatch, numbers_of
from spectrack.sequences.frames import ArrayFrame

_MEMBER = re.compile(r"(.+)_img([123])", re.IGNORECASE)


def are_triplets(files: list[Path]) -> bool:
    """Whether every file is named as a member of a triplet."""
    return bool(files) and all(_MEMBER.fullmatch(file.stem) for file in files)


class TripletSequence(Sequence):
    """Eight-band frames from three JPEGs each.

    Args:
        files: all images of the folder.
        name: name of the sequence.
    """

    bands = 8

    def __init__(self, files: list[Path], *, name: str) -> None:
        self.name = name
        self._frames = _group(files)
        self._kept: tuple[int, ArrayFrame] | None = None
        self._shape = self._decode(self._frames[0]).shape
        self.height, self.width = self._shape[:2]

    def __len__(self) -> int:
        return len(self._frames)

    def frame(self, i: int) -> ArrayFrame:
        """Frame `i`, its three images decoded; the last one is kept."""
        i = self._index(i)
        if self._kept is not None and self._kept[0] == i:
            return self._kept[1]
        cube = self._decode(self._frames[i])
        if cube.shape != self._shape:
            raise frame_mismatch(self._frames[i][0], cube.shape, self._shape, self._frames[0][0])
        self._kept = (i, ArrayFrame(cube))
        return self._kept[1]

    @property
    def frame_numbers(self) -> list[int] | None:
        """See `Sequence.frame_numbers`."""
        return numbers_of(Path(first.name[: first.name.rindex("_")]) for first, _, _ in self._frames)

    def _frames_made_of(self) -> Ingredients:
        return Ingredients(tuple(file for members in self._frames for file in members))

    def _decode(self, members: tuple[Path, Path, Path]) -> NDArray[Any]:
        images = [read_footage(member)[:, :, ::-1] for member in members]
        for member, image in zip(members[1:], images[1:], strict=True):
            if image.shape != images[0].shape:
                raise frame_mismatch(member, image.shape[:2], images[0].shape[:2], members[0])
        return np.concatenate([images[0], images[1], images[2][:, :, 1:]], axis=2)


def _group(files: list[Path]) -> list[tuple[Path, Path, Path]]:
    stems: dict[str, dict[int, Path]] = {}
    for file in files:
        match = _MEMBER.fullmatch(file.stem)
        if match is None:
            raise SequenceError(
                f"expected images named <frame>_img1 to _img3, found {file}; remove it or use --format images"
            )
        stems.setdefault(match.group(1), {})[int(match.group(2))] = file
    frames = []
    for stem in sorted(stems, key=number_key):
        members = stems[stem]
        missing = [number for number in (1, 2, 3) if number not in members]
        if missing:
            there = next(iter(members.values()))
            raise SequenceError(
                f"expected three images of frame {stem} beside {there}, found no _img{missing[0]}; copy that image"
            )
        frames.append((members[1], members[2], members[3]))
    return frames
