"""Runs and their truth as COCO's JSON with videos: images in the order of frames, one track an object.

The form is that of COCO's detection files, which pycocotools and most labelling programs read, with ``videos`` and, in
images and annotations, ``video_id``, ``frame_id`` and ``instance_id``, as programs for tracking add them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

import numpy as np

from spectrack.boxes import Boxes
from spectrack.errors import SequenceError
from spectrack.evaluation.tracked import TrackedSequence
from spectrack.files import write_json
from spectrack.runs.reading import StoredRun, read_run

_CATEGORY = 1


def coco_video(place: str | os.PathLike[str], boxes: Literal["tracks", "truth"] = "tracks") -> dict[str, Any]:
    """A run as COCO's JSON values.

    Args:
        place: what `spectrack track` or, for one tracker, `spectrack benchmark` wrote.
        boxes: whose boxes are the annotations; those of a track have a ``score``. Both ways number videos and images
            alike, so a track's annotations are results for the file of truth (``COCO(truth).loadRes(annotations)``).

    Returns:
        ``info``, ``videos``, ``images``, ``annotations``, ``categories``. Frames without a box have no annotation;
        their size stands where the run knows it.

    Raises:
        SequenceNotFoundError: no run at the place.
        InputError: a run that is unfinished or damaged.
        SequenceError: truth is asked for, and none is known.
    """
    run = read_run(place)
    found: dict[str, Any] = {
        "info": {"description": f"{boxes} of {run.tracker}, written by spectrack"},
        "videos": [],
        "images": [],
        "annotations": [],
        "categories": [{"id": _CATEGORY, "name": "target"}],
    }
    for video, (label, item) in enumerate(run.sequences.items(), start=1):
        size = _size(run)
        found["videos"].append({"id": video, "name": label, "length": len(item.boxes), **size})
        first = len(found["images"]) + 1
        found["images"] += [
            {"id": first + frame, "file_name": f"{label}/{frame:06d}", "video_id": video, "frame_id": frame, **size}
            for frame in range(len(item.boxes))
        ]
        chosen = item.boxes if boxes == "tracks" else _truth(item)
        scores = item.score if boxes == "tracks" else None
        for frame in np.flatnonzero(np.isfinite(chosen).all(axis=1) & (chosen[:, 2:] > 0).all(axis=1)).tolist():
            x, y, w, h = chosen[frame].tolist()
            annotation = {
                "id": len(found["annotations"]) + 1,
                "image_id": first + frame,
                "video_id": video,
                "instance_id": video,
                "category_id": _CATEGORY,
                "bbox": [x, y, w, h],
                "area": w * h,
                "iscrowd": 0,
            }
            if scores is not None:
                annotation["score"] = float(scores[frame])
            found["annotations"].append(annotation)
    return found


def write_coco_video(
    file: str | os.PathLike[str], place: str | os.PathLike[str], boxes: Literal["tracks", "truth"] = "tracks"
) -> Path:
    """`coco_video` into a file, whole or not at all."""
    write_json(file, coco_video(place, boxes))
    return Path(file)


def _truth(item: TrackedSequence) -> Boxes:
    if item.truth is None:
        raise SequenceError(
            f"expected the truth of {item.label}, found none in the run; track where truth lies beside the frames"
        )
    return item.truth[: len(item.boxes)]


def _size(run: StoredRun) -> dict[str, int]:
    """Width and height of frames, where the run says them."""
    sequence = run.recorded("sequence")
    return {name: sequence[name] for name in ("width", "height") if isinstance(sequence.get(name), int)}
