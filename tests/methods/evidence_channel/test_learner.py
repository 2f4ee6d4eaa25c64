"""The evidence head in training: what the spectra say of pairs, terms, the network in front, a whole short training."""

import json

import numpy as np
import pytest
import torch

from spectrack.errors import ConfigError
from spectrack.evidence.extent import box_contrast
from spectrack.evidence.mixtures import probability
from spectrack.grid import EVIDENCE_CELLS, SEARCH_SIZE_PX
from spectrack.methods.evidence_channel.learner import EvidenceChannelLearner
from spectrack.methods.evidence_channel.readings import ReadingErrors, read_pairs
from spectrack.pairs.spectral_expansion import SpectralBatch
from spectrack.tables import from_table
from spectrack.trackers.registry import list_methods, list_parts, list_trackers, recipe_files
from spectrack.training.loop import train
from spectrack.training.recipe import Recipe, load_recipe
from spectrack.weights.files import read_metadata, read_weights
from tests.fixtures.refusals import refuses

BASE = {"backbone": {"widths": [8, 8, 8], "dilations": [1]}}
HEAD = {"map_channels": 4, "channels": 8}
EXACT = ReadingErrors(dilation=(0.0, 0.0), shift=0.0, drift_share=0.0)


def recipe_of(make, **changes):
    values = json.loads(json.dumps(make.recipe().to_json()))
    for section in ("network", "loss", "online"):
        values.pop(section)
    values |= {
        "method": "evidence",
        "profile": "lite",
        "frozen": ["base"],
        "pairs": 4,
        "network": {"base": BASE, "head": HEAD},
    }
    values["data"]["spectral"]["cameras"] = {"random_share": 0.5, "random_bands": [5, 7], "sensors": ["rednir15"]}
    return from_table(Recipe, values | changes, "the recipe")


def batch_of(positive=(True, True), bands=6, told=True):
    """A square in a noisy ground, of another spectrum or, where it cannot be `told`, of the same."""
    rng = np.random.default_rng(0)
    ground = rng.uniform(0.2, 0.4, bands)
    paint = ground * rng.uniform(0.5, 2.0, bands) if told else ground
    count = len(positive)
    cubes = []
    for size, corners in ((127, (32, 32, 96, 96)), (255, (100, 110, 164, 174))):
        light = rng.uniform(0.7, 1.3, (count, 1, size, size)) * ground[:, None, None]
        x0, y0, x1, y1 = corners
        light[:, :, y0:y1, x0:x1] = rng.uniform(0.7, 1.3, (count, 1, y1 - y0, x1 - x0)) * paint[:, None, None]
        cubes.append(torch.from_numpy(light.astype(np.float32)))
    template, search = cubes
    return SpectralBatch(
        template,
        search,
        template[:, :3].contiguous(),
        search[:, :3].contiguous(),
        torch.tensor([[100.0, 110, 164, 174]]).repeat(count, 1),
        torch.tensor(positive),
        torch.tensor([[32.0, 32, 96, 96]]).repeat(count, 1),
        torch.linspace(450, 650, bands),
        torch.zeros(count, dtype=torch.int64),
        "drawn",
    )


def test_spectra_learnt_on_the_template_find_the_target_in_the_search_crop():
    view = read_pairs(batch_of(), EXACT, np.random.default_rng(0))
    scale = EVIDENCE_CELLS / SEARCH_SIZE_PX
    for ratio, facts in zip(view.log_ratio.numpy(), view.facts.numpy(), strict=True):
        assert facts[0] > 0.9  # trusted
        assert facts[2] == 0  # a square
        assert box_contrast(probability(ratio), np.array([100, 110, 64, 64]) * scale) > 0.8


def test_spectra_that_tell_nothing_are_not_trusted_and_change_nothing(make):
    learner, batch = EvidenceChannelLearner(recipe_of(make)).eval(), batch_of(told=False)
    view = read_pairs(batch, EXACT, np.random.default_rng(0))
    assert (view.facts[:, 0] == 0).all()
    torch.nn.init.normal_(learner.network.head.corrections.weight)
    shown = batch.template_colour, batch.search_colour, batch.template_box
    with torch.no_grad():
        log_odds, distances = learner.network(*shown, view)
        logits, expected = learner.network.base(*shown)
    torch.testing.assert_close(log_odds, logits[:, 1] - logits[:, 0])
    torch.testing.assert_close(distances, expected)


def test_the_same_draws_give_the_same_readings_and_others_others():
    errors = ReadingErrors(drift_share=1.0)
    once, again, other = (read_pairs(batch_of(), errors, np.random.default_rng(seed)) for seed in (1, 1, 2))
    torch.testing.assert_close(once, again, atol=0, rtol=0)
    assert not torch.equal(once.log_ratio, other.log_ratio)


@pytest.mark.parametrize(
    ("field", "value"), [("shift", 2.0), ("drift_share", -0.1), ("drift", 3.0), ("dilation", (0.2, 0.1))]
)
def test_errors_out_of_range_are_refused(field, value):
    with refuses(ConfigError, field):
        ReadingErrors(**{field: value})


def test_a_batch_can_be_learnt_by_heart_and_the_network_in_front_stays(make):
    learner, batch = EvidenceChannelLearner(recipe_of(make)), batch_of()
    learner.network.base.eval().requires_grad_(False)
    before = {name: tensor.clone() for name, tensor in learner.network.base.state_dict().items()}
    optimiser = torch.optim.AdamW(learner.network.head.parameters(), lr=1e-2)
    totals = []
    for step in range(30):
        terms = learner.losses(batch, step)
        optimiser.zero_grad()
        terms["total"].backward()
        optimiser.step()
        totals.append(terms["total"].item())
    assert set(terms) == {"total", "classification", "regression"}
    assert totals[-1] < 0.5 * totals[0]
    assert (learner.overlaps(batch) > 0.6).all()
    for name, tensor in learner.network.base.state_dict().items():
        torch.testing.assert_close(tensor, before[name], atol=0, rtol=0)


def test_a_training_ships_a_file_that_says_what_it_is(make, cache, tmp_path):
    path = train(recipe_of(make), tmp_path / "out", cache=cache)
    state, metadata = read_weights(path, method="evidence")
    assert metadata == read_metadata(path)
    assert {name.partition(".")[0] for name in state} == {"base", "head"}


def test_it_is_a_part_of_trackers_and_none_itself():
    assert "evidence" not in list_trackers()
    assert "evidence" not in [method.name for method in list_methods()]
    assert [method.name for method in list_parts()] == ["evidence"]
    assert recipe_files()["evidence-lite"].is_file()
    assert load_recipe("evidence-lite").frozen == ("base",)
