"""Which parts move when: frozen ones hold still to the byte, groups have their own optimiser, stages their own
parts.
"""

import pytest
import torch
from torch import nn

from spectrack.errors import ConfigError
from spectrack.training.recipe import OptimiserConfig, ParameterGroup, Recipe, Stage
from spectrack.training.stages import StageSchedule, learning_rate
from tests.fixtures.refusals import refuses


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
        self.bands = nn.Linear(3, 2)
        self.head = nn.ModuleDict({"score": nn.Linear(4, 1), "box": nn.Linear(4, 1)})
        self.mixture = nn.Parameter(torch.zeros(2))


def recipe_of(**changes):
    return Recipe(pairs=320, batch=32, optimiser=OptimiserConfig(warmup_steps=0), **changes)


def trained(network):
    return {name for name, parameter in network.named_parameters() if parameter.requires_grad}


def test_without_stages_everything_moves_by_one_optimiser():
    network = Network()
    plan = StageSchedule(recipe_of(), network)
    plan.enter(Stage())
    (group,) = plan.groups
    assert trained(network) == set(group.parameters) == {name for name, _ in network.named_parameters()}
    assert list(group.parameters) == [name for name, _ in network.named_parameters()]


def test_frozen_parts_are_in_no_optimiser_and_in_evaluation_mode():
    network = Network()
    plan = StageSchedule(recipe_of(frozen=("backbone", "head.box")), network)
    plan.enter(Stage())
    network.train()
    plan.hold()
    assert trained(network) == {"bands.weight", "bands.bias", "head.score.weight", "head.score.bias", "mixture"}
    assert set(plan.groups[0].parameters) == trained(network)
    assert {name for name, module in network.named_modules() if module.training} == {"", "bands", "head", "head.score"}


def test_stage_trains_its_parts_and_holds_the_others():
    network = Network()
    plan = StageSchedule(recipe_of(stages=(Stage(4, ("bands", "mixture")), Stage())), network)
    plan.enter(plan.recipe.stages[0])
    network.train()
    plan.hold()
    assert trained(network) == {"bands.weight", "bands.bias", "mixture"}
    assert not network.backbone[1].training
    plan.enter(plan.recipe.stages[1])
    network.train()
    plan.hold()
    assert len(trained(network)) == len(list(network.parameters()))
    assert network.backbone[1].training


def test_a_part_within_a_part():
    network = Network()
    plan = StageSchedule(recipe_of(stages=(Stage(4, ("head.score",)), Stage())), network)
    plan.enter(plan.recipe.stages[0])
    network.train()
    plan.hold()
    assert trained(network) == {"head.score.weight", "head.score.bias"}
    assert network.head.training
    assert not network.head["box"].training


def test_groups_have_their_own_optimiser_and_clock():
    own = OptimiserConfig(kind="sgd", learning_rate=0.5, warmup_steps=2)
    stages = (Stage(4, ("bands",)), Stage())
    plan = StageSchedule(recipe_of(groups=(ParameterGroup(("head",), own),), stages=stages), Network())
    rest, head = plan.groups
    assert isinstance(head.build(), torch.optim.SGD)
    assert isinstance(rest.build(), torch.optim.AdamW)
    assert set(head.parameters) == {f"head.{part}.{kind}" for part in ("score", "box") for kind in ("weight", "bias")}
    # The head's schedule begins with the stage that first trains it.
    assert (rest.first_step, head.first_step) == (0, 4)
    assert head.rate(3, 10) == 0.0
    assert head.rate(4, 10) == pytest.approx(0.25)
    assert head.rate(5, 10) == pytest.approx(0.5)
    plan.enter(stages[0])
    assert (rest.active, head.active) == (True, False)
    plan.enter(stages[1])
    assert (rest.active, head.active) == (True, True)


def test_the_last_group_that_names_a_part_has_it():
    groups = (ParameterGroup(("head",)), ParameterGroup(("head.box",), OptimiserConfig(learning_rate=0.1)))
    plan = StageSchedule(recipe_of(groups=groups), Network())
    assert set(plan.groups[1].parameters) == {"head.score.weight", "head.score.bias"}
    assert set(plan.groups[2].parameters) == {"head.box.weight", "head.box.bias"}


@pytest.mark.parametrize(
    ("changes", "facts"),
    [
        ({"frozen": ("backbne",)}, ("'backbne'", "did you mean 'backbone'")),
        ({"groups": (ParameterGroup(("necks",)),)}, ("'necks'", "head.box")),
        ({"stages": (Stage(3, ("heads",)), Stage())}, ("'heads'", "did you mean 'head'")),
        (
            {"frozen": ("head",), "groups": (ParameterGroup(("head",)),)},
            ("head", "groups", "frozen"),
        ),
        (
            {"frozen": ("head", "backbone", "bands", "mixture")},
            ("Network", "frozen"),
        ),
    ],
)
def test_mistakes_get_a_sentence(changes, facts):
    with refuses(ConfigError, facts):
        StageSchedule(recipe_of(**changes), Network())


def test_stage_of_frozen_parts_is_refused():
    plan = StageSchedule(recipe_of(frozen=("bands",), stages=(Stage(3, ("bands",)), Stage())), Network())
    with refuses(ConfigError, "bands", "stages", "frozen"):
        plan.enter(plan.recipe.stages[0])


def test_rate_of_a_group_runs_to_the_end():
    config = OptimiserConfig(learning_rate=1.0, warmup_steps=0, final_share=0.1)
    assert learning_rate(config, 6, 6) == pytest.approx(0.1)
