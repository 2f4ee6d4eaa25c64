"""Where likely cells lie together, and the box around them.

CSR-DCF cuts its filter by such a mask (Lukežič et al., CVPR 2017). Reading the box off it is ours: objects turn and
bend, and a scale filter alone keeps the sides' ratio of the first frame. People draw boxes tighter or wider than a
mask; the difference is taken on the first frame, where both are known, and kept.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from spectrack.boxes import Box
from spectrack.evidence.mixtures import probability
from spectrack.evidence.regions import Inside, distance_to

Maps = NDArray[np.float32]
"""(..., cells, cells) float32."""

_DOUBTS = np.arange(0.5, 4.1, 0.5)
"""Log odds against the target: most cells are not its; the first frame shows how many it takes to leave out others."""

_GAIN_WORTH_DOUBT = 0.01

_RING = 1.6
"""Outer over inner side of the ring that the target's box is compared with."""

_TAIL = 0.02
"""Share of the mass beyond each edge: the last few cells are noise as often as target."""

_CORE = 0.75
"""A piece counts if it reaches into this share of the expected box."""

_SLOPE, _FARTHEST = 5.0, -8.0
"""Log odds fall by this much for each half side beyond the expected edge, down to the second."""

LEAST_USUAL = 0.05
"""Least contrast of the target's box on the first frame that others are measured by; a smaller one counts as this."""

_MOST_GROWTH = 1.2
_STRICTER, _STRICTEST = 0.5, 4.0
_MOST_CORRECTION = 1.0


def best_doubt(log_ratio: Maps, inside: Inside, outside: Inside) -> tuple[float, float]:
    """The log odds that a cell must bring to count as the target's, and how well it tells the cells apart: the point of
    the receiver operating curve with the most true less false positives (Youden, 1950).

    Args:
        log_ratio: (cells, cells) spectral likelihood of the first view.
        inside: (cells, cells) the target's; (0, 0) is returned where there are none.
        outside: (cells, cells) the surroundings'.
    """
    if not inside.any():
        return 0.0, 0.0
    gains = np.array([(log_ratio[inside] > doubt).mean() - (log_ratio[outside] > doubt).mean() for doubt in _DOUBTS])
    chosen = int(np.flatnonzero(gains >= gains.max() - _GAIN_WORTH_DOUBT)[0])
    return float(_DOUBTS[chosen]), float(gains[chosen])


def contrast_map(log_ratio: Maps, sides: NDArray[np.float64]) -> Maps:
    """(cells, cells) mean probability in a box of these sides less that in a ring around it; index i is place i."""
    return density_contrast(probability(log_ratio), sides)


def density_contrast(chance: Maps, sides: NDArray[np.float64]) -> Maps:
    """(rows, columns) mean of a map in a box of these sides less that in a ring around it; index i is place i."""
    inner = tuple(max(1, round(float(side))) | 1 for side in sides)
    outer = tuple(max(3, round(float(side) * _RING)) | 1 for side in sides)
    inside, both = (
        cv2.boxFilter(chance, -1, size, normalize=False, borderType=cv2.BORDER_CONSTANT) for size in (inner, outer)
    )
    area, whole = inner[0] * inner[1], outer[0] * outer[1]
    contrast = inside / area - (both - inside) / max(whole - area, 1)
    # Middles of cells to edges of cells, on which the filter's response is given.
    return np.asarray(cv2.blur(contrast, (2, 2), anchor=(1, 1), borderType=cv2.BORDER_REPLICATE), dtype=np.float32)


