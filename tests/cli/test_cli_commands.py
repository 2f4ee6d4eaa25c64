"""The commands end to end with weights that nobody trained: what they write and print, on every format."""

import hashlib
import json

import cv2
import numpy as np
import pytest

import spectrack
from spectrack.cli import main
from spectrack.cli.settings import parse_settings
from spectrack.cli.track import parse_box
from spectrack.errors import BoxError, ConfigError
from tests.fixtures.refusals import refuses

pytestmark = pytest.mark.usefixtures("with_random_weights")


@pytest.fixture
def run(capsys):
    """Run the command line; gives what it printed."""

    def go(*words):
        status = main([str(word) for word in words])
        printed = capsys.readouterr()
        assert status == 0, printed.err
        assert printed.err == ""
        return printed.out

    return go


@pytest.mark.parametrize("kind", ["hotc", "envi", "npy"])
def test_simulated_video_is_written_and_tracked(run, tmp_path, kind):
    clip, out = tmp_path / "clip", tmp_path / "out"
    words = ("--scenario", "calm", "--frames", 3, "--seed", 5, "--width", 96, "--height", 64)
    printed = run("simulate", *words, "--format", kind, "--out", clip)
    assert "calm-vis16-5: 3 frames of 96 x 64 pixels, 16 bands" in printed
    assert f"spectrack track {clip} --out" in printed
    expected = spectrack.simulate("calm", frames=3, seed=5, width=96, height=64)
    found = spectrack.open_sequence(clip)
    np.testing.assert_array_equal(found[2], expected[2])
    printed = run("track", clip, "--out", out, "--precision", "fp32")
    assert "siamban fp32 cpu" in printed
    assert "AUC" in printed
    boxes = spectrack.read_boxes(out / "boxes.txt")
    assert boxes.shape == (3, 4)
    np.testing.assert_array_equal(boxes[0], expected.truth[0])


def test_the_same_boxes_every_time(run, tmp_path):
    run(
        "simulate",
        "--scenario",
        "calm",
        "--frames",
        4,
        "--width",
        96,
        "--height",
        64,
        "--out",
        tmp_path / "clip",
        "--format",
        "npy",
    )
    for name in ("a", "b"):
        run("track", tmp_path / "clip", "--out", tmp_path / name, "--precision", "fp32")
    assert (tmp_path / "a" / "boxes.txt").read_bytes() == (tmp_path / "b" / "boxes.txt").read_bytes()


def test_overlay_and_settings(run, tmp_path):
    import av

    run("simulate", "--scenario", "calm", "--frames", 3, "--width", 96, "--height", 64, "--out", tmp_path / "clip")
    run(
        "track",
        tmp_path / "clip",
        "--out",
        tmp_path / "out",
        "--overlay",
        "--set",
        "size_rate=0.1",
        "--box",
        "10,12,20,18",
    )
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["tracker"]["options"]["size_rate"] == 0.1
    assert len(summary["tracker"]["weights"]["hash"]) >= 12
    assert summary["first_box"] == [10, 12, 20, 18]
    assert summary["settings"]["command"] == "track"
    with av.open(str(tmp_path / "out" / "overlay.mp4")) as video:
        assert len(list(video.decode(video=0))) == 3


def test_an_array_and_a_box_from_a_file(run, tmp_path):
    np.save(tmp_path / "cubes.npy", np.random.default_rng(0).integers(50, 900, (3, 40, 50, 16)).astype(np.uint16))
    (tmp_path / "box.txt").write_text("5, 6, 10, 12\n")
    run(
        "track", tmp_path / "cubes.npy", "--axes", "thwb", "--box-from", tmp_path / "box.txt", "--out", tmp_path / "out"
    )
    assert (tmp_path / "out" / "boxes.txt").read_text().startswith("5,6,10,12\n")


def test_colour_images(run, tmp_path):
    (tmp_path / "img").mkdir()
    for i in range(3):
        image = np.random.default_rng(i).integers(0, 255, (48, 64, 3), dtype=np.uint8)
        cv2.imwrite(str(tmp_path / "img" / f"{i + 1:04d}.jpg"), image)
    printed = run("track", tmp_path / "img", "--box", "5,6,20,12", "--out", tmp_path / "out")
    assert "3 bands" in printed
    assert "AUC" not in printed


