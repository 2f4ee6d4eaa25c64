"""SAAL against its definition in words, sample by sample; its edge cases and properties; the sum of all terms."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spectrack.methods.ssfnet.losses import (
    SSFNetLossConfig,
    contrastive_angle_loss,
    hardest_negatives,
    spectral_angle_loss,
    ssfnet_loss,
)
from spectrack.training.labels import distance_targets, ellipse_labels
from spectrack.training.losses import balanced_cross_entropy, iou_loss

PLAIN = SSFNetLossConfig()
BOX = torch.tensor([[90.0, 80.0, 160.0, 170.0], [60.0, 100.0, 130.0, 150.0]])


def drawn(seed, count=3, side=5, values=(-1, 0, 1)):
    rng = np.random.default_rng(seed)
    angles = torch.from_numpy(rng.uniform(0, math.pi, (count, side, side)).astype(np.float32))
    return angles, torch.from_numpy(rng.choice(values, (count, side, side)))


def triplet(angles, labels, **changes):
    return spectral_angle_loss(angles, labels, SSFNetLossConfig(**changes))


def by_definition(angles, labels, margin=0.5, mu=0.1, hardest=16):
    """The formula of the module's text, by loops over points."""
    losses = []
    for sample, marks in zip(angles.double().numpy(), labels.numpy(), strict=True):
        positives, negatives = sample[marks == 1], np.sort(sample[marks == 0])[:hardest]
        if len(positives) and len(negatives):
            triplets = [max(0.0, margin + p - q) for p in positives for q in negatives]
            losses.append(np.mean(triplets) + mu * positives.mean() / math.pi)
        elif len(positives):
            losses.append(mu * positives.mean() / math.pi)
        elif len(negatives):
            losses.append(np.mean(np.maximum(0.0, math.pi / 2 - negatives)))
    return float(np.mean(losses)) if losses else 0.0


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10_000),
    st.sampled_from([(-1, 0, 1), (0, 1), (-1, 0), (-1, 1), (-1,), (0,), (1,)]),
    st.sampled_from([0.0, 0.25, 0.5, 1.0]),
    st.sampled_from([0.0, 0.1]),
    st.sampled_from([1, 4, 16]),
)
def test_triplet_form_follows_its_definition(seed, values, margin, mu, hardest):
    angles, labels = drawn(seed, values=values)
    found = spectral_angle_loss(angles, labels, SSFNetLossConfig(margin=margin, mu=mu), hardest)
    assert found.item() == pytest.approx(by_definition(angles, labels, margin, mu, hardest), abs=1e-5)


def test_samples_of_all_kinds_share_a_batch():
    """Positive and negative pairs, one without negatives, and one that is ignored throughout."""
    angles, labels = drawn(1, count=4)
    labels[1][labels[1] == 1] = -1
    labels[2][labels[2] == 0] = -1
    labels[3] = -1
    whole = triplet(angles, labels)
    parts = [triplet(angles[i : i + 1], labels[i : i + 1]).item() for i in range(3)]
    assert whole.item() == pytest.approx(np.mean(parts), abs=1e-6)


def test_zero_when_every_positive_is_a_margin_closer():
    angles, labels = drawn(0)
    angles = torch.where(labels == 1, 0.3 * angles / math.pi, 1.0 + angles)
    assert triplet(angles, labels, mu=0.0).item() == 0.0
    assert triplet(angles, labels, mu=0.1).item() > 0.0


def test_ignored_cells_do_not_matter():
    angles, labels = drawn(2)
    other = torch.where(labels == -1, torch.tensor(0.01), angles)
    for loss in (triplet, contrastive_angle_loss):
        assert loss(angles, labels).item() == loss(other, labels).item()


@pytest.mark.parametrize("loss", [triplet, contrastive_angle_loss])
def test_monotone_in_every_angle(loss):
    angles, labels = drawn(3, count=2)
    before = loss(angles, labels).item()
    for index in np.ndindex(*angles.shape):
        raised = angles.clone()
        raised[index] += 0.2
        change = loss(raised.clamp(max=math.pi), labels).item() - before
        assert {1: change >= -1e-6, 0: change <= 1e-6, -1: change == 0}[int(labels[index])]
    # And not merely constant.
    assert loss(torch.where(labels == 1, angles + 0.2, angles), labels).item() > before


@pytest.mark.parametrize("loss", [triplet, contrastive_angle_loss])
def test_order_of_cells_and_samples_does_not_matter(loss):
    angles, labels = drawn(4)
    order = torch.from_numpy(np.random.default_rng(0).permutation(25))
    mixed = [part.flatten(1)[:, order].view_as(part).flip(0) for part in (angles, labels)]
    assert loss(*mixed).item() == pytest.approx(loss(angles, labels).item(), rel=1e-5)


