"""The command `spectrack data`: what it prints and writes, and its exit status."""

import json
import shutil

import pytest
import tyro

from spectrack.cli.data import Data, DataCheck, DataInfo


def parse(line, **places):
    words = [word.format(**places) for word in line.split()]
    config = (tyro.conf.OmitArgPrefixes, tyro.conf.OmitSubcommandPrefixes, tyro.conf.FlagCreatePairsOff)
    return tyro.cli(Data, args=words, config=config)


def test_info_shows_parts_and_lists_sequences(tree, capsys, tmp_path):
    assert parse("info {tree} --list --out {out}", tree=tree, out=tmp_path / "info.json").run() == 0
    printed = capsys.readouterr().out
    assert "folder: a folder of sequences" in printed
    assert "5, 25 frames" in printed
    assert "HSI-RedNIR" in printed
    assert "doe" in printed
    written = json.loads((tmp_path / "info.json").read_text())
    assert [group["sequences"] for group in written["groups"]] == [1, 2, 1, 1]


def test_info_tells_what_is_known(tmp_path, make, capsys):
    for name in ("bus", "face"):
        make.text(tmp_path / "HOT2020" / "test" / name / "HSI" / "0001.png", "")
    make.text(tmp_path / "HOT2020" / "bad.zip", "")
    assert DataInfo(tmp_path / "HOT2020").run() == 0
    printed = capsys.readouterr().out
    assert "2 of the 35 published sequences of test HSI-VIS; missing: ball, basketball" in printed
    assert "the RGB video has another length" in printed
    assert "HSI-VIS 470 to 620 nm" in printed
    assert "bad.zip" in printed


def test_check_says_nothing_is_wrong(tree, capsys):
    assert DataCheck((tree,)).run() == 0
    printed = capsys.readouterr()
    assert printed.out.split("\n")[:2] == [
        "checked  5 sequences, 55 frames decoded",
        "found    0 errors, 0 warnings, 0 notes",
    ]
    assert printed.err == ""


def test_check_prints_and_writes_findings(tree, capsys, tmp_path):
    (tree / "training" / "HSI-VIS" / "ant" / "0003.png").unlink()
    assert (
        parse(
            "check {tree} {other} --frames none --out {out}", tree=tree, other=tree / "test", out=tmp_path / "f.json"
        ).run()
        == 1
    )
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("error    missing-frames  ant: ") for line in lines)
    written = json.loads((tmp_path / "f.json").read_text())
    assert written["clean"] is False
    assert {finding["code"] for finding in written["findings"]} >= {
        "missing-frames",
        "truth-length",
        "stream-length",
        "duplicate",
    }
    assert all(set(finding) == {"code", "severity", "sequence", "place", "text"} for finding in written["findings"])


def test_convert_says_what_was_done(tree, capsys, tmp_path):
    assert parse("convert {tree} --out {out} --split train", tree=tree, out=tmp_path / "fast").run() == 0
    assert "2 sequences, 10 frames, each read back and compared" in capsys.readouterr().out
    shutil.rmtree(tree / "training" / "HSI-VIS" / "bee")
    (tree / "training" / "HSI-VIS" / "cat").mkdir()
    (tree / "training" / "HSI-VIS" / "cat" / "0001.png").write_bytes(b"")
    assert parse("convert {tree} --out {out} --split train", tree=tree, out=tmp_path / "fast").run() == 1
    printed = capsys.readouterr().out
    assert "kept       1 sequence of an earlier conversion" in printed
    assert "failed cat" in printed


@pytest.mark.parametrize("line", [line.strip() for line in Data.EXAMPLES.splitlines()[1:]])
def test_the_examples_parse(line):
    assert isinstance(parse(line.removeprefix("spectrack data ")), Data)
