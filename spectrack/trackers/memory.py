"""What a network said of a video before, for those who track the same video again and again with other parameters."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

import numpy as np

Answer = TypeVar("Answer")

_OVERHEAD_BYTES = 500
"""About what an answer takes beside its arrays."""


class AnswerMemory:
    """Answers by what was asked; the ones that nobody asked for longest go first when it is full.

    One memory serves one video and one network. A tracker with another decision looks at other windows, but early on,
    and wherever the target is followed well, at many of the same.

    Args:
        limit_bytes: of all answers together.

    Attributes:
        asked: how many answers were wanted.
        recalled: how many of them were there.
    """

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes, self.asked, self.recalled = limit_bytes, 0, 0
        self._answers: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._bytes = 0

    def recall(self, question: Hashable, ask: Callable[[], Answer]) -> Answer:
        """The answer to a question: the one from before, else what `ask` returns, which is kept."""
        self.asked += 1
        if question in self._answers:
            self.recalled += 1
            self._answers.move_to_end(question)
            known: Answer = self._answers[question][0]
            return known
        answer = ask()
        size = _size(answer) + _OVERHEAD_BYTES
        if size <= self.limit_bytes:
            self._answers[question] = answer, size
            self._bytes += size
        while self._bytes > self.limit_bytes:
            self._bytes -= self._answers.popitem(last=False)[1][1]
        return answer


def _size(value: Any) -> int:
    """Bytes of all arrays in tuples and dictionaries."""
    if isinstance(value, np.ndarray):
        return value.nbytes
    if isinstance(value, dict):
        return sum(map(_size, value.values()))
    if isinstance(value, (tuple, list)):
        return sum(map(_size, value))
    return 0
