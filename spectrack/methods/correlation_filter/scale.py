"""Change of size between frames: the features of the target are aligned with those learnt, by Gauss-Newton steps in
place and size.

Source: Lucas and Kanade, IJCAI 1981, in the form of Baker and Matthews, "Lucas-Kanade 20 Years On", IJCV 2004, where
the derivatives belong to the learnt side and are not computed again. It stands where DSST has its scale filter
(Danelljan et al., BMVC 2014): on maps as coarse as these, a circular correlation over sizes finds a tenth of a zoom,
the alignment all of it.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from spectrack.methods.correlation_filter.solver import Maps

_CELLS = 12
_CONTEXT = 1.3
"""Side of a sample over the side of the target: its edges are what tells sizes apart."""

_REACH = 0.06
"""Log size and share of a cell over which derivatives are taken; wide enough that noise does not shorten the steps."""

_ROUNDS = 3
_LONGEST_STEP = np.array([0.06, 1.0, 1.0])
_DAMPING = 0.01


class ScaleAlignment:
    """Learns how the target looks at its size, and finds by what factor it has grown since."""

    def __init__(self) -> None:
        self._sample: NDArray[np.float32] | None = None
        self._slopes: NDArray[np.float32] | None = None

    def learn(self, features: Maps, centre: NDArray[np.float64], sides: NDArray[np.float64], rate: float) -> None:
        """Take the target's look over with the weight `rate`; the first time wholly.

        Args:
            features: (cells, cells, channels).
            centre: x, y of the target in cells.
            sides: its width and height in cells.
            rate: 0 to 1.
        """
        sample = _cut(features, centre, sides, 1.0)
        across, down = np.array([1.0, 0.0]), np.array([0.0, 1.0])
        slopes = np.stack(
            [
                (_cut(features, centre, sides, np.exp(_REACH)) - _cut(features, centre, sides, np.exp(-_REACH)))
                / np.float32(2 * _REACH),
                (_cut(features, centre + across, sides, 1.0) - _cut(features, centre - across, sides, 1.0))
                / np.float32(2),
                (_cut(features, centre + down, sides, 1.0) - _cut(features, centre - down, sides, 1.0)) / np.float32(2),
            ]
        )
        if self._sample is None or self._slopes is None:
            self._sample, self._slopes = sample, slopes
        else:
            self._sample = np.asarray((1 - rate) * self._sample + rate * sample, dtype=np.float32)
            self._slopes = np.asarray((1 - rate) * self._slopes + rate * slopes, dtype=np.float32)

    def growth(self, features: Maps, centre: NDArray[np.float64], sides: NDArray[np.float64]) -> float:
        """Size now over the size given by `sides`; 1 where aligning does not bring the look nearer to the one
        learnt.
        """
        if self._sample is None or self._slopes is None:
            return 1.0
        normal = self._slopes @ self._slopes.T
        normal = (normal + np.diag(np.diag(normal)) * _DAMPING + np.eye(3) * 1e-9).astype(np.float64)
        log_size, place, error = 0.0, centre, np.inf
        for step in range(_ROUNDS + 1):
            off = self._sample - _cut(features, place, sides, float(np.exp(log_size)))
            found = float(off @ off)
            if step == 0:
                error = found
            elif found > error:
                return 1.0
            if step < _ROUNDS:
                move = np.clip(
                    np.linalg.solve(normal, (self._slopes @ off).astype(np.float64)), -_LONGEST_STEP, _LONGEST_STEP
                )
                log_size, place = log_size + float(move[0]), place + move[1:]
        return float(np.exp(log_size))


def _cut(features: Maps, centre: NDArray[np.float64], sides: NDArray[np.float64], factor: float) -> NDArray[np.float32]:
    """(values,) the target and its edges at a size of `factor`, in 12 x 12 cells."""
    across, down = sides * (_CONTEXT * factor / _CELLS)
    # From cell i of the sample to cells of the features; cell i covers [i, i + 1), OpenCV counts from its middle.
    place = np.array(
        [
            [across, 0.0, centre[0] - 0.5 + (0.5 - _CELLS / 2) * across],
            [0.0, down, centre[1] - 0.5 + (0.5 - _CELLS / 2) * down],
        ]
    )
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(
        cv2.warpAffine(features, place, (_CELLS, _CELLS), flags=flags, borderMode=cv2.BORDER_REPLICATE).ravel()
    )
