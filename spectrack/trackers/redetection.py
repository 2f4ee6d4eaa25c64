"""Whole-frame re-detection: how a target is known to be lost, and how it is found again wherever it comes back.

A Siamese network is as sure of a post or a look-alike as of its target; the spectrum is not. So a frame is doubted as
well where the box holds little of the target's spectrum, and once enough frames on end were doubted, the whole frame is
searched: matched filter, ACE on its best places (`evidence.whole_frame`), and the mixtures' likelihood in a coarse view
of the frame (`spectral_witness`). What was elsewhere while the target was still seen is a stranger and is kept apart.
The network looks at the few best places that are left; a place is taken where network, ACE and likelihood agree and the
box has the target's size and shape. Where the first frame's spectra cannot tell the target, the network alone looks at
a grid of places, a few a frame, and must find the same thing twice. Until then the tracker goes on following what it
sees, so nothing is given up by a wrong doubt. All rules are ours.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spectrack.boxes import Box, iou
from spectrack.cube import Cube
from spectrack.evidence.regions import are_apart, box_around
from spectrack.evidence.whole_frame import FrameSearch, Place
from spectrack.grid import SEARCH_SIZE_PX
from spectrack.sequences.frames import Frame
from spectrack.trackers.crop import CropWindow
from spectrack.trackers.online import Choice, TargetState
from spectrack.trackers.spectral_witness import SpectralWitness, search_region

_TELLS = 0.3
"""Trust in the spectra below which the network searches alone."""

_FAINT, _ABSENT = 0.35, 0.25
"""Evidence in the box over what is usual: below the first of the mixtures ACE is asked, and where both together are
below the second, the target is not in it.
"""

_KNOWN = 0.85
"""Share of the surroundings that the mixtures know, over that of the first frame, below which they know nothing of the
target either: at night, say.
"""

_SURELY_THERE = 0.8
"""ACE's evidence over what is usual, from which the mixtures are not asked."""

_KEPT = 0.4
"""Usual evidence over that of the first frame, below which the spectra no longer promise anything."""

_RATE = 0.1
"""Weight of a frame in running means."""

_MOST_USUAL = 1.5
_SEEN = 0.5
"""Score from which a frame counts into them."""

_PROPOSED, _LOOKED_AT = 4, 2
"""Places that ACE and the likelihood propose each, and how many of them the network looks at."""

_STEP = 1.5
"""In sides of the target: a thing moves no farther in a frame."""

_PROMISING = 0.5
"""Evidence over the usual that a place needs to be looked at."""

_AGREES, _ABOVE_RIVALS, _MOST_RIVAL = 0.55, 0.4, 0.75
"""Evidence over the usual that a box needs: of mixtures and ACE together, and of the mixtures alone, as a share of the
way from the highest evidence elsewhere in the first frame, at most the last share of the usual one, to the usual one.
"""

_SURE, _TOGETHER = 0.5, 0.5
"""The network's score over its usual one that a place needs, and what both must be when multiplied."""

_MOST_SIZE, _MOST_SHAPE = 1.7, 2.0
"""Factors by which size (root of area) and sides' ratio may differ."""

_ALONE, _CROPS, _SAME = 0.95, 3, 0.3
"""Without spectra: score over the usual one, crops a frame, IoU of two finds of one thing."""

_STRIDE = 0.6
"""Grid of places in sides of the search region."""

Look = Callable[[TargetState, CropWindow], tuple[Choice, dict[str, Any]]]
"""The network's choice in a window of the frame for a target of a state's size, and its evidence."""


class Found(NamedTuple):
    """Where the target was found.

    Attributes:
        box: x, y, w, h in cube pixels.
        choice: the network's.
        window: the search region in which it was made.
        evidence: the network's for it.
    """

    box: Box
    choice: Choice
    window: CropWindow
    evidence: dict[str, Any]


