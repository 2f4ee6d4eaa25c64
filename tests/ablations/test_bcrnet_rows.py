"""No switch of BCR-Net without a row, and no row that does nothing: each trained one tells itself from the row that it
is compared with after one step, and each tracks.
"""

import functools
import typing
import zlib
from dataclasses import fields

import numpy as np
import pytest
import torch

from spectrack.ablations.retraining import ablation_recipe
from spectrack.ablations.rows import load_rows
from spectrack.methods.bcrnet.band_importance import PARTS, BIMMConfig
from spectrack.methods.bcrnet.composites import ComposerConfig
from spectrack.methods.bcrnet.learner import BCRNetLearner
from spectrack.methods.bcrnet.losses import BCRNetLossConfig
from spectrack.methods.bcrnet.network import BCRNetConfig
from spectrack.methods.bcrnet.tracker import BCRNetOptions, BCRNetTracker
from spectrack.pairs.spectral_expansion import SpectralBatch
from spectrack.trackers.loading import load_tracker, split_options
from spectrack.trackers.registry import find_method
from spectrack.training.recipe import load_recipe
from spectrack.training.stages import StageSchedule
from tests.fixtures.tiny_networks import moving_square

TABLE = load_rows("bcrnet")
SMALL = {
    "network.base.backbone": {"widths": [4, 6, 8], "dilations": [1]},
    "network.base.channels": 8,
    "network.bimm.widths": [2, 3],
    "start": "",
    "batch": 2,
}
BANDS = 12
"""Four branches, one more than a step draws."""

EAGER = {"update_every": 1, "update_score": 0.0, "update_share": 0.0, "update_change": 100.0}
"""A second template as soon as there is a frame to take it from."""

SAME = {("phi", "pairwise"), ("composer", "fixed")}
"""What `auto` means for shared weights, and what `fixed_bands` alone asks for."""


def choices(kind, names=None):
    hints = typing.get_type_hints(kind)
    for name in names or [field.name for field in fields(kind)]:
        if hints[name] is bool:
            yield name, (True, False)
        elif typing.get_origin(hints[name]) is typing.Literal:
            yield name, typing.get_args(hints[name])


def tried():
    """Every value of every option that a row or the recipe behind it names."""
    found = {(name, value) for row in TABLE.rows for name, value in plain(row.overrides)}
    for row in TABLE.rows:
        for variant in row.variants or ({},):
            found |= set(plain(row.options | variant))
    network, loss = load_recipe("bcrnet-compact").network, load_recipe("bcrnet-compact").loss
    for shape in (network, network.composer, network.bimm, loss, BCRNetOptions()):
        found |= {(field.name, repr(getattr(shape, field.name))) for field in fields(shape)}
    return found | {("composer", repr(network.composer.name))}


def plain(values):
    for dotted, value in values.items():
        name = "composer" if dotted == "network.composer.name" else dotted.rpartition(".")[2]
        yield name, repr(value)


@pytest.mark.parametrize("kind", [BCRNetConfig, BIMMConfig, ComposerConfig, BCRNetLossConfig, BCRNetOptions])
def test_every_switch_has_rows(kind):
    own = ("fusion", "template_update") if kind is BCRNetOptions else None
    known = tried()
    for field, values in choices(kind, own):
        name = "composer" if (kind, field) == (ComposerConfig, "name") else field
        for value in values:
            assert (name, repr(value)) in known or (name, value) in SAME, f"no row has {name} = {value}"
    without = {part for row in TABLE.rows for part in row.overrides.get("network.bimm.without", ())}
    assert without == set(PARTS)


@functools.cache
def batch(bands):
    torch.manual_seed(0)
    box, shown = torch.tensor([[90.0, 80.0, 160.0, 170.0], [60.0, 100.0, 130.0, 150.0]]), torch.full((2, 4), 32.0)
    shown[:, 2:] = 96.0
    crops, colour = (torch.rand(2, bands, size, size) for size in (127, 255)), torch.zeros(0)
    positive, centres = torch.tensor([True, True]), torch.linspace(470, 620, bands)
    return SpectralBatch(*crops, colour, colour, box, positive, shown, centres, torch.zeros(2).long(), "a camera")


