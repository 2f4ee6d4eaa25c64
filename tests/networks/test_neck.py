"""The neck: widths, the cells a template keeps, refusals."""

import pytest
import torch

from spectrack.errors import ConfigError, InputError
from spectrack.networks.neck import Neck
from tests.fixtures.refusals import refuses


def test_full_neck_has_the_published_number_of_parameters():
    with torch.device("meta"):
        neck = Neck([512, 1024, 2048], 256)
    assert sum(parameter.numel() for parameter in neck.parameters()) == 919_040


@pytest.mark.parametrize("widths", [[5], [3, 4, 5]])
def test_every_level_gets_the_same_width_and_keeps_its_size(widths):
    neck = Neck(widths, 6).eval()
    levels = neck([torch.randn(2, width, 31, 31) for width in widths])
    assert [tuple(level.shape) for level in levels] == [(2, 6, 31, 31)] * len(widths)


def test_a_level_is_a_matrix_product_per_cell():
    neck = Neck([3], 4).eval()
    cells = torch.randn(1, 3, 15, 15)
    convolution, normalisation = neck.levels[0]
    torch.nn.init.uniform_(normalisation.running_mean)
    torch.nn.init.uniform_(normalisation.running_var, 0.5, 2)
    expected = torch.einsum("oi,nihw->nohw", convolution.weight[:, :, 0, 0], cells)
    expected = (expected - normalisation.running_mean.view(1, -1, 1, 1)) / (
        normalisation.running_var.view(1, -1, 1, 1) + 1e-5
    ).sqrt()
    torch.testing.assert_close(neck([cells])[0], expected)


def test_the_template_keeps_rows_and_columns_4_to_10():
    rows = torch.arange(15.0).view(1, 1, 15, 1).expand(1, 1, 15, 15)
    kept_rows, kept_columns = Neck([1, 1], 1).crop_template([rows, rows.transpose(2, 3)])
    assert kept_rows.shape == kept_columns.shape == (1, 1, 7, 7)
    assert kept_rows[0, 0, :, 0].tolist() == kept_columns[0, 0, 0].tolist() == [4, 5, 6, 7, 8, 9, 10]


def test_refusals_name_expected_and_found():
    neck = Neck([3, 4], 5)
    with refuses(InputError, "2 backbone levels", "found 1"):
        neck([torch.zeros(1, 3, 15, 15)])
    for side in (5, 14):
        with refuses(InputError, "7 cells", f"{side} x {side}"):
            neck.crop_template([torch.zeros(1, 5, side, side)])
    with refuses(ConfigError, "neck", "channels", "5"):
        Neck([], 5)
