"""Whether another engine's boxes are torch's: the same crops, the same state, both engines.

Open loop: every crop is cut where the same state says, so that what is compared is the network's answer and the
decision on it, and not where two tracks have drifted to.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spectrack.boxes import to_corners
from spectrack.engines.engine import Engine, Precision
from spectrack.engines.exported import ExportedEngine
from spectrack.errors import ConfigError
from spectrack.files.caches import reuse_log
from spectrack.trackers.crop import CropWindow

LARGEST_MOVE_PX = 0.5
"""Median move of a box edge that another engine may make, in pixels of the search crop, where targets are about 64."""

_SHARE = 16
"""Part of the search region's side by which the compared crops are displaced: a quarter of a target."""


def displaced(window: CropWindow) -> list[CropWindow]:
    """The window, and two of its size beside it."""
    step = window.side // _SHARE
    return [
        CropWindow(window.x0 + dx, window.y0 + dy, window.side) for dx, dy in ((0, 0), (step, -step), (-step, step))
    ]


def box_moves(found: NDArray[np.float64], expected: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) largest move of an edge from one of n boxes x, y, w, h to its counterpart, in their pixels.

    Example:
        >>> box_moves(np.array([[0.0, 0.0, 4.0, 4.0]]), np.array([[1.0, 0.0, 4.5, 4.0]])).tolist()
        [1.5]
    """
    return np.asarray(np.abs(to_corners(found) - to_corners(expected)).max(axis=-1))


def check_moves(engine: Engine, tracker: str, precision: Precision, moves: NDArray[np.float64]) -> None:
    """Refuse boxes that are not torch's; those that are, are told once an engine.

    Args:
        engine: that found the boxes.
        tracker: whose they are.
        precision: in which they were computed.
        moves: of `box_moves`, px of the search crop.

    Raises:
        ConfigError: their median is above `LARGEST_MOVE_PX`, or the engine has computed nothing.
    """
    if isinstance(engine, ExportedEngine) and not engine.programs:
        raise ConfigError(
            f"expected tracker {tracker} to let engine {engine.name} compute, found that it asks torch alone; take "
            "engine torch"
        )
    if precision == "int8" and isinstance(engine, ExportedEngine) and not any(one.in_bytes for one in engine.programs):
        raise ConfigError(f"expected a tracker with functions in int8, found none in {tracker}; take precision fp32")
    median = float(np.median(moves))
    if not median <= LARGEST_MOVE_PX:
        raise ConfigError(
            f"expected boxes within {LARGEST_MOVE_PX} px of torch's on the first frame, found {median:.2f} px with "
            f"engine {engine.label} in {precision}; take precision fp32, or engine torch"
        )
    if not engine.told:
        engine.told = True
        reuse_log.info("%s by engine %s, %s: boxes within %.2g px of torch's", tracker, engine.label, precision, median)