def start(network):
    """Values that depend on a parameter's name and shape alone: two networks differ by their switches only."""
    for name, parameter in network.named_parameters():
        generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
        drawn = torch.randn(parameter.shape, generator=generator)
        scale = 0.1 if parameter.ndim < 2 else parameter[0].numel() ** -0.5
        parameter.data = drawn * scale + (1.0 if parameter.ndim < 2 and name.endswith("weight") else 0.0)
    return network


@functools.cache
def stepped(name):
    """The learner of a row after one step, and the gradients and terms of that step."""
    row = TABLE.row(name)
    recipe = ablation_recipe("bcrnet-compact", row.overrides | SMALL, pairs=8, budget=1.0, seed=1)
    learner = BCRNetLearner(recipe)
    start(learner.network)
    plan = StageSchedule(recipe, learner.network)
    learner.train()
    plan.enter(recipe.stage_at(recipe.steps - 1)[1])
    learner.enter(recipe.stage_at(recipe.steps - 1)[1])
    plan.hold()
    terms = learner(batch(row.bands or BANDS), step=0)
    terms["total"].backward()
    moved = {key: p.grad.clone() for key, p in learner.network.named_parameters() if p.grad is not None}
    for key, parameter in learner.network.named_parameters():
        if key in moved:
            parameter.data -= 1e-3 * moved[key].clamp(-1, 1)
    return learner.network.eval(), moved | {key: term.detach() for key, term in terms.items()}


def differ(one, other):
    return one.keys() != other.keys() or any(
        one[key].shape != other[key].shape or not torch.equal(one[key], other[key]) for key in one
    )


TRAINED = [row.name for row in TABLE.rows if row.kind == "retrained" and row.profile in ("", "compact")]


@pytest.mark.parametrize("name", TRAINED)
def test_a_trained_row_does_something_and_tracks(name):
    row = TABLE.row(name)
    network, found = stepped(name)
    assert all(bool(torch.isfinite(value).all()) for value in found.values())
    if row.reference:
        assert differ(found, stepped(row.reference)[1])
    switches, online = split_options(find_method("bcrnet"), row.options)
    assert not switches, "a trained row says in its overrides how the network is made"
    cubes, boxes = moving_square(bands=row.bands or BANDS, frames=2)
    tracker = BCRNetTracker(network, BCRNetOptions(**online))
    tracker.init(cubes[0], boxes[0])
    assert np.isfinite(tracker.update(cubes[1]).box).all()


def answer(weights, **options):
    cubes, boxes = moving_square(frames=3, bands=16)
    tracker = load_tracker("bcrnet", weights=weights, precision="fp32", device="cpu", **EAGER | options)
    tracker.init(cubes[0], boxes[0])
    estimates = [tracker.update(cube) for cube in cubes[1:]]
    told = tracker.describe()
    return told["network"] | told["options"], np.concatenate(
        [*(e.box for e in estimates), estimates[-1].evidence["scores"].ravel()]
    )


SWITCHED = [row.name for row in TABLE.rows if row.kind == "inference" and row.method == "" and row.options]


@pytest.fixture(scope="module")
def unchanged(bcrnet_weights):
    return answer(bcrnet_weights)


@pytest.mark.parametrize("name", SWITCHED)
def test_a_row_that_switches_something_does(name, bcrnet_weights, unchanged):
    """Unless it names what the weights come with, for the sake of the table."""
    row = TABLE.row(name)
    for variant in row.variants or ({},):
        shape, found = answer(bcrnet_weights, **row.options | variant)
        assert (shape == unchanged[0]) == (found.tobytes() == unchanged[1].tobytes())
