"""Packages that only some commands need: imported when they are, and named with their extra where they are missing."""

from __future__ import annotations

import importlib
from typing import Any

from spectrack.errors import MissingExtraError


def import_extra(module: str, extra: str, package: str | None = None) -> Any:
    """A module of a package that an extra brings.

    Args:
        module: as it is imported, such as ``pyarrow.parquet``.
        extra: of `spectrack` in pyproject.toml, such as ``parquet``.
        package: as it is installed, where that is another name than the module's first.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        named = package or module.partition(".")[0]
        raise MissingExtraError(
            f"expected the package {named}, found none; pip install 'spectrack[{extra}]'"
        ) from error
