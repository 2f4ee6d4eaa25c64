"""Two trackers open loop: every frame of a video starts from one's state in both, so that only answers are compared."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from numpy.typing import ArrayLike

from spectrack.boxes import as_box
from spectrack.errors import BoxError
from spectrack.sequences.base import Sequence
from spectrack.trackers.base import Estimate
from spectrack.trackers.siamese import SiameseTracker


def follow_open_loop(
    sequence: Sequence, leader: SiameseTracker, follower: SiameseTracker, *, box: ArrayLike | None = None
) -> Iterator[tuple[Estimate, Estimate]]:
    """What two trackers of the same method and weights say about each frame, starting from the leader's state in both.

    What the leader decides to learn from a frame, the follower learns too, at the leader's box, and nothing else.

    Args:
        sequence: the video.
        leader: the reference, such as torch in fp32.
        follower: computed in another way; its own decisions have no say.
        box: in the first frame; the sequence's own by default.

    Yields:
        The leader's and the follower's estimate for every frame but the first.

    Raises:
        BoxError: no box is given and the sequence has none.
    """
    first = sequence.first_box if box is None else as_box(box)
    if first is None:
        raise BoxError(f"expected a first box for {sequence.name}, found no box and no truth; give one")
    for tracker in (leader, follower):
        tracker.init(sequence.frame(0), first, wavelengths_nm=sequence.wavelengths_nm)
    with _learning_together(leader, follower):
        for index in range(1, len(sequence)):
            frame = sequence.frame(index)
            follower._state, follower._support = copy.deepcopy((leader._state, leader._support))
            # The follower first: what the leader learns from this frame counts from the next one on.
            found, expected = follower.update(frame), leader.update(frame)
            yield expected, found


@contextmanager
def _learning_together(leader: Any, follower: Any) -> Iterator[None]:
    learn, learn_too = leader._adapt, follower._adapt

    def adapt(*decided: Any) -> None:
        learn(*decided)
        learn_too(*decided)

    leader._adapt, follower._adapt = adapt, lambda *_: None
    try:
        yield
    finally:
        del leader._adapt, follower._adapt
