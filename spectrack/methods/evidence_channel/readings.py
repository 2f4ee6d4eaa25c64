"""What the mixtures of target and surroundings say of training pairs, with the errors that they have in a video.

On the first frame a user's box is wider, tighter or off; on later ones target and surroundings are learnt from boxes
that the tracker got not quite right, and the light has moved. All of that is drawn here, pair by pair.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from spectrack.boxes import Box
from spectrack.evidence.extent import LEAST_USUAL, box_contrast
from spectrack.evidence.likelihood import LearningRates, TargetSpectra
from spectrack.evidence.log_spectra import band_groups, log_spectra
from spectrack.evidence.mixtures import probability
from spectrack.evidence.regions import box_around
from spectrack.grid import EVIDENCE_CELLS, SEARCH_SIZE_PX, TEMPLATE_SIZE_PX
from spectrack.networks.evidence_head import SpectralView
from spectrack.pairs.spectral_expansion import SpectralBatch
from spectrack.tables import Interval, Share, require, require_ranges

_TEMPLATE_CELLS = 32
"""Over a template crop: cells as large as those of the search crop."""


@dataclass(frozen=True)
class ReadingErrors:
    """How wrong the boxes are that the mixtures are learnt from.

    Attributes:
        dilation: least and largest change of the first box's sides, as a share of them.
        shift: largest shift of it, as a share of its sides.
        drift_share: share of pairs whose mixtures have also learnt from the search crop, with a wrong box.
        drift: largest shift and change of sides of that box.
    """

    dilation: tuple[float, float] = (-0.1, 0.25)
    shift: Share = 0.08
    drift_share: Share = 0.5
    drift: Annotated[float, Interval("[0, 2]")] = 0.3

    def __post_init__(self) -> None:
        require_ranges(self)
        least, most = self.dilation
        require(-1 < least <= most <= 2, "dilation", "two rising numbers above -1 and up to 2", list(self.dilation))


def read_pairs(batch: SpectralBatch, errors: ReadingErrors, rng: np.random.Generator) -> SpectralView:
    """What the spectra of the template crops say of the search crops.

    Args:
        batch: N pairs of one camera.
        errors: of the boxes.
        rng: what is drawn.
    """
    nm = batch.wavelengths_nm.cpu().numpy()
    groups = band_groups(len(nm), None if np.isnan(nm).any() else nm.tolist())
    templates, searches = _light(batch.template, _TEMPLATE_CELLS, groups), _light(batch.search, EVIDENCE_CELLS, groups)
    scales = _TEMPLATE_CELLS / TEMPLATE_SIZE_PX, EVIDENCE_CELLS / SEARCH_SIZE_PX
    firsts, boxes = (_boxes(part, scale) for part, scale in zip((batch.template_box, batch.box), scales, strict=True))
    device = batch.box.device
    views = [
        _read(template, search, first, box if positive else None, errors, rng)
        for template, search, first, box, positive in zip(
            templates, searches, firsts, boxes, batch.positive.tolist(), strict=True
        )
    ]
    ratios, explained, facts = (torch.from_numpy(np.stack(parts)).to(device) for parts in zip(*views, strict=True))
    return SpectralView(ratios, explained, facts)


def _read(
    template: NDArray[np.float32],
    search: NDArray[np.float32],
    first: Box,
    box: Box | None,
    errors: ReadingErrors,
    rng: np.random.Generator,
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Log ratio and explained cells of a search crop, and the facts of its first frame, see `SpectralView`."""
    drawn = _moved(first, rng.uniform(*errors.dilation, 2), rng.uniform(-errors.shift, errors.shift, 2))
    values, _ = log_spectra(template)
    seen = np.ones(template.shape[:2], dtype=np.bool_)
    spectra = TargetSpectra(values, seen, drawn, values[:0])
    usual = max(float(box_contrast(probability(spectra.log_ratio(values, seen)), drawn)), LEAST_USUAL)
    facts = np.array([spectra.trust, usual, np.log(first[2] / first[3])], dtype=np.float32)
    later, _ = log_spectra(search)
    seen = np.ones(search.shape[:2], dtype=np.bool_)
    reading = spectra.read(later, seen)
    if rng.random() < errors.drift_share:
        sides = first[2:] if box is None else box[2:]
        middle = np.full(2, EVIDENCE_CELLS / 2) if box is None else box[:2] + box[2:] / 2
        change, shift = rng.uniform(-errors.drift, errors.drift, (2, 2))
        wrong = _moved(box_around(middle, sides), change, shift)
        chance = probability(reading.log_ratio)
        spectra.adopt(later, wrong, seen, rng.uniform(0.0, 0.3))
        spectra.learn(later, seen, wrong, chance, LearningRates(0.0, rng.uniform(0.0, 0.4), 0.5))
        reading = spectra.read(later, seen)
    return reading.log_ratio, reading.explained.astype(np.float32), facts


def _moved(box: Box, change: NDArray[np.float64], shift: NDArray[np.float64]) -> Box:
    sides = box[2:] * (1.0 + change)
    middle = box[:2] + box[2:] / 2 + shift * box[2:]
    return box_around(middle, sides)


def _light(cubes: Tensor, cells: int, groups: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, cells, cells, groups) light of crops (N, bands, size, size), as a tracker's lens groups the bands."""
    pooled = functional.adaptive_avg_pool2d(cubes, (cells, cells)).permute(0, 2, 3, 1)
    return np.asarray(pooled.cpu().numpy() @ groups)


def _boxes(corners: Tensor, scale: float) -> NDArray[np.float64]:
    """(N, 4) corners in crop pixels to x, y, w, h in cells."""
    edges = corners.cpu().double().numpy() * scale
    return np.concatenate([edges[:, :2], np.maximum(edges[:, 2:] - edges[:, :2], 1e-3)], axis=1)
