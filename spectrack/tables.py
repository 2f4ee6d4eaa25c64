"""From a table (of TOML or JSON) to a typed dataclass and back; what does not fit is told in a sentence with its place.

The fields' types decide: a dataclass is a table of its own, a tuple a list, ``X | None`` may be null. Ranges are the
dataclass's own business: it calls `require` when it is made.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import json
import math
import tomllib
import types
import typing
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, cast

from spectrack.errors import ConfigError, InputError, SpectrackError, nearest_name

Kind = TypeVar("Kind")

_TYPE_NAMES = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}


class RangeError(ConfigError):
    """A value of a good type that its dataclass refuses.

    Args:
        key: name of the field.
        expected: the range in words.
        found: the value.
        remedy: what to do.
    """

    def __init__(self, key: str, expected: str, found: object, remedy: str = "correct the value") -> None:
        self.key, self.expected, self.found, self.remedy = key, expected, found, remedy
        super().__init__(f"expected {expected} for {key!r}, found {_shown(found)}; {remedy}")


def require(holds: bool, key: str, expected: str, found: object) -> None:
    """Refuse a value that is out of range; to be called by the dataclass that has the field `key`.

    Raises:
        RangeError: it does not hold; `from_table` adds the place in the file.
    """
    if not holds:
        raise RangeError(key, expected, found)


@dataclass(frozen=True)
class Interval:
    """Range of a field's number, as ``Annotated[float, Interval("[0, 1)")]``; of a tuple, every number has it.

    Attributes:
        text: both ends; a round bracket leaves its end out, ``inf`` is no end.
        rising: the numbers of a tuple do not fall.

    Example:
        >>> Interval("(0, 1]").holds(0.5), Interval("(0, 1]").holds(0.0), Interval("[0, inf)").holds(math.nan)
        (True, False, False)
    """

    text: str
    rising: bool = False

    @property
    def ends(self) -> tuple[float, float]:
        """The lower and the upper end."""
        low, high = self.text[1:-1].split(",")
        return float(low), float(high)

    def holds(self, value: Any) -> bool:
        """Whether a number, or every number of a tuple, lies within."""
        if isinstance(value, tuple | list):
            falls = any(first > second for first, second in itertools.pairwise(value))
            return all(map(self.holds, value)) and not (self.rising and falls)
        low, high = self.ends
        above = value >= low if self.text[0] == "[" else value > low
        return bool(above and (value <= high if self.text[-1] == "]" else value < high))

    def describe(self, value: Any) -> str:
        """The range in words, for a value that is not in it."""
        if isinstance(value, tuple | list):
            return f"numbers in {self.text}{', the smallest first' if self.rising else ''}"
        return f"a {'whole ' if isinstance(value, int) else ''}number in {self.text}"


Share = Annotated[float, Interval("[0, 1]")]
"""A part of a whole."""

Seed = Annotated[int, Interval("[0, 4294967295]")]
"""What any generator takes."""


def require_ranges(value: object) -> None:
    """Refuse a dataclass with a number outside of its field's `Interval`.

    Raises:
        RangeError: the first such field is named.
    """
    for name, interval in _intervals(cast(Hashable, type(value))).items():
        found = getattr(value, name)
        require(interval.holds(found), name, interval.describe(found), found)


def require_choice(key: str, choices: Iterable[str], found: object) -> None:
    """Refuse a value that is none of `choices`, and offer the nearest; otherwise as `require`."""
    known = list(map(str, choices))
    if found not in known:
        raise RangeError(key, f"one of {', '.join(known)}", found, nearest_name(str(found), known))


def require_choices(value: object) -> None:
    """Refuse a dataclass one of whose ``Literal`` fields has another value, as one made in Python may have.

    Raises:
        RangeError: it has; the nearest is offered.
    """
    for name, hint in _field_types(cast(Hashable, type(value))).items():
        if typing.get_origin(hint) is Literal:
            require_choice(name, typing.get_args(hint), getattr(value, name))


def from_table(
    kind: type[Kind],
    values: Any,
    source: str,
    *,
    place: str = "",
    error: type[InputError] = ConfigError,
    unknown: Literal["refuse", "ignore"] = "refuse",
) -> Kind:
    """A dataclass from a table, checked key by key.

    Args:
        kind: the dataclass. Where values decide what the types of its fields are, as the method of a recipe does, it
            says so itself in a class method ``field_types(values)``; where its tables were once written otherwise, a
            class method ``from_older(values)`` turns them into those of today.
        values: the table.
        source: what is read, in the words of a message, such as ``the recipe``.
        place: dotted place of the table in there.
        error: what is raised.
        unknown: what becomes of keys that the dataclass does not have.

    Raises:
        InputError: the class `error`: an unknown key (the nearest is offered), a missing one, a wrong type or range.

    Example:
        >>> Clip = dataclasses.make_dataclass("Clip", [("frames", int), ("noise", float, 0.5)])
        >>> from_table(Clip, {"frames": 3, "noise": 1}, "clip.toml")
        Clip(frames=3, noise=1.0)
        >>> from_table(Clip, {"frames": 3, "nois": 1}, "clip.toml")
        Traceback (most recent call last):
        spectrack.errors.ConfigError: expected a known key in clip.toml, found 'nois'; did you mean 'noise'?
    """
    return _Reader(source, error, unknown == "ignore").build(kind, values, place)


def to_table(value: Any) -> dict[str, Any]:
    """A dataclass as a dictionary, its tuples as lists, all the way down: what JSON and TOML can hold."""
    return {item.name: _plain(getattr(value, item.name)) for item in dataclasses.fields(value)}


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return to_table(value)
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return str(value) if isinstance(value, Path) else value


def read_table(path: Path, *, error: type[InputError] = ConfigError) -> dict[str, Any]:
    """The table in a TOML or JSON file.

    Raises:
        InputError: the class `error`: the file cannot be read, or holds something else.
    """
    kind = "TOML" if path.suffix == ".toml" else "JSON"
    try:
        text = path.read_text(encoding="utf-8-sig")
        values = tomllib.loads(text) if kind == "TOML" else json.loads(text)
    except (ValueError, RecursionError) as reason:
        other = "" if path.suffix in (".toml", ".json") else ", or TOML under a name that ends with .toml"
        raise error(f"expected {kind}{other} in {path}, found: {str(reason)[:120]}; mend the file") from reason
    except OSError as reason:
        found = reason.strerror or reason
        raise error(f"expected a readable file {path}, found: {found}; correct the path or its permissions") from reason
    if not isinstance(values, dict):
        raise error(f"expected a {kind} table in {path}, found {type(values).__name__}; mend the file")
    return values


@dataclass(frozen=True)
class _Reader:
    source: str
    error: type[InputError]
    lenient: bool

    def build(self, kind: type[Kind], values: Any, place: str) -> Kind:
        if isinstance(values, kind):
            return values
        if not isinstance(values, Mapping):
            raise self._refused("a table", place, values, f"write [{place}]")
        inner = f"{place}." if place else ""
        if translate := getattr(kind, "from_older", None):
            values = translate(values)
        types_of = dict(_field_types(cast(Hashable, kind)))
        # A table whose values decide what its parts are says so itself.
        if chooser := getattr(kind, "field_types", None):
            types_of |= self._guarded(chooser, inner, values)
        arguments = {}
        for key, value in values.items():
            if key in types_of:
                arguments[key] = self._convert(types_of[key], value, f"{inner}{key}")
            elif not self.lenient:
                raise self.error(
                    f"expected a known key in {self.source}, found {f'{inner}{key}'!r}; {nearest_name(key, types_of)}"
                )
        missing = [name for name in _needed(cast(Hashable, kind)) if name not in values]
        if missing:
            where = f"{place!r} in {self.source}" if place else self.source
            raise self.error(
                f"expected {' and '.join(missing)} in {where}, found {', '.join(map(str, values)) or 'nothing'}; add it"
            )
        return cast(Kind, self._guarded(kind, inner, **arguments))

    def _guarded(self, function: Any, inner: str, *arguments: Any, **named: Any) -> Any:
        """A call whose refusals get the place in the file."""
        try:
            return function(*arguments, **named)
        except RangeError as refusal:
            where = f"{inner}{refusal.key}"
            raise self._refused(refusal.expected, where, refusal.found, refusal.remedy) from refusal
        except SpectrackError as refusal:
            raise refusal if isinstance(refusal, self.error) else self.error(f"{refusal} ({self.source})") from refusal

    def _convert(self, hint: Any, value: Any, place: str) -> Any:
        origin, arguments = typing.get_origin(hint), typing.get_args(hint)
        if hint is Any:
            return value
        if origin in (types.UnionType, typing.Union):
            return self._convert_union(arguments, value, place)
        if dataclasses.is_dataclass(hint):
            return self.build(cast(type, hint), value, place)
        if origin in (dict, Mapping):
            if not isinstance(value, Mapping):
                raise self._refused("a table", place, value, "write {name = value}")
            return {key: self._convert(arguments[1], part, f"{place}.{key}") for key, part in value.items()}
        if isinstance(hint, type) and issubclass(hint, dict):  # a dictionary that has a name of its own
            return hint(self._convert(cast(Any, hint).__orig_bases__[0], value, place))
        if origin is Literal:
            if value not in arguments:
                hint_text = nearest_name(str(value), map(str, arguments))
                raise self._refused(f"one of {', '.join(map(str, arguments))}", place, value, hint_text)
            return value
        if origin in (tuple, list):
            return origin(self._convert_items(arguments, value, place))
        if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
            if not math.isfinite(value):
                raise self._refused("a finite number", place, value)
            return float(value)
        if hint is Path and isinstance(value, str):
            return Path(value)
        if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
            raise self._refused(_TYPE_NAMES.get(hint, getattr(hint, "__name__", str(hint))), place, value)
        return value

    def _convert_union(self, hints: tuple[Any, ...], value: Any, place: str) -> Any:
        if value is None and type(None) in hints:
            return None
        real = [hint for hint in hints if hint is not type(None)]
        fitting = [hint for hint in real if isinstance(hint, type) and type(value) is hint]
        return self._convert((fitting or real)[0], value, place)

    def _convert_items(self, arguments: tuple[Any, ...], value: Any, place: str) -> list[Any]:
        if not isinstance(value, list | tuple):
            raise self._refused("a list", place, value, "write [a, b]")
        endless = len(arguments) == 1 or arguments[-1] is Ellipsis
        items = [arguments[0]] * len(value) if endless else list(arguments)
        if len(items) != len(value):
            raise self._refused(f"{len(items)} values", place, value)
        return [
            self._convert(item, part, f"{place}[{number}]")
            for number, (item, part) in enumerate(zip(items, value, strict=True))
        ]

    def _refused(self, expected: str, place: str, found: object, remedy: str = "correct the value") -> InputError:
        where = f"{place!r} in {self.source}" if place else self.source
        return self.error(f"expected {expected} for {where}, found {_shown(found)}; {remedy}")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


@functools.cache
def _field_types(kind: Any) -> Mapping[str, Any]:
    hints = typing.get_type_hints(kind)
    return {entry.name: hints[entry.name] for entry in dataclasses.fields(kind) if entry.init}


@functools.cache
def _intervals(kind: Any) -> Mapping[str, Interval]:
    hints = typing.get_type_hints(kind, include_extras=True)
    found = {
        name: [item for item in getattr(hint, "__metadata__", ()) if isinstance(item, Interval)]
        for name, hint in hints.items()
    }
    return {name: intervals[0] for name, intervals in found.items() if intervals}


@functools.cache
def _needed(kind: Any) -> tuple[str, ...]:
    missing = dataclasses.MISSING
    return tuple(
        entry.name
        for entry in dataclasses.fields(kind)
        if entry.init and entry.default is missing and entry.default_factory is missing
    )
