"""What trackers on materials see of a view: gradients in space and along the spectrum, and abundances of materials.

Source: Xiong, Zhou, Qian, "Material Based Object Tracking in Hyperspectral Videos", IEEE TIP 29, 2020 (MHT): a
histogram of multidimensional gradients of the cube, and the abundances of its constituent materials, as channels of a
correlation filter. Stated there: both kinds of features. This project's: everything below in detail. Gradients are
those of log spectra, so a band counts whatever its brightness; each counts in the plane, by its orientation, and along
the spectrum, rising or falling, as far as it points there; all bands are summed. Materials are pixels of the first
view, found by orthogonal projections (ATGP: Ren and Chang, IEEE Trans. Aerospace and Electronic Systems 39(4), 2003);
abundances are not negative and sum to one, of spectra without their brightness. A low rank of the spectra is what the
text of BCR-Net says of SSTCF; here the leading components of each view keep it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from spectrack.evidence.extent import Maps
from spectrack.evidence.mixtures import Values
from spectrack.methods.correlation_filter.channels import ORIENTATIONS
from spectrack.trackers.lens import View

DIRECTIONS = 2 + ORIENTATIONS
"""Gradients that rise along the spectrum, that fall along it, and those in the plane by their orientation."""

_WEAK_GRADIENT = 0.02
_STEPS = 20
_SMALLEST = 1e-6


@dataclass(frozen=True)
class MaterialFeatures:
    """Channels of the filter: one for each of the `DIRECTIONS` of gradients, and one for each material.

    Attributes:
        materials: (materials, bands) spectra that each sum to one; no rows where gradients alone are wanted.
        rank: see `low_rank`.
    """

    materials: Values
    rank: int = 0

    @classmethod
    def fit(cls, view: View, materials: int, rank: int = 0) -> MaterialFeatures:
        """From the first view.

        Args:
            view: whose pixels the materials are taken from.
            materials: how many, at most as many as there are bands; 0 for none.
            rank: see `low_rank`.
        """
        shares = shares_of_light(log_light(view))[view.seen.ravel()]
        return cls(distinct_spectra(shares, min(materials, shares.shape[1])), rank)

    def __call__(self, view: View, log_ratio: Maps) -> Maps:
        """(channels, cells, cells) float32; the likelihood is not asked."""
        logs = log_light(view)
        channels = spectral_gradients(low_rank(logs, self.rank).reshape(view.cells, view.cells, -1))
        if len(self.materials):
            found = abundances(shares_of_light(logs), self.materials)
            channels = np.concatenate([channels, found.T.reshape(-1, view.cells, view.cells)])
        return np.asarray(channels - channels.mean(axis=(1, 2), keepdims=True), dtype=np.float32)


def log_light(view: View) -> Values:
    """(cells * cells, bands) log spectra of a view, brightness and shape together."""
    brightness = view.brightness.reshape(-1, 1)
    # One band has no shape.
    return brightness if view.values.shape[1] == 1 else view.values[:, :-1] + brightness


def shares_of_light(logs: Values) -> Values:
    """(pixels, bands) spectra without their brightness: each sums to one."""
    light = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(light / light.sum(axis=1, keepdims=True), dtype=np.float32)


def low_rank(logs: Values, rank: int) -> Values:
    """(pixels, bands) nearest spectra that vary about their mean in `rank` directions only; 0 leaves them alone."""
    if rank == 0 or rank >= logs.shape[1]:
        return logs
    mean = logs.mean(axis=0)
    centred = logs - mean
    leading = np.linalg.eigh((centred.T @ centred).astype(np.float64))[1][:, -rank:].astype(np.float32)
    return np.asarray(mean + centred @ leading @ leading.T, dtype=np.float32)


def spectral_gradients(logs: NDArray[np.float32]) -> Maps:
    """Strength of the gradients of a cube by direction, all bands together, relative to those nearby.

    Args:
        logs: (cells, cells, bands).

    Returns:
        (DIRECTIONS, cells, cells), in [0, 1] or little more.
    """
    across, down, along = np.zeros_like(logs), np.zeros_like(logs), np.zeros_like(logs)
    across[:, 1:-1] = (logs[:, 2:] - logs[:, :-2]) / 2
    down[1:-1] = (logs[2:] - logs[:-2]) / 2
    if logs.shape[2] > 1:
        along = np.gradient(logs, axis=2).astype(np.float32)
    plane, depth = across**2 + down**2, along**2
    power = plane + depth + np.float32(1e-9)
    cosine, sine = (across**2 - down**2) / (plane + 1e-9), 2 * across * down / (plane + 1e-9)
    strength = np.sqrt(power)
    flat, steep = strength * plane / power, strength * depth / power
    found = [(steep * (along > 0)).mean(axis=2), (steep * (along < 0)).mean(axis=2)]
    for number in range(ORIENTATIONS):
        angle = 2 * np.pi * number / ORIENTATIONS
        nearness = np.maximum(np.float32(np.cos(angle)) * cosine + np.float32(np.sin(angle)) * sine, 0) ** 2
        found.append((flat * nearness).mean(axis=2))
    maps = np.stack([cv2.blur(edge, (3, 3)) for edge in found])
    nearby = cv2.blur(np.sqrt((maps**2).sum(axis=0)), (5, 5)) + np.float32(_WEAK_GRADIENT)
    return np.asarray(maps / nearby, dtype=np.float32)


def distinct_spectra(shares: Values, count: int) -> Values:
    """(count, bands) pixels that are least made of each other: the strongest, then what is farthest from those there.

    Args:
        shares: (pixels, bands).
        count: how many; 0 for none.
    """
    chosen: list[int] = []
    rest = shares.astype(np.float64)
    for _ in range(count):
        power = (rest**2).sum(axis=1)
        best = int(power.argmax())
        if power[best] < _SMALLEST**2:
            break
        chosen.append(best)
        direction = rest[best] / np.sqrt(power[best])
        rest = rest - np.outer(rest @ direction, direction)
    return np.asarray(shares[chosen], dtype=np.float32)


def abundances(shares: Values, materials: Values) -> Values:
    """(pixels, materials) shares of materials in each pixel, not negative, sum one: least squares.

    Projected gradients with momentum, `_STEPS` of them.

    Args:
        shares: (pixels, bands).
        materials: (materials, bands).
    """
    gram, seen = materials @ materials.T, shares @ materials.T
    step = np.float32(1.0 / max(float(np.linalg.eigvalsh(gram.astype(np.float64))[-1]), _SMALLEST))
    current = np.full((len(shares), len(materials)), 1.0 / len(materials), dtype=np.float32)
    ahead, momentum = current, 1.0
    for _ in range(_STEPS):
        following = _on_simplex(ahead - step * (ahead @ gram - seen))
        grown = (1.0 + (1.0 + 4.0 * momentum**2) ** 0.5) / 2.0
        ahead = following + np.float32((momentum - 1.0) / grown) * (following - current)
        current, momentum = following, grown
    return current


def _on_simplex(values: Values) -> Values:
    """The nearest rows that are not negative and sum to one (Duchi et al., ICML 2008)."""
    falling = -np.sort(-values, axis=1)
    over = (falling.cumsum(axis=1) - 1.0) / np.arange(1, values.shape[1] + 1, dtype=np.float32)
    last = (falling > over).sum(axis=1, keepdims=True) - 1
    return np.asarray(np.maximum(values - np.take_along_axis(over, last, 1), 0), dtype=np.float32)
