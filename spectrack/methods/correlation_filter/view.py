"""A look at a frame: the window cut, reduced to square cells, as log spectra and as the channels of the filter.

The logarithm turns the light, which multiplies, into something that adds: a pixel is its brightness (the mean of its
log spectrum) and the shape around it, and a change of exposure, shading or a shadow moves the brightness alone.

The filter sees gradients, projected spectra and the spectral likelihood. Histograms of gradients in place of grey
levels follow Dalal and Triggs (CVPR 2005), who also take the strongest gradient of several colours at each pixel; here
brightness and the most telling direction of spectra compete. The orientation is split without an arc tangent: twice its
angle is known from the squares and the product of the two differences.
"""

from __future__ import annotations

from collections.abc import Sequence as Several
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from spectrack.boxes import Box
from spectrack.cube import Cube
from spectrack.methods.correlation_filter.spectra import NOISE, Values
from spectrack.scaling import DEFAULT_SCALING, Scaling
from spectrack.sequences.base import Frame
from spectrack.trackers.crop import Colouring, CropWindow, cut

Maps = NDArray[np.float32]
"""(..., cells, cells) float32."""

_MOST_BANDS = 25
"""More bands become as many groups of neighbours: finer spectra cost time and, in few hundred pixels, certainty."""

_DARK = 0.01
"""Added to light before the logarithm, a share of the first frame's white: noise in the dark must not look coloured."""

_BRIGHTNESS_WEIGHT = 0.3
"""Brightness counts less than shape: it changes with every shadow."""

ORIENTATIONS = 6
_DIRECTIONS = 4
_WEAK_GRADIENT = 0.02
"""Log steps below this are noise and not raised to full contrast."""

_SPECTRAL_GRADIENT = 0.3
"""Weight of the projected spectra's gradient beside that of the brightness."""


@dataclass(frozen=True)
class View:
    """One window of one frame in cells.

    Attributes:
        window: where it was cut.
        cells: side in cells.
        values: (cells * cells, dimensions) shape of the log spectrum, and the weighted brightness last.
        brightness: (cells, cells) mean of the log spectrum.
        seen: (cells, cells) which cells lie in the frame.
    """

    window: CropWindow
    cells: int
    values: Values
    brightness: NDArray[np.float32]
    seen: NDArray[np.bool_]

    def sides(self, size: NDArray[np.float64]) -> NDArray[np.float64]:
        """Width and height in cube pixels to cells."""
        return np.asarray(size * (self.cells / self.window.side))


