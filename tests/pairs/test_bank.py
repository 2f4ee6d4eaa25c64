"""The bank: drawn once, opened again, the same for the same seed, whole or not there."""

import logging
import subprocess
import sys
from dataclasses import replace

import cv2
import numpy as np
import pytest

from spectrack.errors import ConfigError
from spectrack.files.fingerprints import array_digest
from spectrack.pairs.bank import OUTLINE_POINTS, BankConfig, build_bank, load_photographs
from tests.fixtures.own_pictures import angle_piece
from tests.fixtures.refusals import refuses

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


def test_second_call_opens_what_is_there_and_says_so(cache, bank, caplog):
    before = (bank.directory / "pictures.npy").stat().st_mtime_ns
    with caplog.at_level(logging.INFO):
        again = build_bank(cache, bank.config, jobs=1)
    assert again.directory == bank.directory
    assert (bank.directory / "pictures.npy").stat().st_mtime_ns == before
    np.testing.assert_array_equal(again.sprites, bank.sprites)
    assert f"2 pictures and 4 sprites reused from {bank.directory}" in caplog.text


def test_same_seed_same_bank_another_seed_another(tmp_path):
    first = build_bank(tmp_path / "a", TINY, jobs=1)
    second = build_bank(tmp_path / "b", TINY, jobs=1)
    third = build_bank(tmp_path / "c", other(seed=6), jobs=1)
    for found, expected in (
        (first.pictures[0], second.pictures[0]),
        (first.sprites, second.sprites),
        (first.outlines, second.outlines),
    ):
        np.testing.assert_array_equal(found, expected)
    assert (first.sprites != third.sprites).any()


def other(**changes):
    return replace(TINY, **changes)


def test_another_configuration_leaves_the_pixels_of_who_reads_the_first(tmp_path):
    first = build_bank(tmp_path, TINY, jobs=1)
    before = np.array(first.sprites)
    larger = build_bank(tmp_path, other(sprites=3, seed=8), jobs=1)
    assert len(larger.sprites) == 3
    assert before.any()
    np.testing.assert_array_equal(first.sprites, before)
    np.testing.assert_array_equal(build_bank(tmp_path, TINY, jobs=1).sprites, before)


def test_a_bank_of_another_renderer_is_not_taken(tmp_path, monkeypatch):
    first = build_bank(tmp_path, TINY, jobs=1)
    monkeypatch.setattr("spectrack.pairs.bank.source_digest", lambda *parts: "another")
    assert build_bank(tmp_path, TINY, jobs=1).directory != first.directory


