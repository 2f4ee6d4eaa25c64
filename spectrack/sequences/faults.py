"""Side files that cannot be used: the frames are read all the same, and what was passed over is said and kept."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from spectrack.errors import SequenceError
from spectrack.sequences.base import Sequence

_log = logging.getLogger(__name__)


def pass_over(sequence: Sequence, sentence: str) -> None:
    """Warn of a side file that cannot be used, once, and keep the sentence with the sequence."""
    if sentence not in sequence.faults:
        sequence.faults = (*sequence.faults, sentence)
        _log.warning("%s (the frames are read without it)", sentence)


@contextmanager
def passed_over(sequence: Sequence) -> Iterator[None]:
    """Pass over the side file that the block cannot use."""
    try:
        yield
    except SequenceError as error:
        pass_over(sequence, str(error))
