"""`evidence = prior`: what the spectrum says of the search region, put beside what a network says; nothing is trained.

The mixtures of target and surroundings (`evidence.likelihood`) are learnt on this video. Their map decides between
places that compete, and refines the box by the likely cells, each as far as it is to be believed on this frame: the
rules and what they rest on are in docs/evidence.md. All of them are this project's own.
"""

from __future__ import annotations

from collections.abc import Sequence as Several
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from spectrack.boxes import Box, iou
from spectrack.cube import Cube
from spectrack.evidence.extent import LEAST_USUAL, box_contrast, contrast_map
from spectrack.evidence.likelihood import LearningRates, TargetSpectra
from spectrack.evidence.mixtures import probability
from spectrack.evidence.regions import are_apart, distance_to, ramp
from spectrack.grid import EVIDENCE_CELLS, SEARCH_SIZE_PX
from spectrack.sequences.frames import Frame, no_data_of
from spectrack.trackers.box_belief import BoxBelief, Sight
from spectrack.trackers.crop import CropWindow
from spectrack.trackers.lens import QuickLens, View

_PX = SEARCH_SIZE_PX / EVIDENCE_CELLS

_RESOLVED_PX = 0.3 * _PX
"""Edges are found to about a third of a cell; in pixels of the search crop."""

_MOST_TAKEN = 0.9
"""Share of its score that a place without any evidence may lose."""

_REACH = 0.5
"""Evidence counts for all places within a quarter of the target's sides: within one target the network decides."""

_BLIND, _SEEING = 0.3, 0.7
"""Highest evidence in the region: below the first the spectra see nothing of the target in it."""

_COMMON, _RARE = 0.15, 0.5
"""Rarity: below the first the spectra do not tell the target from other places."""

_RARITY_RATE = 0.1
_SURE, _WELL_SEEN = 0.5, 0.5
_WITNESS = 0.8
"""The network's score from which its box shows the mixtures what the target looks like."""

_HIDDEN, _THERE = 0.4, 0.7
"""Likely cells over their usual number: below the first, what the network boxes may be an occluder or a twin."""

_TARGET_RATE, _SURROUNDINGS_RATE, _LIGHT_RATE = 0.06, 0.1, 0.3


class Support(NamedTuple):
    """What the spectra of a view say of a box in it.

    Attributes:
        evidence: contrast of the target's chance in the box to that around it, over the first frame's: about 1 on the
            target, about 0 elsewhere.
        explained: share of the view that is known as surroundings; where it has fallen, the spectra know nothing.
    """

    evidence: float
    explained: float


