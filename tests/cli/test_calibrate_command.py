"""``spectrack calibrate``: from recordings to a file that other commands take."""

import cv2
import numpy as np
import pytest

from spectrack.calibration.files import read_calibration
from spectrack.cli import main
from spectrack.cube import cube_to_mosaic


@pytest.fixture
def recordings(tmp_path):
    """Dark, white and a scene of a 4 x 4 camera."""
    rng = np.random.default_rng(0)
    for name, value in (("dark", 50), ("white", 850), ("scene", 450)):
        (tmp_path / name).mkdir()
        for number in range(3):
            cube = (value + rng.integers(0, 3, (12, 16, 16))).astype(np.uint16)
            if name == "scene":
                cube[4:8, 2 + number : 6 + number] = 250
            cv2.imwrite(str(tmp_path / name / f"{number}.png"), cube_to_mosaic(cube, 4))
    return tmp_path


def run(*words):
    return main([str(word) for word in words])


def test_references_and_a_track_by_them(recordings, capsys):
    out = recordings / "camera.npz"
    words = ["--dark", recordings / "dark", "--white", recordings / "white", "--reflectance", "0.8"]
    assert run("calibrate", *words, "--sensor", "vis16", "--saturation", "1023", "--out", out) == 0
    assert "from 1023 counts on" in capsys.readouterr().out
    assert read_calibration(out).facts["white"] == {"name": "white", "frames": 3}
    track = ["track", recordings / "scene", "--calibration", out, "--box", "2,4,4,4", "--tracker", "cf"]
    assert run(*track, "--out", recordings / "run") == 0
    assert "reflectance by camera.npz; masked: 0 dead pixels" in capsys.readouterr().out


def test_a_panel(recordings, capsys):
    words = ["calibrate", recordings / "scene", "--panel", "9,0,6,12", "--reflectance", "0.5", "--sensor", "vis16"]
    assert run(*words, "--out", recordings / "panel.npz") == 0
    assert "taken as 0 counts (--dark)" in capsys.readouterr().out
    assert read_calibration(recordings / "panel.npz").facts["panel"]["box"] == [9, 0, 6, 12]


@pytest.mark.parametrize(
    ("words", "facts"),
    [
        ([], ("found nothing", "--white")),
        (["--white", "white", "--panel", "1,1,2,2"], ("a box without a sequence",)),
        (["scene", "--panel", "1,1,2,2"], ("--reflectance",)),
        (["scene", "--panel", "1,1,99,2", "--reflectance", "nothere.csv"], ("nothere.csv",)),
        (["scene", "--panel", "30,1,2,2", "--reflectance", "0.5"], ("(30, 1, 2, 2)",)),
        (["--dark", "white", "--white", "dark"], ("band 1",)),
        (["--white", "nowhere"], ("nowhere",)),
        (["--white", "white", "--matrix", "a"], ("--sensor-file",)),
        (["--white", "white", "--saturation", "600"], ("100 %",)),
        (["--sensor-file", "white/0.png"], ("white/0.png",)),
        (["--white", "white", "--calibration", "a.npz"], ("--calibration",)),
    ],
)
def test_what_makes_no_sense_is_refused(recordings, command_refuses, words, facts):
    there = {entry.name for entry in recordings.iterdir()} | {"white/0.png"}
    places = [str(recordings / word) if word in there else word for word in words]
    sensor = [] if "--sensor-file" in words else ["--sensor", "vis16"]
    command_refuses(["calibrate", *places, *sensor, "--out", recordings / "x.npz"], *facts)


def test_another_suffix_is_refused(recordings, command_refuses):
    command_refuses(["calibrate", "--white", recordings / "white", "--out", recordings / "x.json"], ".npz")
