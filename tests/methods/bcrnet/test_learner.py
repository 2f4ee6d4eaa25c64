"""BCR-Net in the training loop: stages, frozen parts, branches drawn, starts, the shipped recipes, and what its losses
are made of.
"""

import json
from dataclasses import replace

import numpy as np
import torch

from spectrack.errors import ConfigError, WeightsError
from spectrack.methods.bcrnet.learner import BCRNetLearner, keep_composites
from spectrack.methods.bcrnet.losses import BCRNetLossConfig
from spectrack.methods.bcrnet.network import BCRNet, BCRNetConfig
from spectrack.networks.siamese import SiameseConfig, SiameseNetwork, keep_levels
from spectrack.simulation.video import simulate
from spectrack.tables import from_table, to_table
from spectrack.trackers.loading import load_tracker
from spectrack.training.feeds import FeedMaker
from spectrack.training.loop import train
from spectrack.training.recipe import Recipe, load_recipe
from spectrack.weights.files import read_weights, save_weights
from spectrack.weights.metadata import WeightsMetadata
from tests.fixtures.refusals import refuses

BASE = {"backbone": {"widths": [8, 8, 8], "dilations": [1]}, "template_box": True}
WARM_UP = {"classification": 0.0, "regression": 0.0, "fused_classification": 0.0, "fused_regression": 0.0}


def bcrnet_recipe(make, **changes):
    values = json.loads(json.dumps(make.recipe().to_json()))
    for section in ("network", "loss", "online"):
        values.pop(section)
    values |= {
        "method": "bcrnet",
        "frozen": ["siamban.backbone", "siamban.neck"],
        "network": {"base": BASE, "bimm": {"input_size": 16, "widths": [2, 4]}},
    }
    values["data"]["spectral"]["cameras"] = {"random_share": 1.0, "random_bands": [7, 9], "sensors": []}
    return from_table(Recipe, values | changes, "the recipe")


def batch_of(recipe, cache):
    feed = FeedMaker(recipe, cache, jobs=1).feed(seed=3, batch=2)
    return feed.finish(feed[0], lambda tensor: tensor)


def save_siamban(path, base):
    network = SiameseNetwork(from_table(SiameseConfig, base, "the test"))
    # Away from the start, where all heads are alike.
    for parameter in network.parameters():
        parameter.data += 0.01 * torch.randn_like(parameter)
    metadata = WeightsMetadata(
        method="siamban", recipe="x", data="x", seed=1, profile="compact", config=to_table(network.config)
    )
    # As half precision holds it, like what training ships.
    save_weights(path, network.state_dict(), metadata, storage="float16")
    return network


def test_trains_to_weights_that_track_and_leaves_frozen_parts_alone(make, cache, tmp_path):
    save_siamban(tmp_path / "start.safetensors", BASE)
    stages = [{"steps": 2, "parts": ["bimm"], "loss": WARM_UP}, {}]
    loss = {"fused_classification": 1.0, "fused_regression": 1.0, "branches": 1}
    recipe = bcrnet_recipe(make, start=str(tmp_path / "start.safetensors"), stages=stages, loss=loss)
    path = train(recipe, tmp_path / "run", cache=cache, device="cpu", jobs=1)
    state, metadata = read_weights(path, method="bcrnet")
    trained = BCRNet(from_table(BCRNetConfig, metadata.config, "the test"))
    trained.load_state_dict(state)
    start, _ = read_weights(tmp_path / "start.safetensors")
    found = trained.siamban.state_dict()
    assert [
        name for name in start if name.startswith(("backbone.", "neck.")) and not torch.equal(found[name], start[name])
    ] == []
    assert any((found[name] - start[name]).abs().max() > 1e-3 for name in start if name.startswith("head."))
    clip = simulate("open-grass", "vis16", frames=2, seed=5, height=96, width=128)
    tracker = load_tracker("bcrnet", weights=path, precision="fp32", device="cpu")
    tracker.init(clip[0], clip.truth[0])
    assert np.isfinite(tracker.update(clip[1]).box).all()
    entries = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert {"reconstruction", "entropy", "importance_entropy", "fused_classification"} <= {
        key for entry in entries for key in entry
    }


