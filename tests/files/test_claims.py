"""Claims: what others wrote stays, what is in the way is told before anything changes, and a kill loses nothing."""

import contextlib
import itertools
import json
import os
import stat
import subprocess
import sys

import pytest

from spectrack.errors import ConfigError
from spectrack.files import (
    MANIFEST,
    FileTerms,
    Manifest,
    Terms,
    check_file,
    check_folder,
    claim_folder,
    claims,
    differences,
    refuse_other,
    write_file,
    write_folder,
)
from tests.fixtures.refusals import refuses

OLD = {"a.txt": "old", "figures/b.txt": "old", "figures/gone.txt": "old"}
NEW = {"a.txt": "new", "figures/b.txt": "new", "c.txt": "new"}


def fill(place, files):
    for name, text in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)


def write(place, files, **terms):
    with write_folder(place, Terms("report", **terms)) as staging:
        fill(staging, files)


def content(place):
    """Every file but the manifest, the lock and what is unfinished."""
    paths = (path for path in place.rglob("*") if path.is_file() and "spectrack-" not in str(path.relative_to(place)))
    return {path.relative_to(place).as_posix(): path.read_text() for path in paths}


def everything(place):
    return {path.relative_to(place).as_posix(): path.is_file() and path.read_bytes() for path in place.rglob("*")}


# ---------------------------------------------------------------- folders that appear as a whole


@pytest.mark.parametrize("exists", [False, True])
def test_files_appear_together_and_are_listed(tmp_path, exists):
    place = tmp_path / "deep" / "out"
    if exists:
        place.mkdir(parents=True)
    with write_folder(place, Terms("report")) as staging:
        fill(staging, OLD)
        assert content(place).keys().isdisjoint(OLD)
    assert content(place) == OLD
    listed = [json.loads(line) for line in (place / MANIFEST).read_text().splitlines()]
    assert {line["file"]: line["bytes"] for line in listed if "file" in line} == dict.fromkeys(OLD, 3)
    assert listed[0]["kind"] == "report"
    assert not list(place.glob(".*"))


def test_permissions_are_those_of_any_new_folder(tmp_path):
    (tmp_path / "usual").mkdir()
    (tmp_path / "usual" / "a.txt").touch()
    write(tmp_path / "out", {"a.txt": ""})
    for name in (".", "a.txt"):
        usual, written = ((tmp_path / folder / name).stat().st_mode for folder in ("usual", "out"))
        assert stat.S_IMODE(usual) == stat.S_IMODE(written)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, OSError])
@pytest.mark.parametrize("before", ["missing", "empty", "earlier"])
def test_an_interruption_leaves_what_was_there(tmp_path, error, before):
    place = tmp_path / "out"
    if before == "empty":
        place.mkdir()
    if before == "earlier":
        write(place, OLD)
        (place / "mine.txt").write_text("mine")
    found = everything(tmp_path)

    def interrupted():
        with write_folder(place, Terms("report", overwrite=before == "earlier")) as staging:
            fill(staging, NEW)
            raise error

    with pytest.raises(error):
        interrupted()
    assert everything(tmp_path) == found


