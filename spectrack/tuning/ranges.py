"""What is searched: for every online parameter the values it may take, and how they are written on the command line."""

from __future__ import annotations

import dataclasses
import math
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spectrack.errors import ConfigError, nearest_name
from spectrack.trackers.method import Method, resolve

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

_EDGE = 0.05
"""Share of a range that counts as its edge."""


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included; whole ones alone where `whole` says so.

    Attributes:
        low: smallest.
        high: largest.
        whole: whole numbers alone.
        last: ends beyond which the parameter takes no values at all, ``lower`` and ``upper``.
    """

    low: float
    high: float
    whole: bool = False
    last: tuple[str, ...] = ()

    def distribution(self) -> BaseDistribution:
        """As Optuna draws from it."""
        from optuna.distributions import FloatDistribution, IntDistribution

        if self.whole:
            return IntDistribution(int(self.low), int(self.high))
        return FloatDistribution(self.low, self.high)

    def holds(self, value: Any) -> bool:
        """Whether a value lies in it."""
        return not isinstance(value, (str, bool)) and self.low <= value <= self.high

    def edge(self, value: Any) -> str:
        """``lower`` or ``upper`` where a value lies at that end of the range, else empty."""
        margin = 0.5 if self.whole else _EDGE * (self.high - self.low)
        return "lower" if value < self.low + margin else "upper" if value > self.high - margin else ""

    def __str__(self) -> str:
        return f"{self.low:g}..{self.high:g}"


@dataclass(frozen=True)
class Choices:
    """A few values without an order."""

    values: tuple[Any, ...]

    def distribution(self) -> BaseDistribution:
        """As Optuna draws from it."""
        from optuna.distributions import CategoricalDistribution

        return CategoricalDistribution(self.values)

    def holds(self, value: Any) -> bool:
        """Whether a value is one of them."""
        return value in self.values

    def edge(self, value: Any) -> str:
        """Choices have no edge."""
        return ""

    def __str__(self) -> str:
        return ",".join(str(value).lower() if isinstance(value, bool) else str(value) for value in self.values)


Space = Mapping[str, Range | Choices]
"""By the name of a parameter, in the order in which it is searched."""

USUAL: Space = {
    "window_influence": Range(0.0, 0.8),
    "penalty": Range(0.0, 0.5),
    "size_rate": Range(0.05, 0.7),
    "agreement_cells": Range(0, 4, whole=True),
    "search_growth": Range(1.0, 2.5),
    "template_update": Choices((False, True)),
    "update_mix": Range(0.05, 0.6),
}
"""What is searched where nothing is named: window, penalty, size, area that is searched, update of the template."""


def make_space(method: Method, words: Iterable[str] = ()) -> dict[str, Range | Choices]:
    """What is searched for a method.

    Args:
        method: whose online parameters.
        words: ``name=low..high`` or ``name=a,b,c`` each; none for those in `USUAL` that the method has.

    Raises:
        ConfigError: a method without online parameters, an unknown name, a word of another form, or a range or choice
            that the parameter refuses.
    """
    if not method.online:
        raise ConfigError(f"expected a method with online parameters, found {method.name}; it has none to search")
    kind = resolve(method.online)
    known = typing.get_type_hints(kind)
    written = list(words)
    space = {name: found for name, found in USUAL.items() if name in known} if not written else {}
    for word in written:
        name, equals, text = (part.strip() for part in word.partition("="))
        if not equals or not text:
            raise ConfigError(
                f"expected NAME=LOW..HIGH or NAME=A,B in --vary, found {word!r}; write size_rate=0.1..0.5"
            )
        if name not in known:
            raise ConfigError(f"expected a parameter of {method.name} in --vary, found {name!r}; {_near(name, known)}")
        space[name] = _range(word, text, known[name] is int) if ".." in text else _choices(text)
    if not space:
        names = ", ".join(field.name for field in dataclasses.fields(kind))
        raise ConfigError(f"expected --vary NAME=LOW..HIGH for {method.name}, found none; its parameters are {names}")
    for name, values in space.items():
        if isinstance(values, Choices):
            for value in values.values:
                _try(kind, name, value)
            continue
        number = int if values.whole else float
        for end in (values.low, values.high):
            _try(kind, name, number(end))
        step = 1.0 if values.whole else _EDGE * (values.high - values.low)
        beyond = {"lower": values.low - step, "upper": values.high + step}
        last = tuple(end for end, value in beyond.items() if not _takes(kind, name, number(value)))
        space[name] = dataclasses.replace(values, last=last)
    return space


def _range(word: str, text: str, whole: bool) -> Range:
    try:
        low, high = (float(part) for part in text.split(".."))
    except ValueError:
        raise ConfigError(f"expected two numbers in --vary {word}, found {text!r}; write low..high") from None
    if not (math.isfinite(low) and math.isfinite(high) and low < high) or (whole and not (low % 1 == high % 1 == 0)):
        wanted = "two whole numbers, the smaller" if whole else "two finite numbers, the smaller"
        raise ConfigError(f"expected {wanted} first, in --vary, found {word!r}; correct the range")
    return Range(low, high, whole)


def _choices(text: str) -> Choices:
    """Choices as they are written: true, false, numbers, else text."""
    return Choices(tuple(dict.fromkeys(_value(part.strip()) for part in text.split(",") if part.strip())))


def _value(text: str) -> Any:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _near(name: str, known: Iterable[str]) -> str:
    return nearest_name(name, list(known))


def _takes(kind: type[Any], name: str, value: Any) -> bool:
    try:
        _try(kind, name, value)
    except ConfigError:
        return False
    return True


def _try(kind: type[Any], name: str, value: Any) -> None:
    """Refuse a value that the dataclass of options refuses."""
    from spectrack.tables import from_table

    from_table(kind, {name: value}, "the values in --vary")
