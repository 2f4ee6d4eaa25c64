"""The camera: where it looks, how it blurs, and how light becomes counts.

World coordinates are pixels of the first frame at zoom 1. Counts follow the photon-transfer model: shot noise of the
collected electrons, read noise, gain, 10-bit quantisation and clipping.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from spectrack.sensors import Sensor
from spectrack.simulation.illumination import at_time

BANK_SIZE = 1 << 21
"""Normal deviates in a noise bank; frames read it from random offsets."""


@dataclass(frozen=True)
class Camera:
    """Pose and optics over the frames.

    Attributes:
        height: pixels of the image.
        width: pixels of the image.
        offset: (frames, 2) world point at the image's upper left corner, at zoom 1.
        zoom: (frames,) magnification about the image centre.
        shutter: open share of the frame time, 0..1; motion blur grows with it.
        defocus_px: (frames,) standard deviation of the lens blur in pixels.
        vignetting: loss of light in the corners, 0..1.
    """

    height: int
    width: int
    offset: NDArray[np.float64]
    zoom: NDArray[np.float64]
    shutter: float
    defocus_px: NDArray[np.float64]
    vignetting: float = 0.0

    def to_image(self, points: NDArray[np.float64], t: float) -> NDArray[np.float64]:
        """World points (..., 2) to image pixels at time `t` in frames."""
        centre = np.array([self.width / 2, self.height / 2])
        return np.asarray((points - at_time(self.offset, t) - centre) * self.magnification(t) + centre)

    def to_world(self, points: NDArray[np.float64], t: float) -> NDArray[np.float64]:
        """Image pixels (..., 2) to world points at time `t` in frames."""
        centre = np.array([self.width / 2, self.height / 2])
        return np.asarray((points - centre) / self.magnification(t) + centre + at_time(self.offset, t))

    def magnification(self, t: float) -> float:
        """Image pixels per world pixel at time `t`."""
        return float(at_time(self.zoom, t))

    def lens_blur(self, t: float) -> float:
        """Standard deviation of the defocus at time `t`, in pixels."""
        return float(at_time(self.defocus_px, t))

    def shading(self) -> NDArray[np.float32] | None:
        """(height, width) vignetting factors, or None without vignetting: falling with the square of the distance."""
        if self.vignetting <= 0:
            return None
        y = (np.arange(self.height) + 0.5) / self.height * 2 - 1
        x = (np.arange(self.width) + 0.5) / self.width * 2 - 1
        return np.asarray(1.0 - 0.5 * self.vignetting * (x[None, :] ** 2 + y[:, None] ** 2), dtype=np.float32)


def blurred(image: NDArray[np.float32], motion_px: NDArray[np.float64], lens_px: float) -> NDArray[np.float32]:
    """Smear an image (h, w, channels) along `motion_px` (2,) and blur it by a Gaussian; neither where it is small."""
    length = float(np.hypot(*motion_px))
    if length >= 0.7:
        radius = int(np.ceil(length / 2))
        kernel = np.zeros((2 * radius + 1, 2 * radius + 1), dtype=np.float32)
        # Bilinear splats of points along the path: exact for sub-pixel lengths, where a drawn line would be too wide.
        for share in np.linspace(-0.5, 0.5, 8 * radius + 5):
            x, y = share * motion_px[0] + radius, share * motion_px[1] + radius
            column, row = int(np.floor(x)), int(np.floor(y))
            fx, fy = x - column, y - row
            for dy, wy in ((0, 1 - fy), (1, fy)):
                for dx, wx in ((0, 1 - fx), (1, fx)):
                    if wx * wy > 0:
                        kernel[min(row + dy, 2 * radius), min(column + dx, 2 * radius)] += wx * wy
        image = np.asarray(
            cv2.filter2D(image, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT_101), dtype=np.float32
        )
    if lens_px >= 0.3:
        image = np.asarray(
            cv2.GaussianBlur(image, (0, 0), lens_px, borderType=cv2.BORDER_REFLECT_101), dtype=np.float32
        )
    return image


def blur_margin(motion_px: NDArray[np.float64], lens_px: float) -> int:
    """How far `blurred` spreads a point, in pixels."""
    return int(np.ceil(float(np.hypot(*motion_px)) / 2 + 3 * lens_px)) + 1


@dataclass
class Exposure:
    """Turns noise-free counts into what the converter delivers.

    Attributes:
        sensor: full well, read noise and bit depth.
        bank: (n,) float32 standard normal deviates.
    """

    sensor: Sensor
    bank: NDArray[np.float32]

    @classmethod
    def for_sensor(cls, sensor: Sensor, rng: np.random.Generator, size: int = BANK_SIZE) -> Exposure:
        """With a bank drawn from `rng`."""
        return cls(sensor, rng.standard_normal(size, dtype=np.float32))

    def counts(self, signal: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.uint16]:
        """Noisy counts of a noise-free signal in counts.

        The variance in counts is ``signal / g + (read / g)**2`` for g electrons per count. Each row reads the bank from
        an offset of its own, so a bank much smaller than a video leaves no pattern. Gains of the bands act afterwards.

        Args:
            signal: (h, w, bands) float32, non-negative; **overwritten**.
            rng: chooses the offsets; one per frame keeps frames independent of reading order.
        """
        electrons = self.sensor.full_well_e / self.sensor.full_scale
        floor = np.float32((self.sensor.read_noise_e / electrons) ** 2)
        rows = signal.reshape(signal.shape[0], -1)
        offsets = rng.integers(0, self.bank.size - rows.shape[1], len(rows))
        result = np.empty(rows.shape, dtype=np.uint16)
        full = np.float32(self.sensor.full_scale)
        # Row by row all of it stays in the processor's nearest cache.
        for row, out, offset in zip(rows, result, offsets, strict=True):
            spread = row * np.float32(1.0 / electrons)
            spread += floor
            np.sqrt(spread, out=spread)
            spread *= self.bank[offset : offset + row.size]
            spread += row
            spread += np.float32(0.5)
            np.clip(spread, 0, full, out=spread)
            out[:] = spread
        return self._amplified(result.reshape(signal.shape))

    def _amplified(self, counts: NDArray[np.uint16]) -> NDArray[np.uint16]:
        """Counts times the bands' gains, rounded and clipped to what the camera delivers."""
        if not self.sensor.gain:
            return counts
        gain = np.asarray(self.sensor.gain, dtype=np.float32)
        return np.asarray(np.minimum(counts * gain + np.float32(0.5), self.sensor.full_scale), dtype=np.uint16)
