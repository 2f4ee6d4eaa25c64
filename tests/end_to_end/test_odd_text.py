"""Names with escape bytes, brackets and bytes that are no text; consoles of other encodings; through every command."""

import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest

import spectrack
from spectrack.cli import main

ROOT = Path(__file__).resolve().parents[2]
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]")
NAME = "a\x1b]0;owned\x07 [red]x[/red] [/b] \u202egpj <b>&$x^2$"


def write_clip(folder):
    spectrack.write_sequence(spectrack.simulate("calm", frames=3, seed=1, height=64, width=96), folder)
    side = folder / "sequence.json"
    values = json.loads(side.read_text(encoding="utf-8"))
    del values["name"]
    values["attributes"] = ["[/b]", "zwei[red]", "=1+2", "esc\x1b[2J"]
    side.write_text(json.dumps(values), encoding="utf-8")
    return folder


def run(*words, encoding="utf-8"):
    env = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "0"}
    command = [sys.executable, "-m", "spectrack", *map(str, words)]
    return subprocess.run(command, env=env, cwd=ROOT, capture_output=True, check=False)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_evaluate_on_any_console(tmp_path, encoding):
    boxes = np.tile((1.0, 2, 30, 40), (3, 1))
    for place in ("truth", "results"):
        (tmp_path / place).mkdir()
        spectrack.write_boxes(tmp_path / place / "球-ball.txt", boxes)
    done = run("evaluate", "--results", tmp_path / "results", "--truth", tmp_path / "truth", encoding=encoding)
    assert done.returncode == 0, done.stderr
    printed = done.stdout.decode(encoding)
    assert ("≥" if encoding == "utf-8" else ">=") in printed
    assert ("球-ball" if encoding == "utf-8" else r"\u7403-ball") in printed


@pytest.mark.parametrize(
    "words", [["--help"], ["track", "--help"], ["benchmark", "--help"], ["doctor"], ["weights", "list"]]
)
def test_other_commands_on_a_console_of_ascii(words):
    done = run(*words, encoding="ascii")
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="names that Windows cannot have")
def test_names_that_would_drive_a_terminal(tmp_path, capsys, caplog):
    data = tmp_path / "data"
    for name in (NAME, "plain"):
        write_clip(data / name.replace("/", "|"))
    out = tmp_path / "out"
    commands = [
        ["data", "info", data, "--list"],
        ["data", "check", data],
        ["benchmark", "--dataset", "folder", "--root", data, "--trackers", "cf", "--out", out],
        ["report", out, "--out", tmp_path / "report"],
        ["evaluate", "--results", out / "cf", "--truth", out / "cf"],
        ["track", data / NAME.replace("/", "|"), "--tracker", "cf", "--out", tmp_path / "one", "--overlay"],
    ]
    for words in commands:
        status = main([str(word) for word in words])
        printed = capsys.readouterr()
        assert status in (0, 1), printed.err
        assert not CONTROL.search(printed.out + printed.err), words
    printed = ""
    assert main(["data", "info", str(data), "--list"]) == 0
    printed = capsys.readouterr().out
    for whole in ("[/b]", "zwei[red]", r"esc\x1b[2J"):
        assert whole in printed
    for file in (tmp_path / "report").rglob("*"):
        if file.suffix in (".html", ".csv", ".tex", ".md", ".svg"):
            assert not CONTROL.search(file.read_text(encoding="utf-8")), file
        if file.suffix == ".svg":
            ElementTree.parse(file)


@pytest.mark.skipif(os.name == "nt", reason="names that Windows cannot have")
def test_a_name_of_two_lines_stays_in_one_sentence(tmp_path, capsys, caplog):
    folder = tmp_path / "a\nb"
    folder.mkdir()
    assert main(["track", str(folder), "--box", "1,2,3,4", "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert r"a\nb" in said


@pytest.mark.skipif(sys.platform != "linux", reason="names that other systems cannot have")
def test_names_of_bytes_that_are_no_text(tmp_path, capsys):
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfename"))
    write_clip(folder)
    assert main(["track", str(folder), "--tracker", "cf", "--out", str(tmp_path / "out")]) == 0
    assert r"\udcff\udcfename" in capsys.readouterr().out
    summary = json.loads((tmp_path / "out" / "summary.json").read_text(encoding="utf-8"))
    assert summary["sequence"]["name"] == folder.name
    assert main(["report", str(tmp_path / "out"), "--out", str(tmp_path / "report")]) == 0
    assert main(["track", str(folder / "nothing"), "--out", str(tmp_path / "two")]) == 2
    capsys.readouterr().err.encode("utf-8")
