"""Presets: known wherever trackers are, made of a method with options that stand in one file."""

import dataclasses

import numpy as np
import pytest

from spectrack.errors import ConfigError
from spectrack.methods.bcrnet.composites import ComposerConfig
from spectrack.methods.siamban.method import METHOD as SIAMBAN
from spectrack.tables import to_table
from spectrack.trackers import registry
from spectrack.trackers.base import track
from spectrack.trackers.loading import load_tracker, option_names
from spectrack.trackers.presets import presets
from tests.fixtures.preset_trainings import trained_recipe
from tests.fixtures.refusals import refuses

NAMES = sorted(presets())


def load(name, shipped, make, **options):
    method = registry.find_method(name)
    if not method.network:
        return load_tracker(name, **options)
    preset = presets().get(name)
    needs = dict(preset.needs) if preset else options.pop("needs", {})
    if (preset.options if preset else options).get("composer") == "attention":
        needs = {"composer": ComposerConfig("attention")}
    shipped(method.name, network=getattr(make, method.name)(**needs))
    return load_tracker(name, profile="compact", precision="fp32", device="cpu", **options)


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_is_its_method_with_its_options(name, shipped, make):
    preset = presets()[name]
    assert name in registry.list_trackers()
    assert name not in [method.name for method in registry.list_methods()]
    assert registry.find_method(name).name == preset.method
    assert preset.label.startswith("in the manner of ")
    assert all(len(words.split()) > 5 for words in (preset.source, preset.follows, preset.differs))
    assert set(preset.options) <= set(option_names(registry.find_method(name)))
    tracker = load(name, shipped, make)
    told = tracker.describe()
    network = told.get("network", {})
    known = network | network.get("composer", {}) | {"composer": network.get("composer", {}).get("name")}
    known |= told["options"]
    assert tracker.name == told["name"] == name
    assert {key: known[key] for key in preset.options} == preset.options
    boxes = np.stack([estimate.box for estimate in track(make.sequence(frames=3), tracker)])
    assert np.isfinite(boxes).all()
    extra = {"needs": preset.needs} if registry.find_method(name).network else {}
    given = load(preset.method, shipped, make, **extra, **preset.options)
    np.testing.assert_array_equal(boxes, np.stack([e.box for e in track(make.sequence(frames=3), given)]))


def test_options_that_are_given_replace_those_of_a_preset(shipped, make):
    tracker = load("brrf-net", shipped, make, branch_weights="importance", fusion="box")
    assert tracker.describe()["network"]["branch_weights"] == "importance"
    assert tracker.options.fusion == "box"
    assert not tracker.options.template_update


def test_the_name_of_a_preset_is_taken():
    with refuses(ConfigError, "'see-net'"):
        registry.register_method(dataclasses.replace(SIAMBAN, name="see-net"))
    with refuses(ConfigError, "'see-nt'", "did you mean 'see-net'"):
        registry.find_method("see-nt")


def test_a_preset_is_benchmarked_by_its_name(shipped):
    from spectrack.cli.benchmark import parse_trackers

    assert parse_trackers(["brrf-net", "mine=see-net"]) == {"brrf-net": "brrf-net", "mine": "see-net"}


def test_a_preset_refuses_weights_of_another_network(shipped, make):
    shipped("ssfnet")
    with refuses(ConfigError, "network.fusion = prompt", "found safm", "spectrack train ssfnet-lite"):
        load_tracker("sp-hst", profile="compact", precision="fp32", device="cpu")
    shipped("bcrnet")
    with refuses(ConfigError, "composer attention", "found importance"):
        load_tracker("bae-net", profile="compact", precision="fp32", device="cpu")


def test_a_preset_takes_weights_of_its_own_where_there_are_some(shipped, make, tmp_path):
    shipped("ssfnet")
    preset = presets()["sp-hst"]
    own = tmp_path / f"{preset.weights}-compact.safetensors"
    make.weights(own, network=make.ssfnet(**preset.needs), method="ssfnet")
    tracker = load_tracker("sp-hst", profile="compact", precision="fp32", device="cpu")
    assert tracker.describe()["weights"]["file"] == own.name
    other = load_tracker("ssfnet", profile="compact", precision="fp32", device="cpu")
    assert other.describe()["weights"]["file"] == "ssfnet-compact.safetensors"
    with refuses(ConfigError, "network.fusion = prompt", "found safm"):
        load_tracker("sp-hst", weights="ssfnet-compact", precision="fp32", device="cpu")


@pytest.mark.parametrize("name", [name for name in NAMES if presets()[name].training])
def test_the_command_of_a_preset_trains_what_it_needs(name):
    preset = presets()[name]
    recipe = trained_recipe(preset)
    assert recipe.method == preset.method
    network = to_table(recipe.network)
    preset.check(network)
    if "composer" in preset.options:
        assert network["composer"]["name"] == preset.options["composer"]