def test_truth_can_be_named_and_left_alone(run, tmp_path):
    run("simulate", "--scenario", "calm", "--frames", 3, "--width", 96, "--height", 64, "--out", tmp_path / "clip")
    (tmp_path / "clip" / "HSI" / "groundtruth_rect.txt").rename(tmp_path / "truth.txt")
    run("track", tmp_path / "clip", "--truth", tmp_path / "truth.txt", "--out", tmp_path / "a", "--protocol", "otb")
    assert json.loads((tmp_path / "a" / "summary.json").read_text())["scores"]["protocol"].startswith("otb")
    (tmp_path / "short.txt").write_text("10,10,9,9\n")
    run("track", tmp_path / "clip", "--truth", tmp_path / "short.txt", "--out", tmp_path / "b", "--no-score")
    assert json.loads((tmp_path / "b" / "summary.json").read_text())["scores"] is None


def test_scenarios_are_listed(run):
    printed = run("simulate", "--list")
    assert [line.split()[0] for line in printed.splitlines() if not line.startswith(" ")] == spectrack.list_scenarios()


def test_simulate_names_what_is_missing(command_refuses):
    command_refuses(["simulate", "--scenario", "calm"], "--out")


@pytest.fixture
def results(tmp_path):
    """Two sequences whose scores are known by hand: overlap 1 everywhere, and overlap 1/2 everywhere."""
    for name, width in (("same", 10), ("half", 5)):
        spectrack.write_boxes(tmp_path / "truth" / f"{name}.txt", np.tile([0.0, 0, 10, 10], (4, 1)))
        spectrack.write_boxes(tmp_path / "results" / f"{name}.txt", np.tile([0.0, 0, width, 10], (4, 1)))
    return tmp_path


def test_evaluate_prints_a_table_and_writes_json(run, results):
    printed = run("evaluate", "--results", results / "results", "--truth", results / "truth")
    rows = {line.split()[0]: line.split()[1:] for line in printed.splitlines() if line.strip()}
    # Half a box is off by a quarter of the width: within 26 of the 51 thresholds 0, 0.01 .. 0.5 of normalised
    # precision.
    assert rows["same"] == ["4", "1.000", "1.000", "1.000", "1.000"]
    assert rows["half"] == ["4", "0.500", "1.000", "0.510", "0.500"]
    assert rows["mean"] == ["8", "0.750", "1.000", "0.755", "0.750"]
    written = json.loads((results / "results" / "scores-hot.json").read_text())
    assert written["sequence_mean"]["auc"] == pytest.approx(0.75)


def test_evaluate_knows_protocols_and_policies(run, command_refuses, results):
    out = results / "deep" / "scores.json"
    printed = run(
        "evaluate", "--results", results / "results", "--truth", results / "truth", "--protocol", "got10k", "--out", out
    )
    assert "all frames" in printed
    assert "DP@20" not in printed
    assert json.loads(out.read_text())["protocol"] == "got10k"
    (results / "results" / "half.txt").unlink()
    words = ["evaluate", "--results", str(results / "results"), "--truth", str(results / "truth")]
    command_refuses(words, "'half'", "--missing miss")
    assert "half" in run(*words, "--missing", "miss")
    command_refuses([*words, "--missing", "mis"], "'mis'", "did you mean 'miss'")


def test_a_recording_scores_to_what_track_printed(run, tmp_path):
    run("simulate", "--scenario", "calm", "--frames", 3, "--width", 96, "--height", 64, "--out", tmp_path / "clip")
    printed = run("track", tmp_path / "clip", "--out", tmp_path / "out")
    again = run("evaluate", "--results", tmp_path / "out", "--truth", tmp_path / "out")
    auc = printed.split("AUC ")[1][:5]
    assert f" {auc} " in next(line for line in again.splitlines() if line.strip().startswith("mean"))
    # Boxes stand beside what the tracker stated of them, so that this is judged too.
    judged = json.loads((tmp_path / "out" / "scores-hot.json").read_text())["calibration"]
    assert sum(judged["frames"]) == 2
    assert f"ECE {judged['error']:.3f}" in again


def test_weights_are_listed(run, with_random_weights):
    printed = run("weights", "list")
    assert "siamban-compact  SiamBAN, compact" in printed
    assert str(with_random_weights / "siamban-compact.safetensors") in printed


def test_weights_are_fetched(run, with_random_weights, tmp_path):
    source = with_random_weights / "siamban-compact.safetensors"
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    printed = run("weights", "fetch", source.as_uri(), "--sha256", digest, "--out", tmp_path / "mine.safetensors")
    assert f"--profile compact --weights {tmp_path / 'mine.safetensors'}" in printed
    assert (tmp_path / "mine.safetensors").read_bytes() == source.read_bytes()


def test_fetching_without_a_checksum_is_refused(command_refuses, with_random_weights):
    command_refuses(["weights", "fetch", "https://example.org/a.safetensors"], "SHA-256", "a.safetensors")


