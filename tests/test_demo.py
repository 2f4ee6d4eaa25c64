"""The demonstration: what it writes, that it replaces only its own files, and that nothing in it is prepared."""

import json

import numpy as np
import pytest

import spectrack
from spectrack.cli import main
from spectrack.demo import DemoClip, run_demo
from spectrack.errors import ConfigError
from spectrack.files import MANIFEST
from tests.fixtures.refusals import refuses

pytestmark = pytest.mark.usefixtures("with_random_weights")

SHORT = DemoClip(frames=3)
WRITTEN = {
    "boxes.txt",
    "filmstrip.png",
    "frames.csv",
    "groundtruth_rect.txt",
    "overlay.mp4",
    "precision.png",
    "success.png",
    "summary.json",
    MANIFEST,
}


@pytest.fixture(scope="module")
def demo(random_weights, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPECTRACK_WEIGHTS", str(random_weights))
        return run_demo(
            tmp_path_factory.mktemp("demo") / "demo_output", clip=SHORT, tracker="siamban", precision="fp32"
        )


def test_all_files_are_there(demo):
    folder = demo.recording.directory
    assert {file.name for file in folder.iterdir()} == WRITTEN
    assert all(file.is_file() for file in demo.files)


def test_the_scores_are_those_of_the_boxes(demo):
    video = spectrack.simulate(SHORT.scenario, SHORT.sensor, frames=3, seed=SHORT.seed)
    boxes = spectrack.read_boxes(demo.recording.directory / "boxes.txt")
    assert (
        spectrack.score({"a": boxes}, {"a": video.truth}).auc
        == demo.comparisons[0].scores.auc
        == demo.recording.scores.auc
    )
    summary = json.loads((demo.recording.directory / "summary.json").read_text())
    assert summary["comparison"][0]["auc"] == demo.recording.scores.auc
    assert [(one["tracker"], one["scenario"]) for one in summary["comparison"]] == [
        ("siamban", "cam-chase"),
        ("siamban", "open-chase"),
    ]
    assert summary["settings"]["seed"] == SHORT.seed


def test_the_default_clip_is_camouflage_and_its_pair_is_not():
    assert "CAM" in SHORT.open().attributes
    pair = SHORT.pair()
    assert "CAM" not in pair.open().attributes
    np.testing.assert_array_equal(pair.open().truth, SHORT.open().truth)
    assert pair.pair() == SHORT


def test_a_scenario_without_a_pair_is_shown_alone(tmp_path):
    demo = run_demo(tmp_path / "out", clip=DemoClip("calm", frames=2), tracker="siamban")
    assert [(one.tracker, one.scenario) for one in demo.comparisons] == [("siamban", "calm")]


def test_all_bands_are_shown_beside_false_colour(tmp_path):
    demo = run_demo(tmp_path / "out", clip=SHORT)
    found = [(one.tracker, one.scenario) for one in demo.comparisons]
    assert found == [("ssfnet", "cam-chase"), ("siamban", "cam-chase"), ("siamban", "open-chase")]
    assert demo.comparisons[0].scores.auc == demo.recording.scores.auc
    assert [one.sees for one in demo.comparisons] == ["all bands", "false colour", "false colour"]
    assert [one.difference for one in demo.comparisons] == ["spectrum alone", "spectrum alone", "colours"]
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["tracker"]["name"] == "ssfnet"


def test_one_tracker_has_one_colour_and_clips_are_counted(tmp_path, monkeypatch):
    from spectrack.reports import curves, side_by_side

    drawn, panels, plain = {}, [], curves.draw_curves
    monkeypatch.setattr(curves, "draw_curves", lambda *a, **more: drawn.update({a[1]: more}) or plain(*a, **more))
    monkeypatch.setattr(side_by_side, "write_video", lambda path, found, fps: panels.extend(found))
    monkeypatch.setattr(side_by_side, "write_strips", lambda path, found, title: None)
    monkeypatch.setattr("spectrack.demo._CONTENTS", {})
    run_demo(tmp_path / "out", clip=SHORT)
    for kind in ("success", "precision"):
        colours = [curves_index % 6 for curves_index in drawn[kind]["colours"].values()]
        assert colours == [0, 1, 1]
        assert "2 clips of 3 frames each" in drawn[kind]["note"]
    assert "distance" not in drawn["success"]["note"]
    assert "AUC" not in drawn["precision"]["note"]
    assert [panel.place % 6 for panel in panels if panel.boxes is not None] == [0, 1, 1]
    assert [panel.title for panel in panels][1] == "What the spectrum tells"


def test_running_it_again_replaces_its_own_files_only(tmp_path):
    out = tmp_path / "demo_output"
    run_demo(out, clip=DemoClip("calm", frames=3), tracker="siamban")
    (out / "holiday.jpg").write_bytes(b"sun")
    run_demo(out, clip=DemoClip("calm", frames=2), tracker="siamban")
    assert {file.name for file in out.iterdir()} == {*WRITTEN, "holiday.jpg"}
    assert len((out / "boxes.txt").read_text().splitlines()) == 2
    (out / "boxes.txt").write_text("corrected by hand")
    with refuses(ConfigError, "boxes.txt", "changed since"):
        run_demo(out, clip=DemoClip("calm", frames=2), tracker="siamban")
    assert (out / "boxes.txt").read_text() == "corrected by hand"


def test_a_folder_of_somebody_else_is_refused(tmp_path):
    (tmp_path / "boxes.txt").write_text("mine")
    with refuses(ConfigError, "'boxes.txt'"):
        run_demo(tmp_path, clip=DemoClip("calm", frames=2), tracker="siamban")
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("boxes.txt", "mine")]


def test_the_command_prints_scores_and_files(tmp_path, capsys):
    assert main(["demo", "--scenario", "calm", "--frames", "2", "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert "AUC" in printed.out
    assert all(str(tmp_path / "out" / name) in printed.out for name in ("overlay.mp4", "success.png", "boxes.txt"))


def test_without_weights_the_remedy_is_named(command_refuses, tmp_path, monkeypatch):
    empty = tmp_path / "none"
    empty.mkdir()
    monkeypatch.setattr("spectrack.weights.index.search_folders", lambda: [empty])
    command_refuses(["demo", "--out", tmp_path / "out"], "spectrack train")