class Redetection:
    """Watches over one target in one video: on every frame `absent` before the target moves, and `follow` after that.

    Args:
        cube: the first frame, (height, width, bands).
        box: the target in it, cube pixels.
        witness: what the mixtures say of any place.
    """

    def __init__(self, cube: Cube, box: Box, witness: SpectralWitness) -> None:
        self._witness = witness
        self._search = FrameSearch(cube, box) if witness.trust >= _TELLS else None
        self._size, self._score, self._kept, self._kept_by_ace = box[2:].copy(), 1.0, 1.0, 1.0
        self._strangers: list[NDArray[np.float64]] = []
        self._last_sure: tuple[Frame, Box] | None = None
        self._grid: list[NDArray[np.float64]] = []
        self._pending: Box | None = None

    def absent(self, frame: Frame, choice: Choice, window: CropWindow, state: TargetState) -> bool:
        """Whether the target's spectrum is missing where the network sees the target.

        Args:
            frame: the frame.
            choice: the network's.
            window: its search region.
            state: of the target before it moves there.
        """
        if self._search is None or self._kept < _KEPT:
            return False
        box = window.to_frame(choice.box, SEARCH_SIZE_PX)
        if state.lost:
            # What is lost has to show as much here as anywhere else.
            return self._agreement(frame, box) < _AGREES
        if state.prior is None:
            by_ace = self._search.support(frame, box)
            if self._search.sees and by_ace >= _SURELY_THERE * self._kept_by_ace:
                self._kept_by_ace += _RATE * (min(by_ace, _MOST_USUAL) - self._kept_by_ace)
                return False
            there = self._witness.support(frame, box)
        else:
            there = state.prior.support(choice.box)
        if there.explained < _KNOWN * self._witness.explained:
            return False
        if there.evidence < _FAINT * self._kept and self._together(frame, box, there.evidence) < _ABSENT:
            return True
        if choice.score >= _SEEN:
            self._kept += _RATE * (min(there.evidence, _MOST_USUAL) - self._kept)
        return False

    def follow(self, frame: Frame, state: TargetState, score: float, look: Look) -> Found | None:
        """Learn where the target is while it is not doubted, and look for it in the whole frame while it is lost.

        Args:
            frame: the frame.
            state: of the target after it has moved; it jumps to where the target is found.
            score: the network's.
            look: asks the network about another window of the frame.

        Returns:
            Where the target was found again; None in all other frames.
        """
        if not state.lost:
            if state.doubtful_frames == 0 and score >= _SEEN:
                self._size, self._last_sure = state.box[2:].copy(), (frame, state.box.copy())
                self._score += _RATE * (score - self._score)
                self._grid, self._strangers, self._pending = [], [], None
            return None
        find = self._by_appearance if self._search is None else self._by_spectrum
        found = find(frame, state, look)
        if found is None:
            return None
        # A first look at a target is a rough one: the size half way from the last known.
        centre, size = found.box[:2] + found.box[2:] / 2, np.sqrt(found.box[2:] * self._size)
        state.jump(box_around(centre, size))
        return found._replace(box=state.box.copy())

    def _by_spectrum(self, frame: Frame, state: TargetState, look: Look) -> Found | None:
        if self._last_sure is not None:
            # What was elsewhere while the target was still seen is not the target.
            self._strangers, self._last_sure = self._others(*self._last_sure), None
        best, most = None, _TOGETHER
        for place in self._likely(frame)[:_LOOKED_AT]:
            found = self._asked(place.centre, state, look)
            agreed, sure = self._agreement(frame, found.box), min(found.choice.score / self._score, 1.0)
            if agreed >= _AGREES and sure >= _SURE and agreed * sure >= most and self._fits(found.box):
                best, most = found, agreed * sure
        return best

    def _agreement(self, frame: Frame, box: Box) -> float:
        """How far both kinds of evidence show the target in a box, 0..1; 0 where something else had nearly as much."""
        likely, rival = self._witness.support(frame, box).evidence, min(self._witness.rival, _MOST_RIVAL * self._kept)
        if likely < rival + _ABOVE_RIVALS * (self._kept - rival):
            return 0.0
        return self._together(frame, box, likely)

    def _together(self, frame: Frame, box: Box, likely: float) -> float:
        """Geometric mean of the mixtures' evidence in a box and of ACE's, each over its usual one, 0..1."""
        shares = [likely / self._kept]
        if self._search is not None and self._search.sees:
            shares.append(self._search.support(frame, box) / self._kept_by_ace)
        return float(np.prod(np.clip(shares, 0.0, 1.0)) ** (1 / len(shares)))

    def _likely(self, frame: Frame) -> list[Place]:
        """Places with enough of the target's spectrum that are no strangers', cube pixels; the best first."""
        places = self._proposed(frame)
        for number, stranger in enumerate(self._strangers):
            away = [float(np.abs((place.centre - stranger) / self._size).max()) for place in places]
            if away and min(away) <= _STEP:
                self._strangers[number] = places.pop(int(np.argmin(away))).centre
        # A closer look at a place beside a stranger may end on the stranger.
        likely = self._promising(frame, places)
        return [place for place in likely if all(self._apart(place.centre, other) for other in self._strangers)]

    def _others(self, frame: Frame, box: Box) -> list[NDArray[np.float64]]:
        """Places that promise to be the target's in a frame where it is known to be in a box, beside that."""
        centre = box[:2] + box[2:] / 2
        places = [place for place in self._proposed(frame) if self._apart(place.centre, centre)]
        return [place.centre for place in self._promising(frame, places) if self._apart(place.centre, centre)]

    def _proposed(self, frame: Frame) -> list[Place]:
        """Different places that one of the two searches of the whole frame proposes."""
        found: list[Place] = []
        proposed = self._witness.places(frame, self._size, _PROPOSED)
        if self._search is not None:
            proposed += self._search.places(frame.whole(), self._size, _PROPOSED)
        for place in proposed:
            if all(self._apart(place.centre, other.centre) for other in found):
                found.append(place)
        return found

    def _promising(self, frame: Frame, places: list[Place]) -> list[Place]:
        """Those that still promise something when they are looked at closely; the best first."""
        sharp = [self._witness.sharpened(frame, box_around(place.centre, self._size)) for place in places]
        likely = [place for place in sharp if place.support >= _PROMISING * self._kept]
        return sorted(likely, key=lambda place: -place.support)

    def _apart(self, one: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
        """Whether two places are those of different things."""
        return bool(are_apart(one, other, self._size))

    def _by_appearance(self, frame: Frame, state: TargetState, look: Look) -> Found | None:
        """The network on the next few places of a grid; the second find of one thing counts."""
        if not self._grid:
            self._grid = self._places(frame, state.box[:2] + state.box[2:] / 2)
        expected = self._pending
        places = [] if expected is None else [expected[:2] + expected[2:] / 2]
        while self._grid and len(places) < _CROPS:
            places.append(self._grid.pop(0))
        self._pending, most = None, _ALONE * self._score
        for place in places:
            found = self._asked(place, state, look)
            if found.choice.score < most or not self._fits(found.box):
                continue
            if expected is not None and float(iou(found.box, expected)) >= _SAME:
                return found
            self._pending, most = found.box, found.choice.score
        return None

    def _places(self, frame: Frame, centre: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        """Middles of a grid of windows that cover the frame, the nearest to a place first."""
        stride = _STRIDE * search_region(box_around(centre, self._size)).side
        axes = []
        for side in (frame.shape[1], frame.shape[0]):
            count = max(1, round(side / stride))
            axes.append((np.arange(count) + 0.5) * side / count)
        grid = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2)
        return list(grid[np.argsort(np.hypot(*(grid - centre).T), kind="stable")])

    def _asked(self, place: NDArray[np.float64], state: TargetState, look: Look) -> Found:
        """What the network finds around a place, cube pixels."""
        expected = box_around(place, self._size)
        window = search_region(expected)
        choice, evidence = look(state.elsewhere(expected), window)
        return Found(window.to_frame(choice.box, SEARCH_SIZE_PX), choice, window, evidence)

    def _fits(self, box: Box) -> bool:
        """Whether a box has about the target's size and shape."""
        wider, higher = np.log(box[2:] / self._size)
        return bool(abs(wider + higher) / 2 <= np.log(_MOST_SIZE) and abs(wider - higher) <= np.log(_MOST_SHAPE))