def test_importing_refuses_other_suffixes_and_existing_files(command_refuses, tmp_path):
    command_refuses(["weights", "import", "a.pth", "--out", tmp_path / "a.pth"], ".safetensors", "a.pth")
    (tmp_path / "b.safetensors").write_text("")
    command_refuses(["weights", "import", "a.pth", "--out", tmp_path / "b.safetensors"], "--overwrite")
    words = ["weights", "import", tmp_path / "absent.pth", "--out", tmp_path / "c.safetensors"]
    command_refuses(words, tmp_path / "absent.pth")


def test_importing_a_backbone(run, tmp_path):
    import torch

    from spectrack.networks.backbones.resnet50 import AtrousResNet50, ResNet50Config

    state = AtrousResNet50(ResNet50Config(shortcut="1x1_crop")).state_dict()
    torch.save(state, tmp_path / "resnet50.pth")
    printed = run("weights", "import", tmp_path / "resnet50.pth", "--out", tmp_path / "backbone.safetensors")
    assert "ImageNet ResNet-50" in printed
    assert "start = " in printed
    assert (tmp_path / "backbone.safetensors").is_file()


def test_doctor(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    printed = run("doctor")
    assert printed.rstrip().endswith("all is well")


def test_doctor_exits_with_1_on_a_fault(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SPECTRACK_WEIGHTS", str(tmp_path / "absent"))
    assert main(["doctor"]) == 1
    assert "SPECTRACK_WEIGHTS" in capsys.readouterr().err


def test_boxes_may_be_separated_by_commas_or_spaces():
    assert parse_box("1,2,3,4").tolist() == parse_box(" 1  2.0 3, 4 ").tolist() == [1, 2, 3, 4]
    with refuses(BoxError, "'1;2;3;4'"):
        parse_box("1;2;3;4")


def test_settings_are_read_as_toml_or_text():
    words = ["a=1", "b.c=1e-3", "d=fp32", "e=[1, 2]", "f='x=y'", "g=true"]
    assert parse_settings(words) == {"a": 1, "b.c": 0.001, "d": "fp32", "e": [1, 2], "f": "x=y", "g": True}
    for word in ("a", "=1", "a="):
        with refuses(ConfigError, "key=value", repr(word)):
            parse_settings([word])


def test_train_hands_everything_on_and_says_what_came_of_it(run, tmp_path, monkeypatch):
    """The training itself is tested with the loop; here a stand-in shows what the command asks of it."""
    import torch

    from spectrack.training.loop import Progress
    from spectrack.weights.files import save_weights

    asked, told = {}, {"starts": 9, "kept": 4}

    def train(recipe, out, **options):
        asked.update(options, pairs=recipe.pairs, rate=recipe.optimiser.learning_rate, out=out)
        asked["videos"] = recipe.data.unlabelled.videos
        options["on_progress"](Progress(50, 100, {"total": 0.5}, 33.0, 0.79))
        out.mkdir()
        # The last validation comes after the last report; the file has it.
        described = {"method": "siamban", "profile": "compact", "extra": {"validation_iou": 0.81, "unlabelled": told}}
        save_weights(out / "siamban-compact.safetensors", {"a": torch.ones(1)}, described)
        return out / "siamban-compact.safetensors"

    monkeypatch.setattr("spectrack.training.loop.train", train)
    words = (
        "--set",
        "pairs=640",
        "--set",
        "optimiser.learning_rate=1e-3",
        "--device",
        "cpu",
        "--cache",
        tmp_path / "cache",
        "--jobs",
        1,
        "--unlabelled",
        tmp_path / "videos",
    )
    printed = run("train", "siamban-compact", "--out", tmp_path / "run", *words)
    assert {key: asked[key] for key in ("pairs", "rate", "device", "jobs")} == {
        "pairs": 640,
        "rate": 1e-3,
        "device": "cpu",
        "jobs": 1,
    }
    assert asked["cache"] == tmp_path / "cache"
    assert asked["videos"] == (str(tmp_path / "videos"),)
    assert "4 of 9 starts kept, see unlabelled.json" in printed
    assert "siamban-compact: 640 pairs" in printed
    assert "mean IoU 0.810 on pairs held out" in printed


def test_progress_is_described_in_a_few_words():
    from spectrack.cli.train import describe_progress
    from spectrack.training.loop import Progress

    assert (
        describe_progress(Progress(50, 100, {"total": 0.5, "regression": 0.25}, 33.4, None))
        == "total 0.500, regression 0.250, 33 pairs/s"
    )
