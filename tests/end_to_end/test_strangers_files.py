"""No command removes or replaces a file that no run wrote: refused, overwriting, killed at any step, or just run.

Strangers lie where every command writes: under the very names that it would use, hidden, in sub-folders, and in place
of its own files that were edited since. Whatever the command does, their bytes are found again.
"""

import hashlib
import os
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

import spectrack
from spectrack.cli import main
from spectrack.files import MANIFEST
from spectrack.weights.metadata import WeightsMetadata

pytestmark = pytest.mark.usefixtures("with_random_weights")

ROWS = """
method = "siamban"
[[groups]]
name = "sizes"
title = "Size of the box"
question = "Does it matter?"
[[rows]]
name = "base"
group = "sizes"
kind = "inference"
shows = "as it comes"
"""

RECIPE = """
name = "tiny"
pairs = 4
batch = 2
precision = "fp32"
validation_pairs = 0
validation_every = 1
[network.backbone]
widths = [8, 8, 8]
dilations = [1]
[data]
sources = ["pictures"]
workers = 0
[data.bank]
pictures = 1
sprites = 2
picture_size = 160
sprite_size = 96
photographs = false
[optimiser]
warmup_steps = 1
"""

THEIRS = {"thesis.tex": "years", ".notes": "hidden", "figures/mine.pdf": "mine", "boxes/.a.txt": "hidden too"}


@dataclass(frozen=True)
class Command:
    """A command that writes.

    Attributes:
        words: with DATA and OUT in place of the folder of what is read and of the place to write to.
        again: what the words end in to write once more where it has written; None for a command that refuses to.
        shares: whether it writes into a folder that others have files in.
        file: name of the file that OUT is, where it is one.
    """

    words: str
    again: str | None = None
    shares: bool = False
    file: str = ""


COMMANDS = {
    "demo": Command("demo --scenario calm --frames 2 --tracker siamban --out OUT", ""),
    "track": Command("track DATA/clips/one --out OUT", "--overwrite"),
    "simulate": Command("simulate --scenario calm --frames 2 --width 64 --height 64 --out OUT"),
    "train": Command("train DATA/tiny.toml --device cpu --jobs 1 --out OUT", "", shares=True),
    "evaluate": Command("evaluate --results DATA/run --truth DATA/run --out OUT", "", shares=True, file="scores.json"),
    "write boxes": Command("evaluate --results DATA/run --write-as otb --write-to OUT"),
    "write a file": Command(
        "evaluate --results DATA/run --write-as coco --write-to OUT", "", shares=True, file="boxes.json"
    ),
    "benchmark": Command(
        "benchmark --dataset folder --root DATA/clips --trackers siamban --out OUT", "--overwrite", shares=True
    ),
    "report": Command("report DATA/run --strips 0 --out OUT", "--overwrite"),
    "ablate": Command("ablate DATA/rows.toml --suite folder --root DATA/clips --out OUT", "--overwrite"),
    "data info": Command("data info DATA/clips --out OUT", "", shares=True, file="facts.json"),
    "data check": Command("data check DATA/clips --out OUT", "", shares=True, file="findings.json"),
    "data convert": Command("data convert DATA/clips --out OUT", "", shares=True),
    "weights import": Command(
        "weights import DATA/net.pth --out OUT", "--overwrite", shares=True, file="net.safetensors"
    ),
    "weights fetch": Command(
        "weights fetch URI/net.pth --sha256 DIGEST --out OUT", "--overwrite", shares=True, file="net.pth"
    ),
}


@pytest.fixture(scope="module")
def data(random_weights, tmp_path_factory):
    """What the commands read, and a folder with what each of them wrote in an empty place."""
    place = tmp_path_factory.mktemp("strangers")
    clip = spectrack.simulate("calm", frames=3, seed=1, height=64, width=64)
    spectrack.write_sequence(clip, place / "clips" / "one", format="npy")
    (place / "rows.toml").write_text(ROWS)
    (place / "tiny.toml").write_text(RECIPE)
    (place / "net.pth").write_bytes(b"weights")
    with pytest.MonkeyPatch.context() as patch:
        quicken(patch)
        patch.setenv("SPECTRACK_WEIGHTS", str(random_weights))
        patch.setenv("XDG_CACHE_HOME", str(place / "cache"))
        assert main(["track", str(place / "clips" / "one"), "--out", str(place / "run")]) == 0
        for name, command in COMMANDS.items():
            (place / "written").mkdir(exist_ok=True)
            assert main(words_of(command, place, place / "written" / name.replace(" ", "-") / command.file)) == 0, name
    return place


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    quicken(monkeypatch)


def quicken(patch):
    """Pictures and a checkpoint of any content: where they go is what counts here."""

    def draw(plans, folder, on_progress):
        folder.mkdir()
        (folder / "success.pdf").write_bytes(b"%PDF")
        return []

    def write(path, *arguments, **options):
        Path(path).write_bytes(b"picture")

    metadata = WeightsMetadata(method="backbone", profile="full", source="test", extra={"changes": []})
    imported = SimpleNamespace(state={"a": torch.ones(2)}, metadata=metadata, parts=("backbone",))
    patch.setattr("spectrack.reports.report.draw_figures", draw)
    patch.setattr("spectrack.reports.overlay.write_overlay", write)
    drawn = ("overlay.mp4", "filmstrip.png", "success.png")
    patch.setattr("spectrack.demo._draw", lambda folder, tracked: [write(folder / name) for name in drawn])
    patch.setattr("spectrack.weights.starts.import_start", lambda *arguments, **options: imported)


def words_of(command, data, out, *more):
    digest = hashlib.sha256(b"weights").hexdigest()
    values = {"DATA": str(data), "OUT": str(out), "URI": data.as_uri(), "DIGEST": digest}
    text = command.words
    for name, value in values.items():
        text = text.replace(name, value)
    return [*text.split(), *more]


def state(place):
    return {path.relative_to(place).as_posix(): path.read_bytes() for path in place.rglob("*") if path.is_file()}


def fill(place, files):
    for name, text in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)


def results_in(place):
    """Names of all files but strangers', manifests, and what a killed process leaves for the next to remove."""
    names = {path for path in state(place) if not path.endswith((MANIFEST, ".spectrack-lock"))}
    return names - THEIRS.keys()


def written_by(name, data):
    """Names of the files that a command writes into an empty place."""
    place = data / "written" / name.replace(" ", "-")
    return results_in(place)


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
