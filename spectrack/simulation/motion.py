"""Motion: paths, size changes, turns and small tremors, as values per frame.

Speeds are meant in object sizes per frame, from the truth boxes of 72 real sequences: the median frame moves the centre
by 0.042 sizes (quartiles over sequences 0.025 and 0.053), the 95th percentile of frames by 0.105; within 80 frames the
centre travels 1.7 sizes (95 %: 8.6), the size changes 1.5-fold (95 %: 3.2) and the aspect ratio 1.5-fold (95 %: 2.4).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Track = NDArray[np.float64]
"""(frames,) or (frames, 2) values per frame."""


def smooth_noise(rng: np.random.Generator, frames: int, length: float, columns: int = 1) -> Track:
    """(frames, columns) zero-mean, unit-variance noise that changes over about `length` frames."""
    radius = int(np.ceil(3 * length))
    window = np.exp(-((np.arange(-radius, radius + 1) / max(length, 1e-6)) ** 2))
    noise = rng.normal(size=(frames + 2 * radius, columns))
    smooth = np.stack([np.convolve(noise[:, index], window, mode="valid") for index in range(columns)], axis=1)
    return np.asarray(smooth / np.linalg.norm(window))


def wander(
    rng: np.random.Generator,
    frames: int,
    speed_px: float,
    area: tuple[float, float, float, float],
    *,
    restless: float = 0.12,
) -> Track:
    """A path that keeps going, turns slowly and turns away from the edges of its area.

    Args:
        rng: the only source of randomness.
        frames: number of positions.
        speed_px: mean length of a step in pixels; single steps vary smoothly around it.
        area: ``x0, y0, x1, y1`` in pixels the path stays inside.
        restless: standard deviation of the turn per frame, radians.

    Returns:
        (frames, 2) positions.
    """
    low, high = np.array(area[:2]), np.array(area[2:])
    pace = speed_px * np.exp(0.35 * smooth_noise(rng, frames, 12.0)[:, 0])
    turns = restless * smooth_noise(rng, frames, 6.0)[:, 0]
    position = rng.uniform(low + 0.15 * (high - low), high - 0.15 * (high - low))
    heading = rng.uniform(0, 2 * np.pi)
    path = np.empty((frames, 2))
    for t in range(frames):
        path[t] = position
        step = np.array([np.cos(heading), np.sin(heading)])
        # Steer back before the wall: distances are in steps, so fast paths turn earlier.
        ahead = position + step * pace[t] * 8
        push = np.where(ahead < low, low - ahead, np.where(ahead > high, high - ahead, 0.0))
        if push.any():
            away = np.arctan2(*(step + 0.5 * push / np.linalg.norm(push))[::-1])
            heading += np.clip((away - heading + np.pi) % (2 * np.pi) - np.pi, -0.4, 0.4)
        heading += turns[t]
        position = np.clip(position + np.array([np.cos(heading), np.sin(heading)]) * pace[t], low, high)
    return path


def leaps(
    rng: np.random.Generator, path: Track, size_px: float, count: int, area: tuple[float, float, float, float]
) -> Track:
    """A path with leaps of one to two object sizes within two frames: a grasshopper, a dropped frame, a throw."""
    frames, moved = len(path), path.copy()
    low, high = np.array(area[:2]), np.array(area[2:])
    # The first frames stay calm, so that a tracker gets to know the object.
    for at in np.sort(
        rng.choice(np.arange(8, max(frames - 4, 9)), size=min(count, max(frames - 12, 1)), replace=False)
    ):
        if at + 1 >= frames:
            break
        angle, length = rng.uniform(0, 2 * np.pi), rng.uniform(1.0, 2.0) * size_px
        jump = length * np.array([np.cos(angle), np.sin(angle)])
        outside = (moved[at] + jump < low) | (moved[at] + jump > high)
        jump = np.where(outside, -jump, jump)
        moved[at:] += 0.5 * jump
        moved[at + 1 :] += 0.5 * jump
    return reflected(moved, area)


def reflected(path: Track, area: tuple[float, float, float, float]) -> Track:
    """The path folded back at the edges of an area, so that it stays inside without jumps."""
    low, high = np.array(area[:2]), np.array(area[2:])
    span = np.maximum(high - low, 1e-9)
    return np.asarray(low + span - np.abs((path - low) % (2 * span) - span))


def excursion(path: Track, start: int, length: int, shift: tuple[float, float]) -> Track:
    """The path pushed aside by `shift` pixels and back, smoothly, during `length` frames from `start`."""
    moved = path.copy()
    stop = min(start + length, len(path))
    bump = np.sin(np.pi * np.arange(stop - start) / max(length - 1, 1)) ** 2
    # Flattening the top keeps the object away for a good part of the time.
    moved[start:stop] += np.minimum(1.0, 1.6 * bump)[:, None] * np.array(shift)
    return moved


def scale_track(rng: np.random.Generator, frames: int, ratio: float) -> Track:
    """(frames,) factors of size, 1 in frame 0, the largest about `ratio` times the smallest, on a slow smooth course.

    Small changes go either way; from twofold on things come nearer: what recedes that much ends as a few pixels.
    """
    if ratio <= 1.0 or frames < 2:
        return np.ones(frames)
    way = 1.0 if ratio >= 2.0 else float(rng.choice([-1.0, 1.0]))
    course = smooth_noise(rng, frames, frames / 3.0)[:, 0] + way * np.linspace(-1.5, 1.5, frames)
    course = (course - course[0]) / np.ptp(course)
    return np.asarray(np.exp(np.log(ratio) * course))


def turn_track(rng: np.random.Generator, frames: int, rate: float, wobble: float = 0.0) -> Track:
    """(frames,) angles in radians: a steady `rate` per frame with a random sign, plus a slow `wobble`."""
    steady = rate * rng.choice([-1.0, 1.0]) * np.arange(frames)
    return np.asarray(steady + wobble * smooth_noise(rng, frames, max(frames / 10.0, 4.0))[:, 0])


def tremor(rng: np.random.Generator, frames: int, amplitude_px: float) -> Track:
    """(frames, 2) the small shake of a hand-held or wind-blown camera."""
    return np.asarray(amplitude_px * smooth_noise(rng, frames, 1.5, 2))
