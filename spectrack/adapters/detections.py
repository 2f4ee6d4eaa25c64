"""Estimates as `supervision.Detections`, for its annotators, sinks and zones (https://supervision.roboflow.com).

detections = as_detections(estimate)
frame = supervision.BoxAnnotator().annotate(frame, detections)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from spectrack.extras import import_extra
from spectrack.trackers.base import Estimate


def as_detections(estimate: Estimate, *, identity: int = 0, name: str = "target") -> Any:
    """One estimate as detections: its box and score, with the lost flag and the stated probability beside them.

    Args:
        estimate: of one frame.
        identity: of the target, where there are several; ``tracker_id``.
        name: of the target; ``class_name``.

    Returns:
        `supervision.Detections` of one row; of none where the estimate has no finite box.

    Raises:
        MissingExtraError: supervision is not installed.
    """
    supervision = import_extra("supervision", "adapters")
    box = np.asarray(estimate.box, dtype=np.float64)
    if not np.isfinite(box).all():
        return supervision.Detections.empty()
    probability = np.nan if estimate.probability is None else estimate.probability
    return supervision.Detections(
        xyxy=np.concatenate([box[:2], box[:2] + box[2:]])[None].astype(np.float32),
        confidence=np.array([estimate.score], dtype=np.float32),
        class_id=np.zeros(1, dtype=int),
        tracker_id=np.array([identity]),
        data={
            "class_name": np.array([name]),
            "lost": np.array([estimate.lost]),
            "probability": np.array([probability]),
        },
    )
