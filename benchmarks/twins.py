"""Where the twins are: the frames of a simulated sequence in which target and twins can be told apart in the tracker's
search region.

The scene knows every actor; here it is asked for the masks of those called ``twin``. `twin_frames` goes through a
sequence open loop: the search region is kept on the last truth, so that every tracker is asked about the same crops.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from spectrack.boxes import box_of_mask
from spectrack.grid import GRID_SIZE, SEARCH_SIZE_PX, STRIDE_PX, grid_points_px

LEAST_SEEN = 0.5
"""A thing counts in a frame when so much of its mask is in the frame and behind nothing."""


class Thing(NamedTuple):
    """The target or a twin in a search crop: its box there (x, y, w, h), and the (25, 25) grid points that are its
    alone.
    """

    box: np.ndarray
    points: np.ndarray


class TwinFrame(NamedTuple):
    """One frame: its number, the target, its twins (one or more), and what the tracker shows for it."""

    index: int
    target: Thing
    twins: list[Thing]
    evidence: dict


def twin_frames(sequence, tracker, *, frames=None):
    """Yield the frames (of those with numbers in `frames`, by default all but the first) that show target and a twin
    apart.

    A tracker must keep its search region in ``_state``, as the Siamese ones do.
    """
    scene = sequence.scene
    twins = [index for index, actor in enumerate(scene.actors) if actor.name == "twin"]
    truth = sequence.truth
    tracker.init(sequence.frame(0), truth[0], wavelengths_nm=sequence.wavelengths_nm)
    for index in range(1, len(sequence)) if frames is None else frames:
        seen = {actor: box_if_seen(scene, index, actor) for actor in (scene.target, *twins)}
        if seen.pop(scene.target) is None or not any(box is not None for box in seen.values()):
            continue
        tracker._state.box = truth[index - 1].copy()
        evidence = tracker.update(sequence.frame(index)).evidence
        boxes = [truth[index], *(box for box in seen.values() if box is not None)]
        target, *others = things_apart([evidence["search_window"].to_crop(box, SEARCH_SIZE_PX) for box in boxes])
        if target is not None and any(others):
            yield TwinFrame(index, target, [twin for twin in others if twin is not None], evidence)


def box_if_seen(scene, index, actor):
    """The tight box of an actor's mask in the frame (x, y, w, h), or None when too little of it is seen."""
    mask, window = scene.mask(float(index), actor)
    x0, y0 = window[:2]
    visible = mask.copy()
    inside = np.zeros_like(mask)
    inside[max(0, -y0) : max(0, scene.camera.height - y0), max(0, -x0) : max(0, scene.camera.width - x0)] = True
    visible &= inside
    for other in range(actor + 1, len(scene.actors)):
        hidden, around = scene.mask(float(index), other)
        left, top = max(x0, around[0]), max(y0, around[1])
        right, bottom = min(window[2], around[2]), min(window[3], around[3])
        if left < right and top < bottom:
            part = hidden[top - around[1] : bottom - around[1], left - around[0] : right - around[0]]
            visible[top - y0 : bottom - y0, left - x0 : right - x0] &= ~part
    box = box_of_mask(mask)
    if box is None or visible.sum() < LEAST_SEEN * mask.sum():
        return None
    return box + np.array([x0, y0, 0, 0])


def things_apart(boxes):
    """For each box in the crop a `Thing`, or None: where it has no grid point in its inner ellipse that no other's
    ellipse covers.

    The ellipses are those of the labels: semi-axes of a quarter of the sides.
    """
    covered = [inner_points(box) for box in boxes]
    shared = np.sum(covered, axis=0) > 1
    return [
        Thing(box, points & ~shared) if (points & ~shared).any() else None
        for box, points in zip(boxes, covered, strict=True)
    ]


def inner_points(box):
    """(25, 25) bool: grid points in the inner ellipse, or the one nearest to the centre where there is none; none
    outside the grid.
    """
    places = grid_points_px()
    centre = box[:2] + box[2:] / 2
    if (np.abs(centre - SEARCH_SIZE_PX / 2) > STRIDE_PX * GRID_SIZE / 2).any():
        return np.zeros((GRID_SIZE, GRID_SIZE), dtype=bool)
    dx, dy = (places - centre[0]) / box[2], (places - centre[1]) / box[3]
    inside = dx[None, :] ** 2 + dy[:, None] ** 2 <= 1 / 16
    if not inside.any():
        inside[np.abs(places - centre[1]).argmin(), np.abs(places - centre[0]).argmin()] = True
    return inside
