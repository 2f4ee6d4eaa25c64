"""What is searched: words of the command line, known parameters, edges."""

from dataclasses import dataclass

import pytest

from spectrack.errors import ConfigError
from spectrack.trackers.method import Method
from spectrack.trackers.registry import find_method
from spectrack.tuning.ranges import USUAL, Choices, Range, make_space
from tests.fixtures.refusals import refuses


def test_the_usual_parameters_are_those_that_a_method_has():
    assert list(make_space(find_method("bcrnet"))) == list(USUAL)
    assert list(make_space(find_method("siamban"))) == [
        name for name in USUAL if name not in ("template_update", "update_mix")
    ]


def test_words_replace_the_usual_parameters_and_types_decide():
    words = ["size_rate=0.1..0.5", "agreement_cells = 0..3", "template_update=true,false", "fusion=map,box"]
    space = make_space(find_method("bcrnet"), words)
    assert space == {
        "size_rate": Range(0.1, 0.5),
        "agreement_cells": Range(0.0, 3.0, whole=True, last=("lower",)),
        "template_update": Choices((True, False)),
        "fusion": Choices(("map", "box")),
    }
    assert [str(values) for values in space.values()] == ["0.1..0.5", "0..3", "true,false", "map,box"]


@pytest.mark.parametrize(
    ("method", "word", "facts"),
    [
        ("siamban", "size_rat=0..1", ["size_rat", "size_rate"]),
        ("siamban", "size_rate", ["--vary", "size_rate"]),
        ("siamban", "size_rate=", ["--vary"]),
        ("siamban", "size_rate=0.5..0.1", ["size_rate=0.5..0.1", "smaller"]),
        ("siamban", "size_rate=0..nan", ["finite"]),
        ("siamban", "size_rate=a..b", ["size_rate=a..b", "two numbers"]),
        ("siamban", "size_rate=0..2", ["size_rate", "2.0"]),
        ("siamban", "agreement_cells=0.5..2", ["whole", "agreement_cells=0.5..2"]),
        ("bcrnet", "fusion=map,boxes", ["boxes"]),
    ],
)
def test_what_cannot_be_searched_is_refused(method, word, facts):
    with refuses(ConfigError, *facts):
        make_space(find_method(method), [word])


def test_a_method_without_usual_parameters_asks_for_some():
    @dataclass(frozen=True)
    class Options:
        speed: float = 1.0

    method = Method("drift", "Drift", "moves", "tests", "unused:Tracker", online=Options)
    with refuses(ConfigError, "drift", "--vary", "speed"):
        make_space(method)


def test_a_method_without_parameters_has_nothing_to_search():
    with refuses(ConfigError, "still"):
        make_space(Method("still", "Still", "rests", "tests", "unused:Tracker"))


def test_a_parameter_that_takes_no_values_beyond_says_so():
    words = ["size_rate=0.1..1", "window_influence=0..0.8", "search_growth=1..3"]
    space = make_space(find_method("siamban"), words)
    assert [values.last for values in space.values()] == [("upper",), ("lower",), ("lower",)]


def test_edges():
    plain, whole = Range(0.0, 1.0), Range(0, 4, whole=True)
    assert [plain.edge(value) for value in (0.0, 0.04, 0.06, 0.5, 0.94, 0.96, 1.0)] == [
        "lower", "lower", "", "", "", "upper", "upper",
    ]  # fmt: skip
    assert [whole.edge(value) for value in range(5)] == ["lower", "", "", "", "upper"]
    assert Choices((1, 2)).edge(1) == ""