def test_an_unfrozen_backbone_trains_with_the_statistics_of_its_batches(make, cache, tmp_path):
    save_siamban(tmp_path / "start.safetensors", BASE)
    start, _ = read_weights(tmp_path / "start.safetensors")
    recipe = bcrnet_recipe(make, start=str(tmp_path / "start.safetensors"), frozen=[])
    state, _ = read_weights(train(recipe, tmp_path / "run", cache=cache, device="cpu", jobs=1))
    moved = {name: bool((state[f"siamban.{name}"] != start[name]).any()) for name in start if "backbone." in name}
    assert all(moved.values()), moved


def test_warm_up_moves_bimm_alone(make, cache, tmp_path):
    recipe = bcrnet_recipe(make, stages=[{"steps": 5, "parts": ["bimm"], "loss": WARM_UP}, {}])
    before = BCRNetLearner(recipe)
    path = train(recipe, tmp_path / "run", cache=cache, device="cpu", jobs=1, stop_after=4)
    after = torch.load(path, weights_only=True)["model"]
    torch.manual_seed(recipe.seed)
    fresh = {
        name: tensor
        for name, tensor in before.state_dict().items()
        if ".running" not in name and ".num_batches" not in name
    }
    groups = {"bimm": 0, "rest": 0}
    again = train(recipe, tmp_path / "other", cache=cache, device="cpu", jobs=1, stop_after=2)
    earlier = torch.load(again, weights_only=True)["model"]
    for name in fresh:
        groups["bimm" if ".bimm." in name else "rest"] += int(not torch.equal(after[name], earlier[name]))
    assert groups["bimm"] > 0
    assert groups["rest"] == 0


def test_a_branch_that_is_drawn_keeps_its_composite_and_its_share(make, cache):
    recipe = bcrnet_recipe(make)
    learner, batch = BCRNetLearner(recipe), batch_of(recipe, cache)
    whole = learner.network.compose(batch.search)
    part = keep_composites(whole, torch.tensor([1]))
    assert torch.equal(part.images[:, 0], whole.images[:, 1])
    assert torch.equal(part.bands[:, 0], whole.bands[:, 1])
    torch.testing.assert_close(part.weights, torch.ones(2, 1))
    both = keep_composites(whole, torch.arange(whole.images.shape[1]))
    torch.testing.assert_close(both.weights, whole.weights)


def test_drawn_branches_change_the_loss_and_not_the_validation(make, cache):
    recipe = bcrnet_recipe(make)
    batch = batch_of(recipe, cache)
    torch.manual_seed(0)
    learner = BCRNetLearner(recipe).eval()
    learner.network.siamban.head.classification_weights.data += 1.0
    everything = learner.losses(batch, 0)
    found = learner.overlaps(batch)
    learner.loss = BCRNetLossConfig(branches=1)
    one = learner.losses(batch, 0)
    # Entropies are those of all branches, whatever is drawn.
    assert 0.0 < float(everything["entropy"]) < 1.0
    assert float(one["entropy"]) == float(everything["entropy"])
    assert 0.0 < float(one["importance_entropy"]) < 1.0
    assert float(one["classification"].detach()) != float(everything["classification"].detach())
    assert torch.equal(learner.overlaps(batch), found)


def test_pairs_are_judged_alike_in_any_number(make, cache):
    recipe = bcrnet_recipe(make)
    feed = FeedMaker(recipe, cache, jobs=1).feed(seed=3, batch=9)
    batch = feed.finish(feed[0], lambda tensor: tensor)
    torch.manual_seed(0)
    learner = BCRNetLearner(recipe).eval()
    one_by_one = torch.cat([learner.overlaps(pair) for pair in batch.parts(1)])
    assert len(one_by_one) == int(batch.positive.sum()) > 4
    torch.testing.assert_close(learner.overlaps(batch), one_by_one, rtol=0, atol=1e-3)


def test_heads_of_branches_start_as_copies(make, tmp_path):
    siamban = save_siamban(tmp_path / "start.safetensors", BASE)
    network = {"base": BASE, "heads": "per_branch", "composer": {"max_composites": 2}}
    recipe = bcrnet_recipe(make, network=network)
    learner = BCRNetLearner(recipe)
    learner.load_start(siamban.state_dict(), read_weights(tmp_path / "start.safetensors")[1], "start")
    for head in learner.network.heads:
        for name, tensor in siamban.head.state_dict().items():
            assert torch.equal(head.state_dict()[name], tensor)


