"""Truth, first boxes and results in every dialect, damaged; and sequences beside whose frames such files lie.

The readers and their valid examples are those of tests/annotations/test_hostile_files.py, which tries ten
thousand files of other seeds. Side files that were only found never decide whether frames can be read.
"""

from __future__ import annotations

import importlib
import sys
from functools import cache
from pathlib import Path

import numpy as np
from damage import damaged, odd_values, pick

import spectrack
from hostile.judging import Kind, Trial, command, demand
from spectrack.annotations.foreign_results import read_foreign_results
from spectrack.evidence.library import read_spectrum

FRAMES_OF_CLIP = 4
ROWS = "".join(f"{2 + i},{1 + i},3,2.5\n" for i in range(FRAMES_OF_CLIP))
POLYGONS = "".join(f"{i},1,5,1,5,{4 + i},1,4\n" for i in range(FRAMES_OF_CLIP))
SIDE_FILES = {
    "groundtruth_rect.txt": (
        ROWS,
        ROWS.replace(",", "\t"),
        POLYGONS,
        "1,2,3,4,5,0\n4,2,3,4,5,1\n",
        "nan,nan,nan,nan\n" * 4,
    ),
    "groundtruth.txt": ("m0,0,3,3,9\n1,2,5,2,5,9,1,9\n", POLYGONS, '0 1 5 35 45 8 0 0 1 "track"\n', "0,0,0,0\n" * 4),
    "ir_label.json": ('{"exist": [1, 0, 1, 1], "gt_rect": [[1, 2, 3, 4], [], [5.5, 6, 7, 8], [0, 0, 0, 0]]}',),
    "absence.label": ("0\n1\n0\n0\n",),
    "cover.label": ("8\n8\n0\n3\n",),
    "full_occlusion.txt": ("0,1,0,0\n",),
    "out_of_view.txt": ("0,0,0,1",),
    "init_rect.txt": ("1,1,3,3\n",),
    "description.txt": ("Occlusion\nscale variation, SV\n", "OCC; [b]; =1+1"),
    "sequence.json": (
        '{"name": "a", "fps": 25, "wavelengths_nm": [500, 510], "attributes": ["OCC"], "visibility": [1, 1, 0.5, 0]}',
        '{"format": "npy", "frames": 4, "sensor": "vis16", "no_data": -9999, "pattern": "*.npy", "is_rgb": false}',
    ),
}
SPECTRA = (
    "wavelength,paint\n500,0.1\n510,0.2\n520,0.4\n",
    "400;1\n500;2\n",
    "0.4 1\n0.5 2 \n0.6 3\n",
    "nm\tred\tblue\n1\t2\t3\n4\t5\t6\n",
)


@cache
def readers():
    """What the tests read, by kind: reader, name of the file, valid examples."""
    root = str(Path(__file__).resolve().parents[2])
    if root not in sys.path:
        sys.path.append(root)
    return importlib.import_module("tests.annotations.test_hostile_files")


def make(folder: Path, rng: np.random.Generator) -> Trial:
    """One damaged file for its reader, or a clip with damaged files beside it."""
    choice = rng.random()
    if choice < 0.6:
        return one_file(folder, rng)
    if choice < 0.7:
        return spectrum(folder, rng)
    return beside_frames(folder, rng)


def one_file(folder, rng):
    tests = readers()
    read, name, examples, _ = tests.KINDS[pick(rng, list(tests.KINDS))]
    path, example = folder / name, pick(rng, examples)
    np.save(folder / "cubes.npy", np.ones((2, 6, 7, 5), np.uint16))
    (folder / "0001.raw").write_bytes(bytes(420))
    valid = path.read_bytes() if example == "npy" else example.encode()
    path.write_bytes(tests.random_file(rng) if rng.random() < 0.1 else spoil(valid, rng))
    if rng.random() < 0.2 and path.suffix != ".npy":
        return lambda: read_foreign_results(path)
    return lambda: sound(read, path)


def sound(read, path):
    try:
        read(path)
    except AssertionError as error:  # how those readers judge a result
        demand(False, f"{error!r}")


def spoil(data, rng):
    return odd_values(data, rng) if rng.random() < 0.5 else damaged(data, rng)


def spectrum(folder, rng):
    path = folder / pick(rng, ("a.csv", "a.txt", "a.sli", "a.hdr"))
    path.write_bytes(spoil(pick(rng, SPECTRA).encode(), rng))
    column = pick(rng, (None, None, "red", "1", "2", "99", "-1", "0", ""))
    return lambda: read_spectrum(path, column)


def beside_frames(folder, rng):
    place = folder / "clip"
    place.mkdir()
    for i in range(FRAMES_OF_CLIP):
        np.save(place / f"{i + 1:04d}.npy", rng.integers(0, 200, (20, 24, 16)).astype(np.uint16))
    for name in sorted({pick(rng, list(SIDE_FILES)) for _ in range(rng.integers(1, 4))}):
        data = pick(rng, SIDE_FILES[name]).encode()
        (place / name).write_bytes(data if rng.random() < 0.2 else spoil(data, rng))
    if rng.random() < 0.03:
        return lambda: command("data", "check", place)
    if rng.random() < 0.03:
        return lambda: command("track", place, "--tracker", "cf", "--box", "4,5,8,7", "--out", folder / "out")
    told = rng.random() < 0.8 and not (place / "sequence.json").exists()
    return lambda: open_beside(place, told)


def open_beside(place, told):
    """Frames are read whatever lies beside them; a side file of our own may say how, and so what is wrong."""
    try:
        sequence = spectrack.open_sequence(place)
    except spectrack.SpectrackError as error:
        demand(not told, f"a side file decides: {error}")
        raise
    demand(sequence[0].shape == (20, 24, 16), f"{sequence[0].shape}")
    for boxes in (sequence.truth, sequence.first_box):
        if boxes is not None:
            rows = np.asarray(boxes).reshape(-1, 4)
            demand((np.isfinite(rows).all(axis=1) | np.isnan(rows).all(axis=1)).all(), f"boxes {rows}")
    if sequence.visibility is not None:
        demand(len(sequence.visibility) == len(sequence), "visibility of other frames")


ANNOTATIONS = Kind(make, 1500, readers)
