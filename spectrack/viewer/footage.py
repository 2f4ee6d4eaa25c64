"""One sequence for looking at: pictures in false colour and spectra, for several requests at a time."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from spectrack.boxes import Box, pixels_inside
from spectrack.cube import Cube
from spectrack.errors import ConfigError, InputError
from spectrack.false_colour import RULES, apply_matrix, false_colour_matrix, to_display
from spectrack.sequences.base import Sequence

OWN_PICTURES = "own"
"""The pictures that come with the data, or ordinary footage as it is; not a rule of `spectrack.false_colour`."""

_KEPT_CUBES = 4
"""Frames that are kept decoded, so that the pointer's spectrum and another rule need no second reading."""


@dataclass(frozen=True)
class RegionSpectrum:
    """Spectra of the pixels in a box.

    Attributes:
        mean: (bands,) mean raw counts; NaN without pixels.
        deviation: (bands,) standard deviation over the pixels.
        pixels: how many there are; those without data do not count.
    """

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]
    pixels: int


class Footage:
    """A sequence that several threads may look at.

    Args:
        sequence: an opened one; nobody else reads it.
    """

    def __init__(self, sequence: Sequence) -> None:
        self.sequence = sequence
        self._reading = threading.Lock()
        self._cubes: OrderedDict[int, Cube] = OrderedDict()

    def rules(self) -> list[str]:
        """What pictures can be made by, the one that is shown at first in front; three or one band aside."""
        sequence = self.sequence
        own = [OWN_PICTURES] if sequence.is_rgb or sequence.has_pictures else []
        return own + [rule for rule in RULES if "(" not in rule and self._fits(rule)]

    def _fits(self, rule: str) -> bool:
        """Whether a rule can show cubes of these bands."""
        if self.sequence.bands < 3:
            return False
        try:
            known = None if rule != "pca3" else np.zeros((1, 1, self.sequence.bands))
            false_colour_matrix(rule, self.sequence.bands, wavelengths_nm=self.sequence.wavelengths_nm, cube=known)
        except ConfigError:
            return False
        return True

    def picture(self, index: int, rule: str) -> bytes:
        """A frame as the browser's canvas takes it: rows of R, G, B, A bytes.

        Args:
            index: the frame, from 0.
            rule: one of `rules`, or ``triple(i,j,k)``.

        Raises:
            ConfigError: unknown rule.
            InputError: no such frame.
        """
        self._check(index)
        if rule == OWN_PICTURES:
            with self._reading:
                picture = self.sequence.false_colour(index)
        else:
            with self._reading:
                matrix, white = self.sequence.display_of(rule)
            picture = to_display(apply_matrix(self._cube(index), matrix), white=white)
        return cv2.cvtColor(picture, cv2.COLOR_RGB2RGBA).tobytes()

    def spectrum_at(self, index: int, x: int, y: int) -> NDArray[Any]:
        """Raw counts of a pixel, (bands,).

        Raises:
            InputError: no such frame or pixel.
        """
        self._check(index)
        width, height = self.sequence.width, self.sequence.height
        if not (0 <= x < width and 0 <= y < height):
            raise InputError(
                f"expected a pixel of the frame of {width} x {height}, found {x},{y}; point into the frame"
            )
        return np.asarray(self._cube(index)[y, x])

    def spectrum_in(self, index: int, box: Box) -> RegionSpectrum:
        """Mean and scatter of the spectra in a box, x, y, w, h in cube pixels.

        Raises:
            InputError: no such frame.
        """
        self._check(index)
        x0, y0, x1, y1 = pixels_inside(box, self.sequence.height, self.sequence.width)
        pixels = np.asarray(self._cube(index)[y0:y1, x0:x1], dtype=np.float64).reshape(-1, self.sequence.bands)
        if self.sequence.no_data is not None:
            pixels = pixels[pixels.any(axis=1)]  # pixels without data are read as dark in every band
        if not len(pixels):
            nothing = np.full(self.sequence.bands, np.nan)
            return RegionSpectrum(nothing, nothing, 0)
        return RegionSpectrum(pixels.mean(axis=0), pixels.std(axis=0), len(pixels))

    def _cube(self, index: int) -> Cube:
        with self._reading:
            if index in self._cubes:
                self._cubes.move_to_end(index)
                return self._cubes[index]
            frame = self.sequence.frame(index)
        cube = frame.whole()  # de-interleaved beside the reading of the next
        with self._reading:
            self._cubes[index] = cube
            while len(self._cubes) > _KEPT_CUBES:
                self._cubes.popitem(last=False)
        return cube

    def _check(self, index: int) -> None:
        frames = len(self.sequence)
        if not 0 <= index < frames:
            raise InputError(f"expected a frame from 0 to {frames - 1}, found {index}; name one of these")
