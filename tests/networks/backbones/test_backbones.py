"""Every backbone of the table: it is what it declares, and its cells lie on the grid that all methods share."""

import pytest
import torch
from torch import nn

from spectrack import grid
from spectrack.errors import ConfigError
from spectrack.networks.backbones import BACKBONES, backbone_options
from spectrack.tables import from_table, to_table
from tests.fixtures.refusals import refuses

SMALL = {
    "compact": [{"widths": [2, 2, 2]}, {"widths": [2, 2, 2], "middle_blocks": 1}],
    "resnet50": [{"width": 2, "shortcut": "3x3"}, {"width": 2, "levels": [4]}],
}
SHAPES = [{"name": name} | shape for name in BACKBONES for shape in SMALL.get(name, [{}])]


def built(values):
    return from_table(backbone_options(values), values, "the test").build()


@pytest.mark.parametrize("name", BACKBONES)
def test_options_are_a_table_that_names_its_backbone(name):
    options = BACKBONES[name]()
    assert options.name == name
    assert from_table(backbone_options({"name": name}), to_table(options), "the test") == options
    with torch.device("meta"):
        backbone = options.build()
    assert backbone.neck_channels > 0
    assert (backbone.stride_px, backbone.first_cell_px) == (grid.STRIDE_PX, grid.FIRST_CELL_PX)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@torch.no_grad()
def test_maps_have_the_declared_channels_and_the_cells_of_the_grid(shape):
    backbone = built(shape).eval()
    for size in (grid.TEMPLATE_SIZE_PX, grid.SEARCH_SIZE_PX):
        cells = grid.map_cells(size)
        maps = backbone(torch.rand(1, 3, size, size))
        assert [tuple(level.shape) for level in maps] == [(1, width, cells, cells) for width in backbone.out_channels]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_cell_looks_where_it_is_declared_to_lie(shape):
    backbone = built(shape).double().eval()
    for module in list(backbone.modules()):
        # Linear and even, so that the centroid of a gradient is that of the geometry alone.
        if isinstance(module, nn.Conv2d):
            nn.init.constant_(module.weight, 1 / module.weight[0].numel())
        for name, child in module.named_children():
            if isinstance(child, nn.MaxPool2d):
                setattr(module, name, nn.AvgPool2d(child.kernel_size, child.stride, child.padding))
    # 511 px, because conv5 of ResNet-50 sees 427 px; the cells keep away from the border, which would cut the view off.
    images = torch.ones(1, 3, 511, 511, dtype=torch.float64, requires_grad=True)
    centres = torch.arange(511, dtype=torch.float64) + 0.5
    for level in backbone(images):
        for row, column in ((26, 36), (34, 29)):
            (gradient,) = torch.autograd.grad(level[0, 0, row, column], images, retain_graph=True)
            seen = gradient[0].sum(0)
            for cell, axis in ((row, 1), (column, 0)):
                found = float((seen.sum(axis) * centres).sum() / seen.sum())
                assert found == pytest.approx(backbone.first_cell_px + backbone.stride_px * cell, abs=1e-9)


def test_an_unknown_backbone_is_refused_with_the_nearest():
    with refuses(ConfigError, "'resnet5'", "did you mean 'resnet50'"):
        backbone_options({"name": "resnet5"})
