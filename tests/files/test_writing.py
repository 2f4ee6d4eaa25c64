"""Atomic writing: whole or not at all, in every way it can end."""

import errno
import json
import os
import sys

import pytest

from spectrack.files import (
    FileTerms,
    Terms,
    claim_folder,
    write_atomically,
    write_file,
    write_folder,
    write_json,
    write_text,
)

if sys.platform != "win32":
    import resource


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


def test_a_file_that_cannot_even_be_begun_is_told_by_its_own_name(tmp_path, monkeypatch):
    def refuse(**_):
        raise OSError(errno.EROFS, "Read-only file system", str(tmp_path / ".a-x7.txt"))

    monkeypatch.setattr("tempfile.mkstemp", refuse)
    with pytest.raises(OSError, match="Read-only") as caught:
        write_text(tmp_path / "a.txt", "a")
    assert caught.value.filename == str(tmp_path / "a.txt")


def full():
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_is_told_with_the_name_that_the_file_would_have_had(tmp_path):
    def written_into_a_folder():
        with write_folder(tmp_path / "run", Terms("run")) as staging, write_atomically(staging / "deep" / "a.txt"):
            full()

    def left_by_the_folder():
        with write_folder(tmp_path / "run", Terms("run")) as staging:
            (staging / "missing" / "a.txt").write_text("a")

    def written_into_a_claim():
        with claim_folder(tmp_path / "run", Terms("run")) as claim, claim.writing("deep/a.txt"):
            full()

    def written_beside_others():
        with write_file(tmp_path / "a.npz", FileTerms("calibration")):
            full()

    for write, place in {
        written_into_a_folder: "run/deep/a.txt",
        left_by_the_folder: "run/missing/a.txt",
        written_into_a_claim: "run/deep/a.txt",
        written_beside_others: "a.npz",
    }.items():
        with pytest.raises(OSError) as caught:  # noqa: PT011 - the name is what matters
            write()
        assert caught.value.filename == str(tmp_path / place)
        assert list(tmp_path.iterdir()) == []


def test_what_failed_first_is_told_where_the_manifest_finds_no_room_either(tmp_path, monkeypatch):
    def write():
        with claim_folder(tmp_path, Terms("run")) as claim:
            claim.write_text("a.txt", "a")
            monkeypatch.setattr("pathlib.Path.write_bytes", lambda *_: full())
            with claim.writing("b.png"):
                full()

    with pytest.raises(OSError, match="No space left") as caught:
        write()
    assert caught.value.filename == str(tmp_path / "b.png")
    monkeypatch.undo()
    with claim_folder(tmp_path, Terms("run")) as claim:  # the manifest left there knows the first file
        claim.write_text("a.txt", "anew")
    assert (tmp_path / "a.txt").read_text() == "anew"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="limits a copy of this process")
@pytest.mark.parametrize("room", [0, 20, 60, 200])
def test_a_disk_that_is_full_at_any_byte_leaves_nothing(tmp_path, room):
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
        try:
            with claim_folder(tmp_path, Terms("run")) as claim:
                claim.write_text("a.txt", "1" * 1000)
        except OSError as error:
            os._exit(7 if error.filename is not None else 8)
        os._exit(9)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert list(tmp_path.iterdir()) == []
    with write_folder(tmp_path, Terms("run")) as staging:
        (staging / "a.txt").write_text("a")
