"""Batches of pairs: decided by seed, step and place alone, mixed by ratio, refused by name."""

import numpy as np
import pytest
import torch

from spectrack.errors import ConfigError
from spectrack.pairs.batches import PairBatches, build_sources, iterate_batches
from spectrack.pairs.synthesis import Pair, SynthesisConfig, render_pair
from tests.fixtures.refusals import refuses


@pytest.fixture
def sources(bank):
    return [lambda rng: render_pair(rng, bank, SynthesisConfig())]


def marked(value):
    """A source whose pairs carry a number in place of a box."""

    def make(rng):
        return Pair(
            np.zeros((127, 127, 3), np.uint8),
            np.zeros((255, 255, 3), np.uint8),
            np.full(4, value, np.float32),
            True,
            np.zeros(4, np.float32),
        )

    return make


def same(first, second):
    return all(torch.equal(one, other) for one, other in zip(first, second, strict=True))


def test_shapes_and_types(sources):
    batch = PairBatches(sources, (), seed=1, batch=2)[0]
    assert [(tuple(part.shape), part.dtype) for part in batch] == [
        ((2, 127, 127, 3), torch.uint8),
        ((2, 255, 255, 3), torch.uint8),
        ((2, 4), torch.float32),
        ((2,), torch.bool),
        ((2, 4), torch.float32),
    ]


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_do_not_change_the_pairs(sources, workers):
    batches = PairBatches(sources, (), seed=1, batch=2)
    alone = list(iterate_batches(batches, 0, 3, workers=0))
    helped = list(iterate_batches(batches, 0, 3, workers=workers))
    assert len(alone) == len(helped) == 3
    assert all(same(one, other) for one, other in zip(alone, helped, strict=True))


def test_starting_later_gives_the_later_batches(sources):
    batches = PairBatches(sources, (), seed=1, batch=2)
    whole, rest = list(iterate_batches(batches, 0, 4, workers=0)), list(iterate_batches(batches, 2, 4, workers=0))
    assert same(whole[2], rest[0])
    assert same(whole[3], rest[1])
    assert not same(whole[0], whole[1])


def test_processes_share_the_batch_that_one_would_have(sources):
    together = PairBatches(sources, (), seed=1, batch=4)[7]
    halves = [PairBatches(sources, (), seed=1, batch=2, offset=offset)[7] for offset in (0, 2)]
    assert same(together, [torch.cat(parts) for parts in zip(*halves, strict=True)])


def test_another_seed_gives_other_pairs(sources):
    assert not same(PairBatches(sources, (), seed=1, batch=2)[0], PairBatches(sources, (), seed=2, batch=2)[0])


def test_nothing_is_left_to_do(sources):
    assert list(iterate_batches(PairBatches(sources, (), seed=1, batch=2), 5, 5, workers=0)) == []


@pytest.mark.parametrize(("ratios", "share"), [((), 0.5), ((3, 1), 0.75), ((0, 1), 0.0)])
def test_sources_are_mixed_by_ratio(ratios, share):
    batches = PairBatches([marked(1), marked(0)], ratios, seed=3, batch=50)
    drawn = torch.cat([batches[step].box[:, 0] for step in range(4)])
    assert drawn.mean().item() == pytest.approx(share, abs=0.1)


def test_unknown_source_offers_the_nearest(make, tmp_path):
    with refuses(ConfigError, "'picture'", "did you mean 'pictures'"):
        build_sources(make.recipe(data__sources=["picture"]).data, tmp_path, jobs=1)


def test_sources_of_a_recipe(make, cache):
    (source,) = build_sources(make.recipe().data, cache, jobs=1)
    assert source(np.random.default_rng(0)).search.shape == (255, 255, 3)
