"""What a tracker sees of itself on every frame: cues for and against its box, a probability, and the state from it.

A network is as sure of a look-alike, or of the ground it is stuck to, as of its target. What it was sure of before,
what its box holds by its spectrum, and whether the box leaves the frame say more. Nothing here changes a box.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spectrack.boxes import Box
from spectrack.cube import Cube, pixels_with_data
from spectrack.evidence.log_spectra import log_spectra
from spectrack.evidence.regions import distance_to
from spectrack.grid import crop_side_px, grid_points_px
from spectrack.scaling import DEFAULT_SCALING, Scaling
from spectrack.sequences.frames import Frame, no_data_of
from spectrack.trackers.base import State
from spectrack.trackers.crop import CropWindow, fitted
from spectrack.trackers.probability import Cues, ProbabilityModel

LOST_BELOW_PROBABILITY = 0.5
"""A target is called lost where it is more likely not in the box."""

_UNCERTAIN_BELOW = 0.8

_SCORES = (0.001, 0.999)
"""Scores are taken no nearer to 0 and 1 than that."""

_LEAD_RATE = 0.3
_RISE_RATE = 0.02
"""How fast the lead is averaged, and how slowly a doubt is forgotten: half of it in 35 frames."""

_SPECTRUM_RATE = 0.5
_ALIKE = 0.02
"""Distances of log spectra below this are none."""

_FEW_BANDS = 3
"""Up to so many bands are colours, which tell less than spectra do."""

_CORE, _AROUND = 0.5, 2.0
"""Half sides of a box: its inner part, which is the target's alone, and as far as its surroundings go."""

_MOST_SAMPLES = 32
"""Along a side of the surroundings."""


class Assessment(NamedTuple):
    """What is said of one frame: the probability of being on target, the state, and the cues that they follow from."""

    probability: float
    state: State
    cues: Cues

    @property
    def lost(self) -> bool:
        """Whether the target is called lost."""
        return self.state == "lost"


class SelfAssessment:
    """Watches one target's boxes from the first frame on.

    Args:
        model: of the tracker.
        frame: the first frame.
        cube: the same as an array.
        box: the target in it, cube pixels.
    """

    def __init__(self, model: ProbabilityModel, frame: Frame, cube: Cube, box: Box) -> None:
        self._model, self._shape = model, frame.shape
        self._gain = fitted(Scaling.parse(DEFAULT_SCALING), frame, cube)
        self._first, around = self._look(frame, box)
        self._likeness = self._unlike(self._first, around)
        self._lead, self._lowest, self._was_lost = 1.0, 1.0, False

    def judge(
        self, frame: Frame, box: Box, score: float, rival: float = 0.0, *, doubted: bool = False, found: bool = False
    ) -> Assessment:
        """What is to be said of a frame.

        Args:
            frame: in which the target was looked for.
            box: where it was found, cube pixels.
            score: the tracker's, 0..1.
            rival: the highest score of any other place, 0..1; 0 for a tracker that knows none.
            doubted: whether the target is searched for elsewhere, so that its state is uncertain at best.
            found: whether that search has found it in this frame; what is thought of the box is said from the next on.
        """
        cues = self._observe(frame, box, score, rival)
        probability = self._model.probability(cues)
        state: State = "uncertain" if doubted or probability < _UNCERTAIN_BELOW else "tracking"
        if probability < LOST_BELOW_PROBABILITY and not found:
            state = "lost"
        elif self._was_lost or found:
            state = "found again"
        self._was_lost = state == "lost"
        return Assessment(probability, state, cues)

    def forget_doubts(self) -> None:
        """Start anew at a place that was checked by other means: what was seen elsewhere says nothing of it."""
        self._lead = self._lowest = 1.0
        self._likeness = 0.0

    def _observe(self, frame: Frame, box: Box, score: float, rival: float) -> Cues:
        self._lead += _LEAD_RATE * (score - rival - self._lead)
        rate = 1.0 if self._lead < self._lowest else _RISE_RATE
        self._lowest += rate * (self._lead - self._lowest)
        unlike = self._unlike(*self._look(frame, box))
        if math.isfinite(unlike):
            self._likeness += _SPECTRUM_RATE * (unlike - self._likeness)
        few = self._shape[2] <= _FEW_BANDS
        odds = float(np.clip(score, *_SCORES))
        return Cues(
            confidence=math.log(odds / (1.0 - odds)),
            lead=self._lowest,
            outside=share_outside(box, *self._shape[:2]),
            spectrum=0.0 if few else self._likeness,
            colour=self._likeness if few else 0.0,
            few_bands=float(few),
        )

    def _unlike(self, inner: NDArray[np.float64], around: NDArray[np.float64]) -> float:
        """Distance to the first spectrum over that to the surroundings, as a logarithm."""
        apart = [math.sqrt(float(np.square(inner - other).mean())) for other in (self._first, around)]
        return math.log((apart[0] + _ALIKE) / (apart[1] + _ALIKE))

    def _look(self, frame: Frame, box: Box) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean log spectra of a box's inner part, and of the box with its surroundings."""
        height, width = self._shape[:2]
        centre, reach = box[:2] + box[2:] / 2, _AROUND * box[2:] / 2
        corner = np.clip(np.floor(centre - reach), 0, (width - 1, height - 1)).astype(int)
        end = np.clip(np.ceil(centre + reach), corner + 1, (width, height)).astype(int)
        counts = frame.window(*corner.tolist(), *end.tolist())
        step = np.maximum((end - corner) // _MOST_SAMPLES, 1)
        counts = counts[:: step[1], :: step[0]]
        values, _ = log_spectra(self._gain.apply(counts))
        rows, columns = -(-(end - corner) // step)[::-1]
        place = np.concatenate([(box[:2] - corner) / step, box[2:] / step])
        distance = distance_to(place, (int(rows), int(columns))).ravel()
        inner = values[distance <= max(_CORE, float(distance.min()))]
        seen = pixels_with_data(counts, no_data_of(frame))
        if seen is not None and seen.any():
            core = (distance <= _CORE) & seen.ravel()
            inner, values = (values[core] if core.any() else inner), values[seen.ravel()]
        return inner.mean(axis=0, dtype=np.float64), values.mean(axis=0, dtype=np.float64)


def share_outside(box: Box, height: int, width: int) -> float:
    """Share of a box that lies outside the frame, 0..1."""
    seen = np.minimum(box[:2] + box[2:], (width, height)) - np.maximum(box[:2], 0.0)
    return float(1.0 - np.maximum(seen, 0.0).prod() / max(box[2] * box[3], 1e-9))


def rival_score(scores: NDArray[np.float32], box: Box, window: CropWindow) -> float:
    """The highest score of a place that is not the target's: a side or more from the middle of its box.

    Args:
        scores: (25, 25) of the search region; more of a larger crop.
        box: the target's new box, cube pixels.
        window: where the search crop was cut.
    """
    found = window.to_crop(box, crop_side_px(len(scores)))
    away = np.abs(grid_points_px(len(scores)) - (found[:2] + found[2:] / 2)[:, None]) > found[2:, None]
    elsewhere = away[0] | away[1][:, None]
    return float(scores[elsewhere].max()) if elsewhere.any() else 0.0
