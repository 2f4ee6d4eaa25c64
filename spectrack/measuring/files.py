"""Files of measurements and masks: CSV, Parquet, PNG, and COCO's annotations with run lengths."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from spectrack.extras import import_extra
from spectrack.files import write_json
from spectrack.measuring.masks import TargetMask
from spectrack.measuring.options import MeasureOptions

_DIGITS = 7


def check_extras(options: MeasureOptions) -> None:
    """Refuse, before anything is tracked, what needs a package that is not installed.

    Raises:
        MissingExtraError: pyarrow or pycocotools is missing.
    """
    if options.parquet:
        import_extra("pyarrow", "parquet")
    if options.mask == "coco":
        import_extra("pycocotools", "masks")


def append_csv(path: Path, row: Iterable[Any]) -> None:
    """One more row, or the headings; seven digits, ``nan`` where there is no value."""
    with path.open("a", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerow([_plain(value) for value in row])


def write_parquet(path: Path, columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    """The same table, whole and in full precision.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    arrow, parquet = import_extra("pyarrow", "parquet"), import_extra("pyarrow.parquet", "parquet")
    values = zip(*rows, strict=True)
    parquet.write_table(arrow.table({name: list(each) for name, each in zip(columns, values, strict=True)}), path)


def write_mask_picture(path: Path, mask: TargetMask, height: int, width: int) -> None:
    """A grey picture of the frame's size: 255 where a pixel is the target's, 0 where it is not."""
    import cv2

    picture = np.rint(255 * mask.in_frame(height, width)).astype(np.uint8)
    path.write_bytes(cv2.imencode(".png", picture)[1].tobytes())


class CocoMasks:
    """Masks as COCO's annotations, one image a frame, with compressed run lengths of the pixels that are more than half
    the target's.

    Args:
        name: of the sequence.
        height: of its frames.
        width: of its frames.

    Raises:
        MissingExtraError: pycocotools is not installed.
    """

    def __init__(self, name: str, height: int, width: int) -> None:
        self._encode = import_extra("pycocotools.mask", "masks").encode
        self._name, self._height, self._width = name, height, width
        self._images: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []

    def add(self, frame: int, mask: TargetMask, score: float) -> None:
        """Take over a frame; one without a target has no annotation."""
        self._images.append({"id": frame, "file_name": f"{frame:06d}", "height": self._height, "width": self._width})
        inside = mask.in_frame(self._height, self._width) > 0.5
        if not inside.any():
            return
        runs = self._encode(np.asfortranarray(inside, dtype=np.uint8))
        rows, columns = np.nonzero(inside)
        left, top = int(columns.min()), int(rows.min())
        box = [left, top, int(columns.max()) + 1 - left, int(rows.max()) + 1 - top]
        self._annotations.append(
            {
                "id": len(self._annotations) + 1,
                "image_id": frame,
                "category_id": 1,
                "segmentation": {"size": list(runs["size"]), "counts": runs["counts"].decode("ascii")},
                "bbox": box,
                "area": int(inside.sum()),
                "iscrowd": 0,
                "score": round(score, 6),
                "made_from": mask.kind,
            }
        )

    def write(self, path: Path) -> None:
        """Write them as one JSON file."""
        categories = [{"id": 1, "name": "target"}]
        info = {"description": f"masks of the target in {self._name}"}
        write_json(
            path,
            {"info": info, "images": self._images, "annotations": self._annotations, "categories": categories},
        )


def _plain(value: Any) -> str:
    return f"{value:.{_DIGITS}g}" if isinstance(value, float) else str(value)
