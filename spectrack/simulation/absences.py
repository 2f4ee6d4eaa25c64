"""Long absences: paths behind a screen, and out of the frame, that come into view again somewhere else.

Three acts: the target is seen, is away or hidden for about a third of the video, and is seen again.
Nothing jumps: behind the screen it walks on, and outside it walks around the frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from spectrack.simulation import motion
from spectrack.simulation.casting import WALL_ASPECT
from spectrack.simulation.setting import Setting

Area = tuple[float, float, float, float]


@dataclass(frozen=True)
class Walk:
    """What a path is made for.

    Attributes:
        frames: number of frames.
        height, width: of the image, pixels.
        size: the target's largest size, pixels.
        step: mean motion per frame, pixels.
        restless: turning, radians per frame.
    """

    frames: int
    height: int
    width: int
    size: float
    step: float
    restless: float


def absent_path(setting: Setting, walk: Walk) -> motion.Track:
    """(frames, 2) image positions of a target that is behind its screen or out of the frame for long."""
    rng = setting.stream("absence")
    return _behind(rng, walk, setting) if setting.scenario.absence == "behind" else _away(rng, walk)


def screen_place(setting: Setting) -> tuple[NDArray[np.float64], float]:
    """Centre of the screen in world pixels, and half its height: it stands in the middle, from below to above."""
    across = setting.stream("screen").uniform(0.46, 0.54)
    return np.array([setting.width * across, setting.height / 2]), 0.56 * setting.height


def _behind(rng: np.random.Generator, walk: Walk, setting: Setting) -> motion.Track:
    (middle, _), half_height = screen_place(setting)
    half, margin = WALL_ASPECT * half_height, 0.6 * walk.size + 2
    mirrored, through = bool(rng.random() < 0.5), bool(rng.random() < 0.67)

    def side(right: bool) -> Area:
        """Where the target is seen whole on one side of the screen."""
        low, high = (middle + half + margin, walk.width - margin) if right else (margin, middle - half - margin)
        return low, margin, max(high, low + 4), walk.height - margin

    first, last = side(mirrored), side(mirrored if not through else not mirrored)
    seen, hidden = _acts(rng, walk)
    before = motion.wander(rng, seen, walk.step, first, restless=walk.restless)
    rows = np.linspace(margin, walk.height - margin, 64)
    far = rows[np.abs(rows - before[-1, 1]) > 0.35 * walk.height]
    row = float(rng.choice(far if far.size else rows))
    inner = half - 0.8 * walk.size
    entry, leaving = ((1.0 if right else -1.0) * inner + middle for right in (mirrored, mirrored ^ through))
    away = np.array([[entry, before[-1, 1]], [leaving, row]])
    door = np.array([last[0] if last[0] > middle else last[2], row])
    return _joined(rng, walk, before, away, hidden, door, last)


def _away(rng: np.random.Generator, walk: Walk) -> motion.Track:
    margin, outside = 0.6 * walk.size + 2, 0.75 * walk.size + 6
    area = (margin, margin, walk.width - margin, walk.height - margin)
    seen, hidden = _acts(rng, walk)
    before = motion.wander(rng, seen, walk.step, area, restless=walk.restless)
    low, high = np.full(2, -outside), np.array([walk.width, walk.height]) + outside
    x, y = before[-1]
    exits = [np.array(p) for p in ((low[0], y), (x, low[1]), (high[0], y), (x, high[1]))]  # left, top, right, bottom
    way = int(np.argmin([np.linalg.norm(p - before[-1]) for p in exits]))
    turn = int(rng.choice([1, -1, 2]))
    back = (way + turn) % 4
    share = rng.uniform(0.3, 0.7)
    place = low + share * (high - low)
    entry = [np.array(p) for p in ((low[0], place[1]), (place[0], low[1]), (high[0], place[1]), (place[0], high[1]))]
    corners = [low, np.array([high[0], low[1]]), high, np.array([low[0], high[1]])]  # corner i lies after edge i
    passed = [corners[(way + k) % 4] for k in range(turn)] if turn > 0 else [corners[(way - 1) % 4]]
    around = np.stack([exits[way], *passed, entry[back]])
    door = np.clip(entry[back], (area[0], area[1]), (area[2], area[3]))
    inward = np.array([walk.width, walk.height]) / 2 - door
    door = door + inward / np.linalg.norm(inward) * 1.5 * walk.size
    return _joined(rng, walk, before, around, hidden, door, area)


def _acts(rng: np.random.Generator, walk: Walk) -> tuple[int, int]:
    """Frames of the first act and of the absence."""
    return int(walk.frames * rng.uniform(0.2, 0.24)), int(walk.frames * rng.uniform(0.26, 0.3))


def _joined(
    rng: np.random.Generator,
    walk: Walk,
    before: motion.Track,
    away: NDArray[np.float64],
    hidden: int,
    door: NDArray[np.float64],
    area: Area,
) -> motion.Track:
    """The three acts as one smooth path: off to the first point of `away`, along it, out at the `door`, and on."""
    pace = 2.0 * walk.step
    points = np.concatenate([before[-1:], away, door[None]])
    lengths = np.linalg.norm(np.diff(points, axis=0), axis=1)
    inner = lengths[1:-1] / max(float(lengths[1:-1].sum()), 1e-9) * hidden
    spans = np.concatenate([[lengths[0] / pace], inner, [lengths[-1] / pace]])
    times = np.concatenate([[0.0], np.cumsum(np.maximum(spans, 1.0))])
    going = PchipInterpolator(times, points)(np.arange(1.0, times[-1]))
    left = max(walk.frames - len(before) - len(going), 1)
    after = motion.wander(rng, left, walk.step, area, restless=walk.restless)
    after = motion.reflected(after - after[0] + door, area)
    return np.asarray(np.concatenate([before, going, after])[: walk.frames])
