"""cf: a scale-adaptive correlation filter on any number of bands, which learns on the first frame alone.

Sources: CSR-DCF (Lukežič et al., CVPR 2017) for the masked filter and its channel weights, Staple (Bertinetto et al.,
CVPR 2016) for adding a response of colour statistics, Baker and Matthews (IJCV 2004) for the size by alignment, MOSSE
(Bolme et al., CVPR 2010) for the peak-to-sidelobe ratio. Ours: log spectra as features, a mixture model of spectra that
follows the light, the box read off the pixels that it finds, and the second look. `docs/methods/correlation-filter.md`
has the formulas.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Sequence as Several
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spectrack.boxes import as_box, check_box_in_frame, keep_in_frame
from spectrack.cube import Cube, check_cube
from spectrack.errors import CubeError, InputError
from spectrack.evidence.extent import Maps, contrast_map
from spectrack.evidence.likelihood import LearningRates, TargetSpectra
from spectrack.evidence.regions import box_around, inside_and_outside, ramp
from spectrack.methods.correlation_filter.channels import LikelihoodFeatures, Projection
from spectrack.methods.correlation_filter.filter import ScaleAlignment, TranslationFilter, centred_mask
from spectrack.methods.correlation_filter.materials import MaterialFeatures
from spectrack.methods.correlation_filter.options import CorrelationOptions
from spectrack.methods.correlation_filter.target import Levels, Sight, believe, find_peak
from spectrack.sequences.frames import Frame, no_data_of
from spectrack.tables import to_table
from spectrack.trackers.base import Estimate, Tracker, as_frame
from spectrack.trackers.crop import CropWindow
from spectrack.trackers.lens import Lens, View
from spectrack.trackers.probability import ProbabilityModel
from spectrack.trackers.self_assessment import SelfAssessment

_SMALLEST_WINDOW = 8

_SECOND_LOOK, _CLEARLY_BETTER, _CONFIRMED = 0.35, 0.15, 0.4
_LEARNT_FROM = 0.3
_LEVEL_RATE = 0.05
_MOST_STEP = 1.05
"""Sides change by no more than this factor in a frame."""

_SMALLEST_SCALE, _LARGEST_SCALE = 0.2, 6.0


class CorrelationFilterTracker(Tracker):
    """A masked correlation filter with a spectral likelihood beside it; no weights, no training.

    Args:
        options: its parameters.
    """

    name = "cf"

    def __init__(self, options: CorrelationOptions | None = None) -> None:
        self.options = options or CorrelationOptions()
        self._started = False
        self._first_evidence: dict[str, Any] = {}
        self._levels = Levels(1.0, 1.0)

    def init(self, frame: Frame | Cube, box: ArrayLike, *, wavelengths_nm: Several[float] | None = None) -> None:
        """Start on a first frame, of one band or more; see `Tracker.init`."""
        self._started = False
        frame, first = as_frame(frame), as_box(box)
        cube = frame.whole()
        check_cube(cube, name="the first frame", minimum_bands=1)
        self._shape = frame.shape
        check_box_in_frame(first, *self._shape[:2])
        self._box, self._first_sides = first, first[2:].copy()
        self._centre, self._velocity = first[:2] + first[2:] / 2, np.zeros(2)
        self._scale, self._lost_frames, self._frames = 1.0, 0, 0
        self._lens = Lens(cube, wavelengths_nm, self.options.cells, no_data_of(frame))
        view = self._lens.look(frame, self._window(self._centre))
        self._learn_first(frame, view)
        self._assessment = SelfAssessment(self.probability_model or ProbabilityModel(), frame, cube, first)
        self._first_evidence = {
            "mask": self._spectra.first.belief,
            "mask_trust": self._spectra.trust,
            "search_window": view.window,
        }
        self._started = True

    def another(self) -> Tracker | None:
        """A copy: everything else is learnt anew by `init`."""
        return copy.copy(self)

    def first_evidence(self) -> dict[str, Any]:
        """The target's cells in the first frame."""
        return dict(self._first_evidence)

    def update(self, frame: Frame | Cube) -> Estimate:
        """Find the target in the next frame; see `Tracker.update`."""
        if not self._started:
            raise InputError("expected init before update, found a tracker without target; call init(cube, box) first")
        frame = as_frame(frame)
        if frame.shape != self._shape:
            raise CubeError(f"expected frames of shape {self._shape}, found {frame.shape}; call init on the new video")
        # Nothing of the tracker changes before all reading is done: a frame that cannot be read leaves it as it was.
        sight = self._see(frame, self._centre + self.options.velocity * self._velocity)
        if sight.confidence < _SECOND_LOOK:
            sight = self._look_again(frame, sight)
        lost = sight.confidence < self.options.lost_score
        self._frames += 1
        place = self._move(sight, lost=lost)
        if not lost:
            self._learn(sight, place)
        evidence = {
            "response": sight.peak.response,
            "log_ratio": sight.log_ratio,
            "mask": sight.extent.belief,
            "mask_trust": self._spectra.trust,
            "search_window": sight.view.window,
            "sidelobe_ratio": sight.peak.sidelobe_ratio,
        }
        told = self._assessment.judge(frame, self._box, sight.confidence)
        evidence |= {"cues": told.cues}
        return Estimate(self._box.copy(), sight.confidence, told.lost, evidence, told.state, told.probability)

    def describe(self) -> dict[str, Any]:
        """Options and how probabilities are stated, as JSON values."""
        model = self.probability_model or ProbabilityModel()
        return {"name": self.name, "options": dataclasses.asdict(self.options), "probability": to_table(model)}

    def _window(self, centre: NDArray[np.float64], growth: float = 1.0) -> CropWindow:
        size = float(np.sqrt(self._first_sides.prod())) * self._scale
        return CropWindow.around(centre, max(_SMALLEST_WINDOW, self.options.padding * size * growth))

    def _see(self, frame: Frame, centre: NDArray[np.float64]) -> Sight:
        view = self._lens.look(frame, self._window(centre))
        ratio = self._spectra.log_ratio(view.values, view.seen)
        channels = self._features(view, ratio)
        features = self._filter.prepare(channels)
        sides = view.sides(self._box[2:])
        peak = find_peak(
            self._filter.respond(features),
            contrast_map(ratio, sides),
            self._levels,
            self.options.spectral_weight * self._spectra.trust,
            self.options.window_influence,
        )
        extent = self._spectra.extent(ratio, box_around(peak.place, sides))
        return Sight(
            view,
            ratio,
            channels,
            features,
            peak,
            extent,
            *believe(peak, self._levels, extent.mass / self._spectra.mass, self._spectra.trust),
        )

    def _look_again(self, frame: Frame, sight: Sight) -> Sight:
        """The first sight, or a better one from a place that the spectra propose in a wider window."""
        if self._spectra.trust < _LEARNT_FROM:
            return sight
        growth = self.options.search_growth * (1 + 0.5 * min(self._lost_frames, 6))
        wide = self._lens.look(frame, self._window(self._centre, growth))
        response = contrast_map(self._spectra.log_ratio(wide.values, wide.seen), wide.sides(self._box[2:]))
        row, column = np.unravel_index(int(np.argmax(response)), response.shape)
        step = wide.window.side / wide.cells
        other = self._see(frame, np.array([wide.window.x0 + column * step, wide.window.y0 + row * step]))
        better = other.confidence > sight.confidence + _CLEARLY_BETTER and other.by_correlation > _CONFIRMED
        return other if better else sight

    def _move(self, sight: Sight, *, lost: bool) -> NDArray[np.float64]:
        """Take position and size over; the place of the target in the view (x, y) in cells."""
        view, believed = sight.view, sight.by_spectra
        sides, found = view.sides(self._box[2:]), sight.extent.box(self._spectra.habit)
        place = sight.peak.place + believed * 0.5 * (found[:2] + found[2:] / 2 - sight.peak.place)
        if lost:
            self._lost_frames += 1
            self._velocity = 0.8 * self._velocity
            self._centre = self._centre + self._velocity
        else:
            self._lost_frames = 0
            grown = self._grown(sight)
            wanted = believed * found[2:] + (1 - believed) * sides * grown
            sides = sides * np.clip((wanted / sides) ** self.options.size_rate, 1 / _MOST_STEP, _MOST_STEP)
            self._scale = self._scaled(sight, grown)
            step = view.window.side / view.cells
            centre = np.array([view.window.x0, view.window.y0]) + place * step
            self._velocity = 0.6 * self._velocity + 0.4 * (centre - self._centre)
            self._centre = centre
        self._box = keep_in_frame(box_around(self._centre, sides * (view.window.side / view.cells)), *self._shape[:2])
        self._centre = self._box[:2] + self._box[2:] / 2
        return place

    def _grown(self, sight: Sight) -> float:
        """By what factor the alignment sees the target grown, one step at most."""
        growth = self._alignment.growth(
            _channels_last(sight.channels), sight.peak.place, self._scaled_sides(sight.view)
        )
        return float(np.clip(growth, 1 / _MOST_STEP, _MOST_STEP))

    def _scaled(self, sight: Sight, grown: float) -> float:
        """The window's scale: by the alignment or, as far as spectra are believed, by the target's area too.

        The area does not change when a thing turns in the plane, as the box does; so the window keeps its size then.
        """
        by_area = np.log(
            np.clip(np.sqrt(max(sight.extent.mass / self._spectra.mass, 1e-3)), 1 / _MOST_STEP, _MOST_STEP)
        )
        sharp = ramp(sight.peak.sidelobe_ratio, 6.0, 15.0)
        share = 0.1 + 0.4 * sharp
        believed = sight.by_spectra
        change = believed * ((1 - share) * 0.5 * by_area + share * np.log(grown)) + (1 - believed) * np.log(grown)
        return float(np.clip(self._scale * np.exp(change), _SMALLEST_SCALE, _LARGEST_SCALE))

    def _scaled_sides(self, view: View) -> NDArray[np.float64]:
        return view.sides(self._first_sides * self._scale)

    def _learn(self, sight: Sight, place: NDArray[np.float64]) -> None:
        """Update filters, levels and spectra from a frame in which the target was found."""
        view, options = sight.view, self.options
        sides = view.sides(self._box[2:])
        near = np.abs(place - view.cells / 2).max() < view.cells / 6
        if sight.confidence > _LEARNT_FROM and near:
            mask = centred_mask(sight.extent.belief, place, sides, trusted=self._spectra.trust > 0.5)
            self._filter.learn(sight.features, place, mask, options.filter_rate)
            self._alignment.learn(_channels_last(sight.channels), place, self._scaled_sides(view), options.scale_rate)
            self._levels = self._levels.moved(sight.peak, _LEVEL_RATE)
        rates = LearningRates(
            options.target_rate * sight.by_spectra if sight.by_spectra > _LEARNT_FROM else 0.0,
            options.surroundings_rate if sight.confidence > _LEARNT_FROM else 0.0,
            options.light_rate,
        )
        box, belief = box_around(place, sides), sight.extent.belief
        self._spectra.learn(view.values, view.seen, box, belief, rates, phase=self._frames)

    def _learn_first(self, frame: Frame, view: View) -> None:
        """Everything that is learnt from the first frame and its box."""
        box = view.window.to_crop(self._box, view.cells)
        elsewhere = self._lens.elsewhere(frame, self._box)
        parts = self.options.target_parts, self.options.surroundings_parts
        self._spectra = TargetSpectra(view.values, view.seen, box, elsewhere, parts)
        inside, outside = inside_and_outside(box, view.seen)
        self._features: LikelihoodFeatures | MaterialFeatures
        if self.options.features == "likelihood":
            self._features = LikelihoodFeatures(Projection.fit(view.values, inside.ravel(), outside.ravel()))
        else:
            count = self.options.materials if self.options.features == "materials" else 0
            self._features = MaterialFeatures.fit(view, count, self.options.rank)
        self._learn_shape(view, box[:2] + box[2:] / 2, box[2:])

    def _learn_shape(self, view: View, place: NDArray[np.float64], sides: NDArray[np.float64]) -> None:
        """The filter and the look that sizes are measured by, and what height of their response is usual."""
        self._filter = TranslationFilter(view.cells, self.options.temporal_consistency)
        self._alignment = ScaleAlignment()
        ratio, belief = self._spectra.log_ratio(view.values, view.seen), self._spectra.first.belief
        channels = self._features(view, ratio)
        features = self._filter.prepare(channels)
        self._filter.learn(features, place, centred_mask(belief, place, sides, trusted=self._spectra.trust > 0.5), 1.0)
        self._alignment.learn(_channels_last(channels), place, self._scaled_sides(view), 1.0)
        response, spectral = self._filter.respond(features), contrast_map(ratio, sides)
        peak = find_peak(response, spectral, None, 0.0, self.options.window_influence)
        self._levels = Levels(max(peak.correlation, 1e-3), max(peak.spectral, 0.1))


def _channels_last(channels: Maps) -> Maps:
    """(channels, cells, cells) to (cells, cells, channels), contiguous."""
    return np.ascontiguousarray(np.moveaxis(channels, 0, 2))
