"""Photometric variation of crops: a common look per pair, small differences between its crops, lens and sensor.

Works on 8-bit crops through look-up tables and small matrices, because it runs once a crop on the two cores that train.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from spectrack.pairs.warping import Image, channels_of, stacked
from spectrack.tables import Interval, Share, require_ranges


@dataclass(frozen=True)
class PhotometricConfig:
    """Ranges of the photometric draw.

    Attributes:
        gamma: smallest and largest exponent of the common tone curve; covers linear cubes and display-encoded video.
        brightness: smallest and largest mean level of the search crop, of 1.
        mixing: standard deviation of the common 3x3 colour mixing; stands for cameras and false-colour rules.
        grey_share: share of pairs with almost no colour, as many false-colour scenes have.
        gain: standard deviation of the log brightness between the crops.
        channel_gain: the same for single channels.
        blur_share: share of search crops with motion blur or defocus.
        noise: largest standard deviation of the noise, in grey levels.
        light_share: share of search crops whose light differs from the template's: a soft field or a shadow.
        compression_share: share of crops that were JPEG once, as most video was.
    """

    gamma: Annotated[tuple[float, float], Interval("(0, 10]", rising=True)] = (0.6, 2.2)
    brightness: Annotated[tuple[float, float], Interval("(0, 1]", rising=True)] = (0.18, 0.55)
    mixing: Annotated[float, Interval("[0, 2]")] = 0.1
    grey_share: Share = 0.2
    gain: Annotated[float, Interval("[0, 2]")] = 0.15
    channel_gain: Annotated[float, Interval("[0, 2]")] = 0.04
    blur_share: Share = 0.25
    noise: Annotated[float, Interval("[0, 255]")] = 8.0
    light_share: Share = 0.35
    compression_share: Share = 0.3

    def __post_init__(self) -> None:
        require_ranges(self)


class Look(NamedTuple):
    """What both crops of a pair share: colour mixing (3, 3), tone exponent and exposure; and the configuration."""

    mixing: NDArray[np.float32]
    gamma: float
    exposure: float
    config: PhotometricConfig


def draw_look(rng: np.random.Generator, image: Image, config: PhotometricConfig) -> Look:
    """The pair's camera and rendering; the exposure brings `image`, (size, size, 3) uint8, to a random mean level."""
    mixing = np.eye(3) + rng.normal(0.0, config.mixing, (3, 3))
    if rng.random() < 0.3:
        mixing = mixing[rng.permutation(3)]
    if rng.random() < config.grey_share:
        grey = np.full((3, 3), 1 / 3)
        mixing = mixing @ (grey + rng.uniform(0.0, 0.4) * (np.eye(3) - grey))
    # Rows that sum to one keep grey things grey, whatever the mixing.
    mixing /= np.maximum(mixing.sum(axis=1, keepdims=True), 0.5)
    gamma = float(np.exp(rng.uniform(*np.log(config.gamma))))
    mean = float(((image[::6, ::6] / np.float32(255)) ** gamma).mean())
    exposure = min(rng.uniform(*config.brightness) / max(mean, 0.02), 6.0)
    return Look(mixing.astype(np.float32), gamma, float(exposure), config)


