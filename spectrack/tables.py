"""Typed tables: from the nested tables of a TOML file to dataclasses, with a sentence for every value that does not
fit.
"""

from __future__ import annotations

import dataclasses
import typing
from typing import Any, Literal, TypeVar

from spectrack.errors import ConfigError, nearest_name

Section = TypeVar("Section")


def build_section(kind: type[Section], values: dict[str, Any], where: str) -> Section:
    """A dataclass from a table, checked key by key.

    Args:
        kind: the dataclass.
        values: the table.
        where: dotted place in the file, for messages.
    """
    hints = typing.get_type_hints(kind)
    # A table whose values decide what its sections are says so itself.
    section_types = getattr(kind, "section_types", None)
    if section_types is not None:
        hints |= section_types(values)
    known = {entry.name: entry for entry in dataclasses.fields(kind)}  # type: ignore[arg-type]
    arguments: dict[str, Any] = {}
    for key, value in values.items():
        place = f"{where}{key}"
        if key not in known:
            raise ConfigError(f"expected a known recipe key, found {place!r}; {nearest_name(key, known)}")
        arguments[key] = _convert(hints[key], value, place)
    return kind(**arguments)


def _convert(hint: Any, value: Any, place: str) -> Any:
    if dataclasses.is_dataclass(hint):
        if isinstance(value, typing.cast(type, hint)):
            return value
        if not isinstance(value, dict):
            raise ConfigError(f"expected a table for recipe key {place!r}, found {value!r}; write [{place}]")
        return build_section(typing.cast(type, hint), value, place + ".")
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is dict:
        if not isinstance(value, dict):
            raise ConfigError(f"expected a table for recipe key {place!r}, found {value!r}; write {{name = value}}")
        return {key: _convert(arguments[1], part, f"{place}.{key}") for key, part in value.items()}
    if origin is Literal:
        if value not in arguments:
            raise ConfigError(
                f"expected one of {', '.join(map(str, arguments))} for recipe key {place!r}, found {value!r}; choose "
                "one"
            )
        return value
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise ConfigError(f"expected a list for recipe key {place!r}, found {value!r}; write [a, b]")
        items = [arguments[0]] * len(value) if arguments[-1] is Ellipsis else list(arguments)
        if len(items) != len(value):
            raise ConfigError(
                f"expected {len(items)} values for recipe key {place!r}, found {value!r}; correct the list"
            )
        return tuple(_convert(item, part, place) for item, part in zip(items, value, strict=True))
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        raise ConfigError(f"expected {hint.__name__} for recipe key {place!r}, found {value!r}; correct the value")
    return value


def demand(holds: bool, key: str, expected: str, found: Any) -> None:
    """Refuse a value of the recipe that is out of range."""
    if not holds:
        raise ConfigError(f"expected {expected} for recipe key {key!r}, found {found!r}; correct the recipe")
