"""The first frames of a sequence, as a sequence."""

from __future__ import annotations

import numpy as np

from spectrack.errors import ConfigError
from spectrack.files.fingerprints import Ingredients
from spectrack.sequences.base import Frame, Sequence

_SHARED = (
    "name",
    "height",
    "width",
    "bands",
    "wavelengths_nm",
    "sensor",
    "fps",
    "attributes",
    "is_rgb",
    "metadata",
    "no_data",
)


class Excerpt(Sequence):
    """The first frames of another sequence; everything else is that sequence's own.

    Args:
        source: where the frames come from.
        frames: how many of them, at least 1; all where there are fewer.

    Raises:
        ConfigError: fewer than one frame.
        SequenceError: what the source refuses when it is asked for its truth.

    Example:
        >>> from spectrack.sequences.memory import MemorySequence
        >>> whole = MemorySequence(np.zeros((5, 8, 10, 16), np.uint16), truth=np.tile((2, 2, 4, 4), (5, 1)))
        >>> part = Excerpt(whole, 3)
        >>> len(part), part.truth.shape, part.bands
        (3, (3, 4), 16)
    """

    def __init__(self, source: Sequence, frames: int) -> None:
        if frames < 1:
            raise ConfigError(f"expected at least one frame of {source.name!r}, found {frames}; name how many to take")
        self.source, self._frames = source, min(frames, len(source))
        for name in _SHARED:
            setattr(self, name, getattr(source, name))
        visibility = source.visibility
        self.visibility = None if visibility is None else np.asarray(visibility)[: self._frames]
        self.truth = source.truth
        self._first_box, self._pictures = source.first_box, source._pictures

    def __len__(self) -> int:
        return self._frames

    def frame(self, i: int) -> Frame:
        """Frame `i` of the source."""
        return self.source.frame(self._index(i))

    def made_of(self) -> Ingredients:
        """What the source is made of; the length of the excerpt beside it."""
        whole = self.source.made_of()
        return Ingredients(whole.files, [whole.values, self._frames])
