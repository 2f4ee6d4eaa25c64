"""Several series of names in one folder are told apart, not read as one video of twice the length."""

import os

import numpy as np
import pytest

from spectrack.errors import ConfigError, SequenceError, SequenceNotFoundError, SpectrackError
from spectrack.sequences import open_sequence
from spectrack.sequences.series import check_one_series
from tests.fixtures.refusals import refuses


def files(folder, names):
    return [folder / name for name in sorted(names)]


def numbered(form, count=20):
    return [form.format(i) for i in range(1, count + 1)]


ONE = {
    "numbers": numbered("{:04d}.png"),
    "numbers of other lengths": numbered("{}.png"),
    "prefix": numbered("img{:05d}.jpg"),
    "suffix": numbered("{:04d}_left.png"),
    "copies": numbered("frame ({}).png"),
    "two spellings of one suffix": ["1.jpg", "2.jpeg", "3.JPG", "4.jpg"],
    "one camera": numbered("cam2_{:04d}.png"),
    "a moment each": [f"12-{s:02d}-{ms:03d}.png" for s in range(2) for ms in range(0, 1000, 40)],
    "dates": [f"2026-11-{day:02d}_{frame:03d}.png" for day in (1, 2) for frame in range(9)],
    "words": ["ant.png", "bee.png", "cat.png"],
    "a single file": ["0001_mask.png"],
    "parts of one recording": [f"part{n // 50}_{n:04d}.png" for n in range(200)],
}

SEVERAL = {
    "two cameras": (numbered("a_{:04d}.png") + numbered("b_{:04d}.png"), "a_*.png", 20),
    "masks": (numbered("{:04d}.png") + numbered("{:04d}_mask.png"), "????.png", 20),
    "two formats": (numbered("{:04d}.png") + numbered("{:04d}.jpg"), "*.jpg", 20),
    "a mean picture": ([*numbered("{:04d}.png"), "mean.png"], "[0-9][0-9][0-9][0-9].png", 20),
    "a copy": ([*numbered("{:04d}.png"), "0003 - Copy.png"], "????.png", 20),
    "numbered cameras": (numbered("cam1_{:04d}.png") + numbered("cam2_{:04d}.png"), "cam1_*.png", 20),
    "the camera behind": (numbered("{:04d}_c1.png") + numbered("{:04d}_c2.png"), None, 20),
    "two clips": (numbered("clip_1_{:03d}.png", 9) + numbered("clip_2_{:03d}.png", 7), "clip_1_*.png", 9),
    "bands": ([f"{n:03d}_band{b}.png" for n in range(20) for b in range(1, 9)], None, 20),
}


@pytest.mark.parametrize("names", ONE.values(), ids=ONE.keys())
def test_one_series(tmp_path, names):
    check_one_series(files(tmp_path, names))


@pytest.mark.parametrize(("names", "pattern", "count"), SEVERAL.values(), ids=SEVERAL.keys())
def test_several_series(tmp_path, names, pattern, count):
    with refuses(SequenceError, tmp_path, "--pattern '*'", f"{count - 1} more") as caught:
        check_one_series(files(tmp_path, names))
    if pattern is not None:
        assert f"such as --pattern '{pattern}'" in str(caught.value)


@pytest.mark.parametrize("names", [["1.png", "2.png", "02.png"], ["1.png", "1.PNG"], ["a1.jpg", "a1.jpeg"]])
def test_one_frame_in_two_files(tmp_path, names):
    with refuses(SequenceError, tmp_path, names[-2], names[-1]):
        check_one_series(files(tmp_path, names))


