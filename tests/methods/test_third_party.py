"""A method of another package: registered from outside, trained by its own recipe, found with its weights, and run."""

from dataclasses import make_dataclass

import torch
from torch import nn

import spectrack
from spectrack.cli import main
from spectrack.training.learner import Learner, to_images

RECIPE = """name = "theirs-small"\nmethod = "theirs"\npairs = 4\nbatch = 2\nvalidation_pairs = 0
data = { sources = ["pictures"], workers = 0, bank = { pictures = 2, sprites = 4, photographs = false } }"""
Shape = make_dataclass("Shape", [("input_range", str, "unit")])
Loss = make_dataclass("Loss", [("centre", float, 1.0)])
Online = make_dataclass("Online", [("margin", int, 3)])


def network(shape):
    return nn.Sequential(nn.Conv2d(3, 8, 9, 9), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 2), nn.Sigmoid())


class TheirLearner(Learner):
    def losses(self, batch, step):
        centres = (batch.box[:, :2] + batch.box[:, 2:]) / 510
        return {"total": self.loss.centre * (self.network(to_images(batch.search)) - centres).square().mean()}

    def overlaps(self, batch):
        return batch.box.new_zeros(int(batch.positive.sum()))


class TheirTracker(spectrack.Tracker):
    def __init__(self, network, options, **setting):
        self.network, self.options = network, options

    def init(self, frame, box, *, wavelengths_nm=None):
        self.size = box[2:]

    def update(self, frame):
        x, y = self.network(torch.from_numpy(frame.whole()[None, ..., :3]).float().permute(0, 3, 1, 2))[0].tolist()
        return spectrack.Estimate((x, y, *self.size), 0.5)


def test_a_method_from_outside(tmp_path, make, capsys):
    told = {"label": "Theirs", "summary": "a guess", "source": "none", "profiles": {"small": ("shipped", "recipe")}}
    parts = {"network": network, "config": Shape, "online": Online, "learner": TheirLearner, "loss": Loss}
    theirs = {"tracker": TheirTracker, "batches": "pairs", "folder": tmp_path}
    spectrack.register_method(spectrack.Method("theirs", **told, **parts, **theirs))
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "theirs-small.toml").write_text(RECIPE)
    assert main(f"train theirs-small --out {tmp_path}/run --device cpu".split()) == 0
    (tmp_path / "run" / "theirs-small.safetensors").rename(tmp_path / "theirs-small.safetensors")
    assert "theirs" in spectrack.list_trackers()
    assert main(["weights", "list"]) == 0
    assert "Theirs, small" in capsys.readouterr().out
    tracker = spectrack.load_tracker("theirs", margin=5)
    assert len(list(spectrack.track(make.sequence(frames=3), tracker))) == 3
    assert tracker.options.margin == 5
