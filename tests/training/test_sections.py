"""The sections of a recipe that are a method's own, its stages and groups."""

from dataclasses import dataclass

import pytest

from spectrack.errors import ConfigError
from spectrack.networks.siamese import SiameseConfig
from spectrack.tables import from_table
from spectrack.trackers import registry
from spectrack.trackers.method import Method
from spectrack.training.recipe import Recipe
from tests.fixtures.refusals import refuses


@dataclass(frozen=True)
class OwnNetwork:
    width: int = 4


@dataclass(frozen=True)
class OwnLoss:
    spectral: float = 1.0
    points: int = 3


@dataclass(frozen=True)
class OwnOnline:
    patience: int = 7


@pytest.fixture
def own():
    parts = {"config": OwnNetwork, "loss": OwnLoss, "online": OwnOnline}
    registry.register_method(Method("own", "Own", "a test", "", "nowhere:Tracker", learner="nowhere:Learner", **parts))


def test_unknown_method_offers_the_nearest():
    with refuses(ConfigError, "can be trained", "'cf'", "siamban"):
        from_table(Recipe, {"method": "cf"}, "the recipe")
    with refuses(ConfigError, "'siambam'", "did you mean 'siamban'"):
        from_table(Recipe, {"method": "siambam"}, "the recipe")
    with refuses(ConfigError, "'method'", "found 3"):
        from_table(Recipe, {"method": 3}, "the recipe")


def test_sections_have_the_methods_types(own):
    recipe = from_table(Recipe, {"method": "own", "network": {"width": 9}, "loss": {"spectral": 2}}, "the recipe")
    assert recipe.network == OwnNetwork(9)
    assert recipe.loss == OwnLoss(2.0)
    assert recipe.online == OwnOnline()
    assert isinstance(Recipe().network, SiameseConfig)


def test_key_of_another_method_is_refused(own):
    with refuses(ConfigError, "'network.backbone'", "width"):
        from_table(Recipe, {"method": "own", "network": {"backbone": {}}}, "the recipe")


def test_stages_and_groups_are_tables(own):
    values = {
        "method": "own",
        "pairs": 320,
        "batch": 32,
        "stages": [{"steps": 4, "parts": ["a"], "loss": {"spectral": 0}}, {}],
        "groups": [{"parts": ["a"], "optimiser": {"kind": "sgd", "learning_rate": 0.5}}],
    }
    recipe = from_table(Recipe, values, "the recipe")
    assert recipe.stages[0].loss == {"spectral": 0.0}
    assert [recipe.stage_at(step)[0] for step in (0, 3, 4, 9)] == [0, 0, 1, 1]
    assert recipe.groups[0].optimiser.kind == "sgd"
    assert from_table(Recipe, recipe.to_json(), "the recipe") == recipe


@pytest.mark.parametrize(
    ("stages", "facts"),
    [
        ([{"steps": 0}, {}], ("'stages.steps'", "[0, 0]")),
        ([{"steps": 10}, {}], ("10 steps", "'stages.steps'", "[10, 0]")),
        ([{"steps": 4}, {"steps": 4}], ("10 steps", "'stages.steps'", "[4, 4]")),
        (
            [{"steps": 4, "loss": {"points": 1}}, {}],
            ("'stages.loss'", "'points'"),
        ),
        ([{"steps": 4, "loss": 3}, {}], ("'stages[0].loss'", "found 3")),
        (
            [{"steps": 4, "loss": {"spectral": "much"}}, {}],
            ("'stages[0].loss.spectral'", "'much'"),
        ),
        ([{"stops": 4}, {}], ("'stages[0].stops'", "did you mean 'steps'")),
    ],
)
def test_mistakes_in_stages_get_a_sentence(own, stages, facts):
    with refuses(ConfigError, facts):
        from_table(Recipe, {"method": "own", "pairs": 320, "batch": 32, "stages": stages}, "the recipe")


def test_group_without_parts_is_refused():
    with refuses(ConfigError, "'groups[0].parts'", "[]"):
        from_table(Recipe, {"groups": [{}]}, "the recipe")
