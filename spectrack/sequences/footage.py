"""Ordinary three-band footage, R, G, B in 8 bits: folders of JPEG or PNG."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spectrack.errors import SequenceError
from spectrack.files.fingerprints import Ingredients
from spectrack.sequences.base import FileSequence
from spectrack.sequences.frame_files import frame_mismatch, numbers_of, read_image
from spectrack.sequences.frames import ArrayFrame


def read_footage(path: Path) -> NDArray[np.uint8]:
    """One 8-bit image as a viewer shows it: (height, width, 3) uint8, R, G, B; grey is repeated, transparency dropped.

    Raises:
        SequenceError: damaged, or not 8 bit.
    """
    image = read_image(path, upright=True)
    if image.dtype != np.uint8:
        raise SequenceError(
            f"expected 8-bit footage in {path}, found {image.dtype}; "
            "for mosaics use format='hotc' (--format hotc) and name the sensor"
        )
    if image.ndim == 2 or image.shape[2] == 1:
        return np.repeat(image.reshape(*image.shape[:2], 1), 3, axis=2)
    return np.ascontiguousarray(image[:, :, :3])


class ImageSequence(FileSequence):
    """A folder of 8-bit colour (or grey) images.

    Args:
        files: the frames in order.
        name: name of the sequence.
    """

    is_rgb = True
    bands = 3

    def __init__(self, files: list[Path], *, name: str) -> None:
        self._files = files
        self.name = name
        self._kept: tuple[int, ArrayFrame] | None = None
        self._shape = read_footage(files[0]).shape
        self.height, self.width = self._shape[:2]

    def __len__(self) -> int:
        return len(self._files)

    def frame(self, i: int) -> ArrayFrame:
        """Frame `i`, decoded; the last one is kept."""
        i = self._index(i)
        if self._kept is not None and self._kept[0] == i:
            return self._kept[1]
        self._kept = (i, self.frame_of(self._files[i]))
        return self._kept[1]

    def frame_of(self, file: Path) -> ArrayFrame:
        """See `FileSequence.frame_of`."""
        image = read_footage(file)
        if image.shape != self._shape:
            raise frame_mismatch(file, image.shape[:2], self._shape[:2], self._files[0])
        return ArrayFrame(image)

    @property
    def frame_numbers(self) -> list[int] | None:
        """See `Sequence.frame_numbers`."""
        return numbers_of(self._files)

    def _frames_made_of(self) -> Ingredients:
        return Ingredients(tuple(self._files))
