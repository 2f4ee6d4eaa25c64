"""From a name to a tracker: weights found and checked, options merged, refusals in a sentence."""

import numpy as np
import pytest
import torch

from spectrack.errors import ConfigError, CubeError, WeightsError
from spectrack.networks.backbones.compact import CompactConfig
from spectrack.networks.backbones.resnet50 import ResNet50Config
from spectrack.networks.siamese import SiameseConfig, SiameseNetwork
from spectrack.tables import to_table
from spectrack.trackers.loading import load_tracker, split_options
from spectrack.trackers.registry import find_method
from spectrack.weights.index import WEIGHTS_VARIABLE
from tests.fixtures.refusals import refuses


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder of weights; the user's own cache is out of sight."""
    monkeypatch.setenv(WEIGHTS_VARIABLE, str(tmp_path))
    monkeypatch.setattr("spectrack.weights.index.cache_folder", lambda: tmp_path / "cache")
    return tmp_path


def test_by_name_and_by_path_are_the_same(folder, make):
    path = make.weights(folder / "siamban-compact.safetensors")
    cubes, boxes = make.video()
    found = []
    for weights in (None, "siamban-compact", path):
        profile = None if weights else "compact"
        tracker = load_tracker("siamban", profile=profile, weights=weights, precision="fp32", device="cpu")
        tracker.init(cubes[0], boxes[0])
        found.append(tracker.update(cubes[1]).box)
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


def test_the_file_decides_scaling_colour_bands_and_options(folder, make):
    path = make.weights(
        folder / "mine.safetensors",
        scaling="fixed(4095)",
        false_colour="triple(9,5,1)",
        bands=16,
        recipe="tiny",
        extra={"online": {"size_rate": 0.11, "penalty": 0.2, "of another version": 1}},
    )
    tracker = load_tracker("siamban", weights=path, precision="fp32", size_rate=0.3)
    described = tracker.describe()
    assert (described["scaling"], described["false_colour"]) == ("fixed(4095)", "triple(9,5,1)")
    assert (described["options"]["size_rate"], described["options"]["penalty"]) == (0.3, 0.2)
    assert described["weights"]["file"] == "mine.safetensors"
    assert described["weights"]["recipe"] == "tiny"
    assert len(described["weights"]["hash"]) == 12
    cubes, boxes = make.video(bands=25)
    with refuses(CubeError, "16 bands", "found 25"):
        tracker.init(cubes[0], boxes[0])


def test_full_profile_loads_weights_of_the_published_shape(folder, make):
    config = SiameseConfig(ResNet50Config(input_range="0-255"))
    with torch.device("meta"):
        network = SiameseNetwork(config)
    network = network.to_empty(device="cpu")
    for tensor in network.state_dict().values():
        tensor.zero_()
    path = make.weights(folder / "siamban-full.safetensors", network=network, profile="full", input_range="0-255")
    del network
    tracker = load_tracker("siamban", profile="full", precision="fp32")
    assert tracker.describe()["weights"]["file"] == path.name
    assert tracker.network.config == config


def test_full_profile_without_weights_says_where_to_get_them(folder):
    with refuses(WeightsError, "siamban-full", "spectrack weights import", "compact"):
        load_tracker("siamban", profile="full")


@pytest.mark.parametrize(
    ("arguments", "kind", "facts"),
    [
        ({"name": "siamba"}, ConfigError, ("'siamba'", "did you mean 'siamban'")),
        ({"profile": "small"}, ConfigError, "'small'"),
        ({"precision": "half"}, ConfigError, ("precision", "'half'", "fp32", "bf16")),
        ({"device": "tpu7"}, ConfigError, ("device", "'tpu7'")),
        ({"device": "meta"}, ConfigError, ("device", "'meta'")),
        (
            {"size_rat": 0.1},
            ConfigError,
            ("'size_rat'", "did you mean 'size_rate'"),
        ),
        ({"size_rate": 7}, ConfigError, ("size_rate", "[0, 1]", "found 7.0")),
        ({"penalty": "much"}, ConfigError, ("'penalty'", "number", "'much'")),
        (
            {"weights": "nothing.safetensors"},
            WeightsError,
            "'nothing.safetensors'",
        ),
        ({"weights": "gone/nothing.safetensors"}, WeightsError, "gone/nothing.safetensors"),
        (
            {"profile": "full", "weights": "siamban-compact"},
            WeightsError,
            ("full", "compact", "siamban-compact.safetensors"),
        ),
    ],
)
def test_refusals(folder, make, arguments, kind, facts):
    make.weights(folder / "siamban-compact.safetensors")
    with refuses(kind, facts):
        load_tracker(**{"precision": "fp32"} | arguments)


def test_weights_of_another_method_are_refused(folder, make):
    path = make.weights(folder / "other.safetensors", method="bcrnet")
    with refuses(WeightsError, "siamban", "bcrnet", "other.safetensors"):
        load_tracker("siamban", weights=path)


@pytest.mark.parametrize("config", [{"depth": 3}, {"profile": "huge"}, {"channels": "many"}])
def test_weights_with_a_foreign_configuration_are_refused(folder, make, config):
    path = make.weights(folder / "odd.safetensors", config=config)
    with refuses(WeightsError, "SiamBAN", "odd.safetensors"):
        load_tracker("siamban", weights=path)


def test_weights_that_do_not_fit_their_configuration_are_refused(folder, make):
    path = make.weights(folder / "odd.safetensors", config=to_table(SiameseConfig(CompactConfig(widths=(8, 8, 16)))))
    with refuses(WeightsError, "SiameseNetwork", "odd.safetensors"):
        load_tracker("siamban", weights=path)


def test_options_are_sorted_to_where_they_belong():
    given = {"seed": 1, "fusion": "box", "penalty": 0.1}
    assert split_options(find_method("bcrnet"), given) == ({"seed": 1}, {"fusion": "box", "penalty": 0.1})
