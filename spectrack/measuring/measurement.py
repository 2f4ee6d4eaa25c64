"""Measurements of a target: a row a frame, with its mean spectrum and scatter under the soft mask."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spectrack.cube import pixels_with_data
from spectrack.measuring.masks import Kind, TargetMask, target_mask
from spectrack.measuring.options import Scale
from spectrack.sequences.base import Sequence
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
    """The measurements of a track.

    Args:
        sequence: what is tracked in.
        first_frame: number of its first frame in the recording.
        scale: size of a cube pixel, or None.
    """

    def __init__(self, sequence: Sequence, *, first_frame: int = 0, scale: Scale | None = None) -> None:
        self._sequence, self._first, self._scale = sequence, first_frame, scale
        self.rows: list[Measurement] = []

    def add(self, measurement: Measurement) -> None:
        """Take over the next frame's."""
        self.rows.append(measurement)

    @property
    def columns(self) -> list[str]:
        """Headings, with units; bands by their centre in nm, else by their number from 1."""
        scale, centres = self._scale, self._sequence.wavelengths_nm
        bands = [f"band{band + 1}" for band in range(self._sequence.bands)]
        if centres is not None and len({f"{centre:g}" for centre in centres}) == len(centres):
            bands = [f"{centre:g}nm" for centre in centres]
        in_units = [] if scale is None else [f"centre_x_{scale.unit}", f"centre_y_{scale.unit}", f"area_{scale.unit}2"]
        return [
            *("frame", "lost", "score", "mask", "mask_trust", "x", "y", "w", "h"),
            *("centre_x_px", "centre_y_px", "area_px", *in_units, "spectrum_px", "unseen_share"),
            *(f"{kind}_{band}" for kind in ("mean", "scatter") for band in bands),
        ]

    def table(self) -> dict[str, list[Any]]:
        """Values by heading, a row a frame."""
        return {name: list(values) for name, values in zip(self.columns, zip(*self._lines(), strict=True), strict=True)}

    def describe(self) -> dict[str, Any]:
        """What the summary of a run says of them."""
        kinds = [row.mask for row in self.rows]
        scale = self._scale
        return {
            "unit": self._sequence.unit,
            "masks": {kind: kinds.count(kind) for kind in ("evidence", "box", "none")},
            "scale": None if scale is None else {"cube_pixel": scale.size, "unit": scale.unit},
        }

    def _lines(self) -> Iterator[list[Any]]:
        for number, row in enumerate(self.rows, start=self._first):
            centre, area, scale = row.centre, row.area, self._scale
            in_units = [] if scale is None else [*(scale.size * place for place in centre), scale.size**2 * area]
            yield [
                *(number, int(row.lost), row.score, row.mask, row.trust),
                *row.box.tolist(),
                *(*centre, area, *in_units, row.spectrum_area, row.unseen),
                *row.mean.tolist(),
                *row.scatter.tolist(),
            ]


def _moments(cube: NDArray[Any], weights: NDArray[np.float64]) -> tuple[Spectrum, Spectrum]:
    """Weighted mean and standard deviation of (height, width, bands) over the pixels."""
    total, flat = weights.sum(), weights.ravel()
    values = cube.reshape(-1, cube.shape[2]).astype(np.float64)
    mean = flat @ values / total
    return mean, np.sqrt(flat @ (values - mean) ** 2 / total)
