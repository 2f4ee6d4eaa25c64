"""What the spectra of one video say of any place in a frame, and not only of the search region: for re-detection."""

from __future__ import annotations

from collections.abc import Sequence as Several

import numpy as np
from numpy.typing import NDArray

from spectrack.boxes import Box
from spectrack.cube import Cube
from spectrack.evidence.extent import LEAST_USUAL, box_contrast, contrast_map
from spectrack.evidence.likelihood import TargetSpectra
from spectrack.evidence.mixtures import probability
from spectrack.evidence.regions import are_apart
from spectrack.evidence.whole_frame import Place, peaks
from spectrack.grid import EVIDENCE_CELLS, SEARCH_SIZE_PX, TEMPLATE_SIZE_PX
from spectrack.sequences.frames import Frame, no_data_of
from spectrack.trackers.crop import CropWindow, context_side
from spectrack.trackers.lens import Lens, QuickLens
from spectrack.trackers.spectral_prior import SpectralPrior, Support

_NEAR = 1.0
"""A coarse place is sharpened within so many sides."""

_FEWEST_CELLS = 1.0
"""Sides of the target in cells below which a view of the whole frame shows nothing of it."""


class SpectralWitness:
    """Evidence at places: contrast of the target's chance in a box to that around it, over the usual one.

    Args:
        lens: how the video is looked at.
        spectra: what is known of target and surroundings; whoever tracks may let them learn.
        frame: the first frame.
        box: the target in it, cube pixels.

    Attributes:
        trust: how well the first frame tells the target from its surroundings, 0..1.
        explained: share of the first search region that is known as surroundings.
        rival: the highest evidence anywhere else in the first frame, at least 0.
    """

    def __init__(self, lens: Lens, spectra: TargetSpectra, frame: Frame, box: Box) -> None:
        self._lens, self._spectra, self._usual = lens, spectra, 1.0
        self.trust = spectra.trust
        there = self.support(frame, box)
        self._usual, self.explained = max(there.evidence, LEAST_USUAL), there.explained
        others = [
            place.support
            for place in self.places(frame, box[2:], 2)
            if are_apart(place.centre, box[:2] + box[2:] / 2, box[2:])
        ]
        self.rival = max([0.0, *others])

    @classmethod
    def of(
        cls,
        frame: Frame,
        cube: Cube,
        box: Box,
        wavelengths_nm: Several[float] | None,
        prior: SpectralPrior | None,
    ) -> SpectralWitness:
        """From the first frame, as a frame and as an array; a prior shares what it learns with the witness."""
        if prior is not None:
            return cls(prior.lens, prior.spectra, frame, box)
        lens, window = QuickLens(cube, wavelengths_nm, EVIDENCE_CELLS, no_data_of(frame)), search_region(box)
        view = lens.look(frame, window)
        spectra = TargetSpectra(view.values, view.seen, window.to_crop(box, EVIDENCE_CELLS), lens.elsewhere(frame, box))
        return cls(lens, spectra, frame, box)

    def support(self, frame: Frame, box: Box) -> Support:
        """Evidence in a box, cube pixels, of its search region."""
        window = search_region(box)
        view = self._lens.look(frame, window)
        reading = self._spectra.read(view.values, view.seen)
        contrast = float(box_contrast(probability(reading.log_ratio), window.to_crop(box, self._lens.cells)))
        explained = float(reading.explained[view.seen].mean()) if view.seen.any() else 0.0
        return Support(contrast / self._usual, explained)

    def places(self, frame: Frame, size: NDArray[np.float64], most: int) -> list[Place]:
        """Places in a coarse view of the whole frame, the best first.

        Args:
            frame: the frame.
            size: (2,) the target's width and height, cube pixels.
            most: how many at most.
        """
        window = self._lens.whole()
        cell = window.side / self._lens.cells
        if min(size) < _FEWEST_CELLS * cell:
            return []
        response = contrast_map(self._log_ratio(frame, window), size / cell)
        corner = np.array([window.x0, window.y0])
        return [
            Place(corner + place.centre * cell, place.support / self._usual)
            for place in peaks(response, size / cell, most)
        ]

    def sharpened(self, frame: Frame, box: Box) -> Place:
        """The best place near the middle of a box, cube pixels, for a target of its size."""
        window = search_region(box)
        cell = window.side / self._lens.cells
        response = contrast_map(self._log_ratio(frame, window), box[2:] / cell)
        middle, reach = self._lens.cells / 2, np.ceil(_NEAR * box[2:] / cell).astype(int)
        (x0, y0), (x1, y1) = (np.clip(middle + sign * reach, 0, self._lens.cells).astype(int) for sign in (-1, 1))
        near = response[y0:y1, x0:x1]
        row, column = (int(index) for index in np.unravel_index(int(np.argmax(near)), near.shape))
        centre = np.array([window.x0 + (x0 + column) * cell, window.y0 + (y0 + row) * cell])
        return Place(centre, float(near[row, column]) / self._usual)

    def _log_ratio(self, frame: Frame, window: CropWindow) -> NDArray[np.float32]:
        view = self._lens.look(frame, window)
        return self._spectra.log_ratio(view.values, view.seen)


def search_region(box: Box) -> CropWindow:
    """The window that a Siamese tracker searches for a target of a box, cube pixels."""
    return CropWindow.around(box[:2] + box[2:] / 2, context_side(box) * SEARCH_SIZE_PX / TEMPLATE_SIZE_PX)