@dataclass(frozen=True)
class Extent:
    """The target's cells.

    Attributes:
        edges: x0, y0, x1, y1 in cells, before the habit of the box is applied.
        mass: number of cells, counted by probability.
        belief: (cells, cells) probability that each cell is the target's.
    """

    edges: NDArray[np.float64]
    mass: float
    belief: Maps

    @property
    def sides(self) -> NDArray[np.float64]:
        """Width and height in cells, more than 0."""
        return np.maximum(self.edges[2:] - self.edges[:2], 1e-3)

    def box(self, habit: NDArray[np.float64]) -> Box:
        """x, y, w, h in cells with the edges moved as the first box had them."""
        edges = self.edges + habit * np.tile(self.sides, 2)
        return np.concatenate([edges[:2], np.maximum(edges[2:] - edges[:2], 1e-3)])

    def habit_of(self, box: Box) -> NDArray[np.float64]:
        """(4,) by how much of the sides the edges of a box differ from these, bounded."""
        wanted = np.concatenate([box[:2], box[:2] + box[2:]])
        return np.asarray(np.clip((wanted - self.edges) / np.tile(self.sides, 2), -_MOST_CORRECTION, _MOST_CORRECTION))


def box_contrast(chance: Maps, boxes: ArrayLike) -> NDArray[np.float64]:
    """Mean probability in boxes less that in a ring of the same area around each, parts of cells as they are covered.

    Args:
        chance: (cells, cells) probability of the target.
        boxes: (..., 4) x, y, w, h in cells; sides below a cell count as one.

    Returns:
        (...), -1 to 1.
    """
    corner, sides = np.split(np.asarray(boxes, dtype=np.float64), 2, axis=-1)
    corner, sides = corner + np.minimum(sides - 1, 0) / 2, np.maximum(sides, 1.0)
    margin = np.stack([np.zeros_like(sides), (np.sqrt(2.0) - 1) / 2 * sides])
    low, high = (corner - margin)[..., None], (corner + sides + margin)[..., None]
    cells = np.arange(chance.shape[0])
    # (inside or both, ..., x or y, cells) how much of each column and row a box covers.
    covered = np.clip(np.minimum(cells + 1, high) - np.maximum(cells, low), 0.0, None)
    inside, both = ((covered[..., 1, :] @ chance) * covered[..., 0, :]).sum(axis=-1)
    return np.asarray((2 * inside - both) / sides.prod(axis=-1))


def measure(log_ratio: Maps, expected: Box, mass: float | None = None) -> Extent:
    """The pieces of likely cells that touch the core of the expected box.

    Args:
        log_ratio: (cells, cells) spectral likelihood.
        expected: where the target is thought to be, x, y, w, h in cells.
        mass: the target's usual number of cells. Where more than a fifth above it is found, the target has run together
            with something like it, and the likelihood asked for rises until it comes apart.
    """
    distance = distance_to(expected, log_ratio.shape[0])
    gate = np.clip(-_SLOPE * (distance - 1.0), _FARTHEST, 0.0).astype(np.float32)
    core = distance < _CORE
    stricter = 0.0
    while True:
        belief = _connected(probability(log_ratio + gate - np.float32(stricter)), core)
        found = float(belief.sum())
        if mass is None or found < _MOST_GROWTH * mass or stricter >= _STRICTEST:
            break
        stricter += _STRICTER
    (x0, x1), (y0, y1) = (_edges(belief.sum(axis=axis)) for axis in (0, 1))
    return Extent(np.array([x0, y0, x1, y1]), found, belief)


def _connected(belief: Maps, core: Inside) -> Maps:
    """Beliefs of the pieces above one half that touch the core, with one cell around them; 0 elsewhere."""
    count, labels = cv2.connectedComponents((belief > 0.5).astype(np.uint8), connectivity=4)
    kept = np.bincount(labels[core], minlength=count) > 0
    kept[0] = False
    around = cv2.dilate(kept[labels].astype(np.uint8), np.ones((3, 3), dtype=np.uint8))
    return np.asarray(belief * around, dtype=np.float32)


def _edges(profile: NDArray[np.float32]) -> tuple[float, float]:
    """Where all but the tails of a profile begins and ends, between cells."""
    summed = np.concatenate([[0.0], np.cumsum(profile + 1e-9, dtype=np.float64)])
    places = np.interp([_TAIL * summed[-1], (1 - _TAIL) * summed[-1]], summed, np.arange(summed.size))
    return float(places[0]), float(places[1])
