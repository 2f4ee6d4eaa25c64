"""What the filter sees of a view: gradients, projected spectra and the spectral likelihood as its channels.

Histograms of gradients in place of grey levels follow Dalal and Triggs (CVPR 2005), who also take the strongest
gradient of several colours at each pixel; here brightness and the most telling direction of spectra compete. The
orientation is split without an arc tangent: twice its angle is known from the squares and the product of the two
differences.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from spectrack.evidence.extent import Maps
from spectrack.evidence.log_spectra import NOISE
from spectrack.evidence.mixtures import Values
from spectrack.trackers.lens import View

ORIENTATIONS = 6
_DIRECTIONS = 4
_WEAK_GRADIENT = 0.02
"""Log steps below this are noise and not raised to full contrast."""

_SPECTRAL_GRADIENT = 0.3
"""Weight of the projected spectra's gradient beside that of the brightness."""


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


@dataclass(frozen=True)
class LikelihoodFeatures:
    """Our channels of the filter; see `feature_channels`.

    Attributes:
        projection: learnt on the first view.
    """

    projection: Projection

    def __call__(self, view: View, log_ratio: Maps) -> Maps:
        """(channels, cells, cells)."""
        return feature_channels(view, self.projection, log_ratio)


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
