"""What is told of each box while it is found: one JSON object a frame, and one at the end."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from spectrack.live.latency import Latency
from spectrack.live.tracking import LiveEstimate
from spectrack.runs.frame_table import Row


def message_of(found: LiveEstimate) -> dict[str, Any]:
    """A frame's box and what is known of it.

    Keys: ``frame`` (its number in the source, from 0), ``time`` (of its capture, seconds since 1970), ``file`` (None
    where it has none), ``box`` (x, y, w, h in cube pixels; None where the tracker gave none), ``score``, ``lost``,
    ``state``, ``probability``, ``latency_ms``, ``ms`` (reading, network, rest), ``dropped`` (frames so far).
    """
    estimate, captured = found.estimate, found.captured
    box = np.asarray(estimate.box, dtype=np.float64)
    usable = box.shape == (4,) and bool(np.isfinite(box).all()) and bool(box.any())
    reading, network, rest, score, lost, state, probability = found.timed.row
    return {
        "frame": captured.index,
        "time": round(captured.time, 6),
        "file": captured.name,
        "box": box.tolist() if usable else None,
        "score": _finite(score),
        "lost": lost,
        "state": state,
        "probability": _finite(probability),
        "latency_ms": round(found.latency_ms, 3),
        "ms": [round(reading, 3), round(network, 3), round(rest, 3)],
        "dropped": found.dropped,
    }


def row_of(message: dict[str, Any]) -> Row:
    """What a `FrameTable` keeps of a message."""
    score, probability = (math.nan if message[key] is None else message[key] for key in ("score", "probability"))
    reading, network, rest = message["ms"]
    return reading, network, rest, score, message["lost"], message["state"], probability


def last_message(tracked: int, dropped: int, latency: Latency, reason: str) -> dict[str, Any]:
    """What is told when no more boxes come: ``end`` says why."""
    return {"end": reason, "tracked": tracked, "dropped": dropped, "latency_ms": latency.to_json()}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
