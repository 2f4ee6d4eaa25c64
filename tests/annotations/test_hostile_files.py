"""Ten thousand random and corrupted files: only a sentence comes out, soon, and in little memory.

Four fifths are valid files of every format with other values in a place or two, or with damaged bytes; the others are
random text or bytes. A guard stops a file that takes more than a second of processor time; what the process keeps in
memory is measured over all of them.
"""

import itertools
import json
import resource
import signal
import zipfile
from contextlib import contextmanager

import numpy as np
import pytest

from benchmarks.damage import TOKENS, damaged, odd_values, pick
from spectrack.annotations.attributes import read_attributes
from spectrack.annotations.first_boxes import read_first_box
from spectrack.annotations.foreign_results import read_foreign_results
from spectrack.annotations.truth_files import read_truth
from spectrack.errors import SequenceError, SpectrackError
from spectrack.evaluation.results import find_truth_set
from spectrack.sequences import open_sequence, read_boxes
from spectrack.sequences.array_files import open_npy, open_npz
from spectrack.sequences.envi import read_header
from spectrack.sequences.hdf5_files import open_hdf5
from spectrack.sequences.side_file import read_side_file
from tests.fixtures.refusals import refuses

LARGEST_GROWTH = 2**30

CVAT = """<?xml version="1.0" encoding="utf-8"?><annotations><version>1.1</version><meta><task><size>3</size>
<original_size><width>80</width><height>40</height></original_size></task></meta><track id="0" label="car" source="manual">
<box frame="0" outside="0" occluded="0" keyframe="1" xtl="20.0" ytl="12.0" xbr="30.0" ybr="18.0" rotation="3.5"></box>
<box frame="4" outside="1" keyframe="1" xtl="24.0" ytl="12.0" xbr="34.0" ybr="18.0" z_order="0"></box></track></annotations>"""
CVAT_IMAGES = """<annotations><image id="0" name="a" width="80" height="40">
<box label="a" xtl="2" ytl="1" xbr="3" ybr="8" rotation="20"/></image>
<image id="1" name="b" width="80" height="40"><box label="a" xtl="2" ytl="1" xbr="3" ybr="8"/></image></annotations>"""
VOC = """<annotation><size><width>80</width><height>40</height></size><object><name>car</name><bndbox><xmin>20</xmin><ymin>12</ymin>
<xmax>30</xmax><ymax>18</ymax></bndbox></object></annotation>"""
ENTITIES = """<!DOCTYPE a [<!ENTITY b "bbbbbbbb"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><annotations><track label="&c;"/></annotations>"""
COCO = json.dumps(
    {
        "videos": [{"id": 1, "name": "ball"}],
        "images": [
            {"id": i, "video_id": 1, "frame_id": i, "file_name": f"ball/{i}.png", "width": 80, "height": 40}
            for i in range(3)
        ],
        "annotations": [
            {"id": i, "image_id": i, "category_id": 1, "track_id": 1, "bbox": [1, 2, 30, 40.5]} for i in range(3)
        ],
        "categories": [{"id": 1, "name": "car"}],
    }
)
LABELME = json.dumps(
    {
        "imageWidth": 80,
        "imageHeight": 40,
        "shapes": [{"label": "car", "points": [[30, 18], [20, 12]], "shape_type": "rectangle"}],
    }
)
STEP = {"x": 25.0, "y": 30.0, "width": 12.5, "height": 15.0, "rotation": 30}
CLIP = {
    "sequence": [{"frame": 1, "enabled": True, **STEP, "rotation": 0}, {"frame": 5, "enabled": False, **STEP}],
    "labels": ["a"],
}
PICTURE = {"original_width": 80, "original_height": 40, "value": {**STEP, "rectanglelabels": ["car"]}}
STUDIO_VIDEO = json.dumps(
    [{"annotations": [{"result": [{"value": CLIP, "original_width": 80, "original_height": 40}]}]}]
)
STUDIO_IMAGE = json.dumps([{"annotations": [{"result": [PICTURE]}]}])
ENVI = """ENVI
description = {a test}
samples = 7
lines = 6
bands = 5
header offset = 0
data type = 12
interleave = bsq
byte order = 0
data file = 0001.raw
wavelength units = Nanometers
wavelength = {500, 510, 520,
 530, 540}
"""
PLAIN = "".join(f"{i}\t{2 * i}\t30.5\t4e1\t\r\n" for i in range(6))
SAVETXT = "".join(" ".join(f"{value:.18e}" for value in (i, 2 * i, 30, 40)) + "\n" for i in range(4))
MOT = "".join(f"{i + 1},1,{i},5,30.5,40,1,1,0.5\n" for i in range(6))
YOLO = "0 0.5 0.5 0.1 0.2\n1 0.5 0.5 0.1 0.2 0.9 3\n"
CORNERS = "1 0.25 0.3 0.375 0.3 0.375 0.45 0.25 0.45 0.7 1\n"
TLP = "".join(f"{i + 1},{i},5,30,40,{i % 2}\n" for i in range(6))
VATIC = "".join(f'0 {i} 5 35 45 {i * 8} 0 0 1 "track"\n' for i in range(6))
MASKS = "m3,4,5,2,1,3,2,4\n1,2,3,4\nm0,0,3,3,9\n1,2,5,2,5,9,1,9\n"
ANTI_UAV = json.dumps({"exist": [1, 0, 1], "gt_rect": [[1, 2, 3, 4], [], [5.5, 6, 7, 8]]})
CSV = "ID,x,y,width,height\r\n" + "".join(
    f"{name}_{i},{i},2,3,4\r\n" for name in ("vis-ball", "nir-ball") for i in range(1, 4)
)
SIDE = json.dumps(
    {
        "name": "a",
        "format": "npy",
        "frames": 3,
        "frames_path": "cubes.npy",
        "axes": "thwb",
        "fps": 25,
        "wavelengths_nm": [500, 510.5],
        "visibility": [1],
    }
)


