"""Joint entropy against NumPy's own histograms, and what a search must and must not find."""

import itertools

import numpy as np
import pytest
import torch

from spectrack.methods.bcrnet import joint_entropy
from spectrack.methods.bcrnet.joint_entropy import band_entropies, most_telling_bands


def crop(bands, seed=0):
    """Bands of few and many levels, some of them nearly copies of others."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.rand(bands, 24, 24, generator=generator)
    steps = torch.randint(2, 12, (bands, 1, 1), generator=generator)
    levels = (noise * steps).floor() / steps
    levels[1] = 0.98 * levels[0] + 0.02 * noise[1]
    return levels


def entropy(values):
    """Bits of the histogram of (pixels, bands) on sixteen levels between each band's extremes."""
    counts, _ = np.histogramdd(values, bins=16, range=[(v.min(), v.max()) for v in values.T])
    share = counts[counts > 0] / counts.sum()
    return -(share * np.log2(share)).sum()


def test_the_triple_is_the_best_of_all():
    given = crop(7)
    pixels = given[:, ::2, ::2].reshape(7, -1).double().numpy().T
    triples = {triple: entropy(pixels[:, triple]) for triple in itertools.combinations(range(7), 3)}
    assert most_telling_bands(given) == max(triples, key=triples.get)


def test_entropies_of_bands():
    given = crop(5)
    pixels = given[:, ::2, ::2].reshape(5, -1).double().numpy().T
    expected = [entropy(pixels[:, [band]]) for band in range(5)]
    np.testing.assert_allclose(band_entropies(given[None])[0], expected, rtol=1e-5)


def test_many_bands_are_searched_pair_first(monkeypatch):
    monkeypatch.setattr(joint_entropy, "EXHAUSTIVE", 4)
    given = crop(7)
    chosen = most_telling_bands(given)
    pixels = given[:, ::2, ::2].reshape(7, -1).double().numpy().T
    pairs = {pair: entropy(pixels[:, pair]) for pair in itertools.combinations(range(7), 2)}
    pair = max(pairs, key=pairs.get)
    thirds = {band: entropy(pixels[:, [*pair, band]]) for band in range(7) if band not in pair}
    assert chosen == tuple(sorted([*pair, max(thirds, key=thirds.get)]))


@pytest.mark.parametrize("value", [0.0, 0.7])
def test_a_band_without_contrast_tells_nothing(value):
    given = crop(5)
    given[2] = value
    assert 2 not in most_telling_bands(given)
    assert float(band_entropies(given[None])[0, 2]) == 0.0
    assert most_telling_bands(torch.full((4, 8, 8), value)) == (0, 1, 2)