def finish_crop(rng: np.random.Generator, image: Image, look: Look, resolution: float, *, blur: bool) -> Image:
    """Colour, tone, light, blur, limited resolution, noise and compression of one crop.

    Args:
        rng: source of randomness.
        image: (size, size, 3) uint8.
        look: the pair's common look.
        resolution: frame pixels per crop pixel; below 1 the crop was magnified out of a small object.
        blur: whether another light, motion blur or defocus may strike.
    """
    config = look.config
    image = develop(rng, image, look, blur=blur)
    noise = rng.uniform(0.0, config.noise) ** 2 / config.noise
    size = image.shape[0]
    small = native_side(size, resolution)
    if small < size:
        image = np.asarray(cv2.resize(image, (small, small), interpolation=cv2.INTER_AREA), dtype=np.uint8)
        image = _compress(rng, _add_noise(rng, image, noise), config.compression_share)
        return np.asarray(cv2.resize(image, (size, size), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
    return _compress(rng, _add_noise(rng, image, noise), config.compression_share)


def develop(rng: np.random.Generator, image: Image, look: Look, *, blur: bool) -> Image:
    """Colour, tone, light and blur of one crop: the optical part of `finish_crop`.

    Args:
        rng: source of randomness.
        image: (size, size, channels) uint8; channels beyond the three colours are only blurred, with the colours.
        look: the pair's common look.
        blur: whether another light, motion blur or defocus may strike.
    """
    config = look.config
    colours = image if image.shape[2] == 3 else channels_of(image, 0, 3)
    colours = np.asarray(cv2.transform(colours, look.mixing), dtype=np.uint8)
    colours = np.asarray(cv2.LUT(colours, _tone_curves(rng, look)), dtype=np.uint8)
    if blur and rng.random() < config.light_share:
        colours = _relight(rng, colours)
    image = colours if image.shape[2] == 3 else stacked(colours, channels_of(image, 3, image.shape[2]))
    if blur and rng.random() < config.blur_share:
        image = _blur(rng, image)
    return image


def native_side(size: int, resolution: float) -> int:
    """Frame pixels along a side of a crop: fewer than `size` when it is magnified out of a small object, never more."""
    return size if resolution >= 0.95 else min(size, max(8, round(size * resolution)))


def _tone_curves(rng: np.random.Generator, look: Look) -> NDArray[np.uint8]:
    """(1, 256, 3) look-up table: the pair's gamma and exposure, and this crop's own brightness and channel gains."""
    config = look.config
    gains = look.exposure * np.exp(rng.normal(0.0, config.gain)) * np.exp(rng.normal(0.0, config.channel_gain, 3))
    levels = np.linspace(0.0, 1.0, 256)[:, None] ** look.gamma * gains
    return np.asarray(np.clip(levels * 255 + 0.5, 0, 255), dtype=np.uint8)[None]


def _relight(rng: np.random.Generator, image: Image) -> Image:
    """A soft field of light, or the straight border of a shadow that ends somewhere in the crop."""
    size = image.shape[0]
    if rng.random() < 0.6:
        gain = cv2.resize(
            np.exp(rng.normal(0.0, 0.3, (3, 3))).astype(np.float32), (size, size), interpolation=cv2.INTER_LINEAR
        )
    else:
        angle, softness = rng.uniform(0.0, 2 * np.pi), rng.uniform(1.0, 12.0)
        steps = np.arange(size, dtype=np.float32) - rng.uniform(0.2, 0.8) * size
        depth = np.clip(0.5 + (np.cos(angle) * steps[None, :] + np.sin(angle) * steps[:, None]) / softness, 0.0, 1.0)
        gain = 1.0 - (1.0 - rng.uniform(0.35, 0.8)) * depth.astype(np.float32)
    return np.asarray(cv2.multiply(image, cv2.merge([gain] * 3), dtype=cv2.CV_8U), dtype=np.uint8)


def _compress(rng: np.random.Generator, image: Image, share: float) -> Image:
    if rng.random() >= share:
        return image
    # JPEG wants B, G, R; a swapped order would only exchange how finely red and blue are kept.
    _, stored = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 90))])
    return np.asarray(cv2.imdecode(stored, cv2.IMREAD_COLOR), dtype=np.uint8)


def _blur(rng: np.random.Generator, image: Image) -> Image:
    if rng.random() < 0.4:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.6, 2.5)), dtype=np.uint8)
    length = int(rng.integers(3, 16))
    kernel = np.zeros((length, length), dtype=np.float32)
    angle, middle = rng.uniform(0, np.pi), (length - 1) / 2
    step = np.array([np.cos(angle), np.sin(angle)]) * middle
    start, end = np.round((middle - step) * 8).astype(int), np.round((middle + step) * 8).astype(int)
    cv2.line(kernel, start.tolist(), end.tolist(), 1.0, 1, cv2.LINE_AA, 3)
    return np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum()), dtype=np.uint8)


_NOISE_BANK = np.random.default_rng(0).standard_normal((320, 320, 3), dtype=np.float32)


def _add_noise(rng: np.random.Generator, image: Image, deviation: float) -> Image:
    if deviation < 0.5:
        return image
    size = image.shape[0]
    y, x = rng.integers(0, 321 - size, 2) if size <= 320 else (0, 0)
    noisy = image + _NOISE_BANK[y : y + size, x : x + size] * np.float32(deviation)
    return np.clip(noisy + 0.5, 0, 255).astype(np.uint8)
