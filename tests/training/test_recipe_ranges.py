"""Every number of a recipe has a range: found by looking at the dataclasses, for all methods, also keys added later."""

import dataclasses
import json
import math

import pytest

from spectrack.errors import ConfigError
from spectrack.tables import from_table
from spectrack.trackers.registry import list_methods
from spectrack.training.recipe import Recipe, load_recipe
from tests.fixtures.refusals import refuses

METHODS = [method.name for method in list_methods() if method.learner]
RECIPES = [*METHODS, "siamban-lite", "siamban-full"]  # the latter for their backbones

NO_END = {
    "data.ratios",
    "loss.classification",
    "loss.fused_classification",
    "loss.fused_regression",
    "loss.hs_branch",
    "loss.mu",
    "loss.reconstruction",
    "loss.regression",
    "loss.spectral_angle",
    "online.update_change",
    "online.update_share",
    "optimiser.gradient_clip",
    "optimiser.learning_rate",
    "optimiser.weight_decay",
}
"""Of these any positive number means something; no other key may be as large as one likes."""


def numbers(value, place=()):
    """Dotted key and value of every number, and of every list of numbers, in a dataclass."""
    for entry in dataclasses.fields(value):
        found, here = getattr(value, entry.name), (*place, entry.name)
        if dataclasses.is_dataclass(found):
            yield from numbers(found, here)
        elif (isinstance(found, int | float) and not isinstance(found, bool)) or (
            isinstance(found, tuple)
            and found
            and not isinstance(found[0], str)
            and not dataclasses.is_dataclass(found[0])
        ):
            yield ".".join(here), found


def recipe_named(name):
    return load_recipe(name) if "-" in name else Recipe(method=name)


CASES = {key: name for name in reversed(RECIPES) for key, _ in numbers(recipe_named(name))}
"""By key the first of the recipes that has it."""


def changed(name, key, number):
    """The recipe's table with another number at a key; a whole one where whole ones belong."""
    table = json.loads(json.dumps(recipe_named(name).to_json()))
    *sections, last = key.split(".")
    place = table
    for section in sections:
        place = place[section]
    old = place[last]
    first = old[0] if isinstance(old, list) else old
    new = int(number) if isinstance(first, int) and math.isfinite(number) else number
    place[last] = [new] * len(old) if isinstance(old, list) else new
    return table


def test_every_section_is_looked_at():
    assert len(CASES) > 120
    for section in ("data.bank", "data.clips", "data.synthesis.photometric", "data.spectral.materials", "network.bimm"):
        assert any(key.startswith(f"{section}.") for key in CASES), section


@pytest.mark.parametrize("key", CASES)
def test_a_number_out_of_range_is_refused_with_its_key(key):
    numbers = [math.nan, math.inf, -math.inf, -1e18, *([] if key in NO_END else [1e18])]
    for number in numbers:
        with refuses(ConfigError, key.rpartition(".")[2]):
            from_table(Recipe, changed(CASES[key], key, number), "the recipe")


@pytest.mark.parametrize(
    ("table", "facts"),
    [
        ({"loss": {"classification": -1.0}}, ("'loss.classification'", "[0, inf)", "-1.0")),
        ({"data": {"synthesis": {"negative_share": 1e18}}}, ("'data.synthesis.negative_share'", "[0, 1]")),
        ({"data": {"synthesis": {"native_side_px": [200.0, 100.0]}}}, ("native_side_px", "smallest first")),
        ({"network": {"prediction_kernel": 2}}, ("'network.prediction_kernel'", "odd", "found 2")),
        (
            {"pairs": 320, "stages": [{"steps": 2, "loss": {"regression": -1.0}}, {}]},
            ("'stages.loss.regression'", "[0, inf)", "-1.0"),
        ),
        ({"optimiser": {"kind": "sdg"}}, ("'optimiser.kind'", "did you mean 'sgd'")),
    ],
)
def test_examples(table, facts):
    with refuses(ConfigError, facts):
        from_table(Recipe, table, "the recipe")
