"""Grey-level textures with natural or man-made regularity: 1/f noise, grain, stripes, checks, spots, lettering.

All are float32 in [0, 1]. Colours and spectra are laid over them later: a texture says how two materials mix.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Texture = NDArray[np.float32]


def random_texture(rng: np.random.Generator, size: int) -> Texture:
    """A (size, size) texture of a random kind."""
    kind: Callable[[np.random.Generator, int], Texture] = TEXTURE_KINDS[rng.choice(len(TEXTURE_KINDS), p=_WEIGHTS)]
    return kind(rng, size)


def power_law_noise(rng: np.random.Generator, size: int, exponent: float | None = None) -> Texture:
    """Noise with amplitude spectrum 1/f**exponent, as natural scenes have with exponent about 1 (Field, JOSA A 1987).

    Args:
        size: side in pixels.
        exponent: by default drawn from 0.7 (rough) to 1.8 (cloudy).
    """
    power = rng.uniform(0.7, 1.8) if exponent is None else exponent
    fy, fx = np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None, :]
    # An anisotropic frequency plane gives grass, bark and water their direction.
    squash, angle = np.exp(rng.normal(0.0, 0.5)), rng.uniform(0.0, np.pi)
    u, v = fx * np.cos(angle) + fy * np.sin(angle), fy * np.cos(angle) - fx * np.sin(angle)
    radius = np.hypot(u * squash, v / squash)
    radius[0, 0] = 1.0
    spectrum = rng.normal(size=(*radius.shape, 2)) @ np.array([1.0, 1.0j])
    field = np.fft.irfft2(spectrum / radius**power, s=(size, size))
    return _to_unit(field.astype(np.float32))


def grain(rng: np.random.Generator, size: int) -> Texture:
    """Wood, marble or cloth: a sine whose phase is bent by noise."""
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / size
    angle = rng.uniform(0.0, np.pi)
    phase = (x * np.cos(angle) + y * np.sin(angle)) * rng.uniform(4.0, 24.0)
    phase += rng.uniform(0.2, 3.0) * power_law_noise(rng, size, 1.6)
    return np.asarray(0.5 + 0.5 * np.sin(2.0 * np.pi * phase), dtype=np.float32)


def stripes(rng: np.random.Generator, size: int) -> Texture:
    """Straight stripes, crossed ones (a grid, windows, bricks) or checks."""
    y, x = np.mgrid[0:size, 0:size].astype(np.float32)
    angle = rng.choice([0.0, np.pi / 2, rng.uniform(0.0, np.pi)])
    u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    period, duty = rng.uniform(6.0, 48.0), rng.uniform(0.2, 0.8)
    first = (u / period) % 1.0 < duty
    kind = rng.integers(0, 3)
    if kind == 0:
        pattern = first
    else:
        second = (v / (period * rng.uniform(0.5, 2.0))) % 1.0 < rng.uniform(0.3, 0.8)
        pattern = first & second if kind == 1 else first ^ second
    return np.asarray(cv2.GaussianBlur(pattern.astype(np.float32), (0, 0), rng.uniform(0.4, 1.2)), dtype=np.float32)


def spots(rng: np.random.Generator, size: int) -> Texture:
    """Discs on a jittered lattice or at random: foliage from afar, dots on cloth, gravel."""
    image = np.zeros((size, size), dtype=np.float32)
    radius = rng.uniform(2.0, 12.0)
    count = int(np.clip(rng.uniform(0.15, 0.6) * size * size / (np.pi * radius**2), 8, 400))
    for x, y in rng.uniform(0, size, (count, 2)):
        value = float(rng.uniform(0.5, 1.0))
        cv2.circle(image, (int(x * 8), int(y * 8)), int(radius * rng.uniform(0.6, 1.4) * 8), value, -1, cv2.LINE_AA, 3)
    return image


def lettering(rng: np.random.Generator, size: int) -> Texture:
    """Rows of random letters: signs, numbers on shirts, number plates, print."""
    image = np.zeros((size, size), dtype=np.uint8)
    height = int(rng.integers(10, 60))
    for y in range(height, size + height, int(height * 1.4)):
        text = "".join(chr(code) for code in rng.integers(48, 91, 2 + 2 * size // height))
        x, face = int(rng.integers(-height, 8)), int(rng.integers(0, 5))
        cv2.putText(image, text, (x, y), face, height / 24, 255, max(1, height // 10), cv2.LINE_AA)
    return np.asarray(image, dtype=np.float32) / np.float32(255)


def flat(rng: np.random.Generator, size: int) -> Texture:
    """Almost no texture: paint, sky, a plastic surface, with a trace of noise."""
    return np.asarray(np.clip(0.5 + 0.12 * (power_law_noise(rng, size) - 0.5), 0.0, 1.0), dtype=np.float32)


_Maker = Callable[[np.random.Generator, int], Texture]
TEXTURE_KINDS: tuple[_Maker, ...] = (power_law_noise, grain, stripes, spots, lettering, flat)
_WEIGHTS = (0.36, 0.14, 0.14, 0.1, 0.06, 0.2)


def _to_unit(field: NDArray[np.float32]) -> Texture:
    low, high = np.percentile(field[::4, ::4], (1, 99))
    return np.asarray(np.clip((field - low) / max(high - low, 1e-6), 0.0, 1.0), dtype=np.float32)
