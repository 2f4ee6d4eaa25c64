"""Eq. (15) by hand and by pixels, and which gradients reach the band importance module."""

import pytest
import torch

from spectrack.methods.bcrnet.band_importance import BIMMConfig
from spectrack.methods.bcrnet.composites import ComposerConfig
from spectrack.methods.bcrnet.losses import (
    BCRNetLossConfig,
    bcrnet_loss,
    branch_losses,
    fused_losses,
    reconstruction_loss,
)
from spectrack.methods.bcrnet.network import BCRNet, BCRNetConfig
from spectrack.methods.bcrnet.self_expression import gram_matrix, mean_of_others, solve_self_expression
from spectrack.networks.backbones.compact import CompactConfig
from spectrack.networks.siamese import SiameseConfig
from spectrack.training.labels import distance_targets, ellipse_labels
from spectrack.training.losses import LossConfig, point_losses

PAPER = BCRNetLossConfig()
BOX = torch.tensor([[90.0, 80.0, 160.0, 170.0], [60.0, 100.0, 130.0, 150.0]])


def labelled():
    return ellipse_labels(BOX, torch.tensor([True, True])), distance_targets(BOX)


def network(**changes):
    base = SiameseConfig(CompactConfig(widths=(4, 6, 8), dilations=(1,)))
    return BCRNet(BCRNetConfig(**{"base": base, "bimm": BIMMConfig(input_size=32, widths=(2, 3))} | changes)).train()


def cubes(bands=6):
    torch.manual_seed(0)
    return torch.rand(2, bands, 127, 127), torch.rand(2, bands, 255, 255)


def test_reconstruction_is_relative_to_each_crop():
    cube = torch.rand(3, 5, 12, 12) * torch.tensor([1.0, 10, 100]).view(3, 1, 1, 1)
    matrix = torch.rand(3, 5, 5)
    pixels = cube.flatten(2)
    expected = (pixels - matrix @ pixels).square().sum((1, 2)) / pixels.square().sum((1, 2))
    torch.testing.assert_close(reconstruction_loss(cube, matrix), expected.mean(), rtol=1e-4, atol=0)
    torch.testing.assert_close(reconstruction_loss(7 * cube, matrix), expected.mean(), rtol=1e-4, atol=0)
    element = (pixels - matrix @ pixels).square().mean()
    torch.testing.assert_close(reconstruction_loss(cube, matrix, norm="element"), element, rtol=1e-4, atol=0)


def test_no_matrix_beats_the_solution():
    cube = torch.rand(2, 6, 16, 16)
    best = reconstruction_loss(cube, solve_self_expression(gram_matrix(cube)))
    for other in (mean_of_others(6).expand(2, -1, -1), torch.rand(2, 6, 6), torch.zeros(2, 6, 6)):
        cleared = other * (1 - torch.eye(6))
        assert float(reconstruction_loss(cube, cleared)) > float(best)


def test_each_crop_is_rebuilt_by_its_own_matrix():
    torch.manual_seed(0)
    trained, (template, search) = network(), cubes()
    output = trained(template, search)
    terms = bcrnet_loss(output, template, search, *labelled(), PAPER)
    expected = reconstruction_loss(template, output.template.matrix) + reconstruction_loss(search, output.search.matrix)
    torch.testing.assert_close(terms.reconstruction, expected)
    swapped = output._replace(template=output.search, search=output.template)
    assert float(bcrnet_loss(swapped, template, search, *labelled(), PAPER).reconstruction.detach()) != float(
        expected.detach()
    )


def test_one_branch_is_siamban():
    labels, targets = labelled()
    output = network()(*cubes(3))
    terms = bcrnet_loss(output, *cubes(3), labels, targets, PAPER)
    classification, regression = point_losses(output.logits[:, 0], output.distances[:, 0], labels, targets, PAPER)
    torch.testing.assert_close(terms.classification, classification)
    torch.testing.assert_close(terms.regression, regression)
    torch.testing.assert_close(terms.total, classification + regression + terms.reconstruction)


def test_branches_are_weighted_by_the_batch_mean():
    labels, targets = labelled()
    output = network()(*cubes(9))
    output = output._replace(weights=torch.tensor([[0.6, 0.3, 0.1], [0.4, 0.3, 0.3]]))
    scores, boxes = branch_losses(output.logits, output.distances, labels, targets, PAPER)
    weighted = BCRNetLossConfig(classification=2.0, regression=3.0, reconstruction=0.5)
    terms = bcrnet_loss(output, *cubes(9), labels, targets, weighted)
    torch.testing.assert_close(terms.classification, 0.5 * scores[0] + 0.3 * scores[1] + 0.2 * scores[2])
    torch.testing.assert_close(terms.regression, 0.5 * boxes[0] + 0.3 * boxes[1] + 0.2 * boxes[2])
    torch.testing.assert_close(
        terms.total, 2 * terms.classification + 3 * terms.regression + 0.5 * terms.reconstruction
    )


