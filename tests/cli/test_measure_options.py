"""``spectrack track --measure``, ``--mask`` and ``--scale`` from the command line."""

import csv

import numpy as np
import pytest

import spectrack
from spectrack.cli import main
from spectrack.sequences.memory import MemorySequence


@pytest.fixture
def clip(tmp_path):
    cubes = np.random.default_rng(0).integers(300, 400, (3, 32, 48, 8)).astype(np.uint16)
    cubes[:, 8:16, 10:22, :4] += 300
    spectrack.write_sequence(MemorySequence(cubes), tmp_path / "clip", format="npy")
    return tmp_path / "clip"


def test_a_measured_track(clip, tmp_path, capsys):
    words = [
        "track",
        str(clip),
        "--box",
        "10,8,12,8",
        "--tracker",
        "cf",
        "--measure",
        "--mask",
        "png",
        "--scale",
        "2cm",
    ]
    assert main([*words, "--out", str(tmp_path / "run")]) == 0
    assert "measured  counts: 3 frames under the spectral mask" in capsys.readouterr().out
    with (tmp_path / "run" / "measurements.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert float(rows[2]["area_cm2"]) == pytest.approx(4 * float(rows[2]["area_px"]), rel=1e-6)
    assert len(list((tmp_path / "run" / "masks").iterdir())) == 3
    # Measured anew in place of the earlier run, without masks: those of the earlier one go.
    assert (
        main(
            ["track", str(clip), "--box", "10,8,12,8", "--tracker", "cf", "--out", str(tmp_path / "run"), "--overwrite"]
        )
        == 0
    )
    assert not (tmp_path / "run" / "masks").exists()


@pytest.mark.parametrize(
    ("words", "facts"),
    [
        (["--scale", "1mm"], ("--measure",)),
        (["--measure", "--scale", "wide"], ("'wide'",)),
        (["--mask", "gif"], ("'gif'", "png, coco")),
        (["--measure", "--view"], ("--measure, --parquet and --mask",)),
    ],
)
def test_what_makes_no_sense_is_refused(clip, tmp_path, command_refuses, words, facts):
    command_refuses(["track", clip, "--box", "10,8,12,8", *words, "--out", tmp_path / "run"], *facts)
