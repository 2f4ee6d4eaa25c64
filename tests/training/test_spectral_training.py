"""The loop with a method of its own: spectral batches, stages, frozen parts, groups, weights to start from, resuming,
the log.
"""

import json
from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch
from torch import nn

from spectrack.errors import WeightsError
from spectrack.networks.backbones.compact import CompactBackbone, CompactConfig
from spectrack.tables import from_table
from spectrack.trackers import registry
from spectrack.trackers.method import Method
from spectrack.training import loop
from spectrack.training.learner import Learner, channels_last, corner_iou, load_parts
from spectrack.training.loop import train
from spectrack.training.recipe import Recipe
from spectrack.weights.files import read_weights
from tests.fixtures.refusals import refuses


@dataclass(frozen=True)
class TinyNetworkConfig:
    input_range: str = "unit"
    widths: tuple[int, int, int] = (8, 8, 8)


@dataclass(frozen=True)
class TinyLoss:
    centre: float = 1.0
    reconstruction: float = 1.0


@dataclass(frozen=True)
class TinyOnline:
    patience: int = 3


class TinyNetwork(nn.Module):
    """A frozen look at the false colour and a trained one, by 3-D convolution, at the cube; guesses the centre of the
    box.
    """

    def __init__(self, config):
        super().__init__()
        self.backbone = CompactBackbone(CompactConfig(widths=config.widths, dilations=(1,)))
        self.spectral = nn.Conv3d(1, 2, (3, 5, 5), stride=(1, 16, 16), padding=(1, 0, 0))
        self.norm = nn.BatchNorm3d(2)
        self.head = nn.Linear(config.widths[-1] + 2, 2)

    def forward(self, cube, colours):
        spectral = self.norm(self.spectral(cube[:, None])).mean(dim=(2, 3, 4))
        return self.head(torch.cat([self.backbone(colours)[0].mean(dim=(2, 3)), spectral], dim=1)), spectral


class TinyLearner(Learner):
    STARTS: ClassVar = {"siamban": {"backbone.": "backbone."}}

    def losses(self, batch, step):
        guess, spectral = self.network(batch.search, batch.search_colour)
        centre = ((batch.box[:, :2] + batch.box[:, 2:]) / 510 - guess).square().mean()
        reconstruction = (spectral - batch.search.mean(dim=(2, 3)).mean(dim=1, keepdim=True)).square().mean()
        total = self.loss.centre * centre + self.loss.reconstruction * reconstruction
        return {
            "total": total,
            "centre": centre,
            "reconstruction": reconstruction,
            "entropy": spectral.softmax(1).log().mean(),
        }

    @torch.no_grad()
    def overlaps(self, batch):
        guess, _ = self.network(batch.search, batch.search_colour)
        half = (batch.box[:, 2:] - batch.box[:, :2]) / 2
        return corner_iou(torch.cat([guess * 255 - half, guess * 255 + half], dim=1), batch.box)[batch.positive]

    def describe(self):
        return super().describe() | {"bands": None, "false_colour": "thirds"}


@pytest.fixture
def tiny():
    parts = {
        "network": TinyNetwork,
        "config": TinyNetworkConfig,
        "loss": TinyLoss,
        "online": TinyOnline,
        "profiles": {"compact": ()},
    }
    registry.register_method(
        Method("tiny", "Tiny", "a test", "", "nowhere:Tracker", learner=TinyLearner, batches="spectral", **parts)
    )


def spectral_recipe(make, **changes):
    values = json.loads(json.dumps(make.recipe().to_json()))
    for section in ("network", "loss", "online"):
        values.pop(section)
    values |= {"method": "tiny", "frozen": ["backbone"]}
    values["data"]["spectral"]["cameras"] = {"random_share": 0.5, "random_bands": [5, 7], "sensors": ["rednir15"]}
    return from_table(Recipe, values | changes, "the recipe")


@pytest.fixture
def run(make, cache, tmp_path, tiny):
    def start(name="run", *, recipe=None, **options):
        return train(recipe or spectral_recipe(make), tmp_path / name, cache=cache, device="cpu", jobs=1, **options)

    return start


def log_of(path):
    return [json.loads(line) for line in (path.parent / "log.jsonl").read_text().splitlines()]


STAGED = {
    "stages": [{"steps": 2, "parts": ["spectral", "norm"], "loss": {"centre": 0}}, {}],
    "groups": [{"parts": ["spectral"], "optimiser": {"kind": "sgd", "learning_rate": 0.1, "warmup_steps": 0}}],
}


def test_resumed_run_ends_in_the_same_bytes_across_a_change_of_stage(run, make):
    recipe = spectral_recipe(make, **STAGED)
    whole = run("whole", recipe=recipe)
    run("parts", recipe=recipe, stop_after=1)
    run("parts", recipe=recipe, stop_after=2)
    assert whole.read_bytes() == run("parts", recipe=recipe).read_bytes()


