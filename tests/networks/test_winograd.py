"""Winograd's form of 3x3 convolutions against the direct one in float64, and where it is put."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from spectrack.networks.backbones.resnet50 import ResNet50Config
from spectrack.networks.inference import for_inference
from spectrack.networks.siamese import SiameseConfig, SiameseNetwork
from spectrack.networks.winograd import WinogradConv2d, with_winograd


@settings(max_examples=40, deadline=None)
@given(
    channels=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    size=st.tuples(st.integers(9, 23), st.integers(9, 23)),
    dilation=st.integers(1, 4),
    padding=st.integers(0, 5),
    bias=st.booleans(),
    last=st.booleans(),
)
@torch.no_grad()
def test_equals_the_direct_form(channels, size, dilation, padding, bias, last):
    torch.manual_seed(size[0])
    direct = nn.Conv2d(*channels, 3, padding=padding, dilation=dilation, bias=bias)
    images = torch.randn(2, channels[0], *size)
    expected = copy.deepcopy(direct).double()(images.double())
    given_images = images.contiguous(memory_format=torch.channels_last) if last else images
    found = WinogradConv2d(direct)(given_images)
    assert found.shape == expected.shape
    torch.testing.assert_close(found.double(), expected, atol=2e-5, rtol=1e-4)


@torch.no_grad()
def test_rounding_of_wide_maps_stays_far_below_what_counts():
    direct = nn.Conv2d(256, 256, 3, padding=2, dilation=2)
    images = torch.rand(1, 256, 31, 31)
    expected = copy.deepcopy(direct).double()(images.double())
    error = (WinogradConv2d(direct)(images) - expected).abs().max() / expected.std()
    assert float(error) < 1e-4
    assert float((direct(images) - expected).abs().max() / expected.std()) < 5e-5


@torch.no_grad()
def test_the_image_and_the_convolution_stay_as_they_were():
    direct = nn.Conv2d(4, 4, 3, padding=1)
    weight, images = direct.weight.clone(), torch.rand(1, 4, 12, 12)
    before = images.clone()
    other = WinogradConv2d(direct)
    assert torch.equal(other(images), other(images))
    assert torch.equal(images, before)
    assert torch.equal(direct.weight, weight)


def test_only_wide_convolutions_of_three_by_three_and_stride_one_are_replaced():
    kept = [
        nn.Conv2d(8, 4, 3),
        nn.Conv2d(8, 8, 3, stride=2),
        nn.Conv2d(8, 8, 1),
        nn.Conv2d(8, 8, 3, groups=8),
        nn.Conv2d(8, 8, 3, dilation=(1, 2)),
        nn.Conv2d(8, 8, 3, padding="same"),
        nn.Conv2d(8, 8, 3, padding=1, padding_mode="reflect"),
        nn.Conv2d(8, 8, 3).bfloat16(),
    ]
    network = with_winograd(nn.Sequential(*kept, nn.Conv2d(8, 8, 3)), least_channels=8)
    assert [type(module) for module in network[:-1]] == [nn.Conv2d] * len(kept)
    assert isinstance(network[-1], WinogradConv2d)


@torch.no_grad()
def test_full_networks_get_it_in_float32_and_predict_the_same():
    torch.manual_seed(0)
    network = SiameseNetwork(SiameseConfig(ResNet50Config())).eval()
    cpu = torch.device("cpu")
    fast = for_inference(network, cpu, torch.float32)
    assert sum(isinstance(module, WinogradConv2d) for module in fast.modules()) > 8
    template, search = torch.rand(1, 3, 127, 127), torch.rand(1, 3, 255, 255)
    for found, expected in zip(fast(template, search), network(template, search), strict=True):
        torch.testing.assert_close(found, expected, atol=2e-3 * float(expected.std()), rtol=1e-3)
    for other in (
        for_inference(network, cpu, torch.bfloat16),
        for_inference(SiameseNetwork(SiameseConfig()), cpu, torch.float32),
    ):
        assert not any(isinstance(module, WinogradConv2d) for module in other.modules())


@pytest.mark.parametrize("size", [5, 7, 31])
@torch.no_grad()
def test_maps_smaller_than_a_tile(size):
    direct = nn.Conv2d(3, 5, 3, padding=0)
    images = torch.randn(1, 3, size, size)
    torch.testing.assert_close(WinogradConv2d(direct)(images), direct(images), atol=1e-4, rtol=1e-4)
