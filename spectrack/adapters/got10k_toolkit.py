"""A tracker for the GOT-10k toolkit, whose experiments (OTB, GOT-10k, LaSOT, UAV123, ...) give it colour images.

    from got10k.experiments import ExperimentOTB
    ExperimentOTB("OTB", version=2015).run(toolkit_tracker(spectrack.load_tracker("siamban"), origin=1))

The toolkit: https://github.com/got-10k/toolkit
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spectrack.boxes import as_box, from_zero
from spectrack.extras import import_extra
from spectrack.sequences.frames import ArrayFrame
from spectrack.trackers.base import Tracker


def toolkit_tracker(tracker: Tracker, name: str = "", *, origin: int = 0) -> Any:
    """One of this package's trackers as the toolkit's experiments take it.

    Args:
        tracker: as `spectrack.load_tracker` returns.
        name: what results are stored under; by default the tracker's.
        origin: index of the first pixel in the experiment's boxes, 0 or 1; boxes come back counted in the same way.

    Returns:
        A `got10k.trackers.Tracker`.

    Raises:
        MissingExtraError: got10k is not installed.
        BoxError: another origin.
    """
    toolkit_tracker = import_extra("got10k.trackers", "adapters").Tracker
    from_zero(np.zeros((0, 4)), origin)

    class Adapted(toolkit_tracker):  # type: ignore[misc, valid-type]  # the toolkit has no types
        """Pillow's images in, boxes x, y, w, h out."""

        def init(self, image: Any, box: ArrayLike) -> None:
            """Start on the first image."""
            tracker.init(_frame(image), from_zero(as_box(box)[None], origin)[0])

        def update(self, image: Any) -> NDArray[np.float64]:
            """The box in the next image."""
            return np.asarray(tracker.update(_frame(image)).box + np.array([origin, origin, 0, 0]))

    return Adapted(name=name or tracker.name, is_deterministic=True)


def _frame(image: Any) -> ArrayFrame:
    return ArrayFrame(np.asarray(image.convert("RGB")))