def test_a_start_of_other_widths_is_refused(make, tmp_path):
    wide = {"backbone": {"widths": [8, 8, 16], "dilations": [1]}}
    siamban = save_siamban(tmp_path / "start.safetensors", BASE | wide)
    with refuses(WeightsError, "start", "widths = [8, 8, 8]", "[8, 8, 16]", "[network.base.backbone]"):
        BCRNetLearner(bcrnet_recipe(make)).load_start(
            siamban.state_dict(), read_weights(tmp_path / "start.safetensors")[1], "start"
        )


def test_branches_cannot_be_drawn_where_each_has_a_head(make):
    with refuses(ConfigError, "per_branch", "found 2"):
        BCRNetLearner(bcrnet_recipe(make, network={"base": BASE, "heads": "per_branch"}, loss={"branches": 2}))


def test_compact_recipe_takes_two_steps(cache, tmp_path, make):
    small = {
        "pairs": 4,
        "batch": 2,
        "precision": "fp32",
        "validation_pairs": 2,
        "data.workers": 0,
        "data.sources": ["pictures"],
        "data.ratios": [1.0],
        "data.bank": make.recipe().to_json()["data"]["bank"],
        "data.spectral.cameras": {"random_share": 1.0, "random_bands": [4, 6], "sensors": []},
    }
    shipped = load_recipe("bcrnet-compact").stages[0]
    stages = [{"steps": 1, "parts": list(shipped.parts), "loss": dict(shipped.loss)}, {}]
    path = train(
        load_recipe("bcrnet-compact", small | {"stages": stages}), tmp_path / "run", cache=cache, device="cpu", jobs=1
    )
    assert path.stat().st_size < 4_000_000
    assert read_weights(path)[1].bands is None


def test_fewer_levels_take_what_is_theirs_of_a_start(make):
    """Shapes only, on no memory: the whole network has 45 million values."""
    full = {"backbone": {"name": "resnet50", "shortcut": "3x3"}}
    conv4 = {"backbone": full["backbone"] | {"levels": [4]}}
    with torch.device("meta"):
        state = SiameseNetwork(from_table(SiameseConfig, full, "the test")).state_dict()
        learner = BCRNetLearner(bcrnet_recipe(make, network={"base": conv4}))
        metadata = WeightsMetadata(method="siamban", profile="full", config=full)
        learner.load_start(state, metadata, "start")
        with refuses(ConfigError, "[4]", "[3, 4, 5]"):
            BCRNetLearner(bcrnet_recipe(make, network={"base": full})).load_start(
                state, replace(metadata, config=conv4), "start"
            )
    assert not any(name.startswith("siamban.backbone.layer4") for name in learner.network.state_dict())
    assert [len(learner.network.siamban.neck.levels), len(learner.network.cfrm.levels)] == [1, 1]


def test_levels_are_kept_under_their_new_places():
    numbers = {3: 0, 4: 1, 5: 2}
    state = {f"neck.levels.{place}.0.weight": torch.tensor([float(level)]) for level, place in numbers.items()}
    state |= {f"head.regression.{place}.x": torch.tensor([level + 10.0]) for level, place in numbers.items()}
    state |= {f"backbone.layer{level - 1}.0.conv1.weight": torch.tensor([level + 20.0]) for level in (2, 3, 4, 5)}
    state["head.regression_scales"] = torch.tensor([3.0, 4.0, 5.0])
    kept = {name: tensor.tolist() for name, tensor in keep_levels(state, (3, 4, 5), (3, 4)).items()}
    assert kept == {
        "neck.levels.0.0.weight": [3.0],
        "neck.levels.1.0.weight": [4.0],
        "head.regression.0.x": [13.0],
        "head.regression.1.x": [14.0],
        "head.regression_scales": [3.0, 4.0],
        "backbone.layer1.0.conv1.weight": [22.0],
        "backbone.layer2.0.conv1.weight": [23.0],
        "backbone.layer3.0.conv1.weight": [24.0],
    }
    assert keep_levels(state, (3, 4, 5), (4,))["neck.levels.0.0.weight"].item() == 4.0
    assert keep_levels(state, (3, 4, 5), (3, 4, 5)).keys() == state.keys()
