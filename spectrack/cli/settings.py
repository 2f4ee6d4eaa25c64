"""Options as values by name: ``--set key=value`` as TOML writes it, plain words as text; and those of a command."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from typing import Any

from spectrack.errors import ConfigError
from spectrack.tables import to_table


def parse_settings(words: Iterable[str]) -> dict[str, Any]:
    """Settings by dotted key.

    Args:
        words: ``key=value`` each.

    Raises:
        ConfigError: a word without a key or a value.

    Example:
        >>> parse_settings(["optimiser.learning_rate=1e-3", "data.sources=['pictures']", "precision=fp32"])
        {'optimiser.learning_rate': 0.001, 'data.sources': ['pictures'], 'precision': 'fp32'}
    """
    settings: dict[str, Any] = {}
    for word in words:
        key, equals, text = word.partition("=")
        if not equals or not key.strip() or not text.strip():
            raise ConfigError(f"expected --set key=value, found {word!r}; write for example --set seed=3")
        settings[key.strip()] = _value(text.strip())
    return settings


def settings_of(command: Any) -> dict[str, Any]:
    """Every option of a command by name, those of its nested dataclasses too, as JSON values."""
    values = to_table(command)
    return {key: value for key, value in values.items() if not isinstance(value, dict)} | {
        key: value for nested in values.values() if isinstance(nested, dict) for key, value in nested.items()
    }


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
