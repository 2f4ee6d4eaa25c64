"""How words of the command line become the fields of the library's option dataclasses."""

import pytest

from spectrack.cli.entry import main, parse
from spectrack.errors import SpectrackError
from spectrack.runs.options import RunOptions
from tests.fixtures.refusals import check_sentence

ABLATE = ["ablate", "bcrnet", "--out", "out"]


@pytest.mark.parametrize("words", [["a,b"], ["a", "b"], ["a, b"], ["a,", "b"]])
def test_several_words_come_with_commas_or_spaces(words):
    assert parse([*ABLATE, "--rows", *words]).ablation.rows == ("a", "b")


@pytest.mark.parametrize("words", [["cf,siamban"], ["cf", "siamban"], ["cf, siamban"]])
def test_trackers_come_as_every_list_does(words):
    base = ["benchmark", "--dataset", "must", "--out", "out", "--names", "x", "y"]
    assert parse([*base, "--trackers", *words]).trackers == ("cf", "siamban")


@pytest.mark.parametrize("words", [["a=1", "b=2"], ["a=1,b=2"], ["a=1, b=2"], ["a=1", "--set", "b=2"]])
def test_settings_come_as_every_list_does_too(words):
    command = parse(["track", "--set", *words, "clip", "--out", "out"])
    assert (command.set, str(command.sequence)) == (("a=1", "b=2"), "clip")


def test_choices_of_one_setting_stay_together():
    words = ["tune", "bcrnet", "--dataset", "must", "--out", "out", "--vary", "fusion=map,box", "size_rate=0.1..0.2"]
    assert parse(words).vary == ("fusion=map,box", "size_rate=0.1..0.2")


def test_runs_that_look_like_settings_are_runs():
    command = parse(["report", "--results", "a=x", "b=y", "--out", "out"])
    assert (command.results, command.runs) == (("a=x",), ("b=y",))


def test_several_numbers():
    assert parse([*ABLATE, "--seeds", "3,4"]).ablation.seeds == (3, 4)
    assert parse(ABLATE).ablation.seeds == (1, 2)


@pytest.mark.parametrize(
    ("words", "facts"),
    [
        ("export net", ("--out", "spectrack export --help")),
        ("export --out out", ("WEIGHTS",)),
        ("export --out=out", ("WEIGHTS",)),
        ("benchmark --trackers cf", ("--dataset and --out",)),
        ("weights fetch", ("URL", "spectrack weights fetch --help")),
        ("weights import a.pth", ("--out",)),
        ("data", ("info, check, convert",)),
        ("--verbose", ("'--verbose'", "spectrack --help")),
    ],
)
def test_what_must_be_given_is_named(words, facts, command_refuses):
    command_refuses(words.split(), *facts)


def test_words_that_are_no_numbers(capsys):
    from spectrack.cli import main

    assert main([*ABLATE, "--seeds", "3;4"]) == 2
    check_sentence(capsys.readouterr().err.strip(), "'3;4'", "1,2")


def test_what_is_left_out_keeps_the_librarys_default():
    command = parse(["benchmark", "--dataset", "must", "--trackers", "cf", "--out", "out"])
    assert command.tracking == RunOptions()
    assert (command.network.precision, command.selection.stream) == ("fp32", "HSI")


def test_options_that_are_on_are_switched_off():
    base = ["benchmark", "--dataset", "must", "--trackers", "cf", "--out", "out"]
    assert not parse([*base, "--no-evidence"]).tracking.evidence
    assert not parse(["track", "clip", "--out", "out", "--no-score"]).recording.score


@pytest.mark.parametrize(
    ("words", "facts"),
    [
        (["track", "clip", "--out", "o", "--origin", "one"], ("a whole number", "'one'")),
        (["track", "clip", "--out", "o", "--origin", "1.5"], ("a whole number", "'1.5'")),
        (["detect", "clip", "--out", "o", "--seed-rate", "x"], "--seed-rate"),
        (["simulate", "--out", "o", "--frames", "9" * 5000], "a whole number"),
        (["track", "clip", "--out"], ("--out", "found none")),
        (["track", "clip", "--out", "--overlay"], ("--out", "'--overlay'")),
        (["data", "convert", "clip", "--out"], ("--out", "found none")),
    ],
)
def test_a_value_that_is_none_is_refused_in_a_sentence(words, facts):
    with pytest.raises(SpectrackError) as refused:
        parse(words)
    check_sentence(str(refused.value), facts)


def test_the_help_of_an_option_tells_what_it_takes(capsys):
    with pytest.raises(SystemExit):
        parse(["benchmark", "--help"])
    printed = " ".join(capsys.readouterr().out.split())
    assert "--invalid error|miss|skip" in printed
    assert "{None}" not in printed


def test_an_option_that_there_is_not_is_named_whatever_it_does_to_the_others(capsys):
    """The parser takes the word behind it for a sequence, and says in a box that it cannot take the real one."""
    for words, wanted in {
        "calibrate --wite a --dark b --out c.npz": "--white",
        "track --trackr cf clip": "--tracker",
    }.items():
        assert main(words.split()) == 2
        said = capsys.readouterr()
        (line,) = said.err.splitlines()
        check_sentence(line, repr(words.split()[1]), f"did you mean {wanted!r}")
        assert said.out == ""
    assert main(["leaderboard", "--demo", "--out", "board"]) == 2
    check_sentence(capsys.readouterr().err.strip(), "'--demo'")
