"""Cached folders: whole or not there, made once, and never changed under who reads them."""

import threading

import pytest

from spectrack.errors import ConfigError
from spectrack.files import MANIFEST, Manifest, Terms, claim_folder
from spectrack.files.caches import is_made, make_once
from spectrack.files.manifest import Run
from tests.fixtures.refusals import refuses


def fill(text):
    return lambda folder: (folder / "file").write_text(text)


def folders(place):
    return sorted(path.name for path in place.iterdir() if path.is_dir())


def test_made_once(tmp_path):
    assert make_once(tmp_path / "deep" / "a", fill("1"))
    assert not make_once(tmp_path / "deep" / "a", fill("2"))
    assert (tmp_path / "deep" / "a" / "file").read_text() == "1"
    assert (tmp_path / "deep" / "a").stat().st_mode & 0o755 == 0o755


def test_what_has_gone_from_a_cache_is_made_again(tmp_path):
    def fill_two(folder):
        (folder / "one").write_text("1")
        (folder / "two").write_text("2")

    make_once(tmp_path / "a", fill_two)
    (tmp_path / "a" / "two").unlink()  # as tools that tidy up temporary folders do
    assert not is_made(tmp_path / "a")
    assert make_once(tmp_path / "a", fill_two)
    assert (tmp_path / "a" / "two").read_text() == "2"
    (tmp_path / "a" / "one").write_text("cut off or edited")
    with refuses(ConfigError, str(tmp_path / "a" / "one")):
        make_once(tmp_path / "a", fill_two)
    (tmp_path / "a" / "one").unlink()
    assert make_once(tmp_path / "a", fill_two)


def test_nothing_is_left_of_what_failed_or_was_killed(tmp_path):
    def fail(folder):
        (folder / "half").write_text("")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_once(tmp_path / "a", fail)
    assert folders(tmp_path) == []
    # What a kill leaves.
    (tmp_path / "a" / ".spectrack-0a").mkdir(parents=True)
    (tmp_path / "a" / ".spectrack-0a" / "half").write_text("")
    Manifest(tmp_path / "a").begin("0a", Run("cache", "1.2.3"))
    assert not is_made(tmp_path / "a")
    assert make_once(tmp_path / "a", fill("1"))
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["file", MANIFEST]


def test_what_somebody_put_there_stays(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "file").write_text("mine")
    with refuses(ConfigError, "'file'"):
        make_once(tmp_path / "a", fill("1"))
    assert (tmp_path / "a" / "file").read_text() == "mine"


def test_others_wait_and_take_what_was_made(tmp_path):
    made = []
    second = threading.Thread(target=lambda: made.append(make_once(tmp_path / "a", fill("2"))))
    with claim_folder(tmp_path / "a", Terms("cache")) as claim:
        second.start()
        second.join(0.3)
        assert second.is_alive()
        fill("1")(claim.staging)
        claim.publish()
    second.join(10)
    assert made == [False]
    assert (tmp_path / "a" / "file").read_text() == "1"
