"""Where a command cannot write it says so in a sentence, changes nothing, and can be given again later."""

import ctypes
import os
import resource
from contextlib import ExitStack

import pytest

from spectrack.cli import main
from spectrack.files import MANIFEST, Manifest, Terms, claim_folder
from tests.fixtures.refusals import check_sentence
from tests.fixtures.writing_commands import COMMANDS, THEIRS, fill, results_in, state, words_of, written_by

pytestmark = [
    pytest.mark.usefixtures("with_random_weights", "quick"),
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that are copies of this one"),
]


def said(name, text):
    """The sentence of a refusal; a conversion says one for every sequence, and goes on with the others."""
    if name == "data convert":
        return
    (line,) = text.splitlines()
    check_sentence(line, "found")


def refused(name, status):
    return status == 2 or (name == "data convert" and status == 1)


@pytest.mark.parametrize("name", COMMANDS)
def test_another_process_that_writes_there_is_not_disturbed(name, read_and_written, tmp_path, capsys):
    command, out = COMMANDS[name], tmp_path / "out"
    written = read_and_written / "written" / name.replace(" ", "-")
    manifests = [Manifest.read(file.parent) for file in written.rglob(MANIFEST)]
    words = words_of(command, read_and_written, out / command.file)
    with ExitStack() as others:
        for manifest in manifests:
            terms = [Terms(run.kind, resume=True, empty=False, single=run.single) for run in manifest.runs.values()]
            folder = out / manifest.folder.relative_to(written)
            others.enter_context(claim_folder(folder, terms[0])).write_text(".theirs.txt", "begun")
        before = state(tmp_path)
        assert refused(name, main(words))
        told = capsys.readouterr()
        assert "another process" in told.err + told.out
        said(name, told.err)
        assert state(tmp_path) == before


def run_without(words, take_away):
    """Exit status of a command, and what it complained of, in a copy of this process that lacks something."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.dup2(theirs, 2)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            with open(1, "w", closefd=False) as sink, open(2, "w", closefd=False) as complaints:
                os.sys.stdout, os.sys.stderr = sink, complaints
                take_away()
                status = main(words)
            os._exit(status)
        finally:
            os._exit(99)
    os.close(theirs)
    with open(ours) as pipe:
        told = pipe.read()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), told


@pytest.mark.parametrize("room", [0, 300])
@pytest.mark.parametrize("name", COMMANDS)
def test_a_full_disk(name, room, read_and_written, tmp_path):
    """No file may grow beyond `room` bytes: the manifest is the first that may not, or a small file, or a large one."""
    command, out = COMMANDS[name], tmp_path / "out"
    fill(out, THEIRS if command.shares else {".notes": "hidden"})
    theirs, read = state(out), state(read_and_written)
    words = words_of(command, read_and_written, out / command.file)
    status, told = run_without(words, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)))
    if status == 0:
        assert room  # what it writes is smaller
    else:
        assert refused(name, status), told
        said(name, told)
    assert state(out).items() >= theirs.items()
    if status or command.again is not None:
        assert main(words + (command.again or "").split() * (status == 0)) == 0
    assert results_in(out) == written_by(name, read_and_written)
    assert state(out).items() >= theirs.items()
    assert state(read_and_written) == read


@pytest.mark.parametrize("exists", [False, True])
@pytest.mark.parametrize("name", COMMANDS)
def test_a_place_that_is_read_only(name, exists, read_and_written, tmp_path):
    command, place = COMMANDS[name], tmp_path / "place"
    fill(place, {".notes": "hidden"})
    out = place if exists else place / "out"
    before = state(tmp_path)
    place.chmod(0o555)
    try:
        status, told = run_without(words_of(command, read_and_written, out / command.file), drop_privileges)
    finally:
        place.chmod(0o755)
    assert refused(name, status), told
    said(name, told)
    assert state(tmp_path) == before
    assert [path.name for path in place.iterdir()] == [".notes"]


def drop_privileges():
    """Even root may write only where permissions say so, from here on."""
    header, none = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    if os.getuid() == 0 and ctypes.CDLL(None).capset(header, none):
        os._exit(77)


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("name", COMMANDS)
def test_a_place_that_is_a_file(name, deep, read_and_written, tmp_path, capsys):
    (tmp_path / "out").write_text("mine")
    out = tmp_path / "out" / "deep" if deep else tmp_path / "out"
    command = COMMANDS[name]
    words = words_of(command, read_and_written, out / command.file if deep else out)
    assert refused(name, main(words)) or main(words) == 2
    said(name, capsys.readouterr().err)
    assert (tmp_path / "out").read_text() == "mine"
    assert list(tmp_path.iterdir()) == [tmp_path / "out"]