def corrupt(data, rng):
    """Odd values, or bytes inserted, replaced, cut, repeated or randomised, at one to three places."""
    return odd_values(data, rng) if rng.random() < 0.6 else damaged(data, rng)


def random_file(rng):
    """Nothing that was ever valid: numbers and words in a row, or noise."""
    if rng.random() < 0.5:
        return bytes(rng.integers(0, 256, rng.integers(0, 300), dtype=np.uint8))
    words = [pick(rng, TOKENS) for _ in range(rng.integers(0, 40))]
    return b"".join(word + [b",", b" ", b"\n", b"\t"][rng.integers(4)] for word in words)


@contextmanager
def processor_time(seconds, data):
    """Fail when the block uses more processor time; waiting for a busy machine does not count."""

    def stop(*_):
        raise TimeoutError(f"more than {seconds} s for {data[:400]!r}")

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def memory():
    """The most that this process has held so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def boxes_of(path):
    boxes = read_boxes(path)
    assert boxes.shape[1] == 4
    assert np.isfinite(boxes).all()


def first_box_of(path):
    box = read_first_box(path, width=80, height=40)
    assert np.isfinite(box).all()
    assert (box[2:] > 0).all()


def results_of(path):
    for boxes in read_foreign_results(path).boxes.values():
        assert boxes.shape[1] == 4
        assert (np.isfinite(boxes).all(axis=1) | np.isnan(boxes).all(axis=1)).all()


def truth_of(path):
    found = find_truth_set(path)
    for name in found.sources:
        found.read(name)


def rows_of_truth(path):
    boxes = read_truth(path, frames=6).of_frames(6)
    assert boxes.shape[1] == 4
    assert (np.isfinite(boxes).all(axis=1) | np.isnan(boxes).all(axis=1)).all()


def header_of(path):
    header = read_header(path)
    assert header.data.parent == path.parent  # no name in a header leads out of its folder


def side_file_of(path):
    side = read_side_file(path)
    assert side.frames_path is None or side.frames_path.resolve().is_relative_to(path.parent.resolve())


def array_of(path):
    assert open_npy(path).shape is not None


KINDS = {
    "plain boxes": (boxes_of, "groundtruth_rect.txt", [PLAIN, SAVETXT, "1,2,3,4,5,6,7,8\n"], 900),
    "attributes": (read_attributes, "description.txt", ["Occlusion\nscale variation, SV\n"], 300),
    "first boxes in rows": (first_box_of, "labels.txt", [PLAIN, MOT, CSV, YOLO, CORNERS], 1500),
    "first boxes in XML": (first_box_of, "labels.xml", [CVAT, CVAT_IMAGES, VOC, ENTITIES], 1200),
    "first boxes in JSON": (first_box_of, "labels.json", [COCO, LABELME, STUDIO_VIDEO, STUDIO_IMAGE], 1200),
    "result files": (results_of, "ball.txt", [PLAIN, SAVETXT, MOT], 700),
    "results of 2026": (results_of, "submission.csv", [CSV], 700),
    "results in COCO": (results_of, "results.json", [COCO], 600),
    "truth of 2026": (truth_of, "train.csv", [CSV.replace("_", "_9")], 200),
    "side files": (side_file_of, "sequence.json", [SIDE], 500),
    "ENVI headers": (header_of, "0001.hdr", [ENVI], 700),
    "npy headers": (array_of, "cubes.npy", ["npy"], 300),
    "truth in rows": (rows_of_truth, "groundtruth.txt", [TLP, VATIC, MASKS], 900),
    "truth in JSON": (rows_of_truth, "IR_label.json", [ANTI_UAV, COCO], 300),
}
"""What reads them, name, valid examples, and number of files: ten thousand in all."""


def test_ten_thousand_files_are_meant():
    assert sum(number for *_, number in KINDS.values()) == 10_000


@pytest.mark.parametrize("kind", KINDS)
def test_hostile_files(tmp_path, kind):
    read, name, examples, number = KINDS[kind]
    rng = np.random.default_rng(list(KINDS).index(kind))
    np.save(tmp_path / "cubes.npy", np.ones((2, 6, 7, 5), np.uint16))
    (tmp_path / "0001.raw").write_bytes(bytes(420))
    path = tmp_path / name
    valid = [path.read_bytes() if example == "npy" else example.encode() for example in examples]
    before, refused, seen = memory(), 0, itertools.cycle(valid)
    for _ in range(number):
        data = random_file(rng) if rng.random() < 0.2 else corrupt(next(seen), rng)
        path.write_bytes(data)
        try:
            with processor_time(1, data):
                read(path)
        except SpectrackError as error:
            refused += 1
            message = str(error)
            assert "expected" in message, data
            assert "found" in message, data
            assert len(message) < 1000, data
    assert number / 10 < refused < number
    assert memory() - before < LARGEST_GROWTH


@pytest.mark.parametrize(
    "name",
    [
        "../secret.raw",
        "..",
        "/etc/passwd",
        "a/../../secret.raw",
        "..\\secret.raw",
        "C:\\secret.raw",
        "0001.raw/..",
        "x" * 5000,
    ],
)
def test_envi_headers_stay_in_their_folder(tmp_path, name):
    (tmp_path / "secret.raw").write_bytes(bytes(420))
    folder = tmp_path / "clip"
    folder.mkdir()
    (folder / "0001.raw").write_bytes(bytes(420))
    header = folder / "0001.hdr"
    header.write_text(ENVI)
    assert open_sequence(header)[0].shape == (6, 7, 5)
    header.write_text(ENVI.replace("data file = 0001.raw", f"data file = {name}"))
    with refuses(SequenceError, "data file", "0001.hdr"):
        open_sequence(header)


@pytest.mark.parametrize(
    ("claim", "fact"),
    [
        ("samples = 1000000000000", "'1000000000000'"),
        ("samples = 9999999\nlines = 9999999", "9999999 samples x 9999999 lines"),
        ("header offset = 9999999", "10000419 bytes"),
        ("frames = 9999999", "9999999"),
    ],
)
def test_a_header_that_claims_too_much(tmp_path, claim, fact):
    (tmp_path / "0001.raw").write_bytes(bytes(420))
    key = claim.split(" =")[0]
    (tmp_path / "0001.hdr").write_text(
        "\n".join([*(line for line in ENVI.splitlines() if not line.startswith(key)), claim, ""])
    )
    before = memory()
    with refuses(SequenceError, fact):
        open_sequence(tmp_path / "0001.hdr")
    assert memory() - before < LARGEST_GROWTH / 8


def npy_header(shape):
    text = f"{{'descr': '<u2', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


@pytest.mark.parametrize(
    "shape",
    [
        "(10, 1000000, 1000000, 16)",
        "(1, 100000, 100000, 3)",
        "(-1, 4, 4, 4)",
        "(9999999999999999999999, 4, 4, 4)",
        "(2, 3",
    ],
)
def test_arrays_that_claim_too_much(tmp_path, shape):
    before = memory()
    (tmp_path / "a.npy").write_bytes(npy_header(shape) + bytes(100))
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("cubes.npy", npy_header(shape) + bytes(10_000))
    for opened, name in ((open_npy, "a.npy"), (open_npz, "a.npz")):
        with refuses(SpectrackError, name):
            opened(tmp_path / name).read((0,))
    assert memory() - before < LARGEST_GROWTH / 8


@pytest.mark.parametrize("side", [1_000_000, 20_000])
def test_data_sets_that_claim_too_much(tmp_path, side):
    """HDF5 stores nothing for chunks that were never written, so a kilobyte may claim terabytes of zeros."""
    import h5py

    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("cubes", (10, side, side, 16), np.uint16, chunks=(1, 64, 64, 16))
    before = memory()
    assert open_hdf5(tmp_path / "a.h5").shape == (10, side, side, 16)
    with refuses(SequenceError, "a.h5", "1 GiB", "--axes"):
        open_sequence(tmp_path / "a.h5", axes="thwb")
    assert memory() - before < LARGEST_GROWTH / 8


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        (b"1,1,1,1\n" * (2**19), None),
        (b"[" * (60 * 2**20), 6_000_000),
        (b"[" + b"1," * (20 * 2**20) + b"1]", 6_000_000),
        (b"<annotations>" + b"<a/>" * 500_000 + b"</annotations>", 400_000),
    ],
    ids=["boxes", "brackets", "numbers", "elements"],
)
def test_large_files_take_less_than_a_gigabyte(tmp_path, text, limit):
    path = tmp_path / "labels"
    path.write_bytes(text)
    before = memory()
    if limit is None:
        assert len(read_boxes(path)) == 2**19
    else:
        with refuses(SequenceError, "labels", limit):
            read_first_box(path)
    assert memory() - before < LARGEST_GROWTH