def test_the_folder_one_stands_in(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(os.curdir, {"a.txt": "a"})
    assert content(tmp_path) == {"a.txt": "a"}


def test_overwriting_replaces_ours_and_nothing_else(tmp_path):
    write(tmp_path, OLD)
    fill(tmp_path, {"figures/mine.txt": "mine", ".hidden": "mine"})
    with refuses(ConfigError, "a.txt", "--overwrite"):
        write(tmp_path, NEW)
    write(tmp_path, NEW, overwrite=True)
    assert content(tmp_path) == NEW | {"figures/mine.txt": "mine", ".hidden": "mine"}
    write(tmp_path, {"a.txt": "newer"}, overwrite=True)
    assert content(tmp_path) == {"a.txt": "newer", "figures/mine.txt": "mine", ".hidden": "mine"}


def test_folders_that_are_empty_then_go(tmp_path):
    write(tmp_path, OLD)
    write(tmp_path, {"a.txt": "new"}, overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt", MANIFEST]


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize(
    ("found", "fact"),
    [
        ({"thesis.tex": "years"}, "'thesis.tex'"),
        ({"a.txt": "of an older version"}, "'a.txt'"),
        ({MANIFEST: "[]"}, MANIFEST),
        ({MANIFEST: '{"file": "thesis.tex"}\n'}, MANIFEST),
        ({".spectrack-lock": "mine"}, ".spectrack-lock"),
    ],
)
def test_what_others_have_there_is_refused(tmp_path, overwrite, found, fact):
    fill(tmp_path, found)
    before = everything(tmp_path)
    with refuses(ConfigError, fact):
        write(tmp_path, NEW, overwrite=overwrite)
    assert everything(tmp_path) == before


@pytest.mark.parametrize("name", ["a.txt", "figures/b.txt", "figures/gone.txt"])
def test_a_file_of_ours_that_was_changed_is_theirs(tmp_path, name):
    write(tmp_path, OLD)
    (tmp_path / name).write_text("corrected")
    before = everything(tmp_path)
    with refuses(ConfigError, tmp_path / name, "changed since"):
        write(tmp_path, NEW, overwrite=True)
    assert everything(tmp_path) == before


def test_a_name_that_somebody_took_is_refused_at_the_end_too(tmp_path):
    write(tmp_path, OLD)
    fill(tmp_path, {"c.txt": "mine"})
    before = everything(tmp_path)
    with refuses(ConfigError, tmp_path / "c.txt"):
        write(tmp_path, NEW, overwrite=True)
    assert everything(tmp_path) == before
    with refuses(ConfigError, tmp_path / "c.txt"):
        check_folder(tmp_path, Terms("report", overwrite=True, names=("c.txt",)))


def test_links_lead_nowhere(tmp_path):
    out, theirs = tmp_path / "out", tmp_path / "theirs"
    write(out, OLD)
    fill(theirs, {"b.txt": "old", "gone.txt": "old"})
    for path in (out / "figures").iterdir():
        path.unlink()
    (out / "figures").rmdir()
    (out / "figures").symlink_to(theirs)
    with refuses(ConfigError, out / "figures"):
        write(out, NEW, overwrite=True)
    assert content(theirs) == {"b.txt": "old", "gone.txt": "old"}


@pytest.mark.parametrize("name", ["../theirs.txt", "/theirs.txt", "figures/../../theirs.txt", ""])
def test_a_manifest_from_elsewhere_leads_nowhere(tmp_path, name):
    out = tmp_path / "out"
    write(out, OLD)
    (tmp_path / "theirs.txt").write_text("old")
    text = (
        (out / MANIFEST)
        .read_text()
        .replace(
            '"a.txt"', json.dumps(name.replace("/theirs", f"{tmp_path}/theirs", 1) if name.startswith("/") else name)
        )
    )
    (out / MANIFEST).write_text(text)
    with refuses(ConfigError, out / MANIFEST):
        write(out, NEW, overwrite=True)
    assert (tmp_path / "theirs.txt").read_text() == "old"


def test_another_kind_is_refused(tmp_path):
    write(tmp_path, OLD)
    with (
        refuses(ConfigError, "recording", "report", tmp_path),
        write_folder(tmp_path, Terms("recording", overwrite=True)),
    ):
        pass
    assert content(tmp_path) == OLD


@pytest.mark.parametrize("name", ["out", "out/deep"])
def test_a_file_is_not_a_folder(tmp_path, name):
    (tmp_path / "out").write_text("")
    with refuses(ConfigError, tmp_path / "out"):
        check_folder(tmp_path / name, Terms("report"))


def test_a_link_to_nothing_is_not_a_folder(tmp_path):
    (tmp_path / "out").symlink_to(tmp_path / "gone")
    with refuses(ConfigError, tmp_path / "out", "broken link"):
        check_folder(tmp_path / "out", Terms("report"))


# ---------------------------------------------------------------- what is read is not written


def test_inputs_are_never_the_place(tmp_path):
    write(tmp_path / "out", OLD)
    (tmp_path / "data").mkdir()
    for place, terms in {
        "data": {"inputs": (tmp_path / "data",)},
        "data/deep/out": {"data": (tmp_path / "data",)},
        "out": {"overwrite": True, "inputs": (tmp_path / "out" / "a.txt",)},
    }.items():
        with refuses(ConfigError, tmp_path / place):
            check_folder(tmp_path / place, Terms("report", **terms))
    (tmp_path / "link").symlink_to(tmp_path / "out" / "figures")
    with refuses(ConfigError, tmp_path / "link"):
        check_folder(tmp_path / "out", Terms("report", overwrite=True, data=(tmp_path / "link",)))
    fill(tmp_path / "out", {"mine.txt": "mine"})
    check_folder(tmp_path / "out", Terms("report", overwrite=True, inputs=(tmp_path / "out" / "mine.txt",)))
    check_folder(tmp_path / "data" / "out", Terms("report", inputs=(tmp_path / "data",)))
    with refuses(ConfigError, tmp_path / "data" / "a.json"):
        check_file(tmp_path / "data" / "a.json", FileTerms("scores", data=(tmp_path / "data",)))


# ---------------------------------------------------------------- folders that grow


def test_a_folder_that_grows_is_taken_up(tmp_path):
    terms = Terms("run", resume=True, names=("plan.json",))
    with claim_folder(tmp_path / "out", terms) as claim:
        claim.write_json("plan.json", {"seed": 1})
        claim.write_text("boxes/a.txt", "1")
    fill(tmp_path / "out", {"boxes/mine.txt": "mine"})
    with claim_folder(tmp_path / "out", terms) as claim:
        assert claim.holds("plan.json")
        assert claim.names("boxes") == ["boxes/a.txt"]
        assert not claim.holds("boxes/mine.txt")
        claim.write_text("boxes/a.txt", "2")
        with refuses(ConfigError, tmp_path / "out" / "boxes" / "mine.txt"):
            claim.write_text("boxes/mine.txt", "2")
        with refuses(ConfigError, tmp_path / "out" / "boxes" / "mine.txt"):
            claim.remove(["boxes/a.txt", "boxes/mine.txt"])
        claim.remove(["plan.json", "never/there.txt"])
    assert content(tmp_path / "out") == {"boxes/a.txt": "2", "boxes/mine.txt": "mine"}
    with claim_folder(tmp_path / "out", Terms("run", resume=True, overwrite=True)) as claim:
        claim.clear()
    assert content(tmp_path / "out") == {"boxes/mine.txt": "mine"}
    assert not (tmp_path / "out" / MANIFEST).exists()


def test_nothing_is_changed_before_the_first_file(tmp_path):
    write(tmp_path / "out", OLD)
    before = everything(tmp_path)

    def refused(place):
        with claim_folder(place, Terms("report", resume=True)):
            raise ConfigError("expected a, found b; do c")

    for place in (tmp_path / "out", tmp_path / "new" / "deep"):
        with pytest.raises(ConfigError):
            refused(place)
    assert everything(tmp_path) == before


def test_others_may_share_a_folder_that_only_grows(tmp_path):
    fill(tmp_path, {"recipe.toml": "mine"})
    terms = Terms("training", resume=True, empty=False, names=("recipe.json",))
    with claim_folder(tmp_path, terms) as claim:
        claim.write_json("recipe.json", {})
    assert content(tmp_path) == {"recipe.toml": "mine", "recipe.json": "{}\n"}
    with refuses(ConfigError, "training"):
        check_folder(tmp_path, Terms("report"))


def test_one_process_at_a_time(tmp_path):
    code = (
        "import sys; from spectrack.files import *\nwith claim_folder(sys.argv[1], Terms('run', resume=True)) as c:\n"
    )
    code += " c.write_text('a.txt', 'a'); print('claimed', flush=True); input()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "out")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout.readline() == b"claimed\n"
    with refuses(ConfigError, tmp_path / "out", "another process"), claim_folder(tmp_path / "out", Terms("run")):
        pass
    process.kill()
    process.communicate()
    with claim_folder(tmp_path / "out", Terms("run", resume=True)) as claim:
        assert claim.holds("a.txt")
        claim.write_text("b.txt", "b")
    assert content(tmp_path / "out") == {"a.txt": "a", "b.txt": "b"}  # neither lock nor temporary files
    assert not list((tmp_path / "out").glob(".*"))


# ---------------------------------------------------------------- kills


KILLED = """
import os, pathlib, sys
from spectrack.files import Terms, write_folder
place, steps, overwrite = pathlib.Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "overwrite"
for name in ("replace", "unlink", "rmdir", "mkdir"):  # every change to a folder
    def change(self, *arguments, whole=getattr(pathlib.Path, name), **options):
        global steps
        if steps == 0:
            os._exit(9)
        steps -= 1
        return whole(self, *arguments, **options)
    setattr(pathlib.Path, name, change)
with write_folder(place, Terms("report", overwrite=overwrite)) as staging:
    for name in ("a.txt", "figures/b.txt", "c.txt"):
        (staging / name).parent.mkdir(exist_ok=True)
        (staging / name).write_text("new")
"""


@pytest.mark.parametrize("before", ["missing", "empty", "earlier"])
def test_killed_at_any_step_the_same_command_takes_it_up(tmp_path, before):
    theirs = {"figures/mine.txt": "mine", ".mine": "mine"}
    overwrite = before == "earlier"
    for steps in range(100):
        place = tmp_path / str(steps)
        if before == "empty":
            place.mkdir()
        if before == "earlier":
            write(place, OLD)
            fill(place, theirs)
        words = [sys.executable, "-c", KILLED, str(place), str(steps), "overwrite" if overwrite else ""]
        killed = subprocess.run(words, check=False).returncode
        if before == "earlier":
            assert content(place).items() >= theirs.items(), steps
            # A file is old or new, never half, and the old ones stay until all new ones are written.
            assert content(place)["a.txt"] in ("old", "new"), steps
        if overwrite or not Manifest.read(place).is_finished("report"):
            write(place, NEW, overwrite=overwrite)
        assert content(place) == (NEW | theirs if before == "earlier" else NEW), steps
        if not killed:
            break
    assert steps > 6


class Struck(BaseException):
    """What a signal raises; nothing handles it."""


def struck_at(line, how, act):
    """Interrupt or kill `act` at the n-th line that runs in the room of files; whether it ended before."""
    left = line

    def local(frame, event, _):
        nonlocal left
        left -= event == "line"
        if event == "line" and left == 0:
            if how == "killed":
                os._exit(9)
            raise Struck
        return local

    child = os.fork() if how == "killed" else 0
    if child:
        return os.waitpid(child, 0)[1] == 0
    room, former = os.path.dirname(claims.__file__), sys.gettrace()
    sys.settrace(lambda frame, event, _: local if frame.f_code.co_filename.startswith(room) else None)
    try:
        with contextlib.suppress(Struck):
            act()
    finally:
        sys.settrace(former)
    if how == "killed":
        os._exit(0)
    return left > 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that are copies of this one")
@pytest.mark.parametrize("before", ["missing", "earlier"])
@pytest.mark.parametrize(("how", "stride"), [("interrupted", 11), ("killed", 37)])
def test_struck_at_any_line_the_same_command_goes_on_or_says_that_all_is_there(tmp_path, how, stride, before):
    overwrite = before == "earlier"
    theirs = {".mine": "mine"} | ({"figures/mine.txt": "mine"} if overwrite else {})
    for line in itertools.count(1, stride):
        place = tmp_path / str(line)
        if overwrite:
            write(place, OLD)
        fill(place, theirs)
        ended = struck_at(line, how, lambda place=place: write(place, NEW, overwrite=overwrite))
        assert content(place).items() >= theirs.items(), line
        if not overwrite and Manifest.read(place).is_finished("report"):
            with refuses(ConfigError, "complete", place, "--overwrite"):
                write(place, NEW)
        else:
            write(place, NEW, overwrite=overwrite)
        assert content(place) == NEW | theirs, line
        # The lock that a killed process left holds nobody up.
        assert {path.name for path in place.iterdir()} - {".spectrack-lock"} == {
            *(name.split("/")[0] for name in NEW | theirs),
            MANIFEST,
        }, line
        if ended:
            break
    assert line > 100


def test_half_a_line_of_a_kill_is_passed_over(tmp_path):
    write(tmp_path, OLD)
    with (tmp_path / MANIFEST).open("a") as manifest:
        manifest.write('{"file": "b.t')
    with claim_folder(tmp_path, Terms("report", resume=True)) as claim:
        claim.write_text("b.txt", "b")
        assert claim.holds("a.txt")
    write(tmp_path, NEW, overwrite=True)
    assert content(tmp_path) == NEW


def test_what_is_finished(tmp_path):
    assert not Manifest.read(tmp_path).is_finished("report")
    write(tmp_path, OLD)
    assert Manifest.read(tmp_path).is_finished("report")
    assert not Manifest.read(tmp_path).is_finished("run")

    def interrupted():
        with claim_folder(tmp_path, Terms("report", resume=True)) as claim:
            claim.write_text("a.txt", "new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not Manifest.read(tmp_path).is_finished("report")


# ---------------------------------------------------------------- single files


def test_a_file_among_others(tmp_path):
    fill(tmp_path, {"thesis.tex": "years", "theirs.json": "{}"})
    for text in ("1", "2"):
        with write_file(tmp_path / "scores.json", FileTerms("scores")) as file:
            assert file.suffix == ".json"
            file.write_text(text)
    assert content(tmp_path) == {"thesis.tex": "years", "theirs.json": "{}", "scores.json": "2"}
    for name, terms in {
        "theirs.json": FileTerms("scores"),
        "scores.json": FileTerms("scores", overwrite=False),
        "": FileTerms("scores"),
    }.items():
        with refuses(ConfigError, tmp_path / name), write_file(tmp_path / name, terms):
            pass
    with refuses(ConfigError, "weights"), write_file(tmp_path / "scores.json", FileTerms("weights")):
        pass
    (tmp_path / "scores.json").write_text("mine")
    with refuses(ConfigError, tmp_path / "scores.json", "changed since"):
        check_file(tmp_path / "scores.json", FileTerms("scores"))
    assert content(tmp_path) == {"thesis.tex": "years", "theirs.json": "{}", "scores.json": "mine"}


def test_a_file_that_is_out_of_date_goes_with_the_results(tmp_path):
    write(tmp_path, OLD)
    for name, kind in (("scores.json", "scores"), ("net.safetensors", "weights")):
        with write_file(tmp_path / name, FileTerms(kind)) as file:
            file.write_text("1")
    write(tmp_path, NEW, overwrite=True, also=("scores",))
    assert content(tmp_path) == NEW | {"net.safetensors": "1"}


def test_a_file_that_fails_leaves_nothing(tmp_path):
    def fail():
        with write_file(tmp_path / "new" / "scores.json", FileTerms("scores")) as file:
            file.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------- configurations


def test_differences():
    assert differences({"a": [1]}, {"a": [1]}) == []
    assert differences({"a": 1}, {"a": 1, "b": 2}) == [("b", None, 2)]
    assert differences({"a": 1}, {"a": True}) == [("a", 1, True)]
    refuse_other({"a": [1, 2]}, {"a": (1, 2)}, "the run")
    with refuses(ConfigError, "a.b", "2", "1", "c", "--overwrite"):
        refuse_other({"a": {"b": 1}, "c": 1}, {"a": {"b": 2}}, "the run", "start anew with --overwrite")


@pytest.mark.skipif(sys.platform != "linux", reason="has /proc")
def test_where_no_file_can_be_made_that_is_told_and_not_another_process():
    with pytest.raises(OSError) as caught, claim_folder("/proc/self", Terms("run", overwrite=True)):  # noqa: PT011
        pass
    assert caught.value.filename == "/proc/self"
