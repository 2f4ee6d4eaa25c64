"""No command removes or replaces a file that no run wrote: refused, overwriting, killed at any step, or just run.

Strangers lie where every command writes: under the very names that it would use, hidden, in sub-folders, and in place
of its own files that were edited since. Whatever the command does, their bytes are found again.
"""

import os
import shutil
import signal
from pathlib import Path

import pytest

from spectrack.cli import main
from tests.fixtures.writing_commands import COMMANDS, THEIRS, fill, results_in, state, words_of, written_by

pytestmark = pytest.mark.usefixtures("with_random_weights", "quick")


@pytest.fixture
def data(read_and_written):
    return read_and_written


@pytest.mark.parametrize("name", COMMANDS)
def test_strangers_under_the_very_names_are_refused(name, data, tmp_path, capsys):
    command = COMMANDS[name]
    fill(tmp_path / "out", dict.fromkeys(written_by(name, data), "mine") | THEIRS)
    before, read = state(tmp_path), state(data)
    for more in ([], command.again.split() if command.again else []):
        status = main(words_of(command, data, tmp_path / "out" / command.file, *more))
        # A conversion goes on with its other sequences.
        assert status == (1 if name == "data convert" else 2), capsys.readouterr().err
        assert state(tmp_path) == before
    assert state(data) == read


@pytest.mark.parametrize("name", COMMANDS)
def test_strangers_beside_what_is_written_stay(name, data, tmp_path):
    command = COMMANDS[name]
    out = tmp_path / "out"
    fill(out, THEIRS if command.shares else {".notes": "hidden"})
    assert main(words_of(command, data, out / command.file)) == 0
    written = results_in(out)
    assert written == written_by(name, data)
    fill(out, THEIRS)
    again = words_of(command, data, out / command.file, *(command.again or "").split())
    assert main(again) == (0 if command.again is not None else 2)
    after = state(out)
    assert {path: after[path].decode() for path in THEIRS} == THEIRS
    assert results_in(out) == written
    # A file of ours that somebody edited is theirs.
    edited = max(path for path in written if not path.startswith("cache/"))
    (out / edited).write_text("edited")
    before = state(out)
    # What was converted is not looked at again.
    assert main(again) == (0 if name == "data convert" else 2)
    assert state(out) == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that are copies of this one")
@pytest.mark.parametrize("name", COMMANDS)
def test_killed_at_any_step_nothing_of_others_is_lost_and_the_same_command_goes_on(name, data, tmp_path):
    command = COMMANDS[name]
    for step in (0, 1, 3, 6):
        out = tmp_path / f"out{step}"
        words = words_of(command, data, out / command.file, *(command.again or "").split())
        if command.again is not None and step != 1:
            shutil.copytree(data / "written" / name.replace(" ", "-"), out)
            fill(out, THEIRS)
        strangers = THEIRS.keys() & state(out).keys()
        killed = run_and_kill(words, step)
        assert {path: state(out)[path].decode() for path in strangers} == {path: THEIRS[path] for path in strangers}
        if command.again is None and not killed:
            continue  # it is done, and refuses to do it once more
        assert main(words) == 0, (step, killed)
        assert results_in(out) == written_by(name, data)
        assert {path: state(out)[path].decode() for path in strangers} == {path: THEIRS[path] for path in strangers}


@pytest.mark.parametrize(
    "words",
    [
        "track DATA/run/overlay.mp4 --box 1,2,3,4 --out DATA/run --overwrite",
        "track DATA/clips/one --out DATA/clips/one",
        "track DATA/clips/one --out DATA/clips/one/results",
        "track DATA/clips/one --truth DATA/run/groundtruth_rect.txt --out DATA/run --overwrite",
        "track DATA/clips/one --box-from DATA/run/boxes.txt --out DATA/run --overwrite",
        "benchmark --dataset folder --root DATA/clips --trackers siamban --out DATA/clips",
        "benchmark --dataset folder --root DATA/clips --trackers siamban --out DATA/clips/one/suite",
        "evaluate --results DATA/run --truth DATA/run --out DATA/run/boxes.txt",
        "evaluate --results DATA/run --truth DATA/run --out DATA/run/groundtruth_rect.txt",
        "evaluate --results DATA/run --write-as otb --write-to DATA/run/otb",
        "report DATA/run --out DATA/run --overwrite",
        "report DATA/run --truth DATA/clips --out DATA/clips/report",
        "simulate --scenario calm --frames 2 --out DATA/clips/one",
        "data convert DATA/clips --out DATA/clips/fast",
        "data info DATA/clips --out DATA/clips/one/sequence.json",
        "train DATA/tiny.toml --set data.sources=[DATA/clips] --out DATA/clips/training",
        "ablate DATA/rows.toml --suite folder --root DATA/clips --out DATA/clips/ablation",
        "weights import DATA/written/weights-import/net.safetensors --out DATA/written/weights-import/net.safetensors "
        "--overwrite",
    ],
)
def test_what_is_read_is_not_written_to(words, data, capsys):
    before = state(data)
    if "overlay.mp4" in words:
        command = ["track", str(data / "clips" / "one"), "--overlay", "--out", str(data / "run"), "--overwrite"]
        assert main(command) == 0
        before = state(data)
    assert main(words.replace("DATA", str(data)).split()) == 2, capsys.readouterr().out
    assert state(data) == before
    assert capsys.readouterr().err.startswith("spectrack: expected ")


def run_and_kill(words, steps):
    """Run a command in a copy of this process that dies at the n-th change of a folder; whether it died."""
    child = os.fork()
    if child == 0:
        left = steps

        def counted(whole):
            def change(*arguments, **options):
                nonlocal left
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                left -= 1
                return whole(*arguments, **options)

            return change

        for name in ("replace", "unlink"):
            setattr(Path, name, counted(getattr(Path, name)))
        try:
            os._exit(main(words))
        finally:
            os._exit(99)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.waitstatus_to_exitcode(status) == 0
    return os.WIFSIGNALED(status)
