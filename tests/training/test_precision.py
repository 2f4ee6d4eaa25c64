"""The number format of a training: timed on a step of it, and the same however often it is taken up."""

import json

import torch

from spectrack.methods.siamban.learner import SiamBANLearner
from spectrack.trackers import precision
from spectrack.training.loop import train


def test_auto_is_what_a_step_is_faster_in_and_stays_so(make, tmp_path, monkeypatch):
    steps = []

    def measured(run, place):
        step = run("bf16")
        steps.append(step())
        return 2.0

    monkeypatch.setattr(precision, "has_native_bf16", lambda device: True)
    monkeypatch.setattr(precision, "_gain_once", measured)
    recipe = make.recipe(precision="auto")
    train(recipe, tmp_path / "run", device="cpu", jobs=1, stop_after=1)
    assert json.loads((tmp_path / "run" / "environment.json").read_text())["precision"] == "bf16"
    monkeypatch.setattr(precision, "_gain_once", lambda run, place: 0.1)
    train(recipe, tmp_path / "run", device="cpu", jobs=1, stop_after=1)
    assert json.loads((tmp_path / "run" / "environment.json").read_text())["precision"] == "bf16"
    assert len(steps) == 1


def test_measuring_changes_nothing_of_the_training(make, tmp_path, monkeypatch):
    monkeypatch.setattr(precision, "has_native_bf16", lambda device: True)
    monkeypatch.setattr(precision, "_gain_once", lambda run, place: (run("bf16")(), run("fp32")(), 0.5)[2])
    found = []
    for name in ("fp32", "auto"):
        path = train(make.recipe(precision=name), tmp_path / name, device="cpu", jobs=1, stop_after=2)
        found.append(torch.load(path, weights_only=True)["model"])
    assert found[0].keys() == found[1].keys()
    assert all(torch.equal(found[0][key], found[1][key]) for key in found[0])


def test_measuring_takes_few_pairs_and_holds_what_the_training_holds(make, tmp_path, monkeypatch):
    seen = []

    def losses(learner, batch, step):
        held = {name for name, parameter in learner.network.named_parameters() if not parameter.requires_grad}
        seen.append((len(batch.box), held, learner.network.backbone.training))
        return own(learner, batch, step)

    own = SiamBANLearner.losses
    monkeypatch.setattr(SiamBANLearner, "losses", losses)
    monkeypatch.setattr(precision, "has_native_bf16", lambda device: True)
    monkeypatch.setattr(precision, "_gain_once", lambda run, place: (run("bf16")(), 0.5)[1])
    recipe = make.recipe(precision="auto", batch=12, pairs=12, frozen=("backbone",))
    train(recipe, tmp_path / "run", device="cpu", jobs=1, stop_after=1)
    (pairs, held, awake), (whole, *_) = seen[:2]
    assert pairs < whole == 12
    assert held
    assert all(name.startswith("backbone.") for name in held)
    assert not awake
