"""The folder of one training: resolved recipe, environment, log and newest checkpoint; each written whole or not at
all.

``recipe.json`` says whose run it is, ``environment.json`` where it started (a resumed run keeps the number format
chosen there, so that it gives the same weights), ``log.jsonl`` has one JSON object a line, ``checkpoint.ckpt`` is what
a run goes on from.
"""

from __future__ import annotations

import json
import math
import pickle
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from spectrack.errors import ConfigError
from spectrack.files import write_atomically, write_json, write_text
from spectrack.provenance import provenance
from spectrack.tables import from_table
from spectrack.trackers.precision import Precision
from spectrack.training.recipe import Recipe


class RunDirectory:
    """A run directory; only one process of a training writes to it.

    Args:
        path: the folder; made when missing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.log_file, self.checkpoint = path / "log.jsonl", path / "checkpoint.ckpt"
        self._environment = path / "environment.json"

    def claim(self, recipe: Recipe) -> None:
        """Make the folder this recipe's.

        Raises:
            ConfigError: it is a file, or holds a run of another recipe; the keys that differ are named.
        """
        if self.path.exists() and not self.path.is_dir():
            raise ConfigError(f"expected a folder for the run, found the file {self.path}; choose another --out")
        resolved, file = json.loads(json.dumps(recipe.to_json())), self.path / "recipe.json"
        if not file.is_file():
            write_json(file, resolved)
            return
        different = sorted(_differences(resolved, _read_recipe(file)))
        if different:
            raise ConfigError(
                f"expected a run of the same recipe in {self.path}, found one that differs in {', '.join(different)}; "
                "choose another --out"
            )

    def settle_precision(self, resolved: Precision, machine: str) -> Precision:
        """The number format of this run: the one it started with, else `resolved`, which is written down with the
        machine's name.
        """
        started = self.environment()
        if started is not None:
            return "bf16" if started.get("precision") == "bf16" else "fp32"
        write_json(self._environment, {"precision": resolved, "machine": machine, **provenance()})
        return resolved

    def environment(self) -> dict[str, Any] | None:
        """Number format, machine and versions that the run started with, or None before it did."""
        return _read(self._environment) if self._environment.is_file() else None

    def log(self, entry: Mapping[str, Any]) -> None:
        """Append a line; numbers that are not finite become null, because JSON has none."""
        values = {
            key: None if isinstance(value, float) and not math.isfinite(value) else value
            for key, value in entry.items()
        }
        with self.log_file.open("a", encoding="utf-8") as log:
            log.write(json.dumps(values | {"time": round(time.time(), 1)}, allow_nan=False) + "\n")

    def cut_log(self, step: int) -> None:
        """Drop what was logged after `step`: an interrupted run does those steps again."""
        if not self.log_file.is_file():
            return
        lines = self.log_file.read_text(encoding="utf-8").splitlines()
        kept = [line for line in lines if (entry := _parsed(line)) is not None and entry.get("step", 0) <= step]
        if kept != lines:
            write_text(self.log_file, "".join(line + "\n" for line in kept))

    def logged_step(self) -> int:
        """The step of the newest whole line of the log; 0 before the first."""
        if not self.log_file.is_file():
            return 0
        lines = self.log_file.read_text(encoding="utf-8").splitlines()
        entry = next((entry for line in reversed(lines) if (entry := _parsed(line)) is not None), {})
        return int(entry.get("step", 0))

    def save_checkpoint(self, state: Mapping[str, Any]) -> None:
        """Replace the checkpoint; the old one stays until the new one is whole."""
        with write_atomically(self.checkpoint) as temporary:
            torch.save(dict(state), temporary)

    def load_checkpoint(self, device: torch.device) -> dict[str, Any] | None:
        """The newest checkpoint, or None before the first.

        Raises:
            ConfigError: the file is damaged.
        """
        if not self.checkpoint.is_file():
            return None
        try:
            state: dict[str, Any] = torch.load(self.checkpoint, map_location=device, weights_only=True)
        except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError, zipfile.BadZipFile) as error:
            raise ConfigError(
                f"expected a whole checkpoint, found a damaged file at {self.checkpoint}; delete it to train from the "
                "start"
            ) from error
        return state


def _differences(left: Any, right: Any, place: str = "") -> list[str]:
    """Dotted keys whose values differ between two nested tables."""
    if not (isinstance(left, dict) and isinstance(right, dict)):
        return [] if left == right else [place]
    keys = left.keys() | right.keys()
    inner = place + "." if place else ""
    return [name for key in keys for name in _differences(left.get(key), right.get(key), f"{inner}{key}")]


def _read(file: Path) -> dict[str, Any]:
    values = _parsed(file.read_text(encoding="utf-8"))
    if values is None:
        raise ConfigError(
            f"expected JSON written by an earlier run, found something else in {file}; choose another --out"
        )
    return values


def _read_recipe(file: Path) -> dict[str, Any]:
    """The recipe of a run as it would be written today; as it stands where it cannot be read any more."""
    values = _read(file)
    try:
        return from_table(Recipe, values, str(file)).to_json()
    except ConfigError:
        return values


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        values = json.loads(text)
    except json.JSONDecodeError:
        return None
    return values if isinstance(values, dict) else None
