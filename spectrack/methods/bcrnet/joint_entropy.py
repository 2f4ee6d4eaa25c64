"""Joint entropy of bands: which three of them tell most together, from histograms of a crop.

Source: selection of bands by joint entropy, Wang et al. as told by BCR-Net's text (Remote Sensing 17(22), 2025, 3689,
section 2.2); AD-SiamRPN (Remote Sensing 15(7), 2023, 1731) takes the three bands of highest joint entropy, found by a
genetic algorithm. This project's: sixteen levels between a band's own darkest and brightest pixel, every other pixel,
and a search of all triples, beyond `EXHAUSTIVE` bands of the best pair and what goes best with it.
"""

from __future__ import annotations

import itertools

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

LEVELS = 16
"""Of a band; 16 x 16 x 16 cells hold a few of the thousands of pixels each."""

EXHAUSTIVE = 32
"""Up to so many bands all triples are compared."""

_STEP = 2


def band_entropies(cube: Tensor) -> Tensor:
    """Entropy of every band's histogram, in bits.

    Args:
        cube: (N, C, H, W).

    Returns:
        (N, C), from 0 for a band that is the same everywhere to 4.
    """
    found = [[_entropy(np.bincount(band, minlength=LEVELS)) for band in quantised(crop)] for crop in cube]
    return torch.tensor(found, dtype=torch.float32, device=cube.device)


def most_telling_bands(crop: Tensor) -> tuple[int, int, int]:
    """The three bands of a crop (C, H, W), C at least 3, with the highest joint entropy, by rising number.

    Example:
        >>> ramp = torch.arange(64.0)
        >>> told = [ramp // 16, ramp // 16, ramp // 4 % 4, ramp % 4]
        >>> most_telling_bands(torch.stack(told).reshape(4, 8, 8).repeat_interleave(2, 1).repeat_interleave(2, 2))
        (0, 2, 3)
    """
    levels = quantised(crop)
    pairs = list(itertools.combinations(range(len(levels)), 2))
    if len(levels) > EXHAUSTIVE:
        pairs = [max(pairs, key=lambda pair: _entropy(_joint(levels, pair)))]
    best, chosen = -1.0, (0, 1, 2)
    for pair in pairs:
        # Of all triples each is met once; after the best pair any third band may come.
        thirds = [n for n in range(len(levels)) if n not in pair and (len(pairs) == 1 or n > pair[1])]
        for third in thirds:
            found = _entropy(_joint(levels, (*pair, third)))
            if found > best + 1e-9:
                best, chosen = found, (*pair, third)
    first, second, last = sorted(chosen)
    return first, second, last


def quantised(crop: Tensor) -> NDArray[np.int64]:
    """(C, pixels) levels 0 to 15 between each band's own extremes in a crop (C, H, W)."""
    values = crop[:, ::_STEP, ::_STEP].detach().float().cpu().numpy().reshape(len(crop), -1)
    low, high = values.min(axis=1, keepdims=True), values.max(axis=1, keepdims=True)
    share = (values - low) / np.where(high > low, high - low, 1.0)
    levels: NDArray[np.int64] = np.minimum((share * LEVELS).astype(np.int64), LEVELS - 1)
    return levels


def _joint(levels: NDArray[np.int64], bands: tuple[int, ...]) -> NDArray[np.int64]:
    code = np.zeros_like(levels[0])
    for band in bands:
        code = code * LEVELS + levels[band]
    return np.bincount(code, minlength=LEVELS ** len(bands))


def _entropy(counts: NDArray[np.int64]) -> float:
    share = counts[counts > 0] / counts.sum()
    return float(-(share * np.log2(share)).sum())
