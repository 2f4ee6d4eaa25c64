"""CFRM: published counts, identity at the start, the formula by loops, every part alive once training moves it."""

import pytest
import torch
from torch import nn

from spectrack.methods.bcrnet.contextual_refinement import ContextualRefinement, ContextualRefinements
from spectrack.networks.folding import fold_batch_norm


def moved(channels=6):
    """A module in evaluation mode whose weights are not those of the start."""
    module = ContextualRefinement(channels)
    nn.init.normal_(module.context.weight, std=0.5)
    for child in module.modules():
        if isinstance(child, nn.BatchNorm2d):
            nn.init.normal_(child.running_mean, std=0.3)
            nn.init.uniform_(child.running_var, 0.5, 2)
    return module.eval()


def test_has_the_counted_parameters():
    assert sum(parameter.numel() for parameter in ContextualRefinement(256).parameters()) == 131_846
    assert sum(parameter.numel() for parameter in ContextualRefinements([256] * 3).parameters()) == 395_538


@pytest.mark.parametrize("side", [7, 15, 31])
@pytest.mark.parametrize("training", [True, False])
def test_is_the_identity_at_the_start(side, training):
    maps = [torch.randn(2, 8, side, side), torch.randn(2, 8, side, side)]
    for found, expected in zip(ContextualRefinements([8, 8]).train(training)(maps), maps, strict=True):
        assert torch.equal(found, expected)


@torch.no_grad()
def test_formula_pixel_by_pixel():
    module, maps = moved(), torch.randn(2, 6, 4, 5)
    found = module(maps)
    for n in range(2):
        pixels = maps[n].flatten(1)
        scores = module.key(maps[n : n + 1]).flatten()
        values = module.value(maps[n : n + 1])[0].flatten(1)
        attention = scores.exp() / scores.exp().sum()
        context = module.context.weight[:, :, 0, 0] @ sum(attention[j] * values[:, j] for j in range(20))
        average, peak = pixels.mean(1).softmax(0), pixels.amax(1).softmax(0)
        cues = torch.stack([torch.stack([average @ values[:, j], peak @ values[:, j]]) for j in range(20)], dim=1)
        gate = torch.sigmoid(module.place(cues.view(1, 2, 4, 5))).flatten()
        expected = torch.stack([pixels[:, j] + context * gate[j] for j in range(20)], dim=1)
        torch.testing.assert_close(found[n].flatten(1), expected, rtol=1e-4, atol=1e-5)


def test_every_parameter_gets_a_gradient_after_the_start():
    module = moved().train()
    module(torch.randn(2, 6, 5, 5)).square().sum().backward()
    for name, parameter in module.named_parameters():
        # Softmax over pixels does not see a constant added to all scores.
        if name != "key.1.bias":
            assert float(parameter.grad.abs().sum()) > 0, name


def test_the_start_can_be_left():
    module = ContextualRefinement(6).train()
    module(torch.randn(2, 6, 5, 5)).square().sum().backward()
    assert float(module.context.weight.grad.abs().sum()) > 0


@torch.no_grad()
def test_folding_keeps_it():
    module, maps = moved(), torch.randn(2, 6, 7, 7)
    torch.testing.assert_close(fold_batch_norm(module)(maps), module(maps), rtol=1e-4, atol=1e-5)
