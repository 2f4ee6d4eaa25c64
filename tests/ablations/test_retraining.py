"""Trainings of an ablation: the budget keeps a recipe's proportions, equal recipes share a training, nothing is trained
twice.
"""

import json

import pytest
import torch
from lightning_fabric import seed_everything

from spectrack.ablations import retraining
from spectrack.ablations.retraining import _devices, ablation_recipe, folder_of, shortened, train_seeds, trained_on
from spectrack.ablations.rows import load_rows
from spectrack.errors import ConfigError, WeightsError
from spectrack.methods.bcrnet.learner import BCRNetLearner
from spectrack.tables import from_table
from spectrack.weights.files import read_weights
from tests.fixtures.refusals import refuses


@pytest.fixture
def recipe_file(make, tmp_path):
    path = tmp_path / "tiny.toml"
    path.write_text(make.recipe)
    return path


def test_stages_and_warm_ups_keep_their_share():
    from spectrack.training.recipe import Recipe

    stages = [{"steps": 100, "parts": ["neck"]}, {"steps": 300}]
    groups = [{"parts": ["head"], "optimiser": {"warmup_steps": 80}}]
    recipe = from_table(
        Recipe,
        {"pairs": 4000, "batch": 10, "stages": stages, "groups": groups, "optimiser": {"warmup_steps": 40}, "seed": 5},
        "the recipe",
    )
    short = shortened(recipe, 1000)
    assert short.steps == 100
    assert [stage.steps for stage in short.stages] == [25, 0]
    assert short.stage_at(24)[0] == 0
    assert short.stage_at(25)[0] == 1
    assert short.stages[0].parts == ("neck",)
    assert short.optimiser.warmup_steps == 10
    assert short.groups[0].optimiser.warmup_steps == 20
    assert (short.seed, short.batch, short.network) == (recipe.seed, recipe.batch, recipe.network)


def test_the_budget_is_a_share_of_the_recipe(recipe_file):
    recipe = ablation_recipe(str(recipe_file), {"optimiser.learning_rate": 1e-3}, pairs=None, budget=0.5, seed=3)
    assert (recipe.pairs, recipe.seed, recipe.optimiser.learning_rate, recipe.optimiser.warmup_steps) == (
        12,
        3,
        1e-3,
        2,
    )
    assert ablation_recipe(str(recipe_file), {}, pairs=8, budget=0.5, seed=3).pairs == 8
    with refuses(ConfigError, "2 pairs", "found 1", "--pairs"):
        ablation_recipe(str(recipe_file), {}, pairs=1, budget=0.5, seed=3)
    with refuses(ConfigError, "'optimiser.learning_rat'", "did you mean 'learning_rate'"):
        ablation_recipe(str(recipe_file), {"optimiser.learning_rat": 1}, pairs=None, budget=0.5, seed=3)


def test_trained_once_and_shared_by_equal_recipes(recipe_file, tmp_path, monkeypatch):
    recipe = ablation_recipe(str(recipe_file), {}, pairs=4, budget=1.0, seed=2)
    steps = []
    place = {"cache": tmp_path / "cache", "device": "cpu"}
    (weights,) = train_seeds("first", [recipe], tmp_path / "training", progress=lambda *now: steps.append(now), **place)
    assert steps == [(2, 2, "seed 2")]
    assert read_weights(weights)[1].seed == 2
    assert weights.parent.name.startswith("first-seed2-")

    def refuse(*arguments, **options):
        raise AssertionError("trained again")

    monkeypatch.setattr("spectrack.training.loop.train", refuse)
    assert train_seeds("second", [recipe], tmp_path / "training", **place) == [weights]
    with pytest.raises(AssertionError, match="trained again"):
        train_seeds(
            "first",
            [ablation_recipe(str(recipe_file), {}, pairs=4, budget=1.0, seed=3)],
            tmp_path / "training",
            **place,
        )


def test_weights_tell_the_machines_that_they_were_trained_on(tmp_path):
    def weights(name, made=None):
        folder = tmp_path / name
        folder.mkdir()
        if made is not None:
            (folder / "environment.json").write_text(json.dumps(made))
        return folder / "weights.safetensors"

    ours = weights("own", {"machine": "Slow, 2 cores", "precision": "bf16", "processor": "Slow", "gpu": "Fast"})
    same = weights("same", {"machine": "Slow, 2 cores", "precision": "bf16"})
    earlier = weights("earlier", {"processor": "Slow", "gpu": "Fast", "precision": "bf16"})
    oldest = weights("oldest", {"processor": "Slow", "gpu": None, "precision": "fp32"})
    assert trained_on([ours, same, earlier, oldest, weights("silent")]) == [
        "Fast, bf16",
        "Slow, 2 cores, bf16",
        "Slow, fp32",
    ]


