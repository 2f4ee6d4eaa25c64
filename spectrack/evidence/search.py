"""Where something is in a whole frame that nobody has drawn a box around: by a library spectrum, by the spectrum at a
point, or because it is rare.

A spectrum is searched by two statistics about the origin, so that neither its scale nor the shading of a pixel counts:
with R the second moment of the frame's pixels x and t the spectrum,

    filter   t R^-1 x / mean(x)                              a product a pixel; the best quarter are candidates
    ACE      +-(t R^-1 x)^2 / (t R^-1 t  x R^-1 x)           on candidates, 0 elsewhere

A reflectance r becomes counts by the light of the frame, t = r * l, with l the frame's mean spectrum: as if the things
in view were grey on average. Anomalies are RX over the number of bands: 1 in the mean.

A region is what lies together above half of its best score, in the map's mean over 3 x 3 pixels.

Sources of the statistics: see `spectrack.evidence.detectors`. Light as the mean spectrum: internal average relative
reflectance, Kruse, Remote Sens. Environ. 24, 1988. Ours: candidates by the filter over brightness, and the regions.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, takewhile

import cv2
import numpy as np
from numpy.typing import NDArray

from spectrack.boxes import Box, box_of_mask
from spectrack.cube import Cube, check_cube
from spectrack.evidence.background import Background, Moments
from spectrack.evidence.detectors import Map
from spectrack.evidence.sample import Pixels
from spectrack.evidence.whitening import Whitening

FEWEST_BANDS = 4
"""Of three bands, two ratios are left that tell things apart: every blue thing matches."""

_MOST_PIXELS = 8192
_CANDIDATES = 0.25
_AROUND = 3
"""Side of what a score is averaged over: noise of a pixel is no thing."""

_SHARE_OF_BEST = 0.5


@dataclass(frozen=True)
class Region:
    """Pixels that belong together.

    Attributes:
        box: x, y, w, h, tight, in cube pixels.
        score: the best mean over 3 x 3 pixels.
        area: pixels in it.
    """

    box: Box
    score: float
    area: int


class Search(ABC):
    """A statistic of whole frames."""

    @abstractmethod
    def map(self, cube: Cube, seen: NDArray[np.bool_] | None = None) -> Map:
        """(height, width) float32, higher where a pixel is more like what is searched for.

        Args:
            cube: a frame, (height, width, bands).
            seen: (height, width) its pixels that have data; None for all. The others score 0.
        """


class SpectralSearch(Search):
    """ACE with a known spectrum.

    Args:
        spectrum: (bands,); NaN in bands in which it is not known, which are not looked at.
        lit: whether it is a reflectance that the mean spectrum of each frame turns into counts.
    """

    def __init__(self, spectrum: Moments, *, lit: bool) -> None:
        self._known = np.isfinite(spectrum)
        self._spectrum, self._lit = spectrum[self._known], lit

    def map(self, cube: Cube, seen: NDArray[np.bool_] | None = None) -> Map:
        """-1 to 1; 0 where the filter finds no candidate."""
        pixels, sample = _pixels(cube, self._known, seen)
        mean = sample.mean(axis=0, dtype=np.float64)
        target = self._spectrum * (mean if self._lit else mean > 0)  # a dead band tells nothing
        white = Whitening.of(Background.of(sample, about=np.zeros(len(target))), target)
        bands = pixels.shape[1]
        brightness = np.maximum(pixels @ np.full(bands, 1 / bands, dtype=np.float32), np.finfo(np.float32).tiny)
        filtered = white.matched(pixels) / brightness
        others = int((1 - _CANDIDATES) * len(filtered))
        chosen = (filtered >= np.partition(filtered, others)[others]) & (filtered > 0)
        found = np.zeros(len(pixels), dtype=np.float32)
        found[chosen] = white.cosine(pixels[chosen])
        return _where_seen(found.reshape(cube.shape[:2]), seen)


class AnomalySearch(Search):
    """RX over the number of bands: how rare the spectrum of a pixel is in its frame."""

    def map(self, cube: Cube, seen: NDArray[np.bool_] | None = None) -> Map:
        """At least 0, 1 in the mean."""
        pixels, sample = _pixels(cube, np.ones(cube.shape[2], dtype=bool), seen)
        white = Whitening.of(Background.of(sample))
        return _where_seen(np.asarray(white.distance(pixels) / cube.shape[2]).reshape(cube.shape[:2]), seen)


def find_regions(scores: Map, *, most: int, least: float = 0.0, least_area: int = 1) -> list[Region]:
    """The best regions of a map, the best first.

    Args:
        scores: (height, width).
        most: how many at most.
        least: score that a region must reach.
        least_area: pixels that it must have.

    Example:
        >>> scores = np.zeros((20, 30), np.float32)
        >>> scores[4:9, 10:16] = 0.8
        >>> scores[12:16, 2:6] = 0.6
        >>> [(region.box.tolist(), region.area) for region in find_regions(scores, most=5, least=0.5)]
        [([10.0, 4.0, 6.0, 5.0], 26), ([2.0, 12.0, 4.0, 4.0], 12)]
    """
    enough = takewhile(lambda region: region.score >= least, (region for region, _ in _regions(scores)))
    return list(islice((region for region in enough if region.area >= least_area), most))


def region_at(scores: Map, x: int, y: int) -> Region | None:
    """The region of a map that a pixel lies in or on the rim of; None where its score is not above 0."""
    return next((region for region, taken in _regions(scores) if taken[y, x]), None)


def _regions(scores: Map) -> Iterator[tuple[Region, NDArray[np.bool_]]]:
    """Regions, the best first, and the pixels (height, width) that each takes from later ones: its own and its rim."""
    left = np.asarray(cv2.blur(scores, (_AROUND, _AROUND), borderType=cv2.BORDER_REPLICATE), dtype=np.float32)
    while True:
        _, best, _, (x, y) = cv2.minMaxLoc(left)
        if best <= 0:
            return
        _, labels = cv2.connectedComponents((left >= _SHARE_OF_BEST * best).astype(np.uint8), connectivity=4)
        mask = labels == labels[y, x]
        taken = cv2.dilate(mask.astype(np.uint8), np.ones((_AROUND, _AROUND), np.uint8)) > 0
        left[taken] = 0
        box = box_of_mask(mask)
        if box is not None:
            yield Region(box, float(best), int(mask.sum())), taken


def _where_seen(scores: Map, seen: NDArray[np.bool_] | None) -> Map:
    return scores if seen is None else np.where(seen, scores, np.float32(0))


def _pixels(cube: Cube, known: NDArray[np.bool_], seen: NDArray[np.bool_] | None) -> tuple[Pixels, Pixels]:
    """(n, bands) all pixels in the bands that are known, and a sample of those with data for statistics."""
    check_cube(cube, name="the frame")
    flat = cube.reshape(-1, cube.shape[2])
    flat = np.asarray(flat if known.all() else flat[:, known], dtype=np.float32)
    known_ones = flat if seen is None or not seen.any() else flat[seen.ravel()]
    return flat, known_ones[:: -(-len(known_ones) // _MOST_PIXELS)]