class SpectralPrior:
    """The spectra's word on one target in one video.

    On every frame: `look`, `weigh` for each grid of scores, `refine`, and `learn` once the target has moved.

    Args:
        frame: the first frame.
        cube: the same as an array.
        box: the target in it, cube pixels.
        window: its search region.
        wavelengths_nm: band centres, where they are known.

    Attributes:
        trust: how well the first frame tells the target from its surroundings, 0 (nothing is ever changed) to 1.
        lens: how the video is looked at.
        spectra: what is known of target and surroundings.
        rarity: 1 less the highest evidence at other places of the region: on the first frame, then a running mean over
            frames in which the network is sure by itself.
    """

    def __init__(
        self, frame: Frame, cube: Cube, box: Box, window: CropWindow, wavelengths_nm: Several[float] | None
    ) -> None:
        self.lens = QuickLens(cube, wavelengths_nm, EVIDENCE_CELLS, no_data_of(frame))
        view, cells = self.lens.look(frame, window), window.to_crop(box, EVIDENCE_CELLS)
        self.spectra = TargetSpectra(view.values, view.seen, cells, self.lens.elsewhere(frame, box))
        self.trust, self._frames = self.spectra.trust, 0
        self._density = self.spectra.mass / float(cells[2] * cells[3])
        self._read(view, box)
        self._usual = max(float(box_contrast(self._chance, cells)), LEAST_USUAL)
        self.rarity = 1.0 - self._highest_elsewhere(cells[:2] + cells[2:] / 2)
        fits = float(iou(self.spectra.first.box(np.zeros(4)), cells))
        self._belief = BoxBelief(self.trust, fits, self._usual)
        self._weight = 0.0

    @property
    def evidence(self) -> dict[str, Any]:
        """What can be shown for the last frame: the map of chances and how far box and places were believed."""
        found = {"chance": self._chance, "spectral_weight": self._weight, "cells_belief": self._believed}
        return found if self._mask is None else found | {"mask": self._mask, "mask_trust": self.trust}

    def first_evidence(self) -> dict[str, Any]:
        """The same for the first frame, as long as no other was looked at."""
        belief = self.spectra.first.belief
        window = self._view.window
        return {"chance": self._chance, "mask": belief, "mask_trust": self.trust, "search_window": window}

    def look(self, frame: Frame, window: CropWindow, box: Box) -> None:
        """Read the search region of the next frame; `box` is the target's last."""
        self._frames += 1
        self._read(self.lens.look(frame, window), box)

    def correct(
        self, scores: NDArray[np.float32], corners: NDArray[np.float32], box: Box
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Scores (25, 25) and corners (4, 25, 25) of the network as they are to be used; here, as they are."""
        return scores, corners

    def weigh(
        self, scores: NDArray[np.float32], ranking: NDArray[np.floating], boxes: NDArray[np.float64]
    ) -> NDArray[np.float32]:
        """Scores as far as spectra support them; the highest stays as high as it was.

        Args:
            scores: (25, 25) the network's.
            ranking: (25, 25) by which it would choose alone.
            boxes: (25, 25, 4) x, y, w, h in the search crop.
        """
        centres = (boxes[..., :2] + boxes[..., 2:] / 2) / _PX
        support = self._support_at(centres)
        chosen = np.unravel_index(int(np.argmax(ranking)), ranking.shape)
        apart = are_apart(centres, centres[chosen], self._sides)
        rival, other = (float(values[apart].max()) if apart.any() else 0.0 for values in (scores, support))
        top, highest = float(scores[chosen]), float(support.max())
        # Of several grids for one frame the surest counts.
        surer = max(top - rival - self._sure, 0.0)
        self._sure += surer
        if highest > _BLIND:
            # A network that is sure shows what the spectra are worth here.
            self.rarity += _RARITY_RATE * surer * (1.0 - other - self.rarity)
        self._weight = self.trust * ramp(highest, _BLIND, _SEEING) * ramp(self.rarity, _COMMON, _RARE)
        if self._weight == 0.0:
            return scores
        weighed = scores * (1.0 - _MOST_TAKEN * self._weight * (1.0 - support / highest))
        return np.asarray(weighed * (scores.max() / max(float(weighed.max()), 1e-6)), dtype=np.float32)

    def refine(self, box: NDArray[np.float64], score: float) -> tuple[NDArray[np.float64], float]:
        """The network's box (x, y, w, h in the search crop) drawn towards that of the likely cells, and how far.

        Args:
            box: the network's.
            score: the network's, 0..1.
        """
        network, window = box / _PX, self._view.window
        cells, share = self._cells(network)
        self._score, self._share = score, share
        both = np.stack([network, cells])
        (network_found, cells_found), contrasts = (
            window.to_frame(both, EVIDENCE_CELLS),
            box_contrast(self._chance, both),
        )
        network_contrast, cells_contrast = (float(contrast) / self._usual for contrast in contrasts)
        unexplained = self._unexplained(network, cells)
        sight = Sight(network_found, cells_found, network_contrast, cells_contrast, share, unexplained)
        self._believed = self._belief.observe(sight, self.rarity)
        if self._believed == 0.0:
            return box, 0.0
        edges, wanted = (np.concatenate([one[:2], one[:2] + one[2:]]) for one in (box, cells * _PX))
        # Differences that a map of cells cannot resolve are none.
        away = wanted - edges
        edges = edges + self._believed * away**3 / (away**2 + _RESOLVED_PX**2)
        return np.concatenate([edges[:2], np.maximum(edges[2:] - edges[:2], 1e-3)]), self._believed

    def support(self, box: NDArray[np.float64]) -> Support:
        """Evidence in a box (x, y, w, h in the search crop) of the region that was looked at."""
        contrast = float(box_contrast(self._chance, box / _PX)) / self._usual
        return Support(contrast, float(self._reading.explained[self._view.seen].mean()))

    def fit(self, box: Box) -> float:
        """Contrast of a box, cube pixels, in the region that was looked at, over the given one's on the first frame."""
        return float(box_contrast(self._chance, self._view.window.to_crop(box, EVIDENCE_CELLS))) / self._usual

    def learn(self, box: Box) -> None:
        """Follow target, surroundings and light with the target's new box, cube pixels."""
        cells = self._view.window.to_crop(box, EVIDENCE_CELLS)
        if self._frames % 2 == 0:
            if self._score >= _WITNESS:
                rate = _TARGET_RATE * ramp(self._share, _HIDDEN, _THERE)
                self.spectra.adopt(self._view.values, cells, self._view.seen, rate)
        else:
            rate = _SURROUNDINGS_RATE if self.fit(box) > _WELL_SEEN or self._sure > _SURE else 0.0
            rates = LearningRates(0.0, rate, _LIGHT_RATE)
            values = self._view.values
            self.spectra.learn(values, self._view.seen, cells, self._chance, rates, phase=self._frames // 2)

    def _read(self, view: View, box: Box) -> None:
        self._view, self._sides = view, view.sides(box[2:])
        self._reading = self.spectra.read(view.values, view.seen)
        self._chance = probability(self._reading.log_ratio)
        self._contrast = contrast_map(self._reading.log_ratio, self._sides)
        self._sure = self._score = self._share = self._believed = 0.0
        self._mask: NDArray[np.float32] | None = None

    def _support_at(self, centres: NDArray[np.float64]) -> NDArray[np.float64]:
        """Evidence (...), 0..1, that the target is near places (..., 2) x, y in cells: contrast over the usual one."""
        reach = [max(1, round(float(side) * _REACH)) | 1 for side in self._sides[::-1]]
        near = cv2.dilate(self._contrast, np.ones(reach, dtype=np.uint8))
        column, row = (np.clip(np.rint(centres[..., axis]).astype(np.intp), 0, EVIDENCE_CELLS - 1) for axis in (0, 1))
        return np.asarray(np.clip(near[row, column] / self._usual, 0.0, 1.0), dtype=np.float64)

    def _highest_elsewhere(self, centre: NDArray[np.float64]) -> float:
        """Highest evidence at places of the region that are not the target's, 0..1."""
        places = np.moveaxis(np.mgrid[:EVIDENCE_CELLS, :EVIDENCE_CELLS][::-1], 0, -1)
        apart = are_apart(places, centre, self._sides)
        return float(np.clip(self._contrast[apart].max() / self._usual, 0.0, 1.0)) if apart.any() else 0.0

    def _cells(self, expected: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
        """Box around the likely cells near an expected one (x, y, w, h in cells); their number over the usual one."""
        usual = self._density * float(self._sides.prod())
        extent = self.spectra.extent(self._reading.log_ratio, expected, usual)
        self._mask = extent.belief
        return extent.box(self.spectra.habit), extent.mass / usual

    def _unexplained(self, network: NDArray[np.float64], cells: NDArray[np.float64]) -> float:
        """Share of the cells in the network's box alone that the surroundings do not explain; 0 where there are few."""
        left_out = (
            (distance_to(network, EVIDENCE_CELLS) < 1) & (distance_to(cells, EVIDENCE_CELLS) >= 1) & self._view.seen
        )
        count = int(left_out.sum())
        return 1.0 - float(self._reading.explained[left_out].mean()) if count > 3 else 0.0
