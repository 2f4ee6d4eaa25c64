"""Cached folders: whole or not there, made once, and never changed under who reads them."""

import threading

import pytest

from spectrack.files.caches import make_folder, make_once, making


def fill(text):
    return lambda folder: (folder / "file").write_text(text)


def folders(place):
    return sorted(path.name for path in place.iterdir() if path.is_dir())


def test_made_once(tmp_path):
    assert make_once(tmp_path / "deep" / "a", fill("1"))
    assert not make_once(tmp_path / "deep" / "a", fill("2"))
    assert (tmp_path / "deep" / "a" / "file").read_text() == "1"
    assert (tmp_path / "deep" / "a").stat().st_mode & 0o755 == 0o755


def test_nothing_is_left_of_what_failed_or_was_killed(tmp_path):
    def fail(folder):
        (folder / "half").write_text("")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_once(tmp_path / "a", fail)
    assert folders(tmp_path) == []
    (tmp_path / ".a-killed" / "a").mkdir(parents=True)
    (tmp_path / ".other-alive").mkdir()
    make_once(tmp_path / "a", fill("1"))
    assert folders(tmp_path) == [".other-alive", "a"]


def test_others_wait_and_take_what_was_made(tmp_path):
    made = []
    second = threading.Thread(target=lambda: made.append(make_once(tmp_path / "a", fill("2"))))
    with making(tmp_path / "a"):
        second.start()
        second.join(0.3)
        assert second.is_alive()
        make_folder(tmp_path / "a", fill("1"))
    second.join(10)
    assert made == [False]
    assert (tmp_path / "a" / "file").read_text() == "1"
