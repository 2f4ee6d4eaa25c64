"""Folding: the same outputs to 1e-5, nothing folded that must not be, the original left alone."""

import pytest
import torch
from torch import nn

from spectrack.networks.backbones.compact import CompactBackbone, CompactConfig
from spectrack.networks.backbones.resnet50 import AtrousResNet50, ResNet50Config
from spectrack.networks.correlation_head import CorrelationHead
from spectrack.networks.folding import fold_batch_norm
from spectrack.networks.neck import Neck


def lived_in(module):
    """Batch normalisation as after a training: statistics and gains that are not 0 and 1."""
    for child in module.modules():
        if isinstance(child, (nn.BatchNorm2d, nn.BatchNorm3d)):
            nn.init.normal_(child.running_mean, std=0.3)
            nn.init.uniform_(child.running_var, 0.3, 3)
            if child.affine:
                nn.init.uniform_(child.weight, 0.5, 1.2)
                nn.init.normal_(child.bias, std=0.3)
    return module.eval()


def relative_error(found, expected):
    return float((found - expected).norm() / expected.norm())


def count(module, kind):
    return sum(isinstance(child, kind) for child in module.modules())


@pytest.mark.parametrize("memory_format", [torch.preserve_format, torch.channels_last])
@pytest.mark.parametrize(
    "network",
    [
        lambda: AtrousResNet50(ResNet50Config(shortcut="3x3", width=8)),
        lambda: AtrousResNet50(ResNet50Config(shortcut="1x1_crop", width=8)),
        lambda: CompactBackbone(CompactConfig(widths=(4, 6, 8))),
        lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, affine=False), nn.ReLU()),
    ],
    ids=["resnet-3x3", "resnet-1x1_crop", "compact", "without-affine"],
)
@torch.inference_mode()
def test_outputs_stay(network, memory_format):
    original = lived_in(network())
    folded = fold_batch_norm(original, memory_format=memory_format)
    assert count(folded, nn.BatchNorm2d) == 0
    images = torch.randn(2, 3, 127, 127).contiguous(memory_format=torch.channels_last)
    expected, found = original(images), folded(images)
    for one, other in zip(found, expected, strict=True):
        assert relative_error(one, other) <= 1e-5


@torch.inference_mode()
def test_neck_and_head_stay():
    neck, head = lived_in(Neck([5, 7], 8)), lived_in(CorrelationHead(8, 2))
    small_neck, small_head = fold_batch_norm(neck), fold_batch_norm(head)
    assert count(small_neck, nn.BatchNorm2d) + count(small_head, nn.BatchNorm2d) == 0
    template, search = ([torch.randn(2, width, side, side) for width in (5, 7)] for side in (15, 31))
    expected = head(head.template_kernels(neck.crop_template(neck(template))), neck(search))
    found = small_head(small_head.template_kernels(small_neck.crop_template(small_neck(template))), small_neck(search))
    for one, other in zip(found, expected, strict=True):
        assert relative_error(one, other) <= 1e-5


def test_the_original_is_left_alone_and_the_copy_is_for_inference():
    original = nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4)).train()
    before = {name: tensor.clone() for name, tensor in original.state_dict().items()}
    folded = fold_batch_norm(original, memory_format=torch.channels_last)
    assert original.training
    assert not folded.training
    assert all(parameter.requires_grad for parameter in original.parameters())
    assert not any(parameter.requires_grad for parameter in folded.parameters())
    assert folded[0].weight.is_contiguous(memory_format=torch.channels_last)
    for name, tensor in original.state_dict().items():
        assert torch.equal(tensor, before[name])


def test_a_fold_by_hand():
    convolution, normalisation = nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1, eps=0.0)
    for tensor, value in (
        (convolution.weight, 3.0),
        (convolution.bias, 1.0),
        (normalisation.running_mean, 2.0),
        (normalisation.running_var, 4.0),
        (normalisation.weight, 10.0),
        (normalisation.bias, 0.5),
    ):
        nn.init.constant_(tensor, value)
    folded = fold_batch_norm(nn.Sequential(convolution, normalisation))
    assert folded[0].weight.item() == pytest.approx(15.0)  # 3 * 10 / 2
    assert folded[0].bias.item() == pytest.approx(-4.5)  # (1 - 2) * 10 / 2 + 0.5


@torch.inference_mode()
def test_three_dimensional_convolutions_fold_too():
    original = lived_in(nn.Sequential(nn.Conv3d(2, 3, 3, padding=1), nn.BatchNorm3d(3)))
    cubes = torch.randn(1, 2, 4, 5, 5)
    assert relative_error(fold_batch_norm(original)(cubes), original(cubes)) <= 1e-5


@torch.inference_mode()
def test_what_cannot_be_folded_exactly_stays():
    class Backwards(nn.Sequential):
        def forward(self, images):
            return self[0](self[1](images))

    shared = nn.Conv2d(3, 3, 1)
    for original, normalisations in (
        (nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3, track_running_stats=False)), 1),
        (nn.Sequential(nn.Conv2d(3, 3, 1), nn.ReLU(), nn.BatchNorm2d(3)), 1),
        (Backwards(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)), 1),
        (nn.Sequential(nn.Sequential(shared, nn.BatchNorm2d(3)), nn.Sequential(shared, nn.BatchNorm2d(3))), 2),
    ):
        original.eval()
        folded = fold_batch_norm(original)
        assert count(folded, nn.BatchNorm2d) == normalisations
        images = torch.randn(2, 3, 4, 4)
        assert relative_error(folded(images), original(images)) <= 1e-6
