"""A bank of a few small pictures and recipes that train in a second, shared by the training tests."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from spectrack.training.bank import BankConfig, build_bank
from spectrack.training.pairs import Batch
from spectrack.training.recipe import Recipe, build_section

SMALL_BANK = {"pictures": 2, "sprites": 4, "picture_size": 160, "sprite_size": 96, "photographs": False}


def tiny_recipe(**changes):
    """A recipe of six steps; `changes` are dotted keys with ``__`` for the dots."""
    values = {
        "name": "tiny",
        "pairs": 12,
        "batch": 2,
        "precision": "fp32",
        "validation_pairs": 2,
        "validation_every": 4,
        "network": {"compact_widths": [8, 8, 8], "compact_dilations": [1]},
        "data": {"sources": ["pictures"], "workers": 0, "bank": SMALL_BANK},
        "optimiser": {"warmup_steps": 2},
    }
    for dotted, value in changes.items():
        *sections, key = dotted.split("__")
        place = values
        for section in sections:
            place = place[section]
        place[key] = value
    return build_section(Recipe, values, "")


def square_batch(count=2, seed=0):
    """Pairs that a network can learn by heart: a bright square on a dark ground, and its box."""
    rng = np.random.default_rng(seed)
    template = np.full((count, 127, 127, 3), 40, np.uint8)
    search = np.full((count, 255, 255, 3), 40, np.uint8)
    boxes = np.zeros((count, 4), np.float32)
    for index in range(count):
        colour = rng.integers(120, 255, 3)
        template[index, 32:96, 32:96] = colour
        x, y = rng.integers(70, 130, 2)
        search[index, y : y + 64, x : x + 64] = colour
        boxes[index] = x, y, x + 64, y + 64
    shown = torch.tensor([[32.0, 32.0, 96.0, 96.0]]).repeat(count, 1)
    return Batch(torch.from_numpy(template), torch.from_numpy(search), torch.from_numpy(boxes), torch.ones(count, dtype=torch.bool), shown)


@pytest.fixture(scope="session")
def make():
    """The makers above by short names; test files cannot import a conftest."""
    return SimpleNamespace(recipe=tiny_recipe, batch=square_batch)


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    """A cache folder in which the small bank is drawn once for all tests."""
    folder = tmp_path_factory.mktemp("cache")
    build_bank(folder / "bank", BankConfig(**SMALL_BANK), jobs=1)
    return folder


@pytest.fixture(scope="session")
def bank(cache):
    return build_bank(cache / "bank", BankConfig(**SMALL_BANK), jobs=1)
