"""Searching the frames of a sequence for a spectrum, for what is like a point, or for what is rare."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from spectrack.boxes import as_box, check_box_in_frame
from spectrack.cube import pixels_with_data
from spectrack.errors import ConfigError, CubeError, InputError, SequenceError
from spectrack.evidence.background import Moments
from spectrack.evidence.detectors import Map
from spectrack.evidence.library import LibrarySpectrum
from spectrack.evidence.options import MatchOptions
from spectrack.evidence.search import (
    FEWEST_BANDS,
    AnomalySearch,
    Region,
    Search,
    SpectralSearch,
    find_regions,
    region_at,
)
from spectrack.sensors import SENSORS
from spectrack.sequences.base import Sequence

Point = tuple[int, int]
"""Column and row of a pixel in the first frame, from 0."""

OnFrame = Callable[[int, int], None]
"""Called with frames done and frames in all."""

_AROUND = 1
"""Pixels on each side of a point that its spectrum is the mean of."""

MOST_REGIONS = 10


@dataclass(frozen=True)
class FoundRegions:
    """What a frame was found to hold.

    Attributes:
        frame: which, from 0.
        regions: those that match, the best first; may be empty.
        best: the best score of any region of the least area; 0 where there is none.
        scores: (height, width) ACE, or RX over the number of bands.
    """

    frame: int
    regions: list[Region]
    best: float
    scores: Map


def detect(
    sequence: Sequence,
    *,
    spectrum: LibrarySpectrum | None = None,
    point: Point | None = None,
    frames: Iterable[int] | None = None,
    most: int = MOST_REGIONS,
    options: MatchOptions | None = None,
) -> Iterator[FoundRegions]:
    """Regions of each frame that have a material's spectrum, or that of a point, or are rare where neither is given.

    Args:
        sequence: where to search.
        spectrum: of the material, as `spectrack.read_spectrum` gives it.
        point: column and row of a pixel of the thing in frame 0.
        frames: which frames, from 0; by default all.
        most: regions a frame, at most.
        options: what counts as a match.

    Raises:
        ConfigError: both a spectrum and a point, or options out of range.
        SequenceError: unknown wavelengths, or a spectrum that does not cover the bands.
        InputError: a point outside the frame.

    Example:
        >>> import spectrack
        >>> clip = spectrack.simulate("calm", frames=2, width=96, height=64, seed=1)
        >>> x, y, w, h = clip.first_box
        >>> found = next(spectrack.detect(clip, point=(int(x + w / 2), int(y + h / 2))))
        >>> found.frame, found.scores.shape, len(found.regions) <= 10
        (0, (64, 96), True)
    """
    chosen = options or MatchOptions()
    search = make_search(sequence, spectrum, point, chosen)
    least = 0.0 if isinstance(search, AnomalySearch) else chosen.least

    def look() -> Iterator[FoundRegions]:
        for index in range(len(sequence)) if frames is None else frames:
            try:
                cube = sequence[index]
                scores = search.map(cube, pixels_with_data(cube, sequence.no_data))
            except CubeError as error:
                raise CubeError(f"{error} (frame {index} of {sequence.name}, counted from 0)") from error
            regions = find_regions(scores, most=most, least_area=chosen.least_area)
            best = regions[0].score if regions else 0.0
            yield FoundRegions(index, [region for region in regions if region.score >= least], best, scores)

    return look()


def find_first(
    sequence: Sequence,
    *,
    spectrum: LibrarySpectrum | None = None,
    point: Point | None = None,
    options: MatchOptions | None = None,
    on_frame: OnFrame | None = None,
) -> tuple[int, Region]:
    """Where to start tracking: the first frame with a match and its best region; of a point, the region that holds it.

    Args:
        sequence: where to search.
        spectrum: of the material.
        point: column and row of a pixel of the thing in frame 0.
        options: what counts as a match.
        on_frame: called after every frame.

    Raises:
        InputError: nothing matches; and what `detect` raises.
    """
    chosen = options or MatchOptions()
    if spectrum is None and point is not None:
        return 0, _region_of_point(sequence, point, chosen)
    if spectrum is None:
        raise ConfigError("expected a spectrum or a point to start from, found neither; give one of them")
    best, best_frame = 0.0, 0
    for found in detect(sequence, spectrum=spectrum, point=point, most=1, options=chosen):
        if on_frame is not None:
            on_frame(found.frame + 1, len(sequence))
        if found.regions:
            return found.frame, found.regions[0]
        if found.best > best:
            best, best_frame = found.best, found.frame
    raise InputError(
        f"expected a region like {spectrum.name} with a score of at least {chosen.least:g} in {sequence.name}, found "
        f"{best:.2f} at most (frame {best_frame}); lower --least, or give --point or --box"
    )


def make_search(
    sequence: Sequence, spectrum: LibrarySpectrum | None, point: Point | None, options: MatchOptions
) -> Search:
    """The statistic for what is searched for; see `detect`."""
    if not 0 <= options.least <= 1 or options.least_area < 1:
        raise ConfigError(
            f"expected a least score from 0 to 1 and a least area of 1 pixel, found {options.least:g} and "
            f"{options.least_area}; 0.5 and 4 are usual"
        )
    if spectrum is not None and point is not None:
        raise ConfigError("expected a spectrum or a point, found both; give one of them")
    if point is not None:
        return SpectralSearch(_spectrum_at(sequence, point), lit=False)
    if spectrum is None:
        return AnomalySearch()
    light = _light(sequence, options.light)
    # Reflectances need no light to be compared with reflectances.
    lit = options.light == "scene" and sequence.unit == "counts"
    return SpectralSearch(_in_bands_of(sequence, spectrum) * light, lit=lit)


def _in_bands_of(sequence: Sequence, spectrum: LibrarySpectrum) -> Moments:
    """(bands,) the spectrum as the camera sees it; NaN in bands that it does not cover."""
    if sequence.bands < FEWEST_BANDS:
        raise SequenceError(
            f"expected at least {FEWEST_BANDS} bands to tell a spectrum by, found {sequence.bands} in {sequence.name}; "
            "give --point or --box"
        )
    centres = sequence.wavelengths_nm
    if centres is None:
        raise SequenceError(
            f"expected band centres to compare {spectrum.name} with, found none for {sequence.name}; write them as "
            "wavelengths_nm into a sequence.json beside the frames, or give --point"
        )
    camera = SENSORS.get(sequence.sensor or "")
    fwhm = camera.fwhm_nm if camera is not None and camera.bands == sequence.bands else None
    seen = spectrum.in_bands(centres, fwhm)
    if np.isfinite(seen).sum() < FEWEST_BANDS or not (seen > 0).any():
        low, high = spectrum.wavelengths_nm[[0, -1]]
        raise SequenceError(
            f"expected a spectrum over the bands of {sequence.name}, {min(centres):g} to {max(centres):g} nm, found "
            f"{spectrum.name} from {low:g} to {high:g} nm, which covers {int(np.isfinite(seen).sum())} of "
            f"{sequence.bands}; give one that covers at least {FEWEST_BANDS}"
        )
    return seen


def _light(sequence: Sequence, light: str) -> Moments:
    """(bands,) what a reflectance is multiplied by beforehand: the light on a white thing, or 1."""
    if light in ("scene", "none"):
        return np.ones(sequence.bands)
    try:
        white = as_box([float(part) for part in light.split(",")])
    except ValueError as error:
        raise ConfigError(
            f"expected scene, none or the box x,y,w,h of a white thing as light, found {light!r}; scene is usual"
        ) from error
    check_box_in_frame(white, sequence.height, sequence.width)
    (x0, y0), (x1, y1) = np.floor(white[:2]).astype(int), np.ceil(white[:2] + white[2:]).astype(int)
    area = sequence.read(0, (max(x0, 0), max(y0, 0), min(x1, sequence.width), min(y1, sequence.height)))
    return np.asarray(area.reshape(-1, sequence.bands).mean(axis=0, dtype=np.float64))


def _spectrum_at(sequence: Sequence, point: Point) -> Moments:
    """(bands,) mean of the pixels around a point of frame 0."""
    x, y = point
    if not (0 <= x < sequence.width and 0 <= y < sequence.height):
        raise InputError(
            f"expected a point inside the frame of {sequence.width} x {sequence.height} cube pixels, found {x},{y}; "
            "points are column,row from 0"
        )
    x1, y1 = min(x + _AROUND + 1, sequence.width), min(y + _AROUND + 1, sequence.height)
    area = sequence.read(0, (max(x - _AROUND, 0), max(y - _AROUND, 0), x1, y1))
    spectrum = area.reshape(-1, sequence.bands).mean(axis=0, dtype=np.float64)
    if not spectrum.any():
        raise InputError(f"expected light at the point {x},{y} of {sequence.name}, found none; choose another point")
    return np.asarray(spectrum)


def _region_of_point(sequence: Sequence, point: Point, options: MatchOptions) -> Region:
    """What a point of frame 0 lies in."""
    cube = sequence[0]
    scores = make_search(sequence, None, point, options).map(cube, pixels_with_data(cube, sequence.no_data))
    region = region_at(scores, *point)
    if region is None or region.score < options.least or region.area < options.least_area:
        area, score = (0, 0.0) if region is None else (region.area, region.score)
        raise InputError(
            f"expected at least {options.least_area} pixels alike around the point {point[0]},{point[1]} of "
            f"{sequence.name}, found {area} with a score of {score:.2f}; choose a point in the thing's middle, lower "
            "--least, or give --box"
        )
    return region
