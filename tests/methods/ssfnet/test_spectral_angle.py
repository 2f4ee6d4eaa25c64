"""The spectral angle against the pixel mapper and explicit loops; its invariances, its edges, and the head around
it.
"""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spectrack.errors import ConfigError, InputError
from spectrack.methods.ssfnet.spectral_angle import SpectralAngleHead, box_shares, region_angles
from spectrack.networks.folding import fold_batch_norm
from tests.fixtures.refusals import refuses

REGIONS = ("aligned", "pooled", "pixel")
gains = st.floats(0.02, 50.0)


def spectral_angle_mapper(first, second):
    """Kruse et al. 1993, on two spectra, in float64."""
    cosine = np.dot(first, second) / (np.linalg.norm(first) * np.linalg.norm(second))
    return float(np.arccos(np.clip(cosine, -1.0, 1.0)))


def angles_by_loops(template, search, weights, region):
    """The definitions, one window at a time, for one sample in float64; arrays (C, k, k), (C, h, w), (k, k)."""
    rows, columns = template.shape[1:]
    weights = weights / weights.sum()
    out = np.empty((search.shape[1] - rows + 1, search.shape[2] - columns + 1))
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            window = search[:, i : i + rows, j : j + columns]
            if region == "aligned":
                out[i, j] = spectral_angle_mapper(
                    (template * np.sqrt(weights)).ravel(), (window * np.sqrt(weights)).ravel()
                )
            elif region == "pooled":
                out[i, j] = spectral_angle_mapper((template * weights).sum((1, 2)), (window * weights).sum((1, 2)))
            else:
                cells = [(p, q) for p in range(rows) for q in range(columns)]
                out[i, j] = sum(
                    weights[p, q] * spectral_angle_mapper(template[:, p, q], window[:, p, q]) for p, q in cells
                )
    return out


