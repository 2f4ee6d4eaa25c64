"""The training loop: resumed runs end in the same bytes, run directories stay whole, mistakes get a sentence."""

import json
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
import torch
from lightning_fabric import seed_everything

from spectrack.errors import ConfigError, WeightsError
from spectrack.files import MANIFEST, Terms, claim_folder
from spectrack.methods.siamban.learner import SiamBANLearner
from spectrack.pairs.batches import PairBatches, build_sources
from spectrack.sequences.memory import MemorySequence
from spectrack.sequences.writers import write_sequence
from spectrack.trackers.loading import load_tracker
from spectrack.training import loop
from spectrack.training.learner import MovingAverage
from spectrack.training.loop import train
from spectrack.training.recipe import OptimiserConfig
from spectrack.training.run_directory import ClaimedTrainingDirectory, TrainingDirectory, training_terms
from spectrack.training.stages import learning_rate
from spectrack.weights.files import read_weights, save_weights
from tests.fixtures.refusals import refuses


@pytest.fixture
def run(make, cache, tmp_path):
    """Train the tiny recipe, with changes, into a folder of this test."""

    def start(name="run", *, recipe=None, **options):
        return train(recipe or make.recipe(), tmp_path / name, cache=cache, device="cpu", jobs=1, **options)

    return start


@contextmanager
def claimed(path, recipe):
    with claim_folder(path, training_terms(recipe)) as claim:
        yield ClaimedTrainingDirectory(claim, recipe)


def log_of(path):
    return [json.loads(line) for line in (path.parent / "log.jsonl").read_text().splitlines()]


def test_resumed_run_ends_in_the_same_bytes(run):
    whole = run("whole")
    stopped = run("parts", stop_after=3)
    assert stopped.name == "checkpoint.ckpt"
    assert not (stopped.parent / "tiny.safetensors").exists()
    rest = run("parts")
    assert whole.read_bytes() == rest.read_bytes()
    first, second = (torch.load(path.parent / "checkpoint.ckpt", weights_only=True) for path in (whole, rest))
    for part in ("model", "average"):
        assert all(torch.equal(first[part][name], second[part][name]) for name in first[part])
    assert str(first["optimiser"]) == str(second["optimiser"])


def test_a_run_goes_on_with_as_many_threads_as_it_began_with(run, monkeypatch):
    usual, seen = torch.get_num_threads(), []
    advance = loop._Run._advance
    monkeypatch.setattr(
        loop._Run, "_advance", lambda self, *given: (seen.append(torch.get_num_threads()), advance(self, *given))[1]
    )
    try:
        torch.set_num_threads(2)
        run(stop_after=1)
        torch.set_num_threads(1)
        run()
        assert set(seen) == {2}
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(usual)