@pytest.mark.parametrize("loss", [triplet, contrastive_angle_loss])
@pytest.mark.parametrize("values", [(-1, 0, 1), (-1, 0), (1,), (-1,)])
def test_gradients_are_finite_also_at_the_ends(loss, values):
    angles, labels = drawn(5, values=values)
    angles[0] = torch.where(torch.rand(5, 5) < 0.5, 0.0, math.pi)
    angles.requires_grad_(True)
    found = loss(angles, labels)
    found.backward()
    assert torch.isfinite(found)
    assert torch.isfinite(angles.grad).all()
    assert (angles.grad[labels == -1] == 0).all()


def test_negative_pairs_push_their_angles_apart():
    angles, labels = drawn(6, values=(-1, 0))
    angles.requires_grad_(True)
    triplet(angles, labels).backward()
    assert (angles.grad[(labels == 0) & (angles < 0.5)] < 0).all()
    # Beyond a right angle they are let go.
    assert (angles.grad[angles > math.pi / 2] == 0).all()


def test_hard_negatives_are_the_smallest_of_each_sample():
    angles, labels = drawn(7, side=6)
    values, found = hardest_negatives(angles, labels, 4)
    for row, sample, marks in zip(values, angles, labels, strict=True):
        np.testing.assert_allclose(row.numpy(), np.sort(sample[marks == 0].numpy())[:4])
    assert found.all()
    few = torch.full_like(labels, -1)
    few[:, 0, :2] = 0
    assert hardest_negatives(angles, few, 4)[1].sum(dim=1).tolist() == [2, 2, 2]


def test_contrastive_form_follows_its_definition():
    angles, labels = drawn(8)
    expected = []
    for sample, marks in zip(angles.double(), labels, strict=True):
        exponentials = torch.exp(torch.cos(sample) / 0.1)
        share = exponentials[marks == 1].sum() / exponentials[marks != -1].sum()
        expected.append(-math.log(share))
    assert contrastive_angle_loss(angles, labels).item() == pytest.approx(np.mean(expected), rel=1e-5)
    assert contrastive_angle_loss(angles, torch.ones_like(labels)).item() == pytest.approx(0.0, abs=1e-5)
    assert contrastive_angle_loss(angles, torch.zeros_like(labels)).item() == 0.0


def outputs(seed=0, angle=True):
    torch.manual_seed(seed)
    maps = {name: torch.randn(2, 2, 25, 25) for name in ("logits", "hs_logits")}
    maps |= {name: 40 * torch.rand(2, 4, 25, 25) for name in ("distances", "hs_distances")}
    return SimpleNamespace(**maps, angle=math.pi * torch.rand(2, 25, 25) if angle else None)


def labelled():
    return ellipse_labels(BOX, torch.tensor([True, False])), distance_targets(BOX)


def test_total_is_the_weighted_sum_of_the_terms():
    (labels, targets), output = labelled(), outputs()
    config = SSFNetLossConfig(classification=2.0, regression=3.0, spectral_angle=0.7, hard_negatives=8)
    terms = ssfnet_loss(output, labels, targets, config)
    torch.testing.assert_close(terms.classification, balanced_cross_entropy(output.logits, labels, hard_negatives=8))
    torch.testing.assert_close(
        terms.hs_classification, balanced_cross_entropy(output.hs_logits, labels, hard_negatives=8)
    )
    torch.testing.assert_close(terms.regression, iou_loss(output.distances, targets, labels))
    torch.testing.assert_close(terms.hs_regression, iou_loss(output.hs_distances, targets, labels))
    torch.testing.assert_close(terms.spectral_angle, triplet(output.angle, labels))
    branch = 2 * (terms.classification + 0.5 * terms.hs_classification) + 3 * (
        terms.regression + 0.5 * terms.hs_regression
    )
    torch.testing.assert_close(terms.total, branch + 0.7 * terms.spectral_angle)


def test_switches_of_the_angle_loss():
    (labels, targets), output = labelled(), outputs()
    other = ssfnet_loss(output, labels, targets, SSFNetLossConfig(angle_loss="contrastive"))
    torch.testing.assert_close(other.spectral_angle, contrastive_angle_loss(output.angle, labels))
    wide = ssfnet_loss(output, labels, targets, SSFNetLossConfig(margin=1.0, mu=0.0))
    torch.testing.assert_close(wide.spectral_angle, triplet(output.angle, labels, margin=1.0, mu=0.0))
    for without in (
        ssfnet_loss(output, labels, targets, SSFNetLossConfig(spectral_angle=0.0)),
        ssfnet_loss(outputs(angle=False), labels, targets, PLAIN),
    ):
        assert without.spectral_angle.item() == 0.0
        assert torch.isfinite(without.total)
