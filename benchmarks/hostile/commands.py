"""Whole commands over a small clip with odd words, values and places: exit status 0, 1 or 2, and never a trace."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from damage import pick

from hostile.judging import Kind, Trial, command
from spectrack import write_boxes

NUMBERS = (
    "-1",
    "0",
    "1",
    "2",
    "nan",
    "inf",
    "1e308",
    "99999999999999999999",
    "0.5",
    "x",
    "",
    " ",
    "1,2",
    "٣",
    "1e-320",
    "--",
    "-",
)
BOXES = (
    "1,2,8,8",
    "4,4,0,0",
    "nan,1,2,3",
    "1 2 3 4",
    "0,0,1e9,1e9",
    "-5,-5,9,9",
    "0,0,24,20",
    "23,19,1,1",
    "1;2;3;4",
    "[1,2,3,4]",
    "a",
    "",
)
PLACES = (
    "clip",
    "clip/0001.npy",
    "nowhere",
    "",
    ".",
    "/dev/null",
    "clip/../clip",
    "x" * 300,
    "a\nb",
    "\x1b[2J",
    "[/b]",
    "~nobody/x",
    "results",
    "loop",
)
OPTIONS = {
    "track": (
        "--box",
        "--sensor",
        "--axes",
        "--variable",
        "--format",
        "--pattern",
        "--no-data",
        "--origin",
        "--set",
        "--truth",
        "--box-from",
        "--point",
        "--spectrum",
        "--protocol",
    ),
    "simulate": ("--frames", "--width", "--height", "--seed", "--sensor", "--scenario", "--fps"),
    "evaluate": ("--protocol", "--truth", "--origin", "--write-as", "--resamples"),
    "data": ("--format", "--stream", "--list", "--sensor"),
    "report": ("--strips", "--truth", "--protocol", "--title"),
}


@cache
def cubes():
    """Frames of a bright square that moves."""
    found = np.random.default_rng(5).integers(0, 60, (3, 20, 24, 16)).astype(np.uint16)
    for i in range(3):
        found[i, 5:11, 4 + i : 12 + i] += 200
    return found


def make(folder: Path, rng: np.random.Generator) -> Trial:
    """A command line in a folder with a clip, results of others and a loop of links."""
    clip = folder / "clip"
    clip.mkdir()
    for i, cube in enumerate(cubes()):
        np.save(clip / f"{i + 1:04d}.npy", cube)
    (folder / "results").mkdir()
    write_boxes(folder / "results" / "clip.txt", np.tile((4.0, 5, 8, 6), (3, 1)))
    (folder / "loop").symlink_to("loop")
    name = pick(rng, ("track", "track", "track", "simulate", "evaluate", "data", "report"))
    words = START[name](folder, rng)
    for _ in range(rng.integers(0, 3)):
        option = pick(rng, OPTIONS[name])
        value = pick(rng, BOXES) if option == "--box" and rng.random() < 0.7 else pick(rng, (*NUMBERS, *places(folder)))
        words += pick(rng, ([option, value], [option, value], [f"{option}={value}"], [option]))
    return lambda: command(*words)


def places(folder):
    return [place if place.startswith(("/", "~")) or not place else f"{folder}/{place}" for place in PLACES]


def place_of(folder, rng, usual, share=0.6):
    return f"{folder}/{usual}" if rng.random() < share else pick(rng, places(folder))


def out_of(folder, rng):
    return (
        f"{folder}/out"
        if rng.random() < 0.85
        else pick(
            rng,
            (
                f"{folder}/clip",
                f"{folder}/results",
                f"{folder}/clip/0001.npy",
                f"{folder}/loop",
                "/dev/null/x",
                f"{folder}/out/a/b",
            ),
        )
    )


def track(folder, rng):
    words = ["track", place_of(folder, rng, "clip", 0.8), "--tracker", "cf", "--out", out_of(folder, rng)]
    return words + pick(rng, ([], ["--box", "4,5,8,6"], ["--box", "4,5,8,6"], ["--overwrite", "--box", "4,5,8,6"]))


def simulate(folder, rng):
    return ["simulate", "--frames", "1", "--width", "48", "--height", "48", "--out", out_of(folder, rng)]


def evaluate(folder, rng):
    return [
        "evaluate",
        "--results",
        place_of(folder, rng, "results"),
        "--truth",
        place_of(folder, rng, "results"),
        "--out",
        f"{folder}/out/scores.json",
    ]


def data(folder, rng):
    words = ["data", pick(rng, ("info", "check", "convert")), place_of(folder, rng, "clip")]
    return words + (["--out", out_of(folder, rng)] if words[1] == "convert" else [])


def report(folder, rng):
    return ["report", place_of(folder, rng, "results"), "--out", out_of(folder, rng)]


START = {"track": track, "simulate": simulate, "evaluate": evaluate, "data": data, "report": report}

COMMANDS = Kind(make, 60, cubes)
