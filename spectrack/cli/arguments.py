"""How the command line reads the fields of option dataclasses, which say nothing of a command line themselves."""

from __future__ import annotations

import functools
import operator
from dataclasses import replace
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from tyro.conf import Positional, UseAppendAction
from tyro.constructors import (
    ConstructorRegistry,
    PrimitiveConstructorSpec,
    PrimitiveTypeInfo,
    UnsupportedTypeAnnotationError,
)

from spectrack.errors import SpectrackError

RULES = ConstructorRegistry()
"""What differs from tyro's own reading of types."""

_Reading = PrimitiveConstructorSpec[Any] | UnsupportedTypeAnnotationError | None


@RULES.primitive_rule
def _optional(info: PrimitiveTypeInfo) -> _Reading:
    """A value that may be left out is written as if it had to be given; nobody types ``none``."""
    kinds: tuple[Any, ...] = get_args(info.type)
    if get_origin(info.type) is tuple or NoneType not in kinds:
        return None
    given = functools.reduce(operator.or_, (kind for kind in kinds if kind is not NoneType))
    spec = ConstructorRegistry.get_primitive_spec(PrimitiveTypeInfo.make(given, info.markers))
    if isinstance(spec, UnsupportedTypeAnnotationError):
        return spec
    return replace(
        spec,
        is_instance=lambda value: value is None or spec.is_instance(value),
        str_from_instance=lambda value: ["none"] if value is None else spec.str_from_instance(value),
    )


@RULES.primitive_rule
def _number(info: PrimitiveTypeInfo) -> _Reading:
    """A number; another word is refused in a sentence."""
    if info.type is int:
        return _number_spec(int, "INT", "a whole number")
    return _number_spec(float, "FLOAT", "a number") if info.type is float else None


def _number_spec(kind: type[int] | type[float], metavar: str, meant: str) -> PrimitiveConstructorSpec[Any]:
    def read(words: list[str]) -> int | float:
        try:
            return kind(words[0])
        except ValueError as error:
            raise _MisreadError(f"expected {meant}, found {words[0]!r}; correct that word (see --help)") from error

    return PrimitiveConstructorSpec(
        nargs=1,
        metavar=metavar,
        instance_from_str=read,
        is_instance=lambda value: isinstance(value, kind),
        str_from_instance=lambda value: [str(value)],
    )


@RULES.primitive_rule
def _named(info: PrimitiveTypeInfo) -> _Reading:
    """One of a few words; others are refused where the word is applied, in a sentence that offers the nearest."""
    if get_origin(info.type) is not Literal:
        return None
    return PrimitiveConstructorSpec(
        nargs=1,
        metavar="|".join(get_args(info.type)),
        instance_from_str=lambda words: words[0],
        is_instance=lambda value: isinstance(value, str),
        str_from_instance=lambda value: [value],
    )


@RULES.primitive_rule
def _listed(info: PrimitiveTypeInfo) -> _Reading:
    """Several words or numbers after one option, separated by commas or spaces."""
    kind = next((kind for kind in (str, int) if get_args(info.type) == (kind, ...)), None)
    if kind is None or info.markers & {UseAppendAction, Positional}:
        return None
    return PrimitiveConstructorSpec(
        nargs="*",
        metavar="A,B,...",
        instance_from_str=lambda words: _split(words, kind),
        is_instance=lambda value: isinstance(value, tuple),
        str_from_instance=lambda value: [",".join(map(str, value)) or "none"],
    )


class _MisreadError(SpectrackError):
    """Not a `ValueError`, which tyro would explain at length."""


def _split(words: list[str], kind: type[str] | type[int]) -> tuple[Any, ...]:
    parts = [part.strip() for word in words for part in word.split(",") if part.strip()]
    try:
        return tuple(kind(part) for part in parts)
    except ValueError as error:
        given = " ".join(words)
        raise _MisreadError(f"expected whole numbers such as 1,2, found {given!r}; separate them by commas") from error