@pytest.mark.parametrize("kind", ["adamw", "sgd"])
def test_the_loop_is_nothing_but_the_plain_loop(run, make, cache, kind):
    """Stages, groups and feeds must not move a bit of a training that uses none of them."""
    recipe = make.recipe(optimiser__kind=kind, validation_pairs=0)
    state = torch.load(run(recipe=recipe).parent / "checkpoint.ckpt", weights_only=True)

    seed_everything(recipe.seed, verbose=False)
    learner = SiamBANLearner(recipe).to(memory_format=torch.channels_last).train()
    matrices = [parameter for parameter in learner.parameters() if parameter.ndim > 1]
    vectors = [parameter for parameter in learner.parameters() if parameter.ndim <= 1]
    groups = [
        {"params": matrices, "weight_decay": recipe.optimiser.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(groups) if kind == "adamw" else torch.optim.SGD(groups, momentum=0.9)
    average = MovingAverage(learner.network, recipe.optimiser.average)
    batches = PairBatches(build_sources(recipe.data, cache, jobs=1), (), seed=recipe.seed, batch=recipe.batch)
    for step in range(recipe.steps):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(recipe.optimiser, step, recipe.steps)
        optimiser.zero_grad()
        learner(batches[step], step)["total"].backward()
        torch.nn.utils.clip_grad_norm_(learner.parameters(), recipe.optimiser.gradient_clip)
        optimiser.step()
        average.update(learner.network, step)
    assert all(torch.equal(state["model"][name], tensor) for name, tensor in learner.state_dict().items())
    assert all(torch.equal(state["average"][name], tensor) for name, tensor in average.state.items())


def test_weights_can_track_and_say_where_they_come_from(run, make):
    path = run()
    state, metadata = read_weights(path)
    assert (metadata.method, metadata.profile, metadata.recipe, metadata.data) == (
        "siamban",
        "compact",
        "tiny",
        "pictures",
    )
    assert metadata.extra["pairs"] == 12
    assert all(torch.isfinite(tensor).all() for tensor in state.values())
    tracker = load_tracker("siamban", weights=path, precision="fp32", device="cpu")
    assert tracker.describe()["options"]["size_rate"] == make.recipe().online.size_rate


def test_metadata_keeps_no_folder_of_the_machine(run, make, tmp_path):
    cubes = np.random.default_rng(0).integers(0, 900, (3, 64, 80, 16)).astype(np.uint16)
    write_sequence(MemorySequence(cubes, truth=[(30, 24, 14, 10)] * 3), tmp_path / "video", format="npy")
    path = run(recipe=make.recipe(data__sources=["pictures", str(tmp_path / "video")], description="two sources"))
    assert read_weights(path)[1].data == "pictures, video; two sources"


def test_own_pictures_are_recorded_with_the_weights(run, make, own_pictures):
    recipe = make.recipe(
        data__photographs=list(own_pictures["photographs"]),
        data__cutouts=list(own_pictures["cutouts"]),
        data__synthesis={"photograph_share": 0.5, "cutout_share": 0.75},
    )
    weights = run(recipe=recipe)
    told = read_weights(weights)[1].extra["collections"]
    assert [(entry["use"], entry["files"], entry["share"]) for entry in told] == [
        ("photographs", 3, 0.5),
        ("cutouts", 2, 0.75),
    ]
    assert all(len(entry["digest"]) == 12 and "/" not in entry["name"] for entry in told)
    assert json.loads((weights.parent / "environment.json").read_text())["collections"] == told
    assert "collections" not in read_weights(run("without"))[1].extra


def test_run_directory_is_complete_and_readable(run, make):
    path = run()
    names = sorted(file.name for file in path.parent.iterdir())
    assert names == ["checkpoint.ckpt", "environment.json", "log.jsonl", "recipe.json", MANIFEST, "tiny.safetensors"]
    assert json.loads((path.parent / "recipe.json").read_text()) == json.loads(json.dumps(make.recipe().to_json()))
    assert json.loads((path.parent / "environment.json").read_text())["precision"] == "fp32"
    entries = log_of(path)
    assert [entry["step"] for entry in entries if "validation_iou" in entry] == [4, 6]
    (last,) = [entry for entry in entries if "total" in entry]
    assert {
        "step",
        "pairs",
        "learning_rate",
        "pairs_per_second",
        "total",
        "classification",
        "regression",
        "time",
    } == set(last)


def test_progress_is_reported(run):
    seen = []
    run(on_progress=seen.append)
    assert [(progress.step, progress.steps) for progress in seen] == [(6, 6)]
    assert seen[0].losses["total"] > 0


def test_finished_run_is_not_trained_further(run):
    path = run()
    before = path.read_bytes()
    assert run() == path
    assert path.read_bytes() == before


def test_a_training_over_data_that_changed_is_refused(run, monkeypatch):
    path = run(stop_after=1)
    before = path.read_bytes()
    monkeypatch.setattr("spectrack.pairs.bank.source_digest", lambda *parts: "another")
    for _ in range(2):
        with refuses(ConfigError, "data.pictures", path.parent, "name another folder"):
            run()
    assert path.read_bytes() == before


def test_run_of_another_recipe_is_refused(run, make):
    path = run(stop_after=1)
    before = (path.parent / "recipe.json").read_bytes()
    with refuses(ConfigError, "optimiser.learning_rate", "pairs", "--out"):
        run(recipe=make.recipe(pairs=14, optimiser__learning_rate=0.5))
    assert (path.parent / "recipe.json").read_bytes() == before


def test_a_run_begun_by_an_earlier_version_goes_on(run):
    path = run(stop_after=1)
    file = path.parent / "recipe.json"
    recipe = json.loads(file.read_text())
    network = recipe["network"]
    backbone = network.pop("backbone")
    network |= {"profile": recipe.pop("profile"), "shortcut": "1x1_crop", "levels": [3, 4, 5]}
    network |= {"input_range": backbone.pop("input_range")}
    network |= {f"compact_{key}": value for key, value in backbone.items() if key != "name"}
    with claim_folder(path.parent, Terms("training", resume=True)) as claim:
        claim.write_json(file.name, recipe)
    assert run().suffix == ".safetensors"


def test_interrupted_writing_leaves_the_old_checkpoint(run, monkeypatch):
    path = run(stop_after=2)
    before = path.read_bytes()

    def fail(state, file):
        file.write_bytes(b"half a checkpoint")
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(torch, "save", fail)
        with pytest.raises(KeyboardInterrupt):
            run(stop_after=2)
    assert path.read_bytes() == before
    assert sorted(file.name for file in path.parent.iterdir()) == [
        "checkpoint.ckpt",
        "environment.json",
        "log.jsonl",
        "recipe.json",
        MANIFEST,
    ]
    whole = run("whole")
    assert run().read_bytes() == whole.read_bytes()


def test_log_holds_every_step_once_after_a_crash(run, monkeypatch):
    """A run that dies after step 5 goes on from the checkpoint of step 4; its line about step 5 is dropped."""
    recipe_log = loop.LOG_EVERY
    monkeypatch.setattr(loop, "LOG_EVERY", 1)

    def die(progress):
        if progress.step == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(on_progress=die)
    path = run()
    assert [entry["step"] for entry in log_of(path) if "total" in entry] == [1, 2, 3, 4, 5, 6]
    assert recipe_log == 50


def test_damaged_checkpoint_gets_a_sentence(run):
    path = run(stop_after=2)
    with claim_folder(path.parent, Terms("training", resume=True)) as claim, claim.writing(path.name) as damaged:
        damaged.write_bytes(path.read_bytes()[:1000])
    with refuses(ConfigError, "checkpoint.ckpt", "damaged"):
        run()
    path.write_bytes(b"mine")
    with refuses(ConfigError, "checkpoint.ckpt", "changed since"):
        run()
    assert path.read_bytes() == b"mine"


def test_losses_that_explode_stop_the_run_before_they_are_saved(run, make):
    with refuses(ConfigError, "'total': nan", "step 1", "optimiser.learning_rate"):
        run(
            recipe=make.recipe(
                optimiser__learning_rate=1e18,
                optimiser__gradient_clip=1e30,
                optimiser__warmup_steps=0,
                optimiser__kind="sgd",
            )
        )


def test_start_from_weights(run, make):
    path = run("first")
    recipe = make.recipe(start=str(path), optimiser__learning_rate=1e-12)
    state, _ = read_weights(path)
    after, _ = read_weights(run("second", recipe=recipe))
    name = "head.classification.0.prediction.0.weight"
    torch.testing.assert_close(after[name], state[name], rtol=2e-3, atol=1e-4)
    with refuses(WeightsError, "widths = [8, 8, 16]", "[8, 8, 8]", "tiny.safetensors", "[network.backbone]"):
        run("third", recipe=make.recipe(start=str(path), network__backbone__widths=[8, 8, 16]))
    with refuses(WeightsError, "SiameseNetwork", "tiny.safetensors", "(8, 8, 1, 1)", "(12, 12, 1, 1)"):
        run("third", recipe=make.recipe(start=str(path), network__channels=12))


def test_a_start_with_another_head_gives_backbone_and_neck(run, make, caplog):
    path = run("first")
    state, _ = read_weights(path)
    held = {"frozen": ["backbone", "neck"], "network__head": "acm", "start": str(path)}
    after, metadata = read_weights(run("second", recipe=make.recipe(**held), stop_after=None))
    assert "gives backbone and neck" in caplog.text
    assert metadata.config["head"] == "acm"
    trunk = [name for name in state if not name.startswith("head.")]
    assert all(torch.equal(after[name], state[name]) for name in trunk)
    with refuses(ConfigError, "frozen head", path):
        run("third", recipe=make.recipe(**held | {"frozen": ["head"]}))


def test_a_frozen_part_that_the_start_does_not_have_is_refused(run, make, tmp_path):
    state, metadata = read_weights(run("first"))
    part = {name: tensor for name, tensor in state.items() if name.startswith("backbone.")}
    save_weights(tmp_path / "part.safetensors", part, replace(metadata, method="backbone"))
    start = str(tmp_path / "part.safetensors")
    with refuses(ConfigError, "frozen backbone, neck", "neck.levels.0.0.weight", "part.safetensors"):
        run("second", recipe=make.recipe(start=start, frozen=["backbone", "neck"]))
    run("third", recipe=make.recipe(start=start, frozen=["backbone"]), stop_after=1)


def test_no_validation(run, make):
    path = run(recipe=make.recipe(validation_pairs=0))
    assert all("validation_iou" not in entry for entry in log_of(path))
    assert read_weights(path)[1].extra["validation_iou"] is None


def test_bf16_and_sgd_run(run, make):
    state, _ = read_weights(run(recipe=make.recipe(precision="bf16", optimiser__kind="sgd")))
    assert all(torch.isfinite(tensor).all() for tensor in state.values())


@pytest.mark.parametrize("steps", [0, -1])
def test_stop_after_nothing_is_refused(run, steps):
    with refuses(ConfigError, "1 step", f"found {steps}"):
        run(stop_after=steps)


def test_no_job_at_all_is_refused(make, cache, tmp_path):
    with refuses(ConfigError, "one job", "found 0"):
        train(make.recipe(), tmp_path / "run", cache=cache, device="cpu", jobs=0)
    assert not (tmp_path / "run").exists()


def test_file_in_place_of_the_run_directory(make, tmp_path, cache):
    (tmp_path / "run").write_text("mine")
    with refuses(ConfigError, tmp_path / "run"):
        train(make.recipe(), tmp_path / "run", cache=cache, device="cpu", jobs=1)
    assert (tmp_path / "run").read_text() == "mine"


def test_learning_rate_rises_then_falls_along_a_cosine():
    config = OptimiserConfig(learning_rate=1.0, warmup_steps=10, final_share=0.1)
    rates = [learning_rate(config, step, 110) for step in range(110)]
    assert rates[:10] == pytest.approx([(step + 1) / 10 for step in range(10)])
    assert rates[10] == pytest.approx(1.0)
    assert rates[60] == pytest.approx(0.55)
    assert rates == sorted(rates[:10]) + sorted(rates[10:], reverse=True)
    assert learning_rate(config, 110, 110) == pytest.approx(0.1)


def test_a_run_keeps_the_precision_it_began_with(make, tmp_path):
    with claimed(tmp_path, make.recipe()) as directory:
        assert directory.precision() is None
        directory.start("bf16", "this machine", {})
        assert directory.precision() == "bf16"
        directory.start("fp32", "another", {})
    assert json.loads((tmp_path / "environment.json").read_text())["machine"] == "this machine"


def test_log_is_json_also_for_numbers_that_are_not_finite(make, tmp_path):
    with claimed(tmp_path, make.recipe()) as directory:
        directory.log({"step": 1, "total": float("nan")})
    assert json.loads((tmp_path / "log.jsonl").read_text())["total"] is None


def test_what_was_logged_after_a_step_is_dropped(make, tmp_path):
    with claimed(tmp_path, make.recipe()) as directory:
        for step in (1, 2, 3):
            directory.log({"step": step})
        directory.cut_log(2)
    assert [json.loads(line)["step"] for line in (tmp_path / "log.jsonl").read_text().splitlines()] == [1, 2]
    assert TrainingDirectory(tmp_path).logged_step() == 2


def test_two_trainings_do_not_share_a_folder(run, make, tmp_path):
    path = run(stop_after=1)
    with claimed(path.parent, make.recipe()), refuses(ConfigError, path.parent, "another process"):
        run()
    assert run(stop_after=1) == path
