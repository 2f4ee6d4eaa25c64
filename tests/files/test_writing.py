"""Atomic writing: whole or not at all, in every way it can end."""

import json
import os

import pytest

from spectrack.files import write_atomically, write_json, write_text


def test_the_file_appears_when_the_block_ends_well(tmp_path):
    target = tmp_path / "deep" / "er" / "clip.mp4"
    with write_atomically(target) as temporary:
        assert temporary.parent == target.parent
        assert temporary.suffix == ".mp4"
        temporary.write_bytes(b"video")
        assert not target.exists()
    assert target.read_bytes() == b"video"
    assert [entry.name for entry in target.parent.iterdir()] == ["clip.mp4"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_interruption_keeps_the_old_file_and_leaves_nothing_else(tmp_path, error):
    target = tmp_path / "boxes.txt"
    target.write_text("old")

    def write():
        with write_atomically(target) as temporary:
            temporary.write_text("half of the n")
            raise error

    with pytest.raises(error):
        write()
    assert target.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["boxes.txt"]


def test_permissions_are_those_of_any_new_file(tmp_path):
    write_text(tmp_path / "a.txt", "a")
    umask = os.umask(0)
    os.umask(umask)
    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == 0o666 & ~umask


def test_text_has_unix_line_ends_and_utf8(tmp_path):
    write_text(tmp_path / "a.txt", "grün\nzwei\n")
    assert (tmp_path / "a.txt").read_bytes() == "grün\nzwei\n".encode()


def test_json_is_readable_and_strict(tmp_path):
    write_json(tmp_path / "a.json", {"name": "grün", "values": [1, 2.5]})
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert json.loads(text) == {"name": "grün", "values": [1, 2.5]}
    assert "grün" in text
    assert text.endswith("\n")
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"value": float("nan")})
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))["values"] == [1, 2.5]
