"""Nested tuples of tensors as a flat list with names, and back: what an exported model takes and gives."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from torch import Tensor


def flatten(value: Any) -> list[Tensor]:
    """The tensors in nested tuples and lists, in their order; what is no tensor is left out.

    Example:
        >>> import torch
        >>> [float(part) for part in flatten((torch.tensor(1.0), None, [torch.tensor(2.0)]))]
        [1.0, 2.0]
    """
    if isinstance(value, Tensor):
        return [value]
    return [part for item in value for part in flatten(item)] if isinstance(value, tuple | list) else []


def rebuild(like: Any, tensors: Iterator[Tensor]) -> Any:
    """The structure of `like` with other tensors in it; what is no tensor stays."""
    if isinstance(like, Tensor):
        return next(tensors)
    if not isinstance(like, tuple | list):
        return like
    parts = [rebuild(item, tensors) for item in like]
    return type(like)(*parts) if hasattr(like, "_fields") else type(like)(parts)


def names_in(value: Any, place: str = "", names: Sequence[str] = ()) -> list[str]:
    """Names of the tensors that `flatten` finds: the fields on the way to each, or its place in a tuple, with dots.

    Args:
        value: nested tuples and lists.
        place: name of the whole.
        names: of the entries of a tuple that has no fields.

    Example:
        >>> import torch
        >>> zero = torch.zeros(())
        >>> names_in((zero, (zero, zero)), names=("logits", "kernels"))
        ['logits', 'kernels.0', 'kernels.1']
    """
    if isinstance(value, Tensor):
        return [place or "output"]
    if not isinstance(value, tuple | list):
        return []
    fields = getattr(value, "_fields", names) or [str(number) for number in range(len(value))]
    prefix = f"{place}." if place else ""
    return [found for name, item in zip(fields, value, strict=True) for found in names_in(item, f"{prefix}{name}")]


def parameter_names(call: Callable[..., Any], count: int) -> list[str]:
    """Names of the first `count` positional parameters of a function or module."""
    found = list(inspect.signature(getattr(call, "forward", call)).parameters)
    return found[:count]
