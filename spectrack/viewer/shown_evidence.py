"""What the page shows of a tracker's evidence: maps over the search region, shares of branches, importance of bands."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spectrack.boxes import Box
from spectrack.grid import GRID_SIZE, SEARCH_SIZE_PX, STRIDE_PX, centres_px
from spectrack.trackers.base import Estimate
from spectrack.trackers.crop import CropWindow
from spectrack.viewer.tracks import Json, number, numbers

MAPS = {
    "chance": "chance of each place to be the target, by its spectrum",
    "scores": "score of each place, by the network",
    "rgb_scores": "score by false colour alone",
    "hs_scores": "score by all bands",
    "angle": "spectral angle to the target in radians; small is alike",
    "support": "support of the discriminant",
    "response": "response of the filter",
    "log_ratio": "how much likelier the target than its surroundings, logarithm",
    "mask": "share of the target in each place",
}
"""Maps that trackers show, and what they are in words."""


@dataclass(frozen=True)
class EvidenceMap:
    """A map as it is kept for the page: 256 steps between its lowest and its highest value.

    Attributes:
        steps: (rows, columns) uint8.
        low: value of step 0.
        high: value of step 255.
        region: where it lies in the frame, x, y, w, h in cube pixels.
    """

    steps: NDArray[np.uint8]
    low: float
    high: float
    region: Box

    def to_json(self) -> dict[str, Any]:
        """For the page."""
        rows, columns = self.steps.shape
        data = base64.b64encode(np.ascontiguousarray(self.steps).tobytes()).decode("ascii")
        where = self.region.tolist()
        return {"rows": rows, "columns": columns, "low": self.low, "high": self.high, "region": where, "steps": data}


def describe_estimate(estimate: Estimate) -> tuple[Json, dict[str, EvidenceMap]]:
    """A frame of a track as a row for the page, and the maps that it names."""
    box = np.asarray(estimate.box, dtype=np.float64)
    there = box.shape == (4,) and bool(np.isfinite(box).all())
    row = {
        "box": box.tolist() if there else None,
        "score": number(estimate.score),
        "lost": bool(estimate.lost),
        "state": estimate.state,
        "probability": None if estimate.probability is None else number(estimate.probability),
        **facts_of(estimate.evidence),
    }
    maps = maps_of(estimate.evidence)
    return row | ({"maps": list(maps)} if maps else {}), maps


def maps_of(evidence: Mapping[str, Any]) -> dict[str, EvidenceMap]:
    """The maps among a tracker's evidence, by name, in the order in which they are offered."""
    window = evidence.get("search_window")
    if not isinstance(window, CropWindow):
        return {}
    found = {name: evidence[name] for name in MAPS if name in evidence}
    plain = {name: np.asarray(values, dtype=np.float64) for name, values in found.items()}
    return {name: _kept(values, window) for name, values in plain.items() if values.ndim == 2 and values.size}


def facts_of(evidence: Mapping[str, Any]) -> dict[str, Any]:
    """What else is shown of it, as JSON values: search window, weights of branches, importance of bands."""
    told: dict[str, Any] = {}
    window = evidence.get("search_window")
    if isinstance(window, CropWindow):
        told["window"] = [window.x0, window.y0, window.side, window.side]
    weights = _weights(evidence)
    if weights:
        told["weights"] = weights
    importance = evidence.get("band_importance")
    if importance is not None:
        told["importance"] = numbers(np.round(np.asarray(importance, dtype=np.float64), 4))
    return told


def _weights(evidence: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Names and weights of what the decision was mixed from."""
    if "branch_weights" in evidence:
        bands = evidence.get("composites")
        names = [f"bands {', '.join(map(str, row))}" for row in bands.tolist()] if bands is not None else []
        values = np.asarray(evidence["branch_weights"], dtype=np.float64).ravel()
        names += [f"branch {place}" for place in range(len(names), len(values))]
        return [{"name": name, "weight": number(value)} for name, value in zip(names, values, strict=False)]
    if "modality_weights" in evidence:
        shares = np.asarray(evidence["modality_weights"], dtype=np.float64)
        if shares.shape == (2, 2):
            rows, columns = ("place", "box"), ("false colour", "all bands")
            return [
                {"name": f"{row}: {column}", "weight": number(shares[i, j])}
                for i, row in enumerate(rows)
                for j, column in enumerate(columns)
            ]
    return []


def _kept(values: NDArray[np.float64], window: CropWindow) -> EvidenceMap:
    finite = np.isfinite(values)
    low, high = (float(values[finite].min()), float(values[finite].max())) if finite.any() else (0.0, 0.0)
    spread = high - low if high > low else 1.0
    steps = np.round(np.where(finite, values - low, 0.0) / spread * 255).astype(np.uint8)
    region = np.array([window.x0, window.y0, window.side, window.side], dtype=np.float64)
    if values.shape == (GRID_SIZE, GRID_SIZE):  # the network answers for places within the region alone
        edge = centres_px(GRID_SIZE, SEARCH_SIZE_PX)[0] - STRIDE_PX / 2
        region = window.to_frame((edge, edge, GRID_SIZE * STRIDE_PX, GRID_SIZE * STRIDE_PX), SEARCH_SIZE_PX)
    return EvidenceMap(steps, low, high, region)
