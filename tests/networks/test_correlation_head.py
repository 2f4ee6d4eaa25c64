"""Correlation and head against references written another way: explicit loops, unfolding, hand-set fusion weights."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from spectrack.errors import ConfigError, InputError
from spectrack.networks.correlation import box_coordinates, cross_correlate
from spectrack.networks.correlation_head import CorrelationHead, TemplateKernels
from tests.fixtures.refusals import refuses


def correlate_by_loops(search, kernel):
    """The definition, one output value at a time; batches must be equal."""
    batch, channels, height, width = search.shape
    rows, columns = kernel.shape[2:]
    out = torch.empty(batch, channels, height - rows + 1, width - columns + 1, dtype=search.dtype)
    for n in range(batch):
        for c in range(channels):
            for i in range(out.shape[2]):
                for j in range(out.shape[3]):
                    out[n, c, i, j] = (search[n, c, i : i + rows, j : j + columns] * kernel[n, c]).sum()
    return out


def correlate_by_unfolding(search, kernel):
    """All windows as columns, then one sum of products; batches broadcast."""
    batch, channels, height, width = search.shape
    rows, columns = kernel.shape[2:]
    windows = functional.unfold(search, (rows, columns)).view(batch, channels, rows * columns, -1)
    out = (windows * kernel.flatten(2).unsqueeze(-1)).sum(2)
    return out.view(out.shape[0], channels, height - rows + 1, width - columns + 1)


@settings(max_examples=20, deadline=None)
@given(
    batches=st.sampled_from([(1, 1), (3, 3), (3, 1), (1, 3)]),
    channels=st.integers(1, 3),
    side=st.integers(3, 6),
    kernel_side=st.integers(1, 3),
    seed=st.integers(0, 10_000),
)
def test_correlation_agrees_with_both_references(batches, channels, side, kernel_side, seed):
    generator = torch.Generator().manual_seed(seed)
    search = torch.randn(batches[0], channels, side, side + 1, generator=generator, dtype=torch.float64)
    kernel = torch.randn(batches[1], channels, kernel_side, kernel_side, generator=generator, dtype=torch.float64)
    found = cross_correlate(search, kernel)
    batch = max(batches)
    torch.testing.assert_close(found, correlate_by_unfolding(search, kernel))
    torch.testing.assert_close(
        found, correlate_by_loops(search.expand(batch, -1, -1, -1), kernel.expand(batch, -1, -1, -1))
    )


@pytest.mark.parametrize("batches", [(2, 2), (2, 1), (1, 2)])
def test_correlation_gradients(batches):
    search = torch.randn(batches[0], 2, 4, 4, dtype=torch.float64, requires_grad=True)
    kernel = torch.randn(batches[1], 2, 2, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(cross_correlate, (search, kernel))


@pytest.mark.parametrize("kernels", [1, 4])
def test_correlation_in_channels_last_gives_the_same(kernels):
    search, kernel = torch.randn(4, 8, 9, 9), torch.randn(kernels, 8, 5, 5)
    last = torch.channels_last
    found = cross_correlate(search.contiguous(memory_format=last), kernel.contiguous(memory_format=last))
    torch.testing.assert_close(found, cross_correlate(search, kernel))


def test_a_shifted_search_map_shifts_the_response():
    search, kernel = torch.randn(1, 3, 12, 12), torch.randn(1, 3, 5, 5)
    shifted = cross_correlate(search.roll((2, 1), (2, 3)), kernel)
    torch.testing.assert_close(shifted[..., 2:, 1:], cross_correlate(search, kernel)[..., :-2, :-1])


@pytest.mark.parametrize(
    ("search", "kernel"), [((2, 3, 9, 9), (3, 3, 5, 5)), ((1, 3, 9, 9), (1, 4, 5, 5)), ((1, 3, 4, 9), (1, 3, 5, 5))]
)
def test_correlation_refuses_what_does_not_fit(search, kernel):
    with refuses(InputError, str(search), str(kernel)):
        cross_correlate(torch.zeros(search), torch.zeros(kernel))


def make_head(levels=2, **options):
    """A head in evaluation mode whose predictions are not the constant they start as."""
    head = CorrelationHead(6, levels, **options).eval()
    for parameter in head.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.1)
    return head


def make_levels(batch, side, levels=2):
    return [torch.randn(batch, 6, side, side) for _ in range(levels)]


def test_full_head_has_the_published_number_of_parameters():
    with torch.device("meta"):
        head = CorrelationHead(256, 3)
    assert sum(parameter.numel() for parameter in head.parameters()) == 7_484_955


@pytest.mark.parametrize("tower_kernel", [1, 3, 5])
def test_shapes(tower_kernel):
    head = make_head(hidden=4, tower_kernel=tower_kernel)
    kernels = head.template_kernels(make_levels(2, 7))
    side = 8 - tower_kernel
    assert [tuple(kernel.shape) for kernel in (*kernels.classification, *kernels.regression)] == [
        (2, 4, side, side)
    ] * 4
    classification, regression = head(kernels, make_levels(2, 31))
    assert classification.shape == (2, 2, 25, 25)
    assert regression.shape == (2, 4, 25, 25)
    assert bool((regression > 0).all())


def test_one_template_serves_many_searches_and_many_templates_one_search():
    head = make_head()
    template, search = make_levels(1, 7), make_levels(3, 31)
    once = head(head.template_kernels(template), search)
    repeated = head(head.template_kernels([level.expand(3, -1, -1, -1) for level in template]), search)
    for found, expected in zip(once, repeated, strict=True):
        torch.testing.assert_close(found, expected)
    many = head(head.template_kernels(make_levels(3, 7)), [level[:1] for level in search])
    assert many[0].shape == (3, 2, 25, 25)


def test_pairs_do_not_mix():
    head = make_head()
    template, search = make_levels(3, 7), make_levels(3, 31)
    together = head(head.template_kernels(template), search)
    for n in range(3):
        alone = head(
            head.template_kernels([level[n : n + 1] for level in template]), [level[n : n + 1] for level in search]
        )
        for found, expected in zip(alone, together, strict=True):
            torch.testing.assert_close(found[0], expected[n], rtol=1e-4, atol=1e-5)


def test_levels_are_fused_with_softmaxed_weights_after_the_exponential():
    head = make_head()
    template, search = make_levels(1, 7), make_levels(1, 31)
    with torch.no_grad():
        head.classification_weights.copy_(torch.tensor([0.0, math.log(3)]))
        head.regression_weights.copy_(torch.tensor([math.log(4), 0.0]))
        head.regression_scales.copy_(torch.tensor([0.5, 1.2]))
    kernels = head.template_kernels(template)
    classification, regression = head(kernels, search)
    scores = [head.classification[k](kernels.classification[k], search[k]) for k in range(2)]
    raw = [head.regression[k](kernels.regression[k], search[k]) for k in range(2)]
    torch.testing.assert_close(classification, 0.25 * scores[0] + 0.75 * scores[1])
    torch.testing.assert_close(regression, 0.8 * (0.5 * raw[0]).exp() + 0.2 * (1.2 * raw[1]).exp())


def test_boxes_start_at_a_plausible_size():
    head = CorrelationHead(6, 1).eval()
    _, regression = head(head.template_kernels(make_levels(1, 7, 1)), make_levels(1, 31, 1))
    assert 16 < float(regression.detach().median()) < 64


def test_distances_stay_finite_whatever_the_network_says():
    head = CorrelationHead(6, 1).eval()
    with torch.no_grad():
        head.regression_scales.fill_(1e4)
    _, regression = head(head.template_kernels(make_levels(1, 7, 1)), make_levels(1, 31, 1))
    assert bool(torch.isfinite(regression).all())


def test_every_parameter_gets_a_gradient():
    head = make_head().train()
    classification, regression = head(head.template_kernels(make_levels(2, 7)), make_levels(2, 31))
    # A plain sum would leave scores before batch normalisation without gradient; squares do not.
    (classification.square().sum() + regression.square().sum()).backward()
    for name, parameter in head.named_parameters():
        assert parameter.grad is not None, name
        assert float(parameter.grad.abs().sum()) > 0, name


def test_distances_are_float32_under_bfloat16_autocast():
    head = make_head()
    template, search = make_levels(1, 7), make_levels(1, 31)
    exact = head(head.template_kernels(template), search)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        _, regression = head(head.template_kernels(template), search)
    assert regression.dtype == torch.float32
    torch.testing.assert_close(regression, exact[1], rtol=0.1, atol=0.05)


def test_refusals_name_expected_and_found():
    head = make_head()
    with refuses(InputError, "2 neck levels", "found 1"):
        head.template_kernels(make_levels(1, 7, 1))
    with refuses(InputError, "2 neck levels", "found 3"):
        head(TemplateKernels((), ()), make_levels(1, 31, 3))
    with refuses(ConfigError, "tower_kernel", "2"):
        CorrelationHead(6, 1, tower_kernel=2)
    with refuses(ConfigError, "channels", "found 0"):
        CorrelationHead(0, 1)


def coordinates_by_loops(box, cells):
    x0, y0, x1, y1 = box
    out = torch.zeros(2, cells, cells)
    for row in range(cells):
        for column in range(cells):
            x, y = 63.5 + 8 * (column - cells // 2), 63.5 + 8 * (row - cells // 2)
            out[0, row, column] = min(abs(x - (x0 + x1) / 2) / ((x1 - x0) / 2) - 1, 1)
            out[1, row, column] = min(abs(y - (y0 + y1) / 2) / ((y1 - y0) / 2) - 1, 1)
    return out


def test_box_coordinates_are_zero_on_the_border_and_negative_inside():
    boxes = torch.tensor([[31.5, 47.5, 95.5, 79.5], [60.0, 20.0, 80.0, 110.0]])
    found = box_coordinates(boxes, 7)
    for box, maps in zip(boxes.tolist(), found, strict=True):
        torch.testing.assert_close(maps, coordinates_by_loops(box, 7))
    # x = 95.5 is the right border of the first box and the centre of no cell of 7, but of one of 9.
    assert box_coordinates(boxes, 9)[0, 0, 0, 8].item() == pytest.approx(0.0)


def test_box_of_no_size_gives_finite_coordinates():
    assert torch.isfinite(box_coordinates(torch.tensor([[63.5, 63.5, 63.5, 63.5]]), 7)).all()


def test_template_box_changes_the_kernels_and_costs_nothing_elsewhere():
    torch.manual_seed(0)
    head = CorrelationHead(6, 1, template_box=True).eval()
    template = make_levels(1, 7, 1)
    square, tall = torch.tensor([[31.5, 31.5, 95.5, 95.5]]), torch.tensor([[47.5, 15.5, 79.5, 111.5]])
    first, second = (head.template_kernels(template, boxes) for boxes in (square, tall))
    assert not torch.allclose(first.regression[0], second.regression[0])
    plain = CorrelationHead(6, 1)
    more = sum(p.numel() for p in head.parameters()) - sum(p.numel() for p in plain.parameters())
    assert more == 2 * 2 * 6 * 9  # two maps into the template towers of both tasks, six 3x3 kernels each
    with refuses(InputError, "box", "template"):
        head.template_kernels(template)