def test_each_sample_may_weigh_its_branches_by_itself():
    """A sample that counts for one branch alone, and the batch's mean where all samples have the same weights."""
    labels, targets = labelled()
    output = network()(*cubes(9))
    scores, boxes = branch_losses(output.logits, output.distances, labels, targets, PAPER)
    for weights in (torch.tensor([[0.6, 0.3, 0.1]]).repeat(2, 1), torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])):
        given = output._replace(weights=weights)
        terms = bcrnet_loss(given, *cubes(9), labels, targets, BCRNetLossConfig(weights_per="sample"))
        if torch.equal(weights[0], weights[1]):
            torch.testing.assert_close(terms.classification, (weights[0] * scores).sum())
            torch.testing.assert_close(terms.regression, (weights[0] * boxes).sum())
            continue
        means = []
        for sample, branch in ((0, 0), (1, 2)):
            logs = -output.logits[sample, branch].log_softmax(dim=0)
            means += [logs[value][labels[sample] == value].sum() / (labels == value).sum() for value in (0, 1)]
        torch.testing.assert_close(terms.classification, 0.5 * sum(means))
        batch = bcrnet_loss(given, *cubes(9), labels, targets, PAPER)
        assert float(batch.classification.detach()) != float(terms.classification.detach())
        assert float(batch.regression.detach()) != float(terms.regression.detach())


@pytest.mark.parametrize("detach", [False, True])
def test_branch_losses_reach_the_module_only_through_the_weights(detach):
    trained = network()
    template, search = cubes(9)
    config = BCRNetLossConfig(reconstruction=0.0, detach_weights=detach)
    terms = bcrnet_loss(trained(template, search), template, search, *labelled(), config)
    terms.classification.backward()
    total = sum(float(p.grad.abs().sum()) for p in trained.bimm.parameters() if p.grad is not None)
    assert total == 0 if detach else total > 0


def test_reconstruction_reaches_refinement_and_network():
    trained = network()
    template, search = cubes()
    bcrnet_loss(trained(template, search), template, search, *labelled(), PAPER).reconstruction.backward()
    for part in (trained.bimm.encoder, trained.bimm.upsampling, trained.bimm.phi):
        assert any(p.grad is not None and float(p.grad.abs().sum()) > 0 for p in part.parameters())
    assert all(p.grad is None for p in trained.siamban.parameters())


def test_composers_without_a_matrix_have_no_reconstruction():
    trained = network(composer=ComposerConfig(name="sequential"))
    template, search = cubes()
    terms = bcrnet_loss(trained(template, search), template, search, *labelled(), PAPER)
    assert float(terms.reconstruction) == 0
    terms.total.backward()


def test_a_few_steps_lower_the_loss():
    torch.manual_seed(0)
    trained, (template, search) = network(), cubes()
    optimiser = torch.optim.Adam([p for p in trained.parameters() if p.requires_grad], lr=5e-3)
    totals = []
    for _ in range(6):
        optimiser.zero_grad()
        terms = bcrnet_loss(trained(template, search), template, search, *labelled(), PAPER)
        terms.total.backward()
        optimiser.step()
        totals.append(float(terms.total.detach()))
    assert totals[-1] < totals[0]


def test_fused_loss_of_one_branch_is_siambans():
    torch.manual_seed(0)
    logits, distances = torch.randn(2, 1, 2, 25, 25), torch.rand(2, 1, 4, 25, 25) * 40 + 1
    labels, targets = labelled()
    config = LossConfig(hard_negatives=4)
    expected = point_losses(logits[:, 0], distances[:, 0], labels, targets, config)
    found = fused_losses(logits, distances, torch.ones(2, 1), labels, targets, config)
    torch.testing.assert_close(found, expected)


def test_fused_loss_by_hand():
    """One positive and one negative point: probabilities are averaged, not logits, and distances are averaged too."""
    logits = torch.zeros(1, 2, 2, 25, 25)
    logits[0, 0, 1, 3, 4] = torch.tensor(3.0).log()
    labels = torch.full((1, 25, 25), -1)
    labels[0, 3, 4], labels[0, 20, 20] = 1, 0
    distances = torch.stack([torch.full((1, 4, 25, 25), 10.0), torch.full((1, 4, 25, 25), 30.0)], dim=1)
    weights = torch.tensor([[0.8, 0.2]])
    classification, regression = fused_losses(
        logits, distances, weights, labels, torch.full((1, 4, 25, 25), 14.0), PAPER
    )
    # 0.8 x 3/4 + 0.2 x 1/2 = 0.7; every distance is 0.8 x 10 + 0.2 x 30 = 14, the target's own.
    torch.testing.assert_close(classification, -0.5 * torch.tensor(0.7).log() - 0.5 * torch.tensor(0.5).log())
    torch.testing.assert_close(regression, torch.tensor(0.0))


def test_fused_loss_reaches_the_weights_unless_they_are_detached():
    torch.manual_seed(0)
    trained, (template, search) = network(), cubes()
    for detach, expected in ((False, True), (True, False)):
        trained.zero_grad()
        config = BCRNetLossConfig(0.0, 0.0, reconstruction=0.0, fused_classification=1.0, detach_weights=detach)
        terms = bcrnet_loss(trained(template, search), template, search, *labelled(), config)
        terms.total.backward()
        reached = any(
            parameter.grad is not None and bool(parameter.grad.abs().sum()) for parameter in trained.bimm.parameters()
        )
        assert reached is expected
