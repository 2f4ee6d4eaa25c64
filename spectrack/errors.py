"""The errors a user can meet: each says what was expected, what was found and what to do.

Every class also derives from the matching built-in, so code that catches ``ValueError`` or ``FileNotFoundError`` keeps
working. The command line prints the message of any `SpectrackError` and exits with status 2.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class SpectrackError(Exception):
    """Base of every error that spectrack raises on purpose."""


class InputError(SpectrackError, ValueError):
    """A value, an array or a file's content is not what was expected."""


class BoxError(InputError):
    """A box is degenerate, not finite or outside the frame."""


class CubeError(InputError):
    """A hyperspectral frame has a wrong shape, type or values."""


class SequenceError(InputError):
    """Frames or annotations of a sequence do not fit together or cannot be read."""


class SequenceNotFoundError(SpectrackError, FileNotFoundError):
    """No readable sequence at the place that was named."""

    def __str__(self) -> str:
        return " ".join(str(part) for part in self.args)


class WeightsError(InputError):
    """A weights file is missing, damaged or made for something else."""


class ConfigError(InputError):
    """A recipe or an option is unknown or out of range."""


class StoppedError(SpectrackError):
    """Somebody ended a track in a source before there was a box to start on; no fault."""


class MissingExtraError(SpectrackError, ImportError):
    """An optional dependency is not installed."""


def nearest_name(name: str, known: Iterable[str]) -> str:
    """A hint naming the known word closest to `name`, or all of them when none is close.

    Example:
        >>> nearest_name("learning_rat", ["learning_rate", "seed"])
        "did you mean 'learning_rate'?"
        >>> nearest_name("xyz", ["b", "a"])
        'known: a, b'
    """
    words = sorted(known)
    close = difflib.get_close_matches(name, words, n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else "known: " + ", ".join(words)


def fault_and_place(error: OSError) -> str:
    """What the system says is wrong, and with which file; of two, where something was to be written.

    Example:
        >>> fault_and_place(OSError(28, "No space left on device", "model.onnx", None, "out/model.onnx"))
        'No space left on device at out/model.onnx'
    """
    named = error.filename if error.filename2 is None else error.filename2
    return f"{error.strerror or error}{'' if named is None else f' at {named}'}"
