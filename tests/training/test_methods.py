"""Methods by name, and the sections of a recipe that are a method's own."""

from dataclasses import dataclass

import pytest

from spectrack.errors import ConfigError
from spectrack.methods.siamban.learner import SiamBANLearner
from spectrack.networks.siamban import SiamBANConfig
from spectrack.tables import from_table
from spectrack.training import methods
from spectrack.training.methods import Method, find_method, list_methods, register_method
from spectrack.training.recipe import Recipe


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
def own(monkeypatch):
    monkeypatch.setattr(methods, "_REGISTERED", dict(methods._REGISTERED))
    register_method(Method("bcrnet", SiamBANLearner, OwnNetwork, OwnLoss, OwnOnline))


def test_siamban_is_known():
    method = find_method("siamban")
    assert method.learner is SiamBANLearner
    assert method.batches == "pairs"
    assert "siamban" in list_methods()


def test_unknown_method_offers_the_nearest():
    with pytest.raises(
        ConfigError, match=r"expected a method that can be trained, found 'siambam'; did you mean 'siamban'\?"
    ):
        find_method("siambam")
    with pytest.raises(ConfigError, match="did you mean 'siamban'"):
        from_table(Recipe, {"method": "siambam"}, "the recipe")
    with pytest.raises(ConfigError, match="expected text for 'method' in the recipe, found 3"):
        from_table(Recipe, {"method": 3}, "the recipe")


def test_sections_have_the_methods_types(own):
    recipe = from_table(Recipe, {"method": "bcrnet", "network": {"width": 9}, "loss": {"spectral": 2}}, "the recipe")
    assert recipe.network == OwnNetwork(9)
    assert recipe.loss == OwnLoss(2.0)
    assert recipe.online == OwnOnline()
    assert isinstance(Recipe().network, SiamBANConfig)


def test_key_of_another_method_is_refused(own):
    with pytest.raises(ConfigError, match=r"expected a known key in the recipe, found 'network\.compact_widths'"):
        from_table(Recipe, {"method": "bcrnet", "network": {"compact_widths": [8, 8, 8]}}, "the recipe")


def test_stages_and_groups_are_tables(own):
    values = {
        "method": "bcrnet",
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
    ("stages", "message"),
    [
        ([{"steps": 0}, {}], "expected at least 1 in all but the last for 'stages.steps' in the recipe"),
        ([{"steps": 10}, {}], "expected stages that fill 10 steps for 'stages.steps' in the recipe, found"),
        ([{"steps": 4}, {"steps": 4}], "expected stages that fill 10 steps"),
        (
            [{"steps": 4, "loss": {"points": 1}}, {}],
            r"expected a weight of the loss \(spectral\) for 'stages.loss' in the recipe, found 'points'",
        ),
        ([{"steps": 4, "loss": 3}, {}], "expected a table for 'stages.0..loss' in the recipe"),
        (
            [{"steps": 4, "loss": {"spectral": "much"}}, {}],
            "expected a number for 'stages.0..loss.spectral' in the recipe, found 'much'",
        ),
        ([{"stops": 4}, {}], r"found 'stages.0..stops'; did you mean 'steps'\?"),
    ],
)
def test_mistakes_in_stages_get_a_sentence(own, stages, message):
    with pytest.raises(ConfigError, match=message):
        from_table(Recipe, {"method": "bcrnet", "pairs": 320, "batch": 32, "stages": stages}, "the recipe")


def test_group_without_parts_is_refused():
    with pytest.raises(ConfigError, match=r"at least one part of the network for 'groups\[0\]\.parts'"):
        from_table(Recipe, {"groups": [{}]}, "the recipe")


def test_method_that_weights_files_do_not_know_is_refused():
    with pytest.raises(ConfigError, match="expected a method that weights files know, found 'own'"):
        register_method(Method("own", SiamBANLearner, OwnNetwork, OwnLoss, OwnOnline))
