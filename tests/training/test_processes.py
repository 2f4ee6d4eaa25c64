"""A training that is killed, and one that several processes share: neither changes what comes out.

Killed means SIGKILL: nothing is caught, nothing tidied up. With one process, and with several, the weights file of a
training that was killed and taken up again has the bytes of one that was not. Two processes and one, at the same global
batch, agree but for rounding.
"""

import json
import sys

import pytest
import torch

from spectrack.tables import from_table
from spectrack.trackers.method import resolve
from spectrack.trackers.registry import find_trained_method
from spectrack.training.loop import train
from spectrack.training.recipe import Recipe
from tests.fixtures.training_processes import train_apart

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processes are forked")

TOLERANCES = {"siamban": 1e-3, "bcrnet": 1e-3, "ssfnet": 3e-2}
"""How far one process and two may end apart, as a share of the way from the start that both went.

Single precision alone moves the gradients of this SSF-Net by a thousandth, and a step makes ten of it.
"""

BASE = {"backbone": {"widths": [8, 8, 8], "dilations": [1]}, "template_box": True}
WARM_UP = {"classification": 0.0, "regression": 0.0, "fused_classification": 0.0, "fused_regression": 0.0}
METHODS = {
    "siamban": {
        "network": BASE,
        "loss": {"hard_negatives": 8, "positives": 4, "negatives": 40},
        "stages": [{"steps": 3, "parts": ["neck", "head"]}, {}],
        "groups": [{"parts": ["backbone"], "optimiser": {"learning_rate": 1e-3, "warmup_steps": 1}}],
    },
    # A head for each of eight branches, of which two or three have bands: what is left unused gets no gradient.
    "bcrnet": {
        "network": {"base": BASE, "bimm": {"input_size": 16, "widths": [2, 4]}, "heads": "per_branch"},
        "loss": {"fused_classification": 1.0, "fused_regression": 1.0},
        "frozen": ["siamban.backbone"],
        "stages": [{"steps": 3, "parts": ["bimm"], "loss": WARM_UP}, {}],
    },
    "ssfnet": {
        "network": {"base": BASE, "s2fb": {"channels": 8, "widths": [4, 4, 4]}},
        "frozen": ["rgb.backbone"],
        "stages": [{"steps": 3, "parts": ["s2fb", "hs_neck", "fusion", "hs_head"]}, {}],
    },
}


def recipe_of(make, method, **changes):
    values = json.loads(json.dumps(make.recipe().to_json()))
    for section in ("network", "loss", "online"):
        values.pop(section)
    values |= {"method": method, "pairs": 14, "validation_every": 2, "validation_pairs": 0} | METHODS[method]
    values["data"]["spectral"]["cameras"] = {"random_share": 1.0, "random_bands": [7, 9], "sensors": []}
    return from_table(Recipe, values | changes, "the recipe")


@pytest.mark.parametrize("method", METHODS)
def test_a_training_killed_in_either_stage_ends_in_the_bytes_of_one_that_was_not(make, cache, tmp_path, method):
    recipe = recipe_of(make, method)
    whole = train(recipe, tmp_path / "whole", cache=cache, device="cpu", jobs=1)
    for step in (2, 5):
        train_apart(recipe, tmp_path / "killed", cache, killed=f"step {step}")
        assert (tmp_path / "killed" / "checkpoint.ckpt").is_file()
        assert not (tmp_path / "killed" / whole.name).exists()
    taken_up = train(recipe, tmp_path / "killed", cache=cache, device="cpu", jobs=1)
    assert taken_up.read_bytes() == whole.read_bytes()
    assert names_in(taken_up.parent) == names_in(whole.parent)


@pytest.mark.parametrize("moment", ["step 0", "writing checkpoint", "writing weights"])
def test_a_training_killed_at_a_bad_moment_leaves_nothing_half_written(make, cache, tmp_path, moment):
    recipe = recipe_of(make, "siamban", pairs=8)
    whole = train(recipe, tmp_path / "whole", cache=cache, device="cpu", jobs=1)
    train_apart(recipe, tmp_path / "killed", cache, killed=moment)
    taken_up = train(recipe, tmp_path / "killed", cache=cache, device="cpu", jobs=1)
    assert taken_up.read_bytes() == whole.read_bytes()
    assert names_in(taken_up.parent) == names_in(whole.parent)