def test_an_interrupted_drawing_leaves_nothing_that_is_taken_for_a_bank(tmp_path, monkeypatch):
    def stop(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("spectrack.pairs.bank.write_json", stop)
    with pytest.raises(KeyboardInterrupt):
        build_bank(tmp_path, TINY, jobs=1)
    monkeypatch.undo()
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == []
    assert build_bank(tmp_path, TINY, jobs=1).sprites.any()


DRAWING = """
import sys
from pathlib import Path
from spectrack.pairs.bank import BankConfig, build_bank
from spectrack.files.fingerprints import array_digest
config = BankConfig(pictures=1, sprites=2, picture_size=96, sprite_size=48, photographs=False, seed=int(sys.argv[2]))
bank = build_bank(Path(sys.argv[1]), config, jobs=1)
print(array_digest(bank.pictures[0]), array_digest(bank.sprites))
"""


def test_processes_that_share_a_cache_all_get_their_pixels(tmp_path):
    seeds = (5, 5, 6)
    command = [sys.executable, "-c", DRAWING, str(tmp_path / "shared")]
    running = [subprocess.Popen([*command, str(seed)], stdout=subprocess.PIPE, text=True) for seed in seeds]
    found = [process.communicate(timeout=120)[0].split() for process in running]
    expected = []
    for seed in seeds:
        bank = build_bank(tmp_path / "alone", other(seed=seed), jobs=1)
        expected.append([array_digest(bank.pictures[0]), array_digest(bank.sprites)])
    assert found == expected
    assert len([path for path in (tmp_path / "shared").iterdir() if path.is_dir()]) == 2


@pytest.mark.parametrize(("name", "least"), [("pictures", 1), ("sprites", 2)])
def test_too_small_a_bank_is_refused(name, least):
    with refuses(ConfigError, f"'{name}'", f"[{least}, 1000000]", f"found {least - 1}"):
        other(**{name: least - 1})


def test_photographs_join_the_pictures(tmp_path):
    pytest.importorskip("skimage")
    photographs = load_photographs()
    assert len(photographs) >= 5
    assert all(photograph.dtype == np.uint8 and photograph.shape[2] == 3 for photograph in photographs)
    bank = build_bank(tmp_path, other(photographs=True), jobs=1)
    assert bank.photograph_start == 1
    assert len(bank.pictures) == 1 + len(photographs)


def test_own_pictures_join_the_bank_and_are_recorded(tmp_path, own_pictures):
    bank = build_bank(tmp_path / "cache", TINY, **own_pictures, jobs=1)
    assert bank.photograph_start == 1
    assert [picture.shape for picture in bank.pictures[1:]] == [(200, 300, 3)] * 3
    assert bank.cutout_start == 2
    assert bank.sprites.shape == (4, 48, 48, 4)
    assert bank.outlines.shape == (4, OUTLINE_POINTS, 2)
    told = bank.used(0.6, 0.4)
    assert [(entry["use"], entry["name"], entry["files"], entry["share"]) for entry in told] == [
        ("photographs", "photographs", 3, 0.6),
        ("cutouts", "cutouts", 2, 0.4),
    ]
    again = build_bank(tmp_path / "cache", TINY, **own_pictures, jobs=1)
    assert again.directory == bank.directory
    np.testing.assert_array_equal(again.pictures[2], bank.pictures[2])


def test_installed_photographs_take_their_part_of_the_share(tmp_path, own_pictures):
    pytest.importorskip("skimage")
    bank = build_bank(tmp_path, other(photographs=True), photographs=own_pictures["photographs"], jobs=1)
    installed = len(load_photographs())
    assert bank.used(0.5, 0.0)[0]["share"] == pytest.approx(0.5 * 3 / (3 + installed), abs=1e-4)


def test_things_are_cut_out_of_own_photographs(tmp_path):
    (tmp_path / "photographs").mkdir()
    cv2.imwrite(str(tmp_path / "photographs" / "red.png"), np.full((200, 200, 3), (0, 0, 255), np.uint8))
    bank = build_bank(
        tmp_path, other(sprites=12, cut_out_share=1.0), photographs=[str(tmp_path / "photographs")], jobs=1
    )
    red = [(sprite[sprite[:, :, 3] > 127][:, :3] == (255, 0, 0)).all() for sprite in bank.sprites]
    assert 0 < sum(red) < 12


def test_other_own_pictures_another_bank(tmp_path, own_pictures):
    first = build_bank(tmp_path / "cache", TINY, **own_pictures, jobs=1)
    cv2.imwrite(str(tmp_path / "cutouts" / "red.png"), angle_piece((0, 0, 255)))
    changed = build_bank(tmp_path / "cache", TINY, **own_pictures, jobs=1)
    (tmp_path / "photographs" / "a.png").rename(tmp_path / "photographs" / "z.png")
    renamed = build_bank(tmp_path / "cache", TINY, **own_pictures, jobs=1)
    assert len({bank.directory for bank in (first, changed, renamed)}) == 3


def test_what_was_left_out_is_told(tmp_path, own_pictures, caplog):
    (tmp_path / "photographs" / "broken.png").write_bytes(b"nothing")
    for _ in range(2):
        caplog.clear()
        build_bank(tmp_path / "cache", TINY, **own_pictures, jobs=1)
        assert "1 left out: broken.png" in caplog.text
