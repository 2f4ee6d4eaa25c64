"""One input tried and judged: what came of it, in how much processor time, and whether files of the user changed."""

from __future__ import annotations

import contextlib
import hashlib
import io
import logging
import os
import re
import shutil
import signal
import stat
import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spectrack.cli import main
from spectrack.errors import SpectrackError

PROCESSOR_SECONDS = 5
SENTENCE = re.compile(r".*expected .+, found\b.*; .+", re.DOTALL)  # a file's name may break a line
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]")
LONGEST_SENTENCE = 2000
OUT = "out"
"""Folder below an input's place that a trial may write into; everything else there is the user's."""

Trial = Callable[[], object]


class WrongError(Exception):
    """A result that is none, such as a box that is not finite."""


@dataclass(frozen=True)
class Kind:
    """One kind of input.

    Attributes:
        make: puts files into an empty folder by a generator, and gives what is to be done with them.
        count: inputs of a full run.
        prepare: what every trial needs, once a process.
    """

    make: Callable[[Path, np.random.Generator], Trial]
    count: int
    prepare: Callable[[], object] = lambda: None


class SlowError(BaseException):
    """Too much processor time; no handler of ordinary exceptions swallows it."""


def judge(kind: Kind, seed: int, number: int, place: Path) -> tuple[str, str, float]:
    """Outcome of one input, its words, and its seconds of processor time."""
    folder = place / "user"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trial = kind.make(folder, np.random.default_rng([seed, number]))
    before, started = state(folder), time.process_time()
    outcome, words = _tried(trial)
    seconds = time.process_time() - started
    after = state(folder)
    changed = sorted(name for name in before if after.get(name) != before[name])
    left = sorted(name for name in after if name not in before and not name.startswith(OUT))
    if changed or left:
        return "lost", f"changed or gone: {changed}; left behind: {left}; after {outcome}: {words}", seconds
    return outcome, words, seconds


def _tried(trial: Trial) -> tuple[str, str]:
    def stop(*_: Any) -> None:
        raise SlowError

    former = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, PROCESSOR_SECONDS)
    logging.disable()  # what only warns is judged by what a command prints
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            trial()
        return "valid", ""
    except WrongError as error:
        return "wrong", str(error)
    except SpectrackError as error:
        message = str(error)
        good = SENTENCE.fullmatch(message) and len(message) <= LONGEST_SENTENCE
        return ("refused", message) if good else ("unforeseen", f"no sentence: {message!r}")
    except SlowError:
        return "slow", f"more than {PROCESSOR_SECONDS} s: {_where()}"
    except MemoryError as error:
        return "memory", f"{error}: {_where()}"
    except Exception as error:
        return "unforeseen", f"{type(error).__name__}: {error}: {_where()}"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, former)


def _where() -> str:
    """The last lines of the trace, for whoever mends it."""
    return " <- ".join(line.strip().split("\n")[0] for line in traceback.format_exc().split("  File ")[-1:-5:-1])


def processor_seconds(process: int) -> float:
    """What another process, with all its threads, has spent so far."""
    return time.clock_gettime((~process << 3) | 2)  # how Linux numbers these clocks


def state(folder: Path) -> dict[str, str]:
    """Digest of every file below a folder, target of every link, by name."""
    found = {}
    for directory, folders, files in os.walk(os.fsencode(folder)):
        for name in (*folders, *files):
            path = os.path.join(directory, name)
            mode = os.lstat(path).st_mode
            key = os.fsdecode(os.path.relpath(path, os.fsencode(folder)))
            if stat.S_ISLNK(mode):
                found[key] = os.fsdecode(os.readlink(path))
            elif stat.S_ISREG(mode):
                with open(path, "rb") as file:
                    found[key] = hashlib.sha256(file.read()).hexdigest()
            else:
                found[key] = oct(stat.S_IFMT(mode))
    return found


def command(*words: object) -> None:
    """Run a command of spectrack in this process and hold it to its contract.

    Raises:
        SpectrackError: it ended with status 2; its sentence.
        RuntimeError: another status than 0, 1 (a finding) or 2, or more than a sentence.
    """
    printed, complained = io.StringIO(), io.StringIO()
    logging.disable(logging.NOTSET)
    logging.getLogger().handlers.clear()  # of the command before, which writes to what it has captured
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(complained):
        try:
            status = main([str(word) for word in words])
        except SystemExit as stop:
            raise RuntimeError(f"exit {stop.code!r} out of main") from stop
    said = complained.getvalue()
    for text in (printed.getvalue(), said):
        if CONTROL.search(text):
            raise WrongError(f"control signs on the console: {text[-300:]!r}")
    if status == 2:
        lines = [line for line in said.splitlines() if not line.startswith("spectrack: WARNING")]
        if len(lines) != 1:
            raise RuntimeError(f"not one sentence: {said!r}")
        raise SpectrackError(lines[0].removeprefix("spectrack: "))
    if status not in (0, 1) or "unforeseen" in said or "Traceback" in said:
        raise RuntimeError(f"status {status}: {said[-500:]}")


def demand(holds: object, words: str) -> None:
    """Judge a result wrong, in `words`, unless it holds."""
    if not holds:
        raise WrongError(words)
