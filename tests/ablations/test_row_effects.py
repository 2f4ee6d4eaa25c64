"""No switch without a row, and no row that does nothing: each trains a step and tracks two frames otherwise than the
row that it is compared with, on networks of a few hundred weights.
"""

import dataclasses
import functools
import typing

import numpy as np
import pytest
import torch

from spectrack.ablations.rows import load_rows
from spectrack.false_colour import false_colour_matrix, to_display
from spectrack.networks.evidence_head import EvidenceHead
from spectrack.networks.siamese import encoded
from spectrack.pairs.batches import Batch
from spectrack.pairs.spectral_cameras import draw_camera
from spectrack.pairs.spectral_expansion import SpectralBatch
from spectrack.sequences.frames import ArrayFrame, PicturedFrame
from spectrack.tables import from_table, to_table
from spectrack.trackers.loading import split_options
from spectrack.trackers.method import resolve
from spectrack.trackers.online import OnlineOptions
from spectrack.trackers.registry import find_method
from spectrack.training.recipe import load_recipe
from spectrack.training.stages import StageSchedule
from tests.fixtures.tiny_networks import moving_square, tiny_network, tiny_ssfnet

METHODS = ("siamban", "ssfnet")
NETWORKS = {"siamban": tiny_network, "ssfnet": tiny_ssfnet}
COMMON = {"start": "", "share_start": False, "pairs": 4, "batch": 2, "precision": "fp32"}
BACKBONE = {"widths": [8, 8, 8], "dilations": [1]}
TINY = {
    "siamban": {"network.backbone": BACKBONE},
    "ssfnet": {
        "network.base.backbone": BACKBONE,
        "network.s2fb.channels": 8,
        "network.s2fb.widths": [4, 4, 4],
        "network.planes.channels": 8,
    },
}
RETRAINED = [
    pytest.param(method, row, id=f"{method}-{row.name}")
    for method in METHODS
    for row in load_rows(method).rows
    if row.kind == "retrained" and row.reference
]
SWITCHED = [
    pytest.param(method, row, name, id=f"{method}-{row.name}-{name}")
    for method in METHODS
    for row in load_rows(method).rows
    if row.kind == "inference" and not row.method and len(row.options) == 1
    for name in row.options
]

TUNED = {
    "siamban": {"channels"},
    "ssfnet": {"fusion_heads", "s2fb.channels", "s2fb.widths", "s2fb.virtual_bands", "planes.channels"}
    | {"planes.context_dilations", "planes.input"},
}
"""Sizes, which profiles decide, and what the plane backbone shares with S2FB."""


def recipe_of(method, overrides):
    return load_recipe(f"{method}-compact", COMMON | TINY[method] | overrides)


@functools.cache
def pairs():
    rng = np.random.default_rng(0)
    cubes = [torch.from_numpy(rng.uniform(0, 1, (2, 16, size, size)).astype(np.float32)) for size in (127, 255)]
    for cube, first in zip(cubes, (32, 96), strict=True):
        cube[:, :, first : first + 64, first : first + 50] *= torch.linspace(0.2, 2, 16)[:, None, None]
    return cubes, torch.tensor([[96.0, 96, 146, 160]] * 2), torch.tensor([[32.0, 32, 82, 96]] * 2)


def batch_for(method, encoding):
    (template, search), box, shown = pairs()
    colours = [encoded(cube[:, :3], encoding) for cube in (template, search)]
    positive = torch.ones(2, dtype=torch.bool)
    if method == "siamban":
        images = [(colour * 255).clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1) for colour in colours]
        return Batch(*images, box, positive, shown)
    wavelengths, kind = torch.linspace(470, 620, 16), torch.zeros(2, dtype=torch.int64)
    return SpectralBatch(template, search, *colours, box, positive, shown, wavelengths, kind, "made")


@functools.cache
def trained(method, overrides):
    """A learner after a step, what a step does to its losses, what moves, and which cameras its pairs have."""
    recipe = recipe_of(method, dict(overrides))
    torch.manual_seed(0)
    learner = resolve(find_method(method).learner)(recipe).train()
    plan = StageSchedule(recipe, learner.network)
    plan.enter(recipe.stage_at(0)[1])
    plan.hold()
    optimiser, told = torch.optim.SGD(learner.parameters(), lr=0.01), []
    for step in range(2):
        terms = learner(batch_for(method, recipe.data.encoding), step)
        optimiser.zero_grad()
        terms["total"].backward()
        optimiser.step()
        told.append(float(terms["total"].detach()))
    moved = {name for name, parameter in learner.network.named_parameters() if parameter.grad is not None}
    rng = np.random.default_rng(0)
    cameras = [draw_camera(rng, recipe.data.spectral.cameras, recipe.data.false_colour).name for _ in range(6)]
    return learner, (told, moved, cameras)


def hashable(overrides):
    return tuple((name, tuple(value) if isinstance(value, list) else value) for name, value in overrides.items())


