"""Measurements of a target: a row a frame, with its mean spectrum and scatter under the soft mask."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spectrack.cube import pixels_with_data
from spectrack.measuring.masks import KINDS, Kind, TargetMask, target_mask
from spectrack.measuring.options import Scale
from spectrack.sequences.base import Sequence
from spectrack.sources.base import FrameSource
from spectrack.trackers.base import Estimate

Spectrum = NDArray[np.float64]


@dataclass(frozen=True)
class Measurement:
    """What one frame measured.

    Attributes:
        box: (4,) the tracker's box, x, y, w, h in cube pixels.
        score: the tracker's, 0 to 1.
        lost: whether the tracker believes that it no longer sees the target.
        mask: what the mask was made from; ``box`` also holds pixels of the background.
        trust: see `TargetMask`.
        centre: x, y of the mask's centre of gravity, cube pixels.
        area: of the mask, cube pixels.
        spectrum_area: cube pixels that mean and scatter are taken over: those of the mask that have data, without its
            rim of a pixel where the target is large enough.
        unseen: share of the mask on pixels without data (dead, saturated).
        mean: (bands,) the target's mean spectrum, in the unit of the sequence; NaN where no pixel was seen.
        scatter: (bands,) standard deviation over its pixels.
    """

    box: Spectrum
    score: float
    lost: bool
    mask: Kind
    trust: float
    centre: tuple[float, float]
    area: float
    spectrum_area: float
    unseen: float
    mean: Spectrum
    scatter: Spectrum


def measure_target(sequence: Sequence, index: int, estimate: Estimate) -> tuple[Measurement, TargetMask]:
    """Measure the target of an estimate in its frame.

    Args:
        sequence: where it was tracked.
        index: the frame.
        estimate: the tracker's for it.

    Returns:
        The measurement, and the mask that it was made under.

    Example:
        >>> import spectrack
        >>> clip = spectrack.simulate("calm", frames=2, width=96, height=64, seed=1)
        >>> for index, estimate in enumerate(spectrack.track(clip, spectrack.load_tracker("cf"))):
        ...     found, mask = measure_target(clip, index, estimate)
        >>> found.mean.shape, found.mask, bool(found.area > 0)
        ((16,), 'evidence', True)
    """
    mask = target_mask(estimate, sequence.height, sequence.width)
    nothing = np.full(sequence.bands, np.nan)
    mean, scatter, unseen, used = nothing, nothing, 0.0, 0.0
    if mask.weights.size:
        rows, columns = mask.weights.shape
        cube = sequence.read(index, (mask.x, mask.y, mask.x + columns, mask.y + rows))
        seen = pixels_with_data(cube, sequence.no_data)
        data = np.ones((rows, columns)) if seen is None else seen.astype(np.float64)
        unseen, weights = 1.0 - float((mask.weights * data).sum()) / mask.area, mask.inner * data
        used = float(weights.sum())
        if used > 0:
            mean, scatter = _moments(cube, weights)
    estimated = np.asarray(estimate.box, dtype=np.float64)
    found = Measurement(
        estimated,
        float(estimate.score),
        bool(estimate.lost),
        mask.kind,
        mask.trust,
        mask.centre,
        mask.area,
        used,
        unseen,
        mean,
        scatter,
    )
    return found, mask


class Measurements:
    """The measurements of a track as rows of a table; the rows themselves are not kept.

    Args:
        frames: what is tracked in.
        scale: size of a cube pixel, or None.
    """

    def __init__(self, frames: Sequence | FrameSource, *, scale: Scale | None = None) -> None:
        self._frames, self._scale = frames, scale
        self._masks = Counter[Kind]()

    @property
    def columns(self) -> list[str]:
        """Headings, with units; bands by their centre in nm, else by their number from 1."""
        scale, centres = self._scale, self._frames.wavelengths_nm
        bands = [f"band{band + 1}" for band in range(self._frames.bands)]
        if centres is not None and len({f"{centre:g}" for centre in centres}) == len(centres):
            bands = [f"{centre:g}nm" for centre in centres]
        in_units = [] if scale is None else [f"centre_x_{scale.unit}", f"centre_y_{scale.unit}", f"area_{scale.unit}2"]
        return [
            *("frame", "lost", "score", "mask", "mask_trust", "x", "y", "w", "h"),
            *("centre_x_px", "centre_y_px", "area_px", *in_units, "spectrum_px", "unseen_share"),
            *(f"{kind}_{band}" for kind in ("mean", "scatter") for band in bands),
        ]

    def row(self, number: int, measurement: Measurement) -> list[Any]:
        """Take over a frame of that number; its values, in the order of the headings."""
        self._masks[measurement.mask] += 1
        centre, area, scale = measurement.centre, measurement.area, self._scale
        in_units = [] if scale is None else [*(scale.size * place for place in centre), scale.size**2 * area]
        return [
            *(number, int(measurement.lost), measurement.score, measurement.mask, measurement.trust),
            *measurement.box.tolist(),
            *(*centre, area, *in_units, measurement.spectrum_area, measurement.unseen),
            *measurement.mean.tolist(),
            *measurement.scatter.tolist(),
        ]

    def describe(self) -> dict[str, Any]:
        """What the summary of a run says of them."""
        scale = self._scale
        return {
            "unit": self._frames.unit,
            "masks": {kind: self._masks[kind] for kind in KINDS},
            "scale": None if scale is None else {"cube_pixel": scale.size, "unit": scale.unit},
        }


def _moments(cube: NDArray[Any], weights: NDArray[np.float64]) -> tuple[Spectrum, Spectrum]:
    """Weighted mean and standard deviation of (height, width, bands) over the pixels."""
    total, flat = weights.sum(), weights.ravel()
    values = cube.reshape(-1, cube.shape[2]).astype(np.float64)
    mean = flat @ values / total
    return mean, np.sqrt(flat @ (values - mean) ** 2 / total)
