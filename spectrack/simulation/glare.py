"""Glare: a veil of stray light over the frame, drifting and flickering, in one line of the spectrum or in all bands.

What a lamp in the lens, sun on water or a laser does: soft patches of light that have nothing to do with the scene, in
front of everything. They are added before the noise, so that bright patches are noisy too, and saturate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spectrack.simulation import motion
from spectrack.simulation.illumination import at_time
from spectrack.simulation.shapes import Window
from spectrack.spectra import WAVELENGTHS_NM, Spectrum

_PATCHES = 12


@dataclass(frozen=True)
class Glare:
    """Patches of light over the frames.

    Attributes:
        centre: (frames, patches, 2) in image pixels.
        radius: (patches, 2) standard deviations along each patch's own axes, pixels.
        turn: (patches,) direction of the first axis, radians.
        strength: (frames, patches) peak brightness, about 0 to 1.
        spectrum: (121,) radiance of a patch of strength 1.
    """

    centre: NDArray[np.float64]
    radius: NDArray[np.float64]
    turn: NDArray[np.float64]
    strength: NDArray[np.float64]
    spectrum: Spectrum

    def veil(self, t: float, window: Window) -> NDArray[np.float32]:
        """(height, width) brightness over a window of image pixels at time `t` in frames."""
        x0, y0, x1, y1 = window
        x = np.arange(x0, x1, dtype=np.float32)[None, :] + np.float32(0.5)
        y = np.arange(y0, y1, dtype=np.float32)[:, None] + np.float32(0.5)
        total = np.zeros((y1 - y0, x1 - x0), dtype=np.float32)
        patches = zip(at_time(self.centre, t), self.radius, self.turn, at_time(self.strength, t), strict=True)
        for (cx, cy), (long, short), turn, strength in patches:
            dx, dy = x - np.float32(cx), y - np.float32(cy)
            cosine, sine = np.float32(np.cos(turn)), np.float32(np.sin(turn))
            along, across = (cosine * dx + sine * dy) / np.float32(long), (cosine * dy - sine * dx) / np.float32(short)
            total += np.float32(strength) * np.exp(np.float32(-0.5) * (along * along + across * across))
        return total


def random_glare(
    rng: np.random.Generator, frames: int, height: int, width: int, spectrum: Spectrum, patch_px: float
) -> Glare:
    """Patches of about the size of the target that drift over the frame and come and go.

    Args:
        rng: the only source of randomness.
        frames: number of frames.
        height: of the image.
        width: of the image.
        spectrum: see `Glare`.
        patch_px: the larger half-axis of a typical patch.
    """
    count = _PATCHES
    drift = [motion.wander(rng, frames, rng.uniform(0.3, 1.5), (0.0, 0.0, width, height)) for _ in range(count)]
    flicker = np.stack([motion.smooth_noise(rng, frames, 9.0)[:, 0] for _ in range(count)], axis=1)
    long = patch_px * np.exp(rng.normal(0.0, 0.35, count))
    radius = np.stack([long, long * rng.uniform(0.4, 0.9, count)], axis=1)
    strength = np.clip(0.6 + 0.35 * flicker, 0.0, 1.3)
    return Glare(np.stack(drift, axis=1), radius, rng.uniform(0, np.pi, count), strength, spectrum)


def line_spectrum(centre_nm: float, width_nm: float = 6.0) -> Spectrum:
    """A line of the spectrum, (121,), with a peak of 1 at a wavelength and a standard deviation of half its width."""
    return np.asarray(np.exp(-0.5 * ((WAVELENGTHS_NM - centre_nm) / (0.5 * width_nm)) ** 2))