def drawn(seed, *shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@given(seed=st.integers(0, 10_000), channels=st.integers(2, 12), region=st.sampled_from(REGIONS))
@settings(max_examples=40, deadline=None)
def test_a_region_of_one_cell_is_the_pixel_mapper(seed, channels, region):
    template, search = drawn(seed, 1, channels, 1, 1), drawn(seed + 1, 2, channels, 3, 2)
    found = region_angles(template, search, region=region)
    for n in range(2):
        for i in range(3):
            for j in range(2):
                expected = spectral_angle_mapper(
                    template[0, :, 0, 0].double().numpy(), search[n, :, i, j].double().numpy()
                )
                assert float(found[n, i, j]) == pytest.approx(expected, abs=1e-3)


@given(
    seed=st.integers(0, 10_000),
    size=st.sampled_from([(3, 3), (2, 3)]),
    weighted=st.booleans(),
    region=st.sampled_from(REGIONS),
)
@settings(max_examples=30, deadline=None)
def test_regions_agree_with_their_definitions(seed, size, weighted, region):
    template, search = drawn(seed, 2, 4, *size), drawn(seed + 1, 2, 4, 5, 6)
    weights = torch.rand(2, *size, generator=torch.Generator().manual_seed(seed)) + 0.01 if weighted else None
    found = region_angles(template, search, weights, region)
    for n in range(2):
        own = np.ones(size) if weights is None else weights[n].double().numpy()
        expected = angles_by_loops(template[n].double().numpy(), search[n].double().numpy(), own, region)
        np.testing.assert_allclose(found[n].numpy(), expected, atol=2e-3)


@given(seed=st.integers(0, 10_000), own=gains, seen=gains, region=st.sampled_from(REGIONS), weighted=st.booleans())
@settings(max_examples=40, deadline=None)
def test_a_positive_gain_on_either_side_changes_nothing(seed, own, seen, region, weighted):
    template, search = drawn(seed, 2, 6, 3, 3), drawn(seed + 1, 2, 6, 7, 7)
    weights = torch.rand(2, 3, 3) + 0.1 if weighted else None
    found = region_angles(template, search, weights, region)
    torch.testing.assert_close(
        region_angles(own * template, seen * search, weights, region), found, rtol=1e-3, atol=1e-3
    )
    scaled = None if weights is None else 7.0 * weights
    torch.testing.assert_close(region_angles(template, search, scaled, region), found, rtol=1e-3, atol=1e-3)
    assert float(found.min()) >= 0.0
    assert float(found.max()) <= math.pi + 1e-6


@pytest.mark.parametrize("region", REGIONS)
def test_equal_opposite_and_orthogonal_spectra(region):
    template = drawn(0, 1, 5, 3, 3)
    found = region_angles(template, torch.cat([template, -template, 3 * template]), region=region)
    torch.testing.assert_close(found.flatten(), torch.tensor([0.0, math.pi, 0.0]), rtol=0, atol=2e-3)
    first, second = torch.zeros(1, 4, 2, 2), torch.zeros(1, 4, 2, 2)
    first[:, 0], second[:, 2] = 1.0, 1.0
    assert float(region_angles(first, second, region=region)) == pytest.approx(math.pi / 2, abs=1e-5)


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("case", ["empty search", "empty template", "both empty", "equal", "opposite"])
def test_gradients_stay_finite_at_the_edges(region, case):
    template = torch.zeros(1, 4, 3, 3) if "template" in case or case == "both empty" else drawn(0, 1, 4, 3, 3)
    search = {"equal": template, "opposite": -template, "empty template": drawn(1, 1, 4, 3, 3)}.get(
        case, torch.zeros(1, 4, 3, 3)
    ).clone()
    template.requires_grad_(True)
    search.requires_grad_(True)
    angle = region_angles(template, search, region=region)
    if "empty" in case:
        assert angle.item() == pytest.approx(math.pi / 2, abs=1e-4)
    angle.sum().backward()
    for side in (template, search):
        assert bool(torch.isfinite(side.grad).all())


@pytest.mark.parametrize("region", REGIONS)
def test_gradients_are_those_of_finite_differences(region):
    template, search = (drawn(seed, 1, 3, 2, 2).requires_grad_(True) for seed in (0, 1))
    region_angles(template, search, region=region).sum().backward()
    step = 1e-2
    for side in (template, search):
        for place in ((0, 0, 0, 0), (0, 2, 1, 0)):
            values = []
            for sign in (1, -1):
                moved = side.detach().clone()
                moved[place] += sign * step
                pair = (moved, search.detach()) if side is template else (template.detach(), moved)
                values.append(float(region_angles(*pair, region=region)))
            assert float(side.grad[place]) == pytest.approx((values[0] - values[1]) / (2 * step), abs=5e-3)


@pytest.mark.parametrize("region", REGIONS)
def test_float32_under_autocast(region):
    template, search = drawn(0, 2, 8, 5, 5), drawn(1, 2, 8, 9, 9)
    expected = region_angles(template, search, region=region)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = region_angles(template, search, region=region)
        rounded = region_angles(template.bfloat16(), search.bfloat16(), region=region)
    assert found.dtype == rounded.dtype == torch.float32
    assert torch.equal(found, expected)


@pytest.mark.parametrize("region", REGIONS)
def test_one_template_serves_many_searches(region):
    template, search, weights = drawn(0, 1, 4, 3, 3), drawn(1, 3, 4, 6, 6), torch.rand(1, 3, 3)
    for chosen in (None, weights):
        repeated = None if chosen is None else chosen.expand(3, -1, -1)
        expected = region_angles(template.expand(3, -1, -1, -1), search, repeated, region)
        torch.testing.assert_close(region_angles(template, search, chosen, region), expected)


@pytest.mark.parametrize("region", REGIONS)
def test_finds_a_material_that_is_darker_than_everything_else(region):
    search = drawn(3, 1, 6, 29, 29) + 5.0
    template = torch.tensor([1.0, -1.0, 2.0, 0.5, 3.0, -2.0]).view(1, 6, 1, 1) + 0.1 * drawn(4, 1, 6, 5, 5)
    search[:, :, 8:13, 17:22] = 0.05 * template
    best = int(region_angles(template, search, region=region).flatten().argmin())
    assert divmod(best, 25) == (8, 17)


def test_refuses_what_does_not_fit():
    template, search = torch.rand(2, 4, 3, 3), torch.rand(2, 4, 6, 6)
    for wrong in (torch.rand(2, 5, 6, 6), torch.rand(3, 4, 6, 6), torch.rand(2, 4, 2, 6), torch.rand(4, 6, 6)):
        with refuses(InputError, "(2, 4, 3, 3)", str(tuple(wrong.shape))):
            region_angles(template, wrong)
    for wrong in (torch.rand(3, 3, 3), torch.rand(2, 3, 4), torch.rand(3, 3)):
        with refuses(InputError, "weights", str(tuple(wrong.shape))):
            region_angles(template, search, wrong)
    with refuses(ConfigError, "region", "'alined'", "did you mean 'aligned'"):
        region_angles(template, search, region="alined")


@given(low=st.tuples(st.floats(30, 70), st.floats(30, 70)), sides=st.tuples(st.floats(1, 40), st.floats(1, 40)))
@settings(max_examples=40, deadline=None)
def test_box_shares_are_covered_areas(low, sides):
    box = torch.tensor([[low[0], low[1], low[0] + sides[0], low[1] + sides[1]]], dtype=torch.float64)
    shares = box_shares(box, 5)[0]
    # Count the pixels of a fine grid over the region's 40 x 40 px around 63.5.
    fine = (torch.arange(400, dtype=torch.float64) + 0.5) / 10 + 43.5
    inside = ((fine > box[0, 1]) & (fine < box[0, 3]))[:, None] & ((fine > box[0, 0]) & (fine < box[0, 2]))[None, :]
    expected = inside.double().view(5, 80, 5, 80).mean(dim=(1, 3))
    if expected.sum() > 0.05:
        torch.testing.assert_close(shares, expected, rtol=0, atol=0.03)


def test_box_outside_the_region_counts_all_cells():
    assert bool((box_shares(torch.tensor([[0.0, 0.0, 10.0, 10.0]]), 5) == 1).all())


def head(**options):
    made = SpectralAngleHead(6, **options)
    with torch.no_grad():
        made.gate_slope.fill_(0.7)
        made.gate_offset.fill_(0.2)
    return made.eval()


@torch.no_grad()
def test_head_gates_the_classification_by_the_angle():
    made, template, maps = head(), torch.randn(1, 6, 7, 7), torch.randn(3, 6, 31, 31)
    side = made.template(template)
    logits, distances, angle = made(side, maps)
    assert (logits.shape, distances.shape, angle.shape) == ((3, 2, 25, 25), (3, 4, 25, 25), (3, 25, 25))
    torch.testing.assert_close(angle, region_angles(made.projection(template), made.projection(maps)))
    torch.testing.assert_close(made.gate(angle), 1 + 0.7 * (1 - 2 * angle / math.pi) + 0.2)
    plain_logits, plain_distances = made.carrier(side.kernels, [maps])
    torch.testing.assert_close(distances, plain_distances)
    assert not torch.allclose(logits, plain_logits, atol=1e-4)
    made.gate_slope.zero_()
    made.gate_offset.zero_()
    torch.testing.assert_close(made(side, maps)[0], plain_logits)


@torch.no_grad()
def test_regression_is_gated_on_request_only():
    template, maps = torch.randn(1, 6, 7, 7), torch.randn(1, 6, 31, 31)
    plain, gated = head(), head(gate_regression=True)
    gated.load_state_dict(plain.state_dict())
    assert not torch.equal(plain(plain.template(template), maps)[1], gated(gated.template(template), maps)[1])


@torch.no_grad()
def test_without_saam_it_is_the_correlation_head():
    made, template, maps = SpectralAngleHead(6, saam=False).eval(), torch.randn(1, 6, 7, 7), torch.randn(2, 6, 31, 31)
    logits, distances, angle = made(made.template(template), maps)
    expected = made.carrier(made.carrier.template_kernels([template]), [maps])
    assert angle is None
    assert torch.equal(logits, expected[0])
    assert torch.equal(distances, expected[1])
    assert not any("gate" in name or "projection" in name for name, _ in made.named_parameters())


@torch.no_grad()
def test_region_may_be_weighed_by_the_box():
    made = head(region_weights="box")
    template, maps = torch.randn(1, 6, 7, 7), torch.randn(1, 6, 31, 31)
    box = torch.tensor([[50.0, 40.0, 77.0, 60.0]])
    angle = made(made.template(template, box), maps)[2]
    expected = region_angles(made.projection(template), made.projection(maps), box_shares(box, 5))
    torch.testing.assert_close(angle, expected)
    with refuses(InputError, "box", "template", "none"):
        made.template(template)


@pytest.mark.parametrize("region", REGIONS)
def test_gradients_of_the_scores_reach_everything(region):
    made = SpectralAngleHead(6, region=region).train()
    logits, distances, _ = made(made.template(torch.randn(2, 6, 7, 7)), torch.randn(2, 6, 31, 31))
    (logits.square().mean() + distances.mean()).backward()
    for name, parameter in made.named_parameters():
        # One level: its softmax is 1 whatever the weight.
        if name not in ("carrier.classification_weights", "carrier.regression_weights"):
            assert float(parameter.grad.abs().sum()) > 0, name


@torch.no_grad()
def test_angle_is_float32_in_a_bfloat16_head():
    made = head()
    side = made.template(torch.randn(1, 6, 7, 7))
    maps = torch.randn(1, 6, 31, 31)
    expected = made(side, maps)[2]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        _, distances, angle = made(side, maps)
    assert angle.dtype == distances.dtype == torch.float32
    torch.testing.assert_close(angle, expected, rtol=0, atol=0.05)


@torch.no_grad()
def test_folding_changes_nothing():
    made = head()
    for module in made.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_var, 0.5, 2.0)
            torch.nn.init.normal_(module.running_mean)
    template, maps = torch.randn(1, 6, 7, 7), torch.randn(1, 6, 31, 31)
    folded = fold_batch_norm(made)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in folded.modules())
    for found, expected in zip(
        folded(folded.template(template), maps), made(made.template(template), maps), strict=True
    ):
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)
