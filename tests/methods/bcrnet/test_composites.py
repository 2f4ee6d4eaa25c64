"""Composites: hand-made rankings, counts, weights, and every composer's own rule."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from spectrack.errors import ConfigError, InputError
from spectrack.methods.bcrnet.band_importance import BandImportanceModule, BIMMConfig
from spectrack.methods.bcrnet.composers import build_composer
from spectrack.methods.bcrnet.composites import (
    ComposerConfig,
    band_importance,
    composite_weights,
    count_composites,
    group_bands,
    in_spectral_order,
    normalised_entropy,
    pick_bands,
    rank_bands,
    sharpened,
)
from spectrack.methods.bcrnet.self_expression import gram_matrix, solve_self_expression
from tests.fixtures.refusals import refuses

NAMES = ["importance", "self_expression", "sequential", "random", "pca", "fixed"]


def composer(name="sequential", **options):
    if name == "fixed":
        options = {"fixed_bands": (2, 1, 0, 2, 2, 2)} | options
    return build_composer(ComposerConfig(name=name, **options), BandImportanceModule().eval())


def test_rows_and_columns_by_hand():
    matrix = torch.tensor([[[0.0, 1.0, 1.0], [0.5, 0.0, 0.5], [0.0, 1.0, 0.0]]])
    torch.testing.assert_close(band_importance(matrix), torch.tensor([[0.5, 0.25, 0.25]]))
    torch.testing.assert_close(band_importance(matrix, "column"), torch.tensor([[0.125, 0.5, 0.375]]))
    torch.testing.assert_close(band_importance(torch.zeros(1, 4, 4)), torch.full((1, 4), 0.25))


def test_ranking_is_stable():
    assert rank_bands(torch.tensor([[0.1, 0.3, 0.1, 0.3, 0.2]])).tolist() == [[1, 3, 4, 0, 2]]
    assert rank_bands(torch.full((1, 64), 0.5)).tolist() == [list(range(64))]


@pytest.mark.parametrize(
    ("bands", "leftover", "limit", "expected"),
    [
        (3, "drop", 0, 1),
        (15, "drop", 0, 5),
        (16, "drop", 0, 5),
        (25, "drop", 0, 8),
        (16, "wrap", 0, 6),
        (15, "wrap", 0, 5),
        (200, "drop", 8, 8),
    ],
)
def test_number_of_composites(bands, leftover, limit, expected):
    assert count_composites(bands, leftover, limit) == expected
    assert group_bands(torch.arange(bands)[None], leftover, limit).shape == (1, expected, 3)


def test_bands_go_into_composites_in_rank_order_and_the_least_important_are_left_out():
    order = torch.tensor([[4, 2, 0, 6, 1, 5, 3]])
    assert group_bands(order).tolist() == [[[4, 2, 0], [6, 1, 5]]]
    assert group_bands(order, "wrap").tolist() == [[[4, 2, 0], [6, 1, 5], [3, 4, 2]]]
    assert group_bands(order[:, :5], "wrap").tolist() == [[[4, 2, 0], [6, 1, 4]]]
    assert group_bands(order, limit=1).tolist() == [[[4, 2, 0]]]


def test_bands_of_a_composite_stand_as_in_a_photograph_when_asked():
    bands = group_bands(torch.tensor([[4, 2, 0, 6, 1, 5, 3]]))
    wavelengths = torch.tensor([650.0, 500.0, 550.0, 400.0, 600.0, 450.0, 700.0])
    assert in_spectral_order(bands, wavelengths).tolist() == [[[0, 4, 2], [6, 1, 5]]]
    assert in_spectral_order(bands, None).tolist() == [[[0, 2, 4], [1, 5, 6]]]


def test_an_rgb_video_stays_red_green_blue_however_its_bands_are_ranked():
    composer = build_composer(ComposerConfig(name="self_expression", channel_order="spectral"))
    cube = torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(composer(cube).images[:, 0], cube)
    ranked = build_composer(ComposerConfig(name="self_expression"))(cube)
    assert (ranked.bands[:, 0].diff(dim=1) < 0).any()
    torch.testing.assert_close(composer(cube).weights, ranked.weights)


@given(bands=st.integers(3, 40), seed=st.integers(0, 999))
def test_weights_sum_to_one_and_fall(bands, seed):
    importance = torch.rand(2, bands, generator=torch.Generator().manual_seed(seed))
    importance = importance / importance.sum(1, keepdim=True)
    weights = composite_weights(importance, group_bands(rank_bands(importance)))
    torch.testing.assert_close(weights.sum(1), torch.ones(2))
    assert bool((weights[:, :-1] >= weights[:, 1:] - 1e-6).all())


def test_weights_by_hand():
    importance = torch.tensor([[0.05, 0.4, 0.1, 0.2, 0.15, 0.06, 0.04]])
    bands = group_bands(rank_bands(importance))
    assert bands.tolist() == [[[1, 3, 4], [2, 5, 0]]]
    torch.testing.assert_close(composite_weights(importance, bands), torch.tensor([[0.75, 0.21]]) / 0.96)
    torch.testing.assert_close(composite_weights(torch.zeros(1, 7), bands), torch.tensor([[0.5, 0.5]]))


def test_values_carry_gradient_and_the_ranking_none():
    matrix = torch.rand(1, 6, 6, requires_grad=True)
    importance = band_importance(matrix)
    composite_weights(importance, group_bands(rank_bands(importance)))[0, 0].backward()
    assert float(matrix.grad.abs().sum()) > 0


@given(seed=st.integers(0, 999), bands=st.integers(3, 12))
def test_permuting_bands_with_their_importance_gives_the_same_composites(seed, bands):
    generator = torch.Generator().manual_seed(seed)
    cube, importance = torch.rand(2, bands, 4, 5, generator=generator), torch.rand(2, bands, generator=generator)
    mixed = torch.randperm(bands, generator=generator)
    images = [
        pick_bands(c, group_bands(rank_bands(s)))
        for c, s in ((cube, importance), (cube[:, mixed], importance[:, mixed]))
    ]
    assert torch.equal(*images)


@pytest.mark.parametrize("crops", [1, 2])
def test_composites_are_the_raw_bands(crops):
    cube, bands = torch.rand(crops, 7, 4, 5), torch.tensor([[[4, 2, 0], [6, 6, 5]]]).expand(crops, -1, -1)
    images = pick_bands(cube, bands)
    assert images.shape == (crops, 2, 3, 4, 5)
    for n in range(2):
        for channel in range(3):
            assert torch.equal(images[:, n, channel], cube[:, int(bands[0, n, channel])])
    if crops == 1:
        assert images[0].is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("bands", [3, 7, 15, 16, 25])
def test_every_composer_keeps_the_contract(name, bands):
    cube, search = torch.rand(2, bands, 16, 16), torch.rand(2, bands, 24, 24)
    made = composer(name)
    with torch.no_grad():
        template = made(cube)
        found = made(search, None, template)
    count = 2 if name == "fixed" else bands // 3
    assert found.images.shape == (2, count, 3, 24, 24)
    assert (found.importance.shape, found.order.shape, found.weights.shape) == ((2, bands), (2, bands), (2, count))
    torch.testing.assert_close(found.importance.sum(1), torch.ones(2))
    torch.testing.assert_close(found.weights.sum(1), torch.ones(2))
    assert sorted(found.order[0].tolist()) == list(range(bands))
    if name != "pca":
        assert torch.equal(pick_bands(search, found.bands), found.images)


def test_importance_ranks_by_the_sums_of_bimm():
    made, cube = composer("importance"), torch.rand(1, 9, 16, 16)
    with torch.no_grad():
        found = made(cube)
        matrix = made.bimm(cube).matrix
    assert torch.equal(found.matrix, matrix)
    assert found.order[0].tolist() == sorted(range(9), key=lambda band: -float(matrix[0].sum(1)[band]))
    column = composer("importance", importance_axis="column")
    column.bimm.load_state_dict(made.bimm.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(column(cube).importance[0], matrix[0].sum(0) / matrix.sum())


@pytest.mark.parametrize("axis", ["row", "column"])
def test_bands_without_light_rank_last(axis):
    cube = torch.rand(2, 6, 16, 16)
    cube[0, 1] = 0
    for name in ("importance", "self_expression"):
        with torch.no_grad():
            found = composer(name, importance_axis=axis)(cube)
        assert found.order[0, -1] == 1
        assert found.importance[0, 1] == 0
        assert found.importance[1, 1] > 0
        with torch.no_grad():
            dark = composer(name, importance_axis=axis)(torch.zeros(1, 6, 16, 16))
        torch.testing.assert_close(dark.weights.sum(), torch.tensor(1.0))


def test_self_expression_ranks_by_the_solver():
    cube = torch.rand(1, 9, 16, 16)
    found = composer("self_expression")(cube)
    matrix = solve_self_expression(gram_matrix(cube))
    assert torch.equal(found.order, rank_bands(band_importance(matrix)))
    assert torch.equal(found.matrix, matrix)


def test_sequential_and_random():
    cube = torch.rand(2, 7, 4, 4)
    found = composer("sequential")(cube)
    assert found.bands.tolist() == [[[0, 1, 2], [3, 4, 5]]] * 2
    torch.testing.assert_close(found.weights, torch.full((2, 2), 0.5))
    first, again, other = (composer("random", seed=seed)(cube).order for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert torch.equal(first[0], first[1])
    assert not torch.equal(first, other)


def test_fixed_takes_what_the_user_names():
    cube = torch.rand(1, 4, 4, 4)
    found = composer("fixed", fixed_bands=(3, 3, 3))(cube)
    assert found.images.shape == (1, 1, 3, 4, 4)
    assert found.order.tolist() == [[3, 0, 1, 2]]
    with refuses(InputError, "fixed_bands", "4", "(9, 5, 1)"):
        composer("fixed", fixed_bands=(9, 5, 1))(cube)


def test_principal_components_are_uncorrelated_ordered_and_those_of_the_template():
    cube = torch.rand(1, 6, 12, 12) * torch.tensor([1.0, 0.1, 0.5, 0.2, 0.3, 0.4]).view(1, 6, 1, 1)
    made = composer("pca")
    template = made(cube)
    pixels = template.images.flatten(1, 2).flatten(2)[0].double()
    covariance = torch.cov(pixels)
    assert float((covariance - torch.diag(covariance.diagonal())).abs().max()) < 1e-5
    torch.testing.assert_close(pixels.mean(1), torch.full((6,), 0.5, dtype=torch.float64), rtol=0, atol=1e-4)
    values = torch.linalg.eigvalsh(torch.cov(cube[0].flatten(1).double())).flip(0)
    expected = (values[:3].sum() / values.sum()).float()
    torch.testing.assert_close(template.weights[0, 0], expected, rtol=1e-4, atol=0)
    # The same pixels give the same components in a search crop that also holds others.
    search = torch.cat([cube, 3 * cube], dim=3)
    torch.testing.assert_close(made(search, None, template).images[..., :12], template.images, rtol=1e-4, atol=1e-4)


def test_search_crops_are_ranked_on_their_own_or_like_the_template():
    cube, search = torch.rand(1, 9, 16, 16), torch.rand(1, 9, 16, 16)
    own, borrowed = (composer("self_expression", order_source=source) for source in ("own", "template"))
    template = own(cube)
    alone = own(search)
    assert torch.equal(own(search, None, template).order, alone.order)
    found = borrowed(search, None, template)
    assert torch.equal(found.order, template.order)
    assert torch.equal(found.importance, alone.importance)
    torch.testing.assert_close(found.weights, composite_weights(alone.importance, template.bands))


@pytest.mark.parametrize(
    ("options", "facts"),
    [
        ({"name": "importence"}, ("'importence'", "did you mean 'importance'")),
        ({"leftover": "keep"}, ("leftover", "'keep'", "drop", "wrap")),
        ({"order_source": "templates"}, ("'templates'", "did you mean 'template'")),
        ({"importance_axis": "rows"}, ("'rows'", "did you mean 'row'")),
        ({"max_composites": -1}, ("max_composites", "found -1")),
        ({"name": "fixed"}, ("fixed_bands", "'fixed'")),
        ({"name": "fixed", "fixed_bands": (1, 2)}, ("fixed_bands", "'fixed'")),
        ({"fixed_bands": (1, 2, 3)}, ("fixed_bands", "(1, 2, 3)", "'importance'")),
    ],
)
def test_wrong_configurations(options, facts):
    with refuses(ConfigError, facts):
        ComposerConfig(**options)


@pytest.mark.parametrize("name", NAMES)
def test_refuses_fewer_than_three_bands(name):
    with refuses(InputError, "(1, 2, 16, 16)"):
        composer(name)(torch.rand(1, 2, 16, 16))


def test_importance_needs_a_module():
    with refuses(ConfigError, "composer", "importance"):
        build_composer(ComposerConfig())


def test_entropy_of_shares():
    assert float(normalised_entropy(torch.full((3, 4), 0.25))) == pytest.approx(1.0)
    assert float(normalised_entropy(torch.tensor([[1.0, 0.0]]))) == 0.0
    assert float(normalised_entropy(torch.ones(2, 1))) == 1.0
    assert float(normalised_entropy(torch.tensor([[0.5, 0.5, 0.0, 0.0]]))) == pytest.approx(0.5)


def test_a_power_sharpens_weights():
    weights = torch.tensor([[0.5, 0.3, 0.2], [1.0, 0.0, 0.0]], requires_grad=True)
    assert sharpened(weights, 1.0) is weights
    squares = torch.tensor([0.25, 0.09, 0.04])
    torch.testing.assert_close(sharpened(weights, 2.0)[0], squares / squares.sum())
    torch.testing.assert_close(sharpened(weights, 0.0), torch.full((2, 3), 1 / 3))
    torch.testing.assert_close(sharpened(weights, 100.0)[0].round(decimals=4), torch.tensor([1.0, 0.0, 0.0]))
    sharpened(weights, 0.5)[:, 0].sum().backward()
    assert bool(torch.isfinite(weights.grad).all())


def test_lengths_of_rows_rank_other_than_their_sums():
    matrix = torch.tensor([[[0.0, 0.5, 0.5], [0.9, 0.0, 0.0], [0.2, 0.1, 0.0]]])
    torch.testing.assert_close(band_importance(matrix)[0], torch.tensor([1.0, 0.9, 0.3]) / 2.2)
    lengths = torch.tensor([0.5**0.5, 0.9, 0.05**0.5])
    torch.testing.assert_close(band_importance(matrix, norm="l2")[0], lengths / lengths.sum())
    torch.testing.assert_close(band_importance(torch.zeros(1, 3, 3), norm="l2"), torch.full((1, 3), 1 / 3))


def test_bands_of_one_length_do_not_count_by_their_brightness():
    """Brighter bands have larger rows and smaller columns of W, by exactly as much as they are brighter."""
    cube = torch.rand(1, 5, 20, 20)
    gain = torch.tensor([1.0, 4.0, 0.3, 2.0, 1.0]).view(1, 5, 1, 1)
    for axis in ("row", "column"):
        found = {
            units: build_composer(ComposerConfig("self_expression", importance_axis=axis, importance_units=units))
            for units in ("counts", "unit")
        }
        plain, unit = (found[units](gain * cube).importance for units in ("counts", "unit"))
        torch.testing.assert_close(unit, found["unit"](cube).importance, rtol=1e-3, atol=1e-4)
        assert not torch.allclose(plain, unit, rtol=0.1)
    dark = cube.clone()
    dark[:, 3] = 0
    assert float(found["unit"](dark).importance[0, 3]) == 0


def test_joint_entropy_makes_one_composite_of_the_templates_bands():
    template, search = torch.rand(2, 6, 20, 20), torch.rand(2, 6, 30, 30)
    template[:, 4] = 0.5
    composer = build_composer(ComposerConfig("joint_entropy"))
    first = composer(template)
    assert first.images.shape == (2, 1, 3, 20, 20)
    assert 4 not in first.bands
    torch.testing.assert_close(first.images[1, 0], template[1, first.bands[1, 0]])
    assert torch.equal(first.order.sort(dim=1).values, torch.arange(6).expand(2, -1))
    seen = composer(search, None, first)
    assert torch.equal(seen.bands, first.bands)
    torch.testing.assert_close(seen.images[0, 0], search[0, first.bands[0, 0]])
    torch.testing.assert_close(seen.weights, torch.ones(2, 1))
    falling = build_composer(ComposerConfig("joint_entropy", channel_order="spectral"))(template, torch.arange(6.0))
    assert bool((falling.bands.diff(dim=2) < 0).all())


def test_attention_as_a_matrix_rebuilds_bands_as_the_weighted_mean_of_the_others():
    torch.manual_seed(0)
    composer = build_composer(ComposerConfig("attention"), BandImportanceModule(BIMMConfig(widths=(2, 3))).eval())
    cube = torch.rand(1, 5, 16, 16) * torch.tensor([1.0, 3.0, 0.2, 1.0, 2.0]).view(1, 5, 1, 1)
    ranking = composer.rank(cube, None)
    length = cube[0].square().mean(dim=(1, 2)).sqrt()
    unit, attention = cube[0] / length[:, None, None], ranking.importance[0]
    for band in range(5):
        others = [other for other in range(5) if other != band]
        mean = sum(attention[other] * unit[other] for other in others) / sum(attention[other] for other in others)
        rebuilt = torch.einsum("j,jhw->hw", ranking.matrix[0, band], cube[0])
        torch.testing.assert_close(rebuilt, length[band] * mean, rtol=1e-3, atol=1e-4)
    ranking.matrix.sum().backward()
    cube[:, 2] = 0
    dark = composer.rank(cube, None).matrix[0]
    assert not bool(dark[2].any())
    assert not bool(dark[:, 2].any())