def test_not_a_byte_of_frozen_parts_changes(run, make, monkeypatch):
    """Weights, running means and counters, in the model and in the average."""
    before = {}
    enter = TinyLearner.enter

    def remember(self, stage):
        enter(self, stage)
        if not before:
            before.update({name: tensor.clone() for name, tensor in self.network.state_dict().items()})

    monkeypatch.setattr(TinyLearner, "enter", remember)
    path = run(stop_after=5)
    state = torch.load(path, weights_only=True)
    frozen = [name for name in before if name.startswith("backbone.")]
    assert any("running_mean" in name for name in frozen)
    for name in frozen:
        assert torch.equal(state["average"][name], before[name])
        assert torch.equal(state["model"]["network." + name], before[name])
    moved = [name for name in before if not torch.equal(state["model"]["network." + name], before[name])]
    assert {"spectral.weight", "norm.running_mean", "head.weight"} <= set(moved)
    assert sum(len(optimiser["state"]) for optimiser in state["optimiser"]) == 6


def test_stage_holds_other_parts_and_their_optimiser_is_untouched(run, make):
    recipe = spectral_recipe(make, **STAGED)
    state = torch.load(run(recipe=recipe, stop_after=2), weights_only=True)
    rest, spectral = state["optimiser"]
    # The head waits for its stage; of the first optimiser only the normalisation has moved.
    assert len(rest["state"]) == 2
    assert len(spectral["state"]) == 2
    assert spectral["param_groups"][0]["lr"] < 0.1
    assert torch.equal(state["model"]["network.head.weight"], state["average"]["head.weight"])


def test_stage_sets_the_weights_of_the_loss(run, make, monkeypatch):
    monkeypatch.setattr(loop, "LOG_EVERY", 1)
    lines = [entry for entry in log_of(run(recipe=spectral_recipe(make, **STAGED))) if "total" in entry]
    for entry in lines:
        expected = entry["reconstruction"] + (entry["centre"] if entry["step"] > 2 else 0.0)
        assert entry["total"] == pytest.approx(expected, abs=2e-5)


def test_log_tells_what_the_learner_tells_and_overlap_by_kind(run, make):
    lines = log_of(run(recipe=spectral_recipe(make, validation_pairs=12)))
    (losses,) = [entry for entry in lines if "total" in entry]
    assert {"centre", "reconstruction", "entropy"} < set(losses)
    last = [entry for entry in lines if "validation_iou" in entry][-1]
    kinds = {key: value for key, value in last.items() if key.startswith("validation_iou_")}
    assert len(kinds) >= 2
    assert min(kinds.values()) - 1e-9 <= last["validation_iou"] <= max(kinds.values()) + 1e-9


def test_weights_say_what_the_learner_says(run, make):
    _, metadata = read_weights(run())
    assert (metadata.method, metadata.bands, metadata.false_colour) == ("tiny", None, "thirds")
    assert metadata.config == {"input_range": "unit", "widths": [8, 8, 8]}
    assert metadata.extra["online"] == {"patience": 3}
    assert metadata.extra["pairs"] == 12


def test_start_from_parts_of_another_method(run, make, cache, tmp_path):
    given = train(make.recipe(), tmp_path / "siamban", cache=cache, device="cpu", jobs=1)
    start, _ = read_weights(given)
    path = run(recipe=spectral_recipe(make, start=str(given)))
    state, _ = read_weights(path)
    names = [name for name in state if name.startswith("backbone.")]
    assert len(names) > 10
    for name in names:
        assert torch.equal(state[name], start[name])


def test_start_with_other_widths_is_refused(run, make, cache, tmp_path):
    given = train(make.recipe(), tmp_path / "siamban", cache=cache, device="cpu", jobs=1)
    with refuses(WeightsError, "TinyNetwork", "siamban/tiny.safetensors", "(8, 8, 3, 3)", "(16, 16, 3, 3)"):
        run(recipe=spectral_recipe(make, start=str(given), network={"widths": [8, 8, 16]}))


def test_start_from_a_method_that_gives_nothing_is_refused(run, make, cache, tmp_path):
    given = run()
    with refuses(WeightsError, "siamban", "tiny", "run/tiny.safetensors"):
        train(make.recipe(start=str(given)), tmp_path / "other", cache=cache, device="cpu", jobs=1)
    with refuses(WeightsError, "'siamban-compat'", "did you mean 'siamban-compact'"):
        run("third", recipe=spectral_recipe(make, start="siamban-compat"))


def test_parts_must_be_filled_completely():
    network, other = TinyNetwork(TinyNetworkConfig()), TinyNetwork(TinyNetworkConfig())
    state = other.state_dict()
    load_parts(network, state, {"head.": "head."}, source="x")
    assert torch.equal(network.head.weight, other.head.weight)
    assert not torch.equal(network.spectral.weight, other.spectral.weight)
    del state["head.bias"]
    with refuses(WeightsError, "x", "1 missing (head.bias)"):
        load_parts(network, state, {"head.": "head."}, source="x")
    with refuses(WeightsError, "x", "2 missing (head.weight, head.bias)"):
        load_parts(network, {}, {"head.": "head."}, source="x")


def test_three_dimensional_convolutions_keep_their_layout():
    network = channels_last(TinyNetwork(TinyNetworkConfig()))
    assert network.spectral.weight.is_contiguous()
    assert network.backbone.stem[0][0].weight.is_contiguous(memory_format=torch.channels_last)


def test_bf16_with_workers(run, make):
    values = json.loads(json.dumps(spectral_recipe(make).to_json()))
    values["data"]["workers"] = 1
    state, _ = read_weights(run(recipe=from_table(Recipe, values | {"precision": "bf16"}, "the recipe")))
    assert all(torch.isfinite(tensor).all() for tensor in state.values())
