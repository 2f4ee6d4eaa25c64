"""SSF-Net in the training loop: terms, start from SiamBAN, frozen RGB branch, stages, both shipped recipes for two
steps.
"""

import json
import tomllib
from pathlib import Path

import numpy as np
import pytest
import torch

from spectrack.errors import ConfigError
from spectrack.methods.ssfnet.learner import SSFNetLearner
from spectrack.methods.ssfnet.losses import SSFNetLossConfig
from spectrack.methods.ssfnet.tracker import SSFNetOptions
from spectrack.pairs.spectral_expansion import SpectralBatch
from spectrack.tables import from_table
from spectrack.trackers.loading import load_tracker
from spectrack.training.loop import train
from spectrack.training.recipe import Recipe, load_recipe
from spectrack.training.stages import StageSchedule
from spectrack.weights.files import read_weights
from tests.fixtures.refusals import refuses

BASE = {"backbone": {"widths": [8, 8, 8], "dilations": [1]}}
S2FB = {"channels": 8, "widths": [4, 4, 4]}
TERMS = {"total", "classification", "regression", "hs_classification", "hs_regression", "spectral_angle"}


def recipe_of(make, **changes):
    values = json.loads(json.dumps(make.recipe().to_json()))
    for section in ("network", "loss", "online"):
        values.pop(section)
    values |= {"method": "ssfnet", "frozen": ["rgb"], "pairs": 4, "network": {"base": BASE, "s2fb": S2FB}}
    values["data"]["spectral"]["cameras"] = {"random_share": 0.5, "random_bands": [5, 7], "sensors": ["rednir15"]}
    return from_table(Recipe, values | changes, "the recipe")


def batch_of(positive=(True, True), bands=6):
    """A square that differs from its ground in spectrum."""
    rng = np.random.default_rng(0)
    ground, paint = rng.uniform(0.1, 0.4, bands), rng.uniform(0.4, 0.9, bands)
    count = len(positive)
    cubes = [
        np.broadcast_to(ground[None, :, None, None], (count, bands, size, size)).astype(np.float32).copy()
        for size in (127, 255)
    ]
    cubes[0][:, :, 32:96, 32:96] = paint[None, :, None, None]
    cubes[1][:, :, 100:164, 90:154] = paint[None, :, None, None]
    template, search = (torch.from_numpy(cube) for cube in cubes)
    box, shown = (
        torch.tensor([[90.0, 100, 154, 164]]).repeat(count, 1),
        torch.tensor([[32.0, 32, 96, 96]]).repeat(count, 1),
    )
    wavelengths, kind = torch.linspace(450, 900, bands), torch.zeros(count, dtype=torch.int64)
    return SpectralBatch(
        template, search, template[:, :3], search[:, :3], box, torch.tensor(positive), shown, wavelengths, kind, "made"
    )


@pytest.fixture
def learner(make):
    torch.manual_seed(0)
    return SSFNetLearner(recipe_of(make, loss={"positives": 0}))


@pytest.fixture(scope="module")
def siamban(make, cache, tmp_path_factory):
    """Weights of a tiny SiamBAN after two steps."""
    return train(make.recipe(pairs=4), tmp_path_factory.mktemp("siamban"), cache=cache, device="cpu", jobs=1)


def test_the_method_is_known():
    assert Recipe(method="ssfnet").online == SSFNetOptions()
    assert Recipe(method="ssfnet").loss == SSFNetLossConfig()


def test_terms_are_named_and_add_up(learner):
    terms = learner(batch_of(), 0)
    assert set(terms) == TERMS | {"hs_classification_share", "hs_regression_share", "target_angle", "rival_angle"}
    loss = learner.loss
    expected = (
        loss.classification * (terms["classification"] + loss.hs_branch * terms["hs_classification"])
        + loss.regression * (terms["regression"] + loss.hs_branch * terms["hs_regression"])
        + loss.spectral_angle * terms["spectral_angle"]
    )
    assert terms["total"].item() == pytest.approx(expected.item(), rel=1e-5)
    assert 0 < terms["hs_classification_share"] < 1
    assert 0 < terms["target_angle"] < np.pi


@pytest.mark.parametrize("positive", [(False, False), (True, False)])
def test_negative_pairs_give_finite_losses_and_gradients(learner, positive):
    learner.train()
    terms = learner(batch_of(positive), 0)
    assert all(torch.isfinite(value) for value in terms.values())
    terms["total"].backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in learner.parameters() if parameter.grad is not None)


def test_one_batch_is_learnt_by_heart(learner):
    batch = batch_of()
    optimiser = torch.optim.AdamW(learner.parameters(), lr=6e-3)
    learner.train()
    totals, gaps = [], []
    for step in range(25):
        terms = learner(batch, step)
        optimiser.zero_grad()
        terms["total"].backward()
        optimiser.step()
        totals.append(terms["total"].item())
        gaps.append((terms["rival_angle"] - terms["target_angle"]).item())
    assert totals[-1] < totals[0] / 2
    assert gaps[-1] > gaps[0]
    assert learner.overlaps(batch).mean() > 0.4


def test_overlaps_leave_negative_pairs_out(learner):
    assert learner.eval().overlaps(batch_of((True, False, True))).shape == (2,)


def test_sampled_points_depend_on_the_step_alone(make):
    torch.manual_seed(0)
    learner = SSFNetLearner(recipe_of(make, loss={"positives": 2, "negatives": 4})).eval()
    batch = batch_of()
    first = learner(batch, 5)["total"].item()
    torch.manual_seed(99)
    assert learner(batch, 5)["total"].item() == first
    assert learner(batch, 6)["total"].item() != first


