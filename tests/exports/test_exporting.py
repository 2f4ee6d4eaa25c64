"""Exports: what is written, what is refused, and that the example tracks without spectrack."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from spectrack.cli.entry import main
from spectrack.errors import BoxError, ConfigError, WeightsError
from spectrack.exports.exporting import METADATA, PARITY, export
from spectrack.exports.options import ExportOptions
from spectrack.simulation.video import simulate
from spectrack.trackers import parity
from spectrack.trackers.loading import load_tracker
from tests.fixtures.refusals import refuses

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "track_with_onnxruntime.py"
FORMATS = [
    pytest.param(
        name,
        marks=pytest.mark.skipif(
            any(importlib.util.find_spec(package) is None for package in (engine, "onnx")), reason=f"no {engine} here"
        ),
    )
    for name, engine in (("onnx", "onnxruntime"), ("openvino", "openvino"))
]
ONNX = FORMATS[:1]
MODELS = {
    "siamban": {"kernels", "respond"},
    "ssfnet": {"kernels", "match"},
    "bcrnet": {"bimm-127", "bimm-255", "kernels", "look", "match"},
}


# In a process of their own, after `make test`: writing models there ended a worker that had run thousands of tests.
pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _repeatable(one_thread_and_seed):
    """One thread and a fixed seed."""


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("name", MODELS)
def test_models_metadata_and_a_parity_report(name, format, shipped, make, tmp_path):
    path = shipped(name)
    done = export(path, tmp_path / "out", options=ExportOptions(format=format, frames=3), sequence=make.sequence())
    metadata, report = (json.loads((tmp_path / "out" / file).read_text()) for file in (METADATA, PARITY))
    assert (metadata, report) == (json.loads(json.dumps(done.metadata)), done.parity)
    assert metadata["models"].keys() == MODELS[name]
    for model in metadata["models"].values():
        assert (tmp_path / "out" / model["file"]).is_file()
        assert all(model["inputs"].values())
        assert all(model["outputs"].values())
    answers = metadata["models"].get("respond") or metadata["models"]["match"]
    assert answers["outputs"]["logits"][-3:] == [2, 25, 25]
    assert metadata["weights"]["method"] == name
    assert metadata["licence"] == "Apache-2.0"
    assert np.array(metadata["input"]["false_colour"]["matrix"]).shape == (16, 3)
    assert metadata["grid"]["first_point_px"] == 31.5
    assert report["frames"] == 2
    assert report["largest_edge_move_px"]["median"] <= 0.01
    assert report["engine"] in done.line


@pytest.mark.parametrize("format", ONNX)
@pytest.mark.parametrize("weights", ["siamban-compact", "siamban-lite"])
def test_the_example_tracks_as_spectrack_does_without_it(format, weights, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    clip = simulate("calm", "nir25", frames=10, seed=3)
    cubes = np.stack([clip[index] for index in range(len(clip))])
    # The target leaves over the border, where the frame's mean colour stands for what is not seen.
    left = int(clip.truth[0, 0] + 3)
    cubes, box = np.ascontiguousarray(cubes[:, :, left:]), clip.truth[0] - [left, 0, 0, 0]
    export(weights, "exported", options=ExportOptions(frames=3, sensor="nir25"))
    np.save("cubes.npy", cubes)
    code = (
        "import runpy, sys\n"
        f"sys.argv = [{str(EXAMPLE)!r}, 'exported', 'cubes.npy', {','.join(map(str, box.tolist()))!r}, 'boxes.txt']\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')\n"
        "assert not {'spectrack', 'torch', 'cv2'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
    found = np.loadtxt("boxes.txt", delimiter=",")
    profile = weights.removeprefix("siamban-")
    tracker = load_tracker("siamban", profile=profile, engine="onnxruntime", evidence="none", redetection=False)
    tracker.init(cubes[0], box, wavelengths_nm=clip.wavelengths_nm)
    expected = [box, *(tracker.update(cube).box for cube in cubes[1:])]
    np.testing.assert_allclose(found, expected, atol=0.05)


def test_the_example_is_short():
    assert len(EXAMPLE.read_text(encoding="utf-8").splitlines()) <= 150


@pytest.mark.parametrize("format", ONNX)
def test_an_earlier_export_is_replaced_only_on_demand(format, shipped, make, tmp_path, monkeypatch):
    path = shipped("siamban")
    export(path, tmp_path / "out", options=ExportOptions(frames=2), sequence=make.sequence())
    before = (tmp_path / "out" / METADATA).read_bytes()
    with refuses(ConfigError, str(tmp_path / "out"), "--overwrite"):
        export(path, tmp_path / "out", options=ExportOptions(frames=2), sequence=make.sequence())
    export(path, tmp_path / "out", options=ExportOptions(frames=3, overwrite=True), sequence=make.sequence())
    # One that fails leaves nothing, and nothing changed.
    monkeypatch.setattr(parity, "LARGEST_MOVE_PX", -1.0)
    with refuses(ConfigError, "torch"):
        export(path, tmp_path / "out", options=ExportOptions(frames=2, overwrite=True), sequence=make.sequence())
    with refuses(ConfigError, "torch"):
        export(path, tmp_path / "other", options=ExportOptions(frames=2), sequence=make.sequence())
    assert not (tmp_path / "other").exists()
    assert json.loads((tmp_path / "out" / PARITY).read_text())["frames"] == 2
    assert json.loads(before)["models"].keys() == {"kernels", "respond"}


@pytest.mark.parametrize("format", ONNX)
def test_the_command_says_what_it_wrote(format, shipped, tmp_path, capsys):
    shipped("siamban")
    words = ["export", "siamban-compact", "--frames", "2", "--sensor", "rednir15", "--out", str(tmp_path / "out")]
    assert main(words) == 0
    told = capsys.readouterr().out
    for word in ("kernels.onnx", "respond.onnx", "search_images 1x3x255x255", METADATA, PARITY, "px of torch's"):
        assert word in told
    assert main(words) == 2
    assert "--overwrite" in capsys.readouterr().err


def test_what_cannot_be_exported_is_refused(shipped, tmp_path, command_refuses):
    path = shipped("siamban")
    with refuses(ConfigError, "'onx'", "did you mean 'onnx'"):
        export(path, tmp_path / "out", options=ExportOptions(format="onx"))
    command_refuses(["export", path, "--box", "1,2,9,9", "--out", tmp_path / "out"], "--sequence beside --box")
    with refuses(WeightsError, "'siamban-compct'", "did you mean 'siamban-compact'"):
        export("siamban-compct", tmp_path / "out")
    assert not os.path.lexists(tmp_path / "out")


@pytest.mark.parametrize("format", ONNX)
def test_a_video_without_a_box_asks_for_one(format, shipped, tmp_path, make):
    path, cubes = shipped("siamban"), make.video()[0]
    from spectrack.sequences.memory import MemorySequence

    sequence = MemorySequence(cubes, name="mine")
    with refuses(BoxError, "mine", "box"):
        export(path, tmp_path / "out", sequence=sequence, options=ExportOptions(frames=2))
    export(path, tmp_path / "out", sequence=sequence, box=(20, 15, 12, 12), options=ExportOptions(frames=2))