@pytest.mark.parametrize("method", METHODS)
def test_two_processes_agree_with_one_at_the_same_global_batch(make, cache, tmp_path, method):
    """By gradient descent: AdamW makes steps of full length of gradients that are nothing but rounding."""
    optimiser = {"kind": "sgd", "learning_rate": 0.005, "warmup_steps": 1}
    recipe = recipe_of(make, method, pairs=8, batch=4, groups=[], stages=[], optimiser=optimiser)
    train(recipe, tmp_path / "one", cache=cache, device="cpu", jobs=1)
    train_apart(recipe, tmp_path / "two", cache, processes=2)
    start = begun(recipe)
    one, two = (state_of(tmp_path / name) for name in ("one", "two"))
    assert one.keys() == two.keys()
    statistics = {name for name in one if ".running_" in name}
    counters = {name for name in one if name.endswith("num_batches_tracked")}
    for chosen in (statistics, one.keys() - statistics - counters):
        apart, way = (distance(one, other, chosen) for other in (two, start))
        assert apart < TOLERANCES[method] * way, (apart, way)


ACM = {
    "network": BASE | {"head": "acm"},
    "frozen": ["backbone"],
    "stages": [{"steps": 2, "parts": ["head"]}, {}],
    "groups": [],
}


@pytest.mark.parametrize(("method", "changes"), [("bcrnet", {}), ("siamban", ACM)])
def test_two_processes_killed_end_in_the_bytes_of_two_that_were_not(make, cache, tmp_path, method, changes):
    """In either stage; with parts that are left unused, and with batch normalisation of single numbers (of the box)."""
    recipe = recipe_of(make, method, pairs=24, batch=4, **changes)
    train_apart(recipe, tmp_path / "whole", cache, processes=2)
    train_apart(recipe, tmp_path / "killed", cache, processes=2, killed="step 3")
    assert not (tmp_path / "killed" / "tiny.safetensors").exists()
    train_apart(recipe, tmp_path / "killed", cache, processes=2)
    whole, taken_up = (tmp_path / name / "tiny.safetensors" for name in ("whole", "killed"))
    assert whole.read_bytes() == taken_up.read_bytes()


def test_two_processes_take_the_number_format_that_one_of_them_measured(make, cache, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    recipe = recipe_of(make, "siamban", pairs=4, batch=4, stages=[], precision="auto")
    train_apart(recipe, tmp_path / "run", cache, processes=2)
    assert (tmp_path / "run" / "tiny.safetensors").is_file()


def test_losses_that_explode_end_all_processes(make, cache, tmp_path):
    optimiser = {"kind": "sgd", "learning_rate": 1e18, "gradient_clip": 1e30, "warmup_steps": 0}
    recipe = recipe_of(make, "siamban", batch=4, pairs=16, stages=[], groups=[], optimiser=optimiser)
    train_apart(recipe, tmp_path / "run", cache, processes=2, refused="finite losses")


def test_the_weights_do_move_in_these_trainings(make, cache, tmp_path):
    """Or nothing above would mean anything."""
    train(recipe_of(make, "siamban"), tmp_path / "run", cache=cache, device="cpu", jobs=1, stop_after=1)
    first = state_of(tmp_path / "run")
    train(recipe_of(make, "siamban"), tmp_path / "run", cache=cache, device="cpu", jobs=1, stop_after=5)
    last = state_of(tmp_path / "run")
    assert not any(torch.equal(first[name], last[name]) for name in first if name.endswith("weight"))


def state_of(run):
    """By name, in double precision, what a run's newest checkpoint holds of the network."""
    state = torch.load(run / "checkpoint.ckpt", weights_only=True)["model"]
    return {name: tensor.double() for name, tensor in state.items()}


def begun(recipe):
    """As `state_of`, at the very start."""
    torch.manual_seed(recipe.seed)
    learner = resolve(find_trained_method(recipe.method).learner)(recipe)
    return {name: tensor.double() for name, tensor in learner.state_dict().items()}


def distance(state, other, names):
    return sum(float((state[name] - other[name]).square().sum()) for name in names) ** 0.5


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())