@pytest.mark.parametrize("kind", ["pictures", "mosaics", "arrays"])
def test_a_pattern_chooses(tmp_path, make, cubes, kind):
    for camera, offset in (("a", 0), ("b", 7)):
        for i, cube in enumerate(cubes):
            path = tmp_path / "car" / f"{camera}_{i:04d}"
            path.parent.mkdir(exist_ok=True)
            if kind == "arrays":
                np.save(path.with_suffix(".npy"), cube + np.uint16(offset))
            elif kind == "mosaics":
                make.image(path.with_suffix(".png"), make.interleave(cube + np.uint16(offset), 4))
            else:
                make.image(path.with_suffix(".png"), np.full((24, 32, 3), 10 * i + offset, np.uint8))
    options = {"sensor": "vis16"} if kind == "mosaics" else {}
    with refuses(SequenceError, tmp_path / "car", "2 series", "--pattern"):
        open_sequence(tmp_path / "car", **options)
    chosen = open_sequence(tmp_path / "car", pattern="b_*", **options)
    assert len(chosen) == 3
    assert chosen[2][5, 5, 0] == (27 if kind == "pictures" else cubes[2, 5, 5, 0] + 7)
    assert len(open_sequence(tmp_path / "car", pattern="*", **options)) == 6
    make.text(tmp_path / "car" / "sequence.json", '{"pattern": "a_*"}')
    assert len(open_sequence(tmp_path / "car", **options)) == 3
    with refuses(SequenceNotFoundError, "'c_*'", tmp_path / "car", "--pattern"):
        open_sequence(tmp_path / "car", pattern="c_*", **options)


def test_references_of_a_camera_are_no_series(tmp_path):
    for name in ("DARKREF_car", "WHITEREF_car", "car_1", "car_2"):
        (tmp_path / f"{name}.raw").write_bytes(np.zeros((4, 4, 4), "<u2").tobytes())
        (tmp_path / f"{name}.hdr").write_text(
            "ENVI\nsamples = 4\nlines = 4\nbands = 4\ndata type = 12\ninterleave = bil\nbyte order = 0\n"
        )
    assert len(open_sequence(tmp_path)) == 2


def test_a_pattern_is_for_folders(tmp_path, cubes):
    np.save(tmp_path / "a.npy", cubes)
    with refuses(ConfigError, tmp_path / "a.npy", "--pattern"):
        open_sequence(tmp_path / "a.npy", pattern="*")


def test_pictures_that_nothing_here_reads_are_named(tmp_path):
    for i in range(12):
        (tmp_path / f"IMG_{i:04d}.HEIC").write_bytes(b"")
    with refuses(SequenceNotFoundError, tmp_path, "12 .heic"):
        open_sequence(tmp_path)


def test_track_takes_a_pattern(tmp_path, make, command_refuses):
    from spectrack.cli import main

    for i in range(3):
        make.image(tmp_path / "car" / f"{i:04d}.png", np.full((64, 64, 3), 20 * i, np.uint8))
        make.image(tmp_path / "car" / f"{i:04d}_mask.png", np.zeros((64, 64, 3), np.uint8))
    words = ["track", tmp_path / "car", "--box", "9,9,20,20", "--tracker", "cf", "--out", tmp_path / "out"]
    command_refuses(words, tmp_path / "car", "2 series", "0000_mask.png")
    assert main([*map(str, words), "--pattern", "????.png"]) == 0
    assert len((tmp_path / "out" / "boxes.txt").read_text().splitlines()) == 3


@pytest.mark.skipif(os.name == "nt", reason="symbolic links")
@pytest.mark.parametrize("target", ["nowhere.npy", "0002.npy"])
def test_a_link_that_leads_nowhere_is_a_frame_that_is_missed(tmp_path, target):
    for number in (1, 3):
        np.save(tmp_path / f"{number:04d}.npy", np.full((4, 5, 16), number, np.uint16))
    (tmp_path / "0002.npy").symlink_to(target)
    with refuses(SpectrackError, "0002.npy"):
        open_sequence(tmp_path)[1]


@pytest.mark.skipif(os.name == "nt", reason="symbolic links")
def test_loops_of_links_beside_the_frames_do_not_matter(tmp_path):
    for number in (1, 2):
        np.save(tmp_path / f"{number:04d}.npy", np.ones((20, 24, 16), np.uint16))
    for name in ("HSI", "groundtruth_rect.txt", "sequence.json", "img"):
        (tmp_path / name).symlink_to(name)
    assert open_sequence(tmp_path)[0].shape == (20, 24, 16)
