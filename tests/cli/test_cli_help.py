"""What the command line says about itself: help for a stranger, examples that parse, lists that are complete."""

import ast
import dataclasses
import inspect
import shlex
from typing import get_type_hints

import docstring_parser
import pytest

from spectrack.cli.entry import COMMANDS, main, parse
from spectrack.cli.weights import FetchWeights, ImportWeights, ListWeights

ACTIONS = {"list": ListWeights, "import": ImportWeights, "fetch": FetchWeights}


def help_of(capsys, *words):
    assert main([*words, "--help"]) == 0
    return " ".join(capsys.readouterr().out.replace("│", " ").split())


def test_the_commands_are_listed_with_a_line_each(capsys):
    text = help_of(capsys)
    for name, kind in COMMANDS.items():
        assert f"• {name} {kind.__doc__.splitlines()[0]}" in text
    assert "spectrack demo" in text


def test_no_words_show_the_help(capsys):
    assert main([]) == 2
    assert "Start with:" in capsys.readouterr().out


@pytest.mark.parametrize("name", COMMANDS)
def test_a_commands_help_has_examples(capsys, name):
    text = help_of(capsys, name)
    assert "examples:" in text
    assert f"spectrack {name}" in text.split("examples:")[1]


@pytest.mark.parametrize("name", ACTIONS)
def test_actions_of_weights_have_help(capsys, name):
    assert ACTIONS[name].__doc__.split()[0] in help_of(capsys, "weights", name)


@pytest.mark.parametrize(
    "line",
    [
        line.strip()
        for kind in COMMANDS.values()
        for line in kind.EXAMPLES.splitlines()
        if line.strip().startswith("spectrack")
    ],
)
def test_examples_parse(line):
    command, *_ = line.split("   ")  # what follows wide space is an explanation
    words = shlex.split(command)
    assert isinstance(parse(words[1:]), COMMANDS[words[1]])


@pytest.mark.parametrize("kind", [*COMMANDS.values(), *ACTIONS.values()], ids=lambda kind: kind.__name__)
def test_every_option_is_explained(kind):
    """A string follows every field: it is the option's help."""
    body = next(node for node in ast.walk(ast.parse(inspect.getsource(kind))) if isinstance(node, ast.ClassDef)).body
    for node, following in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.AnnAssign) and node.target.id not in ("EXAMPLES", "action"):
            assert isinstance(following, ast.Expr), node.target.id
            assert isinstance(following.value.value, str), node.target.id


@pytest.mark.parametrize("kind", [*COMMANDS.values()], ids=lambda kind: kind.__name__)
def test_every_option_of_the_library_is_explained(kind):
    """Options that a command takes whole from the library are explained in their own docstring."""
    nested = [hint for hint in get_type_hints(kind).values() if dataclasses.is_dataclass(hint)]
    while nested:
        options = nested.pop()
        explained = {item.arg_name for item in docstring_parser.parse(options.__doc__).params}
        assert {item.name for item in dataclasses.fields(options)} <= explained, options
        nested += [hint for hint in get_type_hints(options).values() if dataclasses.is_dataclass(hint)]


@pytest.mark.parametrize("line", ["trak", "track", "track x --out y --bax 1", "weights", "simulate --frames many"])
def test_wrong_options_exit_with_2(capsys, line):
    assert main(line.split()) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "Traceback" not in printed.err
    assert "--help" in printed.err


@pytest.mark.parametrize(
    ("line", "facts"),
    [
        ("trac", ("a command", "'trac'", "did you mean 'track'")),
        ("data chek x", ("an action", "'chek'", "did you mean 'check'", "spectrack data --help")),
        ("track x --out y --trakcer cf", ("an option", "'--trakcer'", "did you mean '--tracker'")),
        ("track x --out y --no-scor", ("'--no-scor'", "did you mean '--no-score'")),
        ("weights fetch u --sha265=12", ("'--sha265'", "did you mean '--sha256'")),
        ("track x more --out y", ("no further word", "'more'", "spectrack track --help")),
    ],
)
def test_a_wrong_word_names_the_nearest(command_refuses, line, facts):
    command_refuses(line.split(), *facts)


@pytest.mark.parametrize("word", ["--version", "-V"])
def test_version(capsys, word):
    import spectrack

    assert main([word]) == 0
    assert capsys.readouterr().out == f"spectrack {spectrack.__version__}\n"


def test_help_lists_what_there_is(capsys):
    from spectrack.evaluation.protocols import PROTOCOLS
    from spectrack.sensors import SENSORS
    from spectrack.sequences import FORMATS
    from spectrack.trackers.registry import ablation_files, recipe_files, tracker_words

    track, evaluate = help_of(capsys, "track"), help_of(capsys, "evaluate")
    for name in set(FORMATS) - {"simulated"}:
        assert name in track
    for name in PROTOCOLS:
        assert name in track
        assert name in evaluate
    for name in SENSORS:
        assert name in track
        assert name in help_of(capsys, "simulate")
    for name in recipe_files():
        assert name in help_of(capsys, "train")
    for name in ablation_files():
        assert name in help_of(capsys, "ablate")
    for command in ("track", "benchmark", "demo"):
        for name in tracker_words():
            assert name in help_of(capsys, command)


def test_unforeseen_faults_are_told_from_wrong_input(capsys, monkeypatch):
    from spectrack.cli.doctor import Doctor

    def broken(self):
        raise ZeroDivisionError("a fault of ours")

    monkeypatch.setattr(Doctor, "run", broken)
    assert main(["doctor"]) == 1
    assert "ZeroDivisionError: a fault of ours" in capsys.readouterr().err
    monkeypatch.setenv("SPECTRACK_TRACEBACK", "1")
    with pytest.raises(ZeroDivisionError):
        main(["doctor"])
