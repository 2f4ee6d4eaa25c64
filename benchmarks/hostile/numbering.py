"""Names and numbers of frame files: gaps, series, links, other scripts, and what file systems allow.

Frame n holds the value n, so files of one series must come in the order of their numbers, each once.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from damage import pick

from hostile.judging import Kind, Trial, demand
from spectrack import open_sequence

FORMS = (
    *(
        "{:04d}",
        "{:d}",
        "frame{:d}",
        "frame ({:d})",
        "img-{:03d}-a",
        "{:06d}.0",
        "球{:02d}",
        "é{:d}",
        "x" * 180 + "{:d}",
    ),
    *(
        "..{:d}",
        "{:d}..",
        "a b {:d}",
        "cam2_{:d}",
        "2024-01-01T00_00_{:02d}",
        "{:d}e5",
        "-{:d}",
        "+{:d}",
        "0x{:x}",
        "%d{:d}",
    ),
    *(
        "[{:d}]",
        "*{:d}",
        "?{:d}",
        "CON{:d}",
        "~{:d}",
        "#{:d}",
        "'{:d}",
        '"{:d}',
        "$({:d})",
        "\x1b[{:d}m",
        "\u202e{:d}",
        "a\nb{:d}",
    ),
)
STRAYS = (
    *(
        "._0001.npy",
        ".hidden.npy",
        "Thumbs.db",
        ".DS_Store",
        "desktop.ini",
        "readme.txt",
        "notes.md",
        "COM1.npy",
        "aux.npy",
    ),
    *(
        "mean.npy",
        "0001_mask.npy",
        "b_0001.npy",
        "0001.png",
        "0001.NPY",
        "groundtruth_rect.txt",
        "sequence.json",
        "a.zip",
    ),
    *(
        "groundtruth.txt",
        "absence.label",
        "description.txt",
        "init.txt",
        "IR_label.json",
        "\udcff\udcfe.npy",
        "0001.npy~",
    ),
)


def make(folder: Path, rng: np.random.Generator) -> Trial:
    """A folder of tiny frames under some names, with strangers beside them."""
    place = folder / pick(rng, ("clip", "HSI", "img", "a b", "球", "con", "..x", "HSI-FalseColor", "x" * 200))
    place.mkdir()
    form, numbers = pick(rng, FORMS), numbers_of(rng)
    for number in numbers:
        np.save(place / f"{form.format(number)}.npy", np.full((12, 14, 16), number, np.uint16))
    strays = [pick(rng, STRAYS) for _ in range(rng.integers(0, 3))]
    for name in strays:
        stray(place / name, rng)
    if rng.random() < 0.2:
        link(place, rng)
        strays.append("link")
    return lambda: read_in_order(place, None if strays else sorted(numbers))


def numbers_of(rng):
    start = int(pick(rng, (0, 1, 6, 99, 9998, 60000)))
    numbers = [start + i for i in range(rng.integers(1, 13))]
    if rng.random() < 0.4:
        numbers = [number for number in numbers if rng.random() < 0.7] or numbers[:1]
    return numbers


def stray(path, rng):
    """A file, folder or pipe that is no frame of the clip."""
    kind = pick(rng, ("bytes", "bytes", "empty", "frame", "folder", "pipe"))
    if path.exists():
        return
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "frame":
        with path.open("wb") as file:
            np.save(file, np.full((12, 14, 16), 7, np.uint16))
    else:
        path.write_bytes(b"" if kind == "empty" else bytes(rng.integers(0, 256, 60, dtype=np.uint8)))


def link(place, rng):
    """Links to nothing, to themselves, to a folder above, to another frame."""
    name, target = pick(
        rng,
        (
            ("0000.npy", "nowhere.npy"),
            ("0000.npy", "0000.npy"),
            ("up", ".."),
            ("HSI", "."),
            ("img", "../" + place.name),
            ("0999.npy", "../elsewhere.npy"),
            ("groundtruth.txt", "groundtruth.txt"),
            ("sequence.json", "/dev/null"),
            ("description.txt", "/dev/zero"),
            ("groundtruth_rect.txt", "/dev/zero"),
        ),
    )
    if not os.path.lexists(place / name):
        os.symlink(target, place / name)


def read_in_order(place, expected):
    """Frames come in the order of their numbers; without strangers every file is one frame."""
    sequence = open_sequence(place)
    found = [int(sequence[i][0, 0, 0]) for i in range(len(sequence))]
    if expected is not None:
        demand(found == expected, f"frames {found} of files {expected}")
    demand(isinstance(sequence.name, str), "no name")
    sequence.frame_numbers  # noqa: B018 - a property that reads names
    for fault in sequence.faults:
        demand("\n" not in fault, f"a fault of several lines: {fault!r}")


NUMBERING = Kind(make, 4000)