@pytest.mark.parametrize(("method", "row"), RETRAINED)
def test_a_retrained_row_learns_something_else_and_tracks(method, row):
    table = load_rows(method)
    learner, found = trained(method, hashable(row.overrides))
    assert np.isfinite(found[0]).all()
    assert found != trained(method, hashable(table.row(row.reference).overrides))[1]
    encoding = learner.recipe.data.encoding
    tracker = resolve(find_method(method).tracker)(learner.network.eval(), learner.recipe.online, encoding=encoding)
    cubes, boxes = moving_square()
    tracker.init(cubes[0], boxes[0])
    for cube in cubes[1:3]:
        assert np.isfinite(tracker.update(cube).box).all()


def others_than(kind, name, value):
    """Other values of an option."""
    if isinstance(value, bool):
        return [not value]
    choices = typing.get_args(typing.get_type_hints(kind)[name])
    return [choice for choice in choices if choice != value] or [type(value)(1)]


def long_thing(bands):
    """Four frames of a thing of 12 x 5 pixels."""
    cubes, boxes = moving_square(bands=bands, frames=4)
    for cube, (x, y, w, h) in zip(cubes, boxes.astype(int), strict=True):
        cube[y + 5 : y + h, x : x + w] = cube[:7, :w]
    return cubes


def tracked(method, options, bands):
    """Boxes, scores and how often the network was asked, in a video with pictures of a long thing.

    The network chooses anywhere and doubts itself throughout.
    """
    descriptor = find_method(method)
    switches, online = split_options(descriptor, options)
    network = NETWORKS[method]()
    if switches:
        other = type(network)(network.config.with_switches(switches))
        other.load_state_dict(network.state_dict())
        network = other.eval()
    doubting = {"window_influence": 0.0, "lost_score": 1.0, "lost_frames": 1, "penalty": 0.0}
    doubting |= {"lost_score": 0.0} if "fast_motion" in options else {}
    cubes = [np.roll(cube, 9 * number, axis=1) for number, cube in enumerate(long_thing(bands))]
    light = [cube.astype(np.float32) @ false_colour_matrix("thirds", bands) for cube in cubes]
    pictures = [to_display(image**1.5, white=3e4) for image in light]
    frames = [PicturedFrame(ArrayFrame(cube), lambda i=i: pictures[i]) for i, cube in enumerate(cubes)]
    decided = from_table(resolve(descriptor.online), doubting | online, "the test")
    head = {"evidence_head": EvidenceHead().eval()} if options.get("evidence") == "channel" else {}
    tracker = resolve(descriptor.tracker)(network, decided, **head)
    asked, decide = [], tracker._decide
    tracker._decide = lambda *arguments: asked.append(1) or decide(*arguments)
    tracker.init(frames[0], [20, 15, 12, 5])
    told = []
    for frame in frames[1:]:
        found = tracker.update(frame)
        told += [*found.box, found.score, float(found.evidence["scores"].sum()), len(asked)]
    return told


@pytest.mark.parametrize(("method", "row", "name"), SWITCHED)
def test_an_option_of_a_row_changes_what_is_tracked(method, row, name):
    descriptor, value, bands = find_method(method), row.options[name], row.bands or 16
    kind = resolve(descriptor.config if name in descriptor.switches else descriptor.online)
    found = tracked(method, {name: value}, bands)
    assert any(tracked(method, {name: other}, bands) != found for other in others_than(kind, name, value))


def switches_of(kind, place=""):
    """Names of the options that turn something on, off or into something else, tables below included."""
    for field in dataclasses.fields(kind):
        hint = typing.get_type_hints(kind)[field.name]
        name = f"{place}{field.name}"
        if dataclasses.is_dataclass(hint):
            if field.name not in ("base", "backbone"):
                yield from switches_of(hint, f"{name}.")
        elif name != "prediction":
            yield name


@pytest.mark.parametrize("method", METHODS)
def test_every_switch_has_a_row(method):
    table, descriptor = load_rows(method), find_method(method)
    tried = {name for row in table.rows for name in row.overrides}
    shape = {f"network.{name}" for name in set(switches_of(resolve(descriptor.config))) - TUNED[method]}
    shape -= {"network.backbone"} if method == "siamban" else set()
    own = {field.name for field in dataclasses.fields(resolve(descriptor.loss))}
    weights = {"classification", "regression", "spectral_angle", "positives", "negatives", "hard_negatives"}
    assert shape <= tried
    assert {f"loss.{name}" for name in own - weights} <= tried
    offered = {name for row in table.rows for name in row.options}
    of_all = {field.name for field in dataclasses.fields(OnlineOptions)}
    mine = {field.name for field in dataclasses.fields(resolve(descriptor.online))} - of_all
    switched = {name for name in of_all if isinstance(getattr(OnlineOptions(), name), bool)}
    needed = mine | set(descriptor.switches) | (switched | {"evidence"} if method == "siamban" else {"evidence"})
    assert needed <= offered
    assert to_table(recipe_of(method, {}).network)
