"""Odd boxes and odd frames, tracked by the correlation filter: boxes stay finite, or a sentence says what is wrong."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from damage import pick

from hostile.judging import Kind, Trial, demand
from spectrack import load_tracker, track
from spectrack.sequences import MemorySequence

ODD_NUMBERS = (
    0.0,
    -0.0,
    -1.0,
    0.4,
    1.0,
    2.0,
    3.0,
    0.999,
    1e-9,
    1e9,
    -1e9,
    1e300,
    np.nan,
    np.inf,
    -np.inf,
    2.0**31,
    2.0**63,
    7.5,
)


@cache
def tracker():
    """The filter, made once a process."""
    return load_tracker("cf")


def make(folder: Path, rng: np.random.Generator) -> Trial:
    """A clip of three to five frames in memory, a first box, and tracking it."""
    cubes, box = frames_of(rng), box_of(rng)
    return lambda: follow(cubes, box)


def follow(cubes, box):
    if isinstance(cubes, list):
        # Frames of different sizes or types go to the tracker one by one, as from a camera.
        found = tracker()
        estimates = [found.init(cubes[0], box)] + [found.update(cube) for cube in cubes[1:]]
    else:
        estimates = list(track(MemorySequence(cubes), tracker(), box=box))
        demand(len(estimates) == len(cubes), f"{len(estimates)} estimates of {len(cubes)} frames")
    for estimate in (estimate for estimate in estimates if estimate is not None):
        values = np.asarray(estimate.box, float)
        demand(values.shape == (4,) and np.isfinite(values).all(), f"box {values}")
        demand((values[2:] > 0).all() and (values[2:] < 1e6).all(), f"box {values}")
        demand(np.isfinite(estimate.score), f"score {estimate.score}")


def frames_of(rng):
    height, width, bands = int(rng.integers(4, 40)), int(rng.integers(4, 40)), int(pick(rng, (1, 2, 3, 5, 16, 25)))
    dtype = pick(rng, (np.uint8, np.uint16, np.float32, np.float64, np.int16))
    if rng.random() < 0.1:
        dtype = pick(rng, (np.float16, np.int64, np.uint32, bool, np.complex64))
    cubes = rng.integers(0, 200, (int(rng.integers(3, 6)), height, width, bands)).astype(dtype)
    odd = pick(
        rng,
        (
            "",
            "",
            "constant",
            "zero",
            "nan",
            "inf",
            "huge",
            "tiny",
            "negative",
            "size",
            "bands",
            "type",
            "empty",
            "flat",
        ),
    )
    if odd in ("constant", "zero"):
        cubes[int(rng.integers(len(cubes)))] = 7 if odd == "constant" else 0
    elif odd in ("nan", "inf") and cubes.dtype.kind == "f":
        cubes[int(rng.integers(len(cubes))), : int(rng.integers(1, height + 1))] = np.nan if odd == "nan" else np.inf
    elif odd in ("huge", "tiny") and cubes.dtype.kind == "f":
        cubes *= np.asarray(np.finfo(dtype).max / 300 if odd == "huge" else np.finfo(dtype).tiny, dtype)
    elif odd == "negative" and cubes.dtype.kind in "if":
        cubes -= np.asarray(100, dtype)
    elif odd == "flat":
        cubes[:] = 3
    listed = list(cubes)
    if odd == "size":
        listed[-1] = listed[-1][: height - 1]
    elif odd == "bands":
        listed[-1] = listed[-1][..., : bands - 1]
    elif odd == "type":
        listed[-1] = listed[-1].astype(pick(rng, (np.uint8, np.float32, np.float64)))
    elif odd == "empty":
        listed[-1] = listed[-1][:0]
    return listed if odd in ("size", "bands", "type", "empty") else cubes


def box_of(rng):
    if rng.random() < 0.75:
        return tuple(float(value) for value in (*rng.uniform(-3, 12, 2), *rng.uniform(1, pick(rng, (4, 12, 45)), 2)))
    return tuple(float(pick(rng, ODD_NUMBERS)) if rng.random() < 0.5 else float(rng.uniform(1, 20)) for _ in range(4))


TARGETS = Kind(make, 250, tracker)
