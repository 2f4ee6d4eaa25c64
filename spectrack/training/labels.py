"""Which grid points are target, background or neither: SiamBAN's two ellipses, and the distances to the box.

Source: Chen et al., Siamese Box Adaptive Network, CVPR 2020, section 3.3; the same as BCR-Net's eqs 13 and 14.
"""

from __future__ import annotations

import torch
from torch import Tensor

from spectrack.grid import GRID_SIZE, grid_points_px
from spectrack.training.processes import rand_for_rows

POSITIVE, NEGATIVE, IGNORED = 1, 0, -1


def ellipse_labels(boxes: Tensor, positive: Tensor) -> Tensor:
    """Labels of the 25x25 grid.

    A point inside the ellipse with semi-axes w/4, h/4 is positive, outside the one with w/2, h/2 negative, between them
    ignored. A box so small that no point lies in its inner ellipse gets the nearest point, so that it still teaches.
    Without the target in the crop, the points inside the decoy's inner ellipse are negative and the others ignored.

    Args:
        boxes: (N, 4), x0, y0, x1, y1 in search-crop pixels.
        positive: (N,) bool, whether the crop shows the target.

    Returns:
        (N, 25, 25) int64 of 1, 0 and -1.
    """
    centre, sides = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]).clamp(min=1e-3)
    points = torch.from_numpy(grid_points_px()).to(boxes)
    dx = ((points[None] - centre[:, :1]) / sides[:, :1])[:, None, :]
    dy = ((points[None] - centre[:, 1:]) / sides[:, 1:])[:, :, None]
    inner, outer = (dx**2 + dy**2) * 16 <= 1, (dx**2 + dy**2) * 4 > 1
    empty = ~inner.flatten(1).any(dim=1)
    distance = (points[None, None, :] - centre[:, 0, None, None]) ** 2 + (
        points[None, :, None] - centre[:, 1, None, None]
    ) ** 2
    nearest = torch.zeros_like(inner).flatten(1)
    nearest[torch.arange(len(boxes)), distance.flatten(1).argmin(dim=1)] = True
    inner = inner | (nearest.view_as(inner) & empty[:, None, None])
    labels = torch.full((len(boxes), GRID_SIZE, GRID_SIZE), IGNORED, dtype=torch.int64, device=boxes.device)
    labels[outer] = NEGATIVE
    labels[inner] = POSITIVE
    absent = torch.where(inner, NEGATIVE, IGNORED)
    return torch.where(positive[:, None, None], labels, absent)


def distance_targets(boxes: Tensor) -> Tensor:
    """(N, 4) boxes to (N, 4, 25, 25) distances left, top, right, bottom of every grid point, in search-crop pixels."""
    points = torch.from_numpy(grid_points_px()).to(boxes)
    x, y = (
        points[None, None, :].expand(len(boxes), GRID_SIZE, -1),
        points[None, :, None].expand(len(boxes), -1, GRID_SIZE),
    )
    x0, y0, x1, y1 = (edge[:, None, None] for edge in boxes.unbind(1))
    return torch.stack([x - x0, y - y0, x1 - x, y1 - y], dim=1)


def sample_labels(labels: Tensor, *, positives: int, negatives: int, generator: torch.Generator) -> Tensor:
    """Keep at most so many positive and negative points a sample, at random, and ignore the others.

    SiamBAN keeps 16 and 48. Zero keeps all.
    """
    kept = labels.flatten(1).clone()
    for value, most in ((POSITIVE, positives), (NEGATIVE, negatives)):
        if not 0 < most < kept.shape[1]:
            continue
        chosen = kept == value
        ranking = rand_for_rows(kept.shape, generator, kept.device).masked_fill(~chosen, -1.0)
        threshold = ranking.topk(most, dim=1).values[:, -1:]
        kept[chosen & (ranking < threshold)] = IGNORED
    return kept.view_as(labels)
