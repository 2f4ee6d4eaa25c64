"""Some frames of a sequence in a row, as a sequence."""

from __future__ import annotations

import numpy as np

from spectrack.errors import ConfigError
from spectrack.files.fingerprints import Ingredients
from spectrack.sequences.base import Sequence
from spectrack.sequences.frames import Frame

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
    "unit",
    "exposure_ms",
    "gain_db",
)


class Excerpt(Sequence):
    """Frames of another sequence, by default the first ones; everything else is that sequence's own.

    Args:
        source: where the frames come from.
        frames: how many of them, at least 1; all where there are fewer.
        start: the first of them.

    Raises:
        ConfigError: fewer than one frame, or a start that is none of the source.
        SequenceError: what the source refuses when it is asked for its truth.

    Example:
        >>> from spectrack.sequences.memory import MemorySequence
        >>> whole = MemorySequence(np.zeros((5, 8, 10, 16), np.uint16), truth=np.tile((2, 2, 4, 4), (5, 1)))
        >>> part = Excerpt(whole, 3)
        >>> len(part), part.truth.shape, part.bands
        (3, (3, 4), 16)
    """

    def __init__(self, source: Sequence, frames: int, start: int = 0) -> None:
        if frames < 1:
            raise ConfigError(f"expected at least one frame of {source.name!r}, found {frames}; name how many to take")
        if not 0 <= start < len(source):
            raise ConfigError(
                f"expected a start in the {len(source)} frames of {source.name!r}, found {start}; count from 0"
            )
        self.source, self._start, self._frames = source, start, min(frames, len(source) - start)
        for name in _SHARED:
            setattr(self, name, getattr(source, name))
        truth, visibility, shown = source.truth, source.visibility, slice(start, start + self._frames)
        self.visibility = None if visibility is None else np.asarray(visibility)[shown]
        self.truth = None if truth is None else truth[shown]
        self._first_box = source.first_box if start == 0 else None
        pictures = source._pictures
        self._pictures = pictures if pictures is None or start == 0 else lambda i: pictures(start + i)

    def __len__(self) -> int:
        return self._frames

    def frame(self, i: int) -> Frame:
        """Frame `i` of the excerpt."""
        return self.source.frame(self._start + self._index(i))

    def made_of(self) -> Ingredients:
        """What the source is made of; start and length of the excerpt beside it."""
        whole = self.source.made_of()
        return Ingredients(whole.files, [whole.values, self._frames, *([self._start] if self._start else [])])
