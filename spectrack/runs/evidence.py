"""What a tracker can show for its boxes, kept per sequence: band importance, branch weights, composites, and spectra of
the target against its surroundings, which need nothing from the tracker but its boxes.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spectrack.boxes import Box, pixels_inside
from spectrack.cube import pixels_with_data
from spectrack.errors import InputError
from spectrack.files import write_atomically
from spectrack.sequences.base import Sequence

if TYPE_CHECKING:
    from spectrack.trackers.base import Estimate

log = logging.getLogger(__name__)

PER_FRAME = (
    "band_importance",
    "branch_weights",
    "composites",
    "importance_entropy",
    "branch_entropy",
    "second_template",
)
"""Keys of `Estimate.evidence` that are kept for every frame."""

SPECTRUM_FRAMES = 8
"""At most so many frames, evenly spaced, have their spectra kept."""

RING = 2.0
"""Background is what lies outside the box and inside the box enlarged by this factor about its centre."""

Arrays = dict[str, NDArray[Any]]
Spectrum = NDArray[np.float64]


class EvidenceCollector:
    """Gathers evidence while a sequence is tracked.

    Args:
        sequence: what is tracked in; its frames are read once more for the spectra.
    """

    def __init__(self, sequence: Sequence) -> None:
        self._sequence = sequence
        self._frames = len(sequence)
        self._per_frame: Arrays = {}
        self._spectra: dict[int, tuple[Spectrum, Spectrum]] = {}
        spread = np.linspace(0, self._frames - 1, min(SPECTRUM_FRAMES, self._frames))
        self._wanted = set(spread.round().astype(int).tolist())

    def add(self, index: int, estimate: Estimate) -> None:
        """Take over what the estimate of frame `index` shows."""
        for key in PER_FRAME:
            if key in estimate.evidence:
                self._keep(key, index, np.asarray(estimate.evidence[key]))
        if index in self._wanted and np.isfinite(estimate.box).all():
            self._spectra[index] = mean_spectra(self._sequence, index, estimate.box)

    def arrays(self) -> Arrays:
        """Everything gathered.

        Returns:
            ``target_spectrum`` and ``background_spectrum`` (K, bands), ``spectrum_frames`` (K,) frame indices, and,
            where they are known, ``wavelengths_nm`` (bands,) and the keys of `PER_FRAME` (frames, ...), whose rows are
            NaN (-1 for integers) in frames without them, such as frame 0.
        """
        found = dict(self._per_frame)
        if self._sequence.wavelengths_nm is not None:
            found["wavelengths_nm"] = np.asarray(self._sequence.wavelengths_nm, dtype=np.float64)
        for position, name in enumerate(("target_spectrum", "background_spectrum")):
            spectra = np.array([pair[position] for pair in self._spectra.values()], dtype=np.float64)
            found[name] = spectra.reshape(-1, self._sequence.bands)
        found["spectrum_frames"] = np.array(list(self._spectra), dtype=np.int64)
        return found

    def _keep(self, key: str, index: int, value: NDArray[Any]) -> None:
        whole, name = value.dtype.kind in "iu", self._sequence.name
        if value.dtype.kind not in "iuf":
            log.warning("expected numbers as %s of frame %d in %s, found %s", key, index, name, value.dtype)
            return
        if key not in self._per_frame:
            shape = (self._frames, *value.shape)
            self._per_frame[key] = np.full(shape, -1, np.int32) if whole else np.full(shape, np.nan, np.float32)
        kept = self._per_frame[key]
        if kept.shape[1:] != value.shape:
            log.warning("expected %s of shape %s in %s, found %s", key, kept.shape[1:], name, value.shape)
            return
        kept[index] = value


def mean_spectra(sequence: Sequence, index: int, box: Box) -> tuple[Spectrum, Spectrum]:
    """Mean raw counts inside a box and in the ring around it.

    Args:
        sequence: where to read.
        index: the frame.
        box: x, y, w, h in cube pixels; a pixel belongs to it when its centre does.

    Returns:
        two (bands,) spectra, float64; NaN where no pixel belongs to the region.
    """
    x, y, w, h = (float(value) for value in box)
    around = np.array([x - (RING - 1) * w / 2, y - (RING - 1) * h / 2, RING * w, RING * h])
    inner = pixels_inside(box, sequence.height, sequence.width)
    outer = pixels_inside(around, sequence.height, sequence.width)
    x0, y0, x1, y1 = outer
    nothing = np.full(sequence.bands, np.nan)
    if x0 >= x1 or y0 >= y1:
        return nothing, nothing.copy()
    region = sequence.read(index, outer).astype(np.float64)
    inside = np.zeros(region.shape[:2], dtype=bool)
    inside[max(0, inner[1] - y0) : max(0, inner[3] - y0), max(0, inner[0] - x0) : max(0, inner[2] - x0)] = True
    data = pixels_with_data(region, sequence.no_data)
    seen = np.ones_like(inside) if data is None else data
    target, background = region[inside & seen], region[~inside & seen]
    return target.mean(axis=0) if len(target) else nothing, background.mean(axis=0) if len(background) else nothing


def write_evidence(path: str | os.PathLike[str], arrays: Arrays) -> None:
    """Write as compressed .npz, whole or not at all."""
    with write_atomically(path) as temporary:
        np.savez_compressed(temporary, **arrays)  # type: ignore[arg-type]


def read_evidence(path: str | os.PathLike[str]) -> Arrays:
    """The arrays of an evidence file; empty when there is no such file.

    Raises:
        InputError: the file is damaged.
    """
    if not Path(path).is_file():
        return {}
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except Exception as error:  # a damaged archive fails in as many ways as there are bytes
        raise InputError(f"expected evidence arrays in {path}, found damage ({error}); track it again") from error
