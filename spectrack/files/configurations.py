"""Whether something was started with the same configuration, and what differs."""

from __future__ import annotations

import json
from typing import Any

from spectrack.errors import ConfigError


def differences(before: Any, now: Any, where: str = "") -> list[tuple[str, Any, Any]]:
    """The places at which two JSON values differ, each with both values; what is absent counts as null.

    Example:
        >>> differences({"tracker": {"name": "a"}, "seed": 1}, {"tracker": {"name": "b"}, "seed": 1})
        [('tracker.name', 'a', 'b')]
    """
    if isinstance(before, dict) and isinstance(now, dict):
        keys = [*before, *(key for key in now if key not in before)]
        inner = f"{where}." if where else ""
        return [found for key in keys for found in differences(before.get(key), now.get(key), f"{inner}{key}")]
    return [] if before == now and type(before) is type(now) else [(where, before, now)]


def refuse_other(before: Any, now: Any, what: str, remedy: str = "name another folder with --out") -> None:
    """Refuse to go on with something that was started with another configuration.

    Args:
        before: JSON values that it was started with.
        now: those wanted.
        what: goes on, such as ``the run in runs/cf``.
        remedy: what to do.

    Raises:
        ConfigError: they differ; the places are named, the first with its values.
    """
    found = differences(*(json.loads(json.dumps(value, allow_nan=False)) for value in (before, now)))
    if found:
        where, old, new = found[0]
        others = ", ".join(place for place, _, _ in found[1:])
        raise ConfigError(
            f"expected to go on with {what} as it was started, found {where} {_short(new)} instead of {_short(old)}"
            f"{f' (and others: {others})' if others else ''}; {remedy}"
        )


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else text[:77] + "..."