def test_not_a_byte_of_the_frozen_rgb_branch_changes(make, cache, tmp_path, siamban, monkeypatch):
    """Stage B, from the start to the shipped file: the RGB branch is the SiamBAN that it began as; all else has
    moved.
    """
    begun = {}
    enter = SSFNetLearner.enter

    def remember(self, stage):
        enter(self, stage)
        begun.setdefault("state", {name: tensor.clone() for name, tensor in self.network.state_dict().items()})

    monkeypatch.setattr(SSFNetLearner, "enter", remember)
    path = train(recipe_of(make, start=str(siamban)), tmp_path / "run", cache=cache, device="cpu", jobs=1)
    given, _ = read_weights(siamban)
    state, metadata = read_weights(path)
    for name, tensor in given.items():
        assert torch.equal(state[f"rgb.{name}"], tensor)
        assert torch.equal(begun["state"][f"rgb.{name}"], tensor)
    assert len(given) == sum(name.startswith("rgb.") for name in state)
    parts = {
        name.split(".")[0]
        for name in state
        if not name.startswith("rgb.") and not torch.equal(state[name], begun["state"][name].half())
    }
    assert {"s2fb", "hs_neck", "hs_head"} <= parts
    assert (metadata.method, metadata.profile, metadata.false_colour, metadata.bands) == (
        "ssfnet",
        "compact",
        "thirds",
        None,
    )
    tracker = load_tracker("ssfnet", weights=path, precision="fp32")
    assert tracker.describe()["options"]["penalty"] == 0.14


def test_stage_c_of_the_methods_page_moves_neck_and_head_of_the_rgb_branch_slowly(make):
    page = (Path(__file__).parents[3] / "docs" / "methods" / "ssf-net.md").read_text(encoding="utf-8")
    recipe = recipe_of(make, pairs=6000, **tomllib.loads(page.split("```toml\n")[1].split("```")[0]))
    learner = SSFNetLearner(recipe)
    plan = StageSchedule(recipe, learner.network)
    assert [group.first_step for group in plan.groups] == [0, 2500]
    plan.enter(recipe.stages[0])
    assert not any(parameter.requires_grad for parameter in learner.network.rgb.parameters())
    assert all(
        parameter.requires_grad for name, parameter in learner.network.named_parameters() if not name.startswith("rgb.")
    )
    plan.enter(recipe.stages[1])
    assert all(parameter.requires_grad for parameter in learner.network.rgb.head.parameters())
    assert not any(parameter.requires_grad for parameter in learner.network.rgb.backbone.parameters())
    assert plan.groups[1].config.learning_rate == pytest.approx(
        0.1 * load_recipe("ssfnet-compact").optimiser.learning_rate
    )
    assert [plan.groups[1].rate(step, 3000) > 0 for step in (2499, 2500)] == [False, True]


def test_weights_for_one_camera_say_so(make):
    learner = SSFNetLearner(recipe_of(make, network={"base": BASE, "s2fb": S2FB | {"bands": 15}}))
    assert learner.describe()["bands"] == 15


@pytest.mark.parametrize(("key", "value"), [("margin", -0.1), ("spectral_angle", -1.0), ("positives", -1)])
def test_losses_out_of_range_are_refused(key, value):
    with refuses(ConfigError, f"'{key}'", value):
        SSFNetLossConfig(**{key: value})


@pytest.mark.parametrize("name", ["ssfnet-compact", "ssfnet-full"])
def test_shipped_recipes_run_for_two_steps(name, cache, tmp_path, siamban):
    """What the recipe says, with a network, bank and clips of a size that takes seconds."""
    given = load_recipe(name)
    small = {
        "pairs": 4,
        "batch": 2,
        "precision": "fp32",
        "start": str(siamban),
        "validation_pairs": 2,
        "network": {"base": BASE, "s2fb": S2FB},
        "data.workers": 0,
        "data.sources": ["pictures"],
        "data.ratios": [],
        "data.bank": {"pictures": 2, "sprites": 4, "picture_size": 160, "sprite_size": 96, "photographs": False},
        "optimiser.warmup_steps": 1,
    }
    recipe = load_recipe(name, small)
    assert (recipe.frozen, recipe.optimiser.kind) == (given.frozen, given.optimiser.kind)
    state, metadata = read_weights(train(recipe, tmp_path / "run", cache=cache, device="cpu", jobs=1))
    assert metadata.recipe == name
    assert all(torch.isfinite(tensor).all() for tensor in state.values() if tensor.is_floating_point())


def test_the_full_recipe_has_the_papers_size():
    recipe = load_recipe("ssfnet-full")
    assert (recipe.profile, recipe.network.base.backbone.name) == ("full", "resnet50")
    assert (recipe.steps, recipe.optimiser.kind, recipe.optimiser.learning_rate) == (6250, "sgd", 5e-3)


def test_the_compact_recipe_starts_from_the_shipped_siamban():
    from spectrack.weights.index import find_weights

    recipe = load_recipe("ssfnet-compact")
    state, metadata = read_weights(find_weights(recipe.start))
    learner = SSFNetLearner(recipe)
    learner.load_start(state, metadata, recipe.start)
    assert all(torch.equal(learner.network.state_dict()[f"rgb.{name}"], tensor) for name, tensor in state.items())
