"""Sequences by the size of their target, as labels that scores are averaged over as they are over attributes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from spectrack.boxes import Boxes

SIZES = {"small": 20.0, "medium": 40.0, "large": np.inf}
"""Size in words to its upper end in pixels.

A target's size is the root of its box's area, averaged over the frames in which its truth is a box. The ends are ours:
they part the 35 test sequences of HOT2020 into 7, 17 and 11, where COCO's 32 and 96 pixels leave no large target.
"""

SIZE_WORDS = "; ".join(
    f"{name}: {f'up to {end:g} px' if np.isfinite(end) else 'larger'}" for name, end in SIZES.items()
)
"""What the words mean."""


def target_size_px(truth: Boxes) -> float:
    """Mean side of a sequence's target, NaN where no frame has a truth box.

    Args:
        truth: (N, 4).
    """
    sides = np.sqrt(np.prod(truth[(truth[:, 2:] > 0).all(axis=1)][:, 2:], axis=1))
    return float(sides.mean()) if len(sides) else float("nan")


def size_labels(truth: Mapping[str, Boxes]) -> dict[str, tuple[str, ...]]:
    """The size of each sequence's target in a word; none where no frame has a truth box.

    Args:
        truth: label to (N, 4).

    Example:
        >>> size_labels({"coin": np.array([[5.0, 5, 16, 16]])})
        {'coin': ('small',)}
    """
    sizes = {label: target_size_px(boxes) for label, boxes in truth.items()}
    return {label: tuple(name for name, end in SIZES.items() if size <= end)[:1] for label, size in sizes.items()}
