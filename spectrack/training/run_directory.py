"""The folder of one training: resolved recipe, environment, log, newest checkpoint; each written whole or not at all.

``recipe.json`` says whose run it is, ``environment.json`` where it started (a resumed run keeps the number format
chosen there, so that it gives the same weights), ``log.jsonl`` has one JSON object a line, ``checkpoint.ckpt`` is what
a run goes on from, ``unlabelled.json`` tells what video without boxes gave.
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

from spectrack.engines.engine import Precision
from spectrack.errors import ConfigError
from spectrack.files import Claim, Terms, refuse_other
from spectrack.provenance import provenance
from spectrack.tables import from_table
from spectrack.training.recipe import Recipe

RECIPE, ENVIRONMENT, LOG, CHECKPOINT = "recipe.json", "environment.json", "log.jsonl", "checkpoint.ckpt"
UNLABELLED_REPORT = "unlabelled.json"


def training_terms(recipe: Recipe) -> Terms:
    """The terms on which a training claims its folder, which may hold other things; see `spectrack.files.Terms`."""
    names = (RECIPE, ENVIRONMENT, LOG, CHECKPOINT, f"{recipe.name}.safetensors")
    return Terms("training", resume=True, empty=False, names=names, data=recipe.data.places)


class TrainingDirectory:
    """A run directory, to read.

    Args:
        path: the folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.checkpoint = path / CHECKPOINT

    def environment(self) -> dict[str, Any] | None:
        """Number format, machine and versions that the run started with, or None before it did."""
        file = self.path / ENVIRONMENT
        return _read(file) if file.is_file() else None

    def logged_step(self) -> int:
        """The step of the newest whole line of the log; 0 before the first."""
        entry = next((entry for line in reversed(self._log_lines()) if (entry := _parsed(line)) is not None), {})
        return int(entry.get("step", 0))

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
                f"expected a whole checkpoint, found a damaged one in {self.checkpoint}; delete it to train anew"
            ) from error
        return state

    def _log_lines(self) -> list[str]:
        file = self.path / LOG
        return file.read_text(encoding="utf-8").splitlines() if file.is_file() else []


class ClaimedTrainingDirectory(TrainingDirectory):
    """A run directory that this process writes.

    Args:
        claim: of the folder, on `training_terms`.
        recipe: of the training.

    Raises:
        ConfigError: it holds a run of another recipe; the key that differs is named.
    """

    def __init__(self, claim: Claim, recipe: Recipe) -> None:
        super().__init__(claim.path)
        self.claim, self.recipe = claim, recipe
        if claim.holds(RECIPE):
            refuse_other(_read_recipe(self.path / RECIPE), recipe.to_json(), f"the training in {self.path}")

    def precision(self) -> Precision | None:
        """The number format that this run started with; None where it has not started."""
        started = self.environment()
        return None if started is None else "bf16" if started.get("precision") == "bf16" else "fp32"

    def threads(self) -> int | None:
        """How many threads torch had when this run started; None where it has not, or an earlier version began it."""
        found = (self.environment() or {}).get("torch_threads")
        return found if isinstance(found, int) and found > 0 else None

    def refuse_other_data(self, data: Mapping[str, str]) -> None:
        """Refuse to go on over other data than those that the run started with.

        Args:
            data: by source what it is made of; earlier versions did not write it down.

        Raises:
            ConfigError: the source that differs is named.
        """
        started = (self.environment() or {}).get("data")
        if started is not None:
            remedy = "frames, truth or the code that renders them changed: name another folder, or remove that one"
            refuse_other({"data": started}, {"data": dict(data)}, f"the training in {self.path}", remedy)

    def start(self, precision: Precision, machine: str, data: Mapping[str, str], **more: Any) -> None:
        """Write down whose run this is, where it starts and over which data; nothing where it has started.

        Args:
            precision: number format.
            machine: in words.
            data: as for `refuse_other_data`.
            more: what else is to be known about the data; what is empty is left out.
        """
        if not self.claim.holds(RECIPE):
            self.claim.write_json(RECIPE, self.recipe.to_json())
        if not self.claim.holds(ENVIRONMENT):
            started = {"precision": precision, "machine": machine, "data": dict(data)}
            told = {name: value for name, value in more.items() if value}
            self.claim.write_json(ENVIRONMENT, started | told | provenance())

    def tell_unlabelled(self, report: Mapping[str, Any]) -> None:
        """Write down what video without boxes gave, and why not more."""
        if not self.claim.holds(UNLABELLED_REPORT):
            self.claim.write_json(UNLABELLED_REPORT, dict(report))

    def log(self, entry: Mapping[str, Any]) -> None:
        """Add a line; numbers that are not finite become null, because JSON has none."""
        values = {
            key: None if isinstance(value, float) and not math.isfinite(value) else value
            for key, value in entry.items()
        }
        self._write_log([*self._log_lines(), json.dumps(values | {"time": round(time.time(), 1)}, allow_nan=False)])

    def cut_log(self, step: int) -> None:
        """Drop what was logged after `step`: an interrupted run does those steps again."""
        lines = self._log_lines()
        kept = [line for line in lines if (entry := _parsed(line)) is not None and entry.get("step", 0) <= step]
        if kept != lines:
            self._write_log(kept)

    def save_checkpoint(self, state: Mapping[str, Any]) -> None:
        """Replace the checkpoint; the old one stays until the new one is whole."""
        with self.claim.writing(CHECKPOINT) as temporary:
            torch.save(dict(state), temporary)

    def _write_log(self, lines: list[str]) -> None:
        self.claim.write_text(LOG, "".join(line + "\n" for line in lines))


def _read(file: Path) -> dict[str, Any]:
    values = _parsed(file.read_text(encoding="utf-8"))
    if values is None:
        raise ConfigError(f"expected JSON written by an earlier run, found other text in {file}; choose another --out")
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
    except (ValueError, RecursionError):
        return None
    return values if isinstance(values, dict) else None