def test_a_training_takes_one_device(monkeypatch):
    assert _devices("cpu", 2) == ["cpu", "cpu"]
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    monkeypatch.setattr(
        "spectrack.trackers.precision.resolve_device", lambda device: torch.device(device.replace("auto", "cuda"))
    )
    assert _devices("auto", 3) == ["cuda:0", "cuda:1", "cuda:0"]
    assert _devices("cuda:1", 2) == ["cuda:1", "cuda:1"]


@pytest.mark.slow
def test_seeds_are_trained_side_by_side(recipe_file, tmp_path):
    recipes = [ablation_recipe(str(recipe_file), {}, pairs=4, budget=1.0, seed=seed) for seed in (2, 3)]
    place, told = {"cache": tmp_path / "cache", "device": "cpu"}, []
    apart = train_seeds("row", recipes, tmp_path / "apart", **place)
    together = train_seeds(
        "row", recipes, tmp_path / "together", jobs=2, progress=lambda *now: told.append(now), **place
    )
    assert told[-1] == (4, 4, "2 seeds at once")
    assert [path.parent.name for path in together] == [path.parent.name for path in apart]
    assert [read_weights(path)[1].seed for path in together] == [2, 3]
    for one, other in zip(apart, together, strict=True):
        alone, beside = read_weights(one)[0], read_weights(other)[0]
        # Other threads, other order of sums.
        assert all(torch.allclose(alone[name].float(), beside[name].float(), atol=2e-3) for name in alone)


def test_a_refusal_reaches_the_caller_from_another_process(recipe_file, tmp_path):
    overrides = {"start": str(tmp_path / "missing.safetensors")}
    recipes = [ablation_recipe(str(recipe_file), overrides, pairs=4, budget=1.0, seed=seed) for seed in (2, 3)]
    with refuses(WeightsError, "missing.safetensors"):
        train_seeds("row", recipes, tmp_path / "training", cache=tmp_path / "cache", device="cpu", jobs=2)


def test_an_interrupted_training_goes_on(recipe_file, tmp_path):
    from spectrack.training.loop import train

    recipe = ablation_recipe(str(recipe_file), {}, pairs=8, budget=1.0, seed=2)
    place = {"cache": tmp_path / "cache", "device": "cpu"}
    (whole,) = train_seeds("row", [recipe], tmp_path / "whole", **place)
    directory = retraining.folder_of(tmp_path / "parts", "row-seed2", recipe.to_json())
    train(recipe, directory, cache=tmp_path / "cache", device="cpu", jobs=1, stop_after=1)
    (rest,) = train_seeds("row", [recipe], tmp_path / "parts", **place)
    assert rest.parent == directory
    assert rest.read_bytes() == whole.read_bytes()


def test_folders_are_found_by_content(tmp_path):
    first = folder_of(tmp_path, "row@defocus-1", {"a": 1, "b": 2})
    assert first.name.startswith("row-defocus-1-")
    first.mkdir()
    assert folder_of(tmp_path, "other", {"b": 2, "a": 1}) == first
    assert folder_of(tmp_path, "other", {"a": 1}).name.startswith("other-")


SMALL = {
    "network.base.backbone": {"widths": [8, 8, 8], "dilations": [1]},
    "network.bimm.widths": [2, 3],
    "network.bimm.input_size": 16,
    "start": "",
    "batch": 2,
    "precision": "fp32",
    "validation_pairs": 0,
    "data.sources": ["pictures"],
    "data.ratios": [],
    "data.workers": 0,
    "data.bank": {"pictures": 2, "sprites": 4, "picture_size": 160, "sprite_size": 96, "photographs": False},
}
"""Makes the recipe bcrnet-compact one that trains in a second."""


PARTS = ("siamban.backbone.", "siamban.head.", "bimm.")


@pytest.mark.parametrize(
    "name", ["retrained-sequential", "retrained-pca", "band-specific-row", "without-refinement", "few-end-to-end"]
)
def test_rows_of_bcrnet_train(name, tmp_path_factory, tmp_path):
    """The rows that change what gets a gradient, in two steps: one of BIMM's warm-up where there is one, and one of the
    rest.
    """
    row = load_rows("bcrnet").row(name)
    recipe = ablation_recipe("bcrnet-compact", row.overrides | SMALL, pairs=4, budget=1.0, seed=1)
    cache = tmp_path_factory.getbasetemp() / "bank-of-rows"
    (weights,) = train_seeds(name, [recipe], tmp_path, cache=cache, device="cpu")
    found, metadata = read_weights(weights)
    assert metadata.config["bimm"]["bands"] == row.bands
    ranked = recipe.network.composer.name == "importance"
    assert len(recipe.stages) == (2 if ranked else 0)
    # The loop seeds everything and then builds the network: this is where the training began, but for half precision.
    seed_everything(1, verbose=False)
    start = BCRNetLearner(recipe).network.state_dict()
    moved = {
        part: any((found[key].float() - start[key]).abs().max() > 5e-4 for key in start if key.startswith(part))
        for part in PARTS
    }
    assert moved == {"siamban.backbone.": name == "few-end-to-end", "siamban.head.": True, "bimm.": ranked}
