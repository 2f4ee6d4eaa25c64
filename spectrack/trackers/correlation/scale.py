"""Change of size between frames: a one-dimensional correlation filter over samples of growing size.

Source: Danelljan, Häger, Shahbaz Khan, Felsberg, "Accurate Scale Estimation for Robust Visual Tracking", BMVC 2014 (DSST):
samples of the target at sizes a^n are the signal, a Gaussian over n is the wanted answer, numerator and denominator are
running averages. Differs from it: the samples are cut from the features that the translation filter has computed, not from
the image, 17 instead of 33 sizes, and the best size is interpolated.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import fft

from spectrack.trackers.correlation.solver import vertex

STEP = 1.02
"""Ratio of neighbouring sizes (a in the paper)."""

_COUNT, _CELLS = 17, 12
_SIGMA = 1.0
_REGULARISATION = 0.01
_CONTEXT = 1.3
"""Side of a sample over the side of the target: its edges are what tells sizes apart."""


class ScaleFilter:
    """Learns how the target looks at its size, and finds by what factor it has grown since."""

    def __init__(self) -> None:
        steps = np.arange(_COUNT) - _COUNT // 2
        self._factors = STEP**steps
        self._label = fft.rfft(np.exp(-0.5 * (steps / _SIGMA) ** 2).astype(np.float32))
        self._taper = np.hanning(_COUNT + 2)[1:-1].astype(np.float32)
        self._numerator: NDArray[np.complex64] | None = None
        self._denominator: NDArray[np.float32] | None = None

    def sample(self, features: NDArray[np.float32], centre: NDArray[np.float64], sides: NDArray[np.float64]) -> NDArray[np.complex64]:
        """Frequencies (9, values) over 17 sizes of the target.

        Args:
            features: (size, size, channels).
            centre: x, y of the target in cells.
            sides: width and height of the target in cells.
        """
        rows = np.empty((_COUNT, _CELLS * _CELLS * features.shape[2]), dtype=np.float32)
        for row, factor in zip(rows, self._factors, strict=True):
            across, down = sides * (_CONTEXT * factor / _CELLS)
            # From cell i of the sample to cells of the features; cell i covers [i, i + 1), OpenCV counts from its middle.
            place = np.array(
                [
                    [across, 0.0, centre[0] - 0.5 + (0.5 - _CELLS / 2) * across],
                    [0.0, down, centre[1] - 0.5 + (0.5 - _CELLS / 2) * down],
                ]
            )
            flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
            row[:] = cv2.warpAffine(features, place, (_CELLS, _CELLS), flags=flags, borderMode=cv2.BORDER_REPLICATE).ravel()
        return np.asarray(fft.rfft(rows * self._taper[:, None], axis=0))

    def learn(self, sample: NDArray[np.complex64], rate: float) -> None:
        """Take a sample over with the weight `rate`; the first one wholly."""
        numerator = np.conj(self._label)[:, None] * sample
        denominator = np.einsum("kn,kn->k", sample, np.conj(sample)).real
        if self._numerator is None or self._denominator is None:
            self._numerator, self._denominator = numerator, denominator
        else:
            self._numerator = (1 - rate) * self._numerator + rate * numerator
            self._denominator = (1 - rate) * self._denominator + rate * denominator

    def growth(self, sample: NDArray[np.complex64]) -> float:
        """Size now over size as learnt, between 0.85 and 1.17; 1 before anything was learnt."""
        if self._numerator is None or self._denominator is None:
            return 1.0
        ridge = _REGULARISATION * float(self._denominator.mean()) + 1e-9
        response = fft.irfft(np.einsum("kn,kn->k", np.conj(self._numerator), sample) / (self._denominator + ridge), n=_COUNT)
        best = int(np.argmax(response))
        offset = vertex(*response[best - 1 : best + 2]) if 0 < best < _COUNT - 1 else 0.0
        return float(STEP ** (best - _COUNT // 2 + offset))
