"""The learner: a batch learnt by heart, gradients everywhere, the average of the weights."""

import pytest
import torch

from spectrack.methods.siamban.learner import SiamBANLearner
from spectrack.training.learner import MovingAverage, corner_iou, to_images
from spectrack.training.stages import parameter_groups


@pytest.fixture
def learner(make):
    torch.manual_seed(0)
    return SiamBANLearner(make.recipe(network__backbone__widths=[16, 16, 16], loss={"positives": 0}))


def test_one_batch_is_learnt_by_heart(make, learner):
    batch = make.batch()
    optimiser = torch.optim.AdamW(learner.parameters(), lr=6e-3)
    learner.train()
    losses = []
    for step in range(40):
        total = learner(batch, step)["total"]
        optimiser.zero_grad()
        total.backward()
        optimiser.step()
        losses.append(total.item())
    assert losses[-1] < losses[0] / 4
    learner.train()  # with the statistics of this very batch
    assert learner.overlaps(batch).mean() > 0.7


def test_gradients_reach_every_parameter(make, learner):
    learner.train()
    learner(make.batch(), 0)["total"].backward()
    # The share of a single level is 1 whatever its weight says.
    without = {
        name
        for name, parameter in learner.named_parameters()
        if parameter.grad is None or not parameter.grad.abs().sum() > 0
    }
    assert without <= {"network.head.classification_weights", "network.head.regression_weights"}


def test_terms_are_named_and_add_up(make, learner):
    terms = learner(make.batch(), 0)
    assert set(terms) == {"total", "classification", "regression"}
    loss = learner.loss
    expected = loss.classification * terms["classification"] + loss.regression * terms["regression"]
    assert terms["total"].item() == pytest.approx(expected.item(), rel=1e-6)


def test_sampled_points_depend_on_the_step_alone(make):
    torch.manual_seed(0)
    learner = SiamBANLearner(make.recipe(loss={"positives": 2, "negatives": 4})).eval()
    batch = make.batch()
    first = learner(batch, 5)["total"].item()
    torch.manual_seed(99)
    assert learner(batch, 5)["total"].item() == first
    assert learner(batch, 6)["total"].item() != first


def test_overlaps_leave_negative_pairs_out(make, learner):
    batch = make.batch(count=3)._replace(positive=torch.tensor([True, False, True]))
    learner.eval()
    assert learner.overlaps(batch).shape == (2,)


def test_images_are_scaled_without_a_copy_of_the_layout(make):
    images = to_images(make.batch().search)
    assert images.shape == (2, 3, 255, 255)
    assert images.is_contiguous(memory_format=torch.channels_last)
    assert 0 <= images.min() <= images.max() <= 1


def test_corner_iou_by_hand():
    boxes = torch.tensor([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 1.0, 1.0], [3.0, 3.0, 3.0, 3.0]])
    others = torch.tensor([[1.0, 0.0, 3.0, 2.0], [0.0, 0.0, 2.0, 2.0], [5.0, 5.0, 6.0, 6.0], [3.0, 3.0, 3.0, 3.0]])
    assert corner_iou(boxes, others).tolist() == pytest.approx([1 / 3, 1, 0, 0])


def test_decay_is_for_matrices_only(learner):
    matrices, vectors = parameter_groups(learner.parameters(), 0.02)
    assert (matrices["weight_decay"], vectors["weight_decay"]) == (0.02, 0.0)
    assert all(parameter.ndim > 1 for parameter in matrices["params"])
    assert len(matrices["params"]) + len(vectors["params"]) == len(list(learner.parameters()))


def test_average_by_hand():
    module = torch.nn.BatchNorm1d(1)
    average = MovingAverage(module, 0.9)
    with torch.no_grad():
        module.weight.fill_(2.0)
        module.running_mean.fill_(10.0)
        module.num_batches_tracked.fill_(7)
    average.update(module, 0)  # decay min(0.9, 1 / 10)
    assert average.state["weight"].item() == pytest.approx(1.0 * 0.1 + 2.0 * 0.9)
    assert average.state["running_mean"].item() == pytest.approx(9.0)
    assert average.state["num_batches_tracked"].item() == 7
    average.update(module, 1000)  # decay 0.9
    assert average.state["weight"].item() == pytest.approx(1.9 * 0.9 + 2.0 * 0.1)


def test_average_goes_on_from_what_was_saved():
    module = torch.nn.Linear(2, 2)
    average, other = MovingAverage(module, 0.9), MovingAverage(torch.nn.Linear(2, 2), 0.9)
    kept = other.state["weight"]
    other.load(average.state)
    assert torch.equal(other.state["weight"], average.state["weight"])
    assert other.state["weight"] is kept
