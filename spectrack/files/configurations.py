"""Whether something was started with the same configuration, and what differs."""

from __future__ import annotations

import json
from typing import Any

from spectrack.errors import ConfigError


def first_difference(before: Any, now: Any, where: str = "") -> tuple[str, Any, Any] | None:
    """The first place at which two JSON values differ, with both values; None when they are equal.

    Example:
        >>> first_difference({"tracker": {"name": "a"}}, {"tracker": {"name": "b"}})
        ('tracker.name', 'a', 'b')
    """
    if isinstance(before, dict) and isinstance(now, dict):
        for key in [*before, *(key for key in now if key not in before)]:
            difference = first_difference(before.get(key), now.get(key), f"{where}.{key}" if where else key)
            if difference is not None:
                return difference
        return None
    return None if before == now and type(before) is type(now) else (where, before, now)


def refuse_other(before: Any, now: Any, what: str, remedy: str = "name another folder") -> None:
    """Refuse to go on with something that was started with another configuration.

    Args:
        before: JSON values that it was started with.
        now: those wanted.
        what: goes on, such as ``the run in runs/cf``.
        remedy: what to do.

    Raises:
        ConfigError: they differ; the first difference is named.
    """
    difference = first_difference(before, json.loads(json.dumps(now, allow_nan=False)))
    if difference is not None:
        where, old, new = difference
        raise ConfigError(
            f"expected to go on with {what} as it was started, found {where} {_short(new)} instead of {_short(old)}; "
            f"{remedy}"
        )


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else text[:77] + "..."
