"""The bank: drawn once, opened again, the same for the same seed, whole or not there."""

import json

import numpy as np
import pytest

from spectrack.errors import ConfigError
from spectrack.pairs.bank import OUTLINE_POINTS, BankConfig, build_bank, load_photographs

TINY = BankConfig(pictures=1, sprites=2, picture_size=96, sprite_size=48, photographs=False, seed=5)


def test_shapes_types_and_outlines(bank):
    assert len(bank.pictures) == bank.photograph_start == 2
    assert all(picture.shape == (160, 160, 3) and picture.dtype == np.uint8 for picture in bank.pictures)
    assert bank.sprites.shape == (4, 96, 96, 4)
    assert bank.outlines.shape == (4, OUTLINE_POINTS, 2)
    assert (bank.outlines >= 0).all()
    assert (bank.outlines <= 96).all()
    # Every sprite shows something, and not everywhere.
    shares = (bank.sprites[..., 3] > 127).mean(axis=(1, 2))
    assert (shares > 0.02).all()
    assert (shares < 0.98).all()


def test_second_call_opens_what_is_there(cache, bank):
    before = (cache / "bank" / "pictures.npy").stat().st_mtime_ns
    again = build_bank(cache / "bank", bank.config, jobs=1)
    assert (cache / "bank" / "pictures.npy").stat().st_mtime_ns == before
    np.testing.assert_array_equal(again.sprites, bank.sprites)


def test_same_seed_same_bank_another_seed_another(tmp_path):
    first = build_bank(tmp_path / "a", TINY, jobs=1)
    second = build_bank(tmp_path / "b", TINY, jobs=1)
    other = build_bank(tmp_path / "c", BankConfig(**{**TINY.__dict__, "seed": 6}), jobs=1)
    for found, expected in (
        (first.pictures[0], second.pictures[0]),
        (first.sprites, second.sprites),
        (first.outlines, second.outlines),
    ):
        np.testing.assert_array_equal(found, expected)
    assert (first.sprites != other.sprites).any()


def test_another_configuration_is_drawn_anew_and_a_half_drawn_bank_too(tmp_path):
    build_bank(tmp_path, TINY, jobs=1)
    larger = build_bank(tmp_path, BankConfig(**{**TINY.__dict__, "sprites": 3}), jobs=1)
    assert len(larger.sprites) == 3
    # The marker is written last: without it nothing is trusted.
    (tmp_path / "bank.json").unlink()
    (tmp_path / "sprites.npy").write_bytes(b"half")
    assert len(build_bank(tmp_path, TINY, jobs=1).sprites) == 2
    assert json.loads((tmp_path / "bank.json").read_text())["sprites"] == 2


@pytest.mark.parametrize("sizes", [{"pictures": 0}, {"sprites": 1}])
def test_too_small_a_bank_is_refused(tmp_path, sizes):
    with pytest.raises(ConfigError, match="expected at least 1 picture and 2 sprites in the bank"):
        build_bank(tmp_path, BankConfig(**{**TINY.__dict__, **sizes}), jobs=1)


def test_photographs_join_the_pictures(tmp_path):
    pytest.importorskip("skimage")
    photographs = load_photographs()
    assert len(photographs) >= 5
    assert all(photograph.dtype == np.uint8 and photograph.shape[2] == 3 for photograph in photographs)
    bank = build_bank(tmp_path, BankConfig(**{**TINY.__dict__, "photographs": True}), jobs=1)
    assert bank.photograph_start == 1
    assert len(bank.pictures) == 1 + len(photographs)
