"""Tables to dataclasses and back: what fits, and a sentence with the place for everything that does not."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from spectrack.errors import ConfigError, WeightsError
from spectrack.tables import RangeError, from_table, read_table, require, to_table
from tests.fixtures.refusals import refuses


@dataclass(frozen=True)
class Part:
    width: int
    kind: Literal["plain", "wide"] = "plain"

    def __post_init__(self):
        require(self.width > 0, "width", "a positive number", self.width)


@dataclass(frozen=True)
class Whole:
    name: str
    share: float = 0.5
    parts: tuple[Part, ...] = ()
    pair: tuple[int, float] = (1, 2.0)
    weights: dict[str, float] = field(default_factory=dict)
    place: Path | None = None
    either: int | str = 1
    anything: Any = None


FULL = {
    "name": "a",
    "share": 1,
    "parts": [{"width": 2, "kind": "wide"}],
    "pair": [3, 4],
    "weights": {"x": 1},
    "place": "b/c",
    "either": "two",
    "anything": [1, None],
}


def test_there_and_back():
    whole = from_table(Whole, FULL, "a test")
    assert whole.parts == (Part(2, "wide"),)
    assert (whole.share, whole.pair, whole.weights) == (1.0, (3, 4.0), {"x": 1.0})
    assert (whole.place, whole.either) == (Path("b/c"), "two")
    assert isinstance(whole.share, float)
    assert from_table(Whole, to_table(whole), "a test") == whole
    assert from_table(Whole, whole, "a test") is whole
    assert from_table(Whole, {"name": "a", "place": None}, "a test").place is None


@pytest.mark.parametrize(
    ("change", "facts"),
    [
        ({"nam": "b"}, ("'nam'", "did you mean 'name'")),
        ({"name": 3}, ("text", "'name'", "3")),
        ({"share": "half"}, ("a number", "'share'", "'half'")),
        ({"share": True}, ("a number", "'share'", "True")),
        ({"parts": 3}, ("list", "'parts'", "3")),
        ({"parts": [3]}, ("table", "'parts[0]'", "3")),
        ({"parts": [{"width": 1}, {"widht": 1}]}, ("'parts[1].widht'", "did you mean 'width'")),
        ({"parts": [{"kind": "plain"}]}, ("width", "'parts[0]'", "kind")),
        ({"parts": [{"width": 1, "kind": "wade"}]}, ("plain, wide", "'parts[0].kind'", "did you mean 'wide'")),
        ({"parts": [{"width": -2}]}, ("a positive number", "'parts[0].width'", "-2")),
        ({"pair": [1]}, ("2 values", "'pair'", "[1]")),
        ({"weights": {"x": "much"}}, ("a number", "'weights.x'", "'much'")),
        ({"either": 1.5}, ("'either'", "1.5")),
    ],
)
def test_what_does_not_fit_is_told_with_its_place(change, facts):
    with refuses(ConfigError, "a test", facts):
        from_table(Whole, {**FULL, **change}, "a test")


def test_a_missing_key_is_named():
    with refuses(ConfigError, "a test", "name", "share"):
        from_table(Whole, {"share": 1}, "a test")


def test_unknown_keys_can_be_passed_over_and_errors_chosen():
    assert from_table(Whole, {"name": "a", "more": 1}, "a test", unknown="ignore") == Whole("a")
    with refuses(WeightsError, "'file.parts[0].width'"):
        from_table(Whole, {"name": "a", "parts": [{"width": 0}]}, "a test", place="file", error=WeightsError)


def test_a_range_is_told_without_a_file_too():
    with refuses(RangeError, "'width'", "a positive number", "-1"):
        Part(-1)


@pytest.mark.parametrize(
    ("name", "text"), [("a.toml", "a = "), ("a.json", "{"), ("a.json", "[1]"), ("a.json", b"\xff")]
)
def test_files_that_hold_no_table(tmp_path, name, text):
    (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    with refuses(ConfigError, name, name[2:].upper()):
        read_table(tmp_path / name)
    with refuses(ConfigError, "gone.toml"):
        read_table(tmp_path / "gone.toml")
