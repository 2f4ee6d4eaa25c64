"""The data set's own false-colour pictures in the place of those that a rule makes of the cubes.

HOTC gives a picture with every frame, made for the eye with the colour-matching functions, and published trackers see
these. Here they become light, as bright in the mean as what the rule makes of the first frame, or stay as they are
shown, as the weights' encoding says; stored clips do the same (`pairs/stored_clips.py`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spectrack.errors import CubeError
from spectrack.false_colour import Encoding, picture_light
from spectrack.sequences.frames import ArrayFrame, Frame, PicturedFrame
from spectrack.trackers.crop import CropWindow, PictureLight, cut


class OwnPictures:
    """Cuts pictures as the frames are cut.

    Args:
        first: the first frame's picture, (height, width, 3) uint8.
        brightness: mean of what the rule makes of the first frame, in the tracker's unit.
        encoding: of the crops.
    """

    def __init__(self, first: NDArray[np.uint8], brightness: float, encoding: Encoding) -> None:
        self._light = PictureLight(white_of(first, brightness), encoding)
        self._fill = self._light.apply(first[::4, ::4]).mean(axis=(0, 1))

    @classmethod
    def of(cls, frame: Frame, brightness: float, encoding: Encoding) -> OwnPictures | None:
        """From the first frame; None where frames come without pictures, so that the rule makes the colours."""
        return cls(frame.picture(), brightness, encoding) if isinstance(frame, PicturedFrame) else None

    def cut(self, frame: Frame, window: CropWindow, size: int) -> NDArray[np.float32]:
        """The crop (size, size, 3) of a frame's picture.

        Raises:
            CubeError: the frame has none, or one of another size.
        """
        return cut(_picture_of(frame), window, size, self._light, self._fill)


def white_of(picture: NDArray[np.uint8], brightness: float) -> float:
    """Light of a picture's white where its mean light is to be `brightness`."""
    found = float(picture_light(picture[::4, ::4]).mean())
    return brightness / found if found > 0 else 1.0


def _picture_of(frame: Frame) -> ArrayFrame:
    picture = frame.picture() if isinstance(frame, PicturedFrame) else None
    if picture is None or picture.shape[:2] != frame.shape[:2]:
        found = "none" if picture is None else f"one of {picture.shape[:2]}"
        raise CubeError(f"expected a false-colour image of {frame.shape[:2]} a frame, found {found}; use colour=rule")
    return ArrayFrame(picture)