class Lens:
    """How one video is looked at: its scaling, grouping of bands and colour outside the frame, set on the first frame.

    Args:
        cube: the first frame, (height, width, bands).
        wavelengths_nm: band centres, where they are known; neighbours are grouped by them.
        cells: side of every view.
    """

    def __init__(self, cube: Cube, wavelengths_nm: Several[float] | None, cells: int) -> None:
        self.height, self.width, bands = cube.shape
        self.cells = cells
        order = np.arange(bands)
        if wavelengths_nm is not None and len(wavelengths_nm) == bands:
            order = np.argsort(np.asarray(wavelengths_nm, dtype=np.float64), kind="stable")
        groups = min(bands, _MOST_BANDS)
        matrix = np.zeros((bands, groups), dtype=np.float32)
        for group, members in enumerate(np.array_split(order, groups)):
            matrix[members, group] = 1.0 / len(members)
        self._colouring = Colouring.of(Scaling.parse(DEFAULT_SCALING).fit(cube), matrix)
        step = max(1, min(self.height, self.width) // 64)
        self._fill = self._colouring.apply(cube[::step, ::step], name="the first frame").mean(axis=(0, 1))

    def look(self, frame: Frame, window: CropWindow) -> View:
        """The view of a window.

        Raises:
            CubeError: NaN or infinity inside the window.
        """
        light = cut(frame, window, self.cells, self._colouring, self._fill)
        logs = np.log(np.maximum(light, 0.0) + np.float32(_DARK))
        brightness = logs.mean(axis=2)
        pixels = self.cells * self.cells
        shape = (logs - brightness[:, :, None]).reshape(pixels, -1)
        if shape.shape[1] == 1:  # one band has no shape
            values = brightness.reshape(pixels, 1).copy()
        else:
            values = np.concatenate([shape, _BRIGHTNESS_WEIGHT * brightness.reshape(pixels, 1)], axis=1)
        return View(window, self.cells, values, brightness, self._seen(window))

    def whole(self) -> CropWindow:
        """The square around the whole frame."""
        return CropWindow.around((self.width / 2, self.height / 2), max(self.width, self.height))

    def _seen(self, window: CropWindow) -> NDArray[np.bool_]:
        middles = (np.arange(self.cells) + 0.5) * (window.side / self.cells)
        x, y = window.x0 + middles, window.y0 + middles
        return np.asarray(((y >= 0) & (y < self.height))[:, None] & ((x >= 0) & (x < self.width)))


def distance_to(box: Box, cells: int) -> NDArray[np.float64]:
    """(cells, cells) distance from a box's middle in cells, along the farther axis in half sides: 1 on its edges."""
    middles = np.arange(cells) + 0.5
    across = np.abs(middles - box[0] - box[2] / 2) / (box[2] / 2)
    down = np.abs(middles - box[1] - box[3] / 2) / (box[3] / 2)
    return np.asarray(np.maximum(across, down[:, None]))


def box_around(centre: NDArray[np.float64], sides: NDArray[np.float64]) -> Box:
    """x, y, w, h from the middle and the sides."""
    return np.concatenate([centre - sides / 2, sides])


@dataclass(frozen=True)
class Projection:
    """A few directions of log spectra: first the one that tells the target from its surroundings best, then the widest.

    Attributes:
        mean: (dimensions,) of the first view.
        directions: (dimensions, n) scaled so that the first view spreads by about 1 along each.
    """

    mean: Values
    directions: Values

    @classmethod
    def fit(cls, values: Values, inside: NDArray[np.bool_], outside: NDArray[np.bool_]) -> Projection:
        """From the first view.

        Args:
            values: (pixels, dimensions).
            inside: (pixels,) those in the box.
            outside: (pixels,) those of the surroundings.
        """
        data = values.astype(np.float64)
        mean = data.mean(axis=0)
        centred = data - mean
        covariance = centred.T @ centred / len(data) + NOISE**2 * np.eye(len(mean))
        difference = data[inside].mean(axis=0) - data[outside].mean(axis=0)
        best = np.linalg.solve(covariance, difference)
        best /= np.linalg.norm(best) + 1e-9
        widest = np.linalg.eigh(covariance)[1][:, ::-1][:, : _DIRECTIONS - 1]
        # An eigenvector's sign is arbitrary; channels must not flip with the library.
        widest = widest * np.where(widest.sum(axis=0) < 0, -1.0, 1.0)
        directions = np.column_stack([best, widest])
        directions /= (centred @ directions).std(axis=0) + NOISE
        return cls(mean.astype(np.float32), directions.astype(np.float32))

    def maps(self, view: View) -> Maps:
        """(directions, cells, cells), clipped to 1.5 in both directions."""
        along = (view.values - self.mean) @ self.directions
        return np.ascontiguousarray(np.clip(along.T.reshape(-1, view.cells, view.cells) / 2, -1.5, 1.5))


def feature_channels(view: View, projection: Projection, log_ratio: Maps) -> Maps:
    """(channels, cells, cells): orientations, projected spectra, and the likelihood squashed into -1 .. 1."""
    spectra = projection.maps(view)
    gradients = oriented_gradients(np.stack([view.brightness, _SPECTRAL_GRADIENT * spectra[0]]))
    channels = np.concatenate([gradients, spectra])
    channels -= channels.mean(axis=(1, 2), keepdims=True)
    return np.concatenate([channels, np.tanh(log_ratio / 3.0)[None]])


def oriented_gradients(images: Maps) -> Maps:
    """Strength of the edges of each orientation, relative to the edges nearby.

    Args:
        images: (n, cells, cells); at each cell the one with the strongest gradient counts.

    Returns:
        (6, cells, cells), in [0, 1] or little more.
    """
    across, down = np.zeros_like(images), np.zeros_like(images)
    across[:, :, 1:-1] = images[:, :, 2:] - images[:, :, :-2]
    down[:, 1:-1] = images[:, 2:] - images[:, :-2]
    power = across * across + down * down
    strongest = power.argmax(axis=0)[None]
    across, down, power = (np.take_along_axis(maps, strongest, 0)[0] for maps in (across, down, power))
    contrast = np.sqrt(power) / np.sqrt(cv2.blur(power, (5, 5)) + np.float32(_WEAK_GRADIENT**2))
    safe = power + np.float32(1e-9)
    cosine, sine = (across * across - down * down) / safe, 2 * across * down / safe
    angles = np.arange(ORIENTATIONS) * (2 * np.pi / ORIENTATIONS)
    nearness = (
        np.cos(angles)[:, None, None].astype(np.float32) * cosine
        + np.sin(angles)[:, None, None].astype(np.float32) * sine
    )
    edges = np.maximum(nearness, 0) ** 2 * contrast
    return np.stack([cv2.blur(edge, (3, 3)) for edge in edges])
