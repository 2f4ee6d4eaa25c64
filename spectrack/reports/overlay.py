"""Overlay video: false colour with the track and the truth, the tracker's score and the overlap, as an H.264 MP4.

Frames are read, drawn and encoded one by one, so memory does not grow with the length. The file plays in a browser
(yuv420p, even sides, index in front of the frames) and is written whole or not at all.
"""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spectrack.boxes import Box, Boxes, is_box
from spectrack.errors import ConfigError, InputError, MissingExtraError
from spectrack.evaluation.metrics import overlaps
from spectrack.files import write_atomically
from spectrack.plots import TRACK_COLOURS, TRUTH_COLOUR, rgb
from spectrack.reports.strip_frames import check_boxes
from spectrack.sequences.base import Sequence

ENCODERS = ("libx264", "libopenh264", "h264_videotoolbox", "h264_mf")
"""H.264 encoders by preference; the first that this build of PyAV has is used."""

_SMALLEST_WIDTH = 640
_LARGEST_SCALE = 4
_STRIP_HEIGHT = 44
GROUND = (24, 24, 26)
"""Nearly black: what lies around pictures."""

_BRIGHT, _DIM, _TRACK_OF_BAR = (238, 238, 238), (160, 160, 164), (70, 70, 74)
_LOST = rgb("#D55E00")
_TRACK = rgb(TRACK_COLOURS[0])
_TRUTH = rgb(TRUTH_COLOUR)

Picture = NDArray[np.uint8]


def write_overlay(
    path: str | os.PathLike[str],
    sequence: Sequence,
    boxes: ArrayLike,
    *,
    truth: ArrayLike | None = None,
    scores: ArrayLike | None = None,
    lost: ArrayLike | None = None,
    fps: float | None = None,
) -> Path:
    """Write the overlay video of one tracked sequence.

    Args:
        path: the ``.mp4`` file.
        sequence: what was tracked.
        boxes: (N, 4), one box a frame from frame 0; N may be below the sequence's length. Rows of NaN are not drawn.
        truth: (M, 4) with M >= N; rows without area are not drawn.
        scores: (N,) confidence in [0, 1], shown as a bar.
        lost: (N,) bool; frames whose box is drawn dashed under a LOST sign.
        fps: frames per second; the sequence's own by default.

    Returns:
        The path.

    Raises:
        ConfigError: a suffix other than ``.mp4``, or a frame rate that is not positive.
        InputError: arrays that do not fit the sequence.
        MissingExtraError: PyAV has no H.264 encoder.
    """
    target = Path(path)
    if target.suffix.lower() != ".mp4":
        raise ConfigError(f"expected a video file ending in .mp4, found {target.name!r}; rename it")
    rate = sequence.fps if fps is None else fps
    if not (math.isfinite(rate) and rate > 0):
        raise ConfigError(f"expected a positive frame rate, found {rate}; 25 is usual")
    track, known = check_boxes(sequence, boxes, truth, gaps=True)
    notes = _Notes(
        total=len(sequence),
        boxes=track,
        truth=known,
        scores=None if scores is None else _per_frame(scores, len(track), "scores", np.float64),
        lost=np.zeros(len(track), dtype=bool) if lost is None else _per_frame(lost, len(track), "lost flags", np.bool_),
    )
    with write_atomically(target) as temporary:
        encode_video(temporary, _pictures(sequence, notes), Fraction(rate).limit_denominator(1001))
    return target


@dataclass(frozen=True)
class _Notes:
    """What is drawn on the frames, checked and in arrays of one row a frame."""

    total: int
    boxes: Boxes
    truth: Boxes | None
    scores: NDArray[np.float64] | None
    lost: NDArray[np.bool_]

    def true_box(self, index: int) -> NDArray[np.float64] | None:
        """The truth of a frame, or None where there is none."""
        if self.truth is None:
            return None
        box: NDArray[np.float64] = self.truth[index]
        return box if is_box(box) else None


def _per_frame(values: ArrayLike, frames: int, what: str, kind: type[Any]) -> NDArray[Any]:
    array = np.asarray(values)
    if array.shape != (frames,):
        raise InputError(f"expected {frames} {what}, one a box, found shape {array.shape}; give one value a frame")
    return array.astype(kind)


def _pictures(sequence: Sequence, notes: _Notes) -> Iterator[Picture]:
    scale = enlargement(sequence.width)
    for index in range(len(notes.boxes)):
        picture = enlarge(sequence.false_colour(index), scale)
        draw_boxes(picture, notes.boxes[index], notes.true_box(index), scale, dashed=bool(notes.lost[index]))
        if notes.lost[index]:
            corner = picture[10:38, 10:74]
            corner[:] = _lost_sign()[: corner.shape[0], : corner.shape[1]]
        yield _assemble(picture, _strip(index, notes, max(picture.shape[1], _SMALLEST_WIDTH)))


def enlargement(width: int) -> int:
    """How many times as large frames of a width are drawn."""
    return max(1, min(_LARGEST_SCALE, math.ceil(_SMALLEST_WIDTH / width)))


def enlarge(image: Picture, scale: int) -> Picture:
    """A copy with `scale` times as many rows and columns."""
    import cv2

    if scale == 1:
        return np.array(image, dtype=np.uint8, order="C")
    height, width = image.shape[:2]
    enlarged = cv2.resize(image, (width * scale, height * scale), interpolation=cv2.INTER_CUBIC)
    return np.ascontiguousarray(enlarged, dtype=np.uint8)


def draw_boxes(
    picture: Picture,
    track: Box | None,
    true_box: Box | None,
    scale: int,
    *,
    dashed: bool = False,
    colour: tuple[int, int, int] = _TRACK,
) -> None:
    """Draw the truth just outside its box and the track just inside, so that both are seen where they coincide.

    Args:
        picture: (height, width, 3), drawn into.
        track: x, y, w, h in pixels before the picture was enlarged; None or not finite where there is none.
        true_box: the same of the truth.
        scale: how many times the picture was enlarged.
        dashed: whether the track's line is.
        colour: of the track.
    """
    line, seam = 2.8, 1.2
    found = track * scale if track is not None and np.isfinite(track).all() else None
    if found is not None:
        _paint_ring(picture, found, GROUND, -line - seam, seam, opacity=0.6)
    if true_box is not None:
        _paint_ring(picture, true_box * scale, GROUND, -seam, line + seam, opacity=0.6)
        _paint_ring(picture, true_box * scale, _TRUTH, 0.0, line)
    if found is not None:
        _paint_ring(picture, found, colour, -line, 0.0, dashed=dashed)


def _paint_ring(
    picture: Picture,
    box: NDArray[np.float64],
    colour: tuple[int, int, int],
    inner: float,
    outer: float,
    *,
    opacity: float = 1.0,
    dashed: bool = False,
) -> None:
    """Paint the ring between two margins around a box; a pixel takes as much of `colour` as is covered of it."""
    left, top, right, bottom = box[0], box[1], box[0] + box[2], box[1] + box[3]
    size = np.array(picture.shape[:2])
    first = np.clip(np.floor([top - outer, left - outer]), 0, size).astype(int)
    last = np.clip(np.ceil([bottom + outer, right + outer]), first, size).astype(int)
    rows, columns = np.arange(first[0], last[0])[:, None], np.arange(first[1], last[1])

    def covered(margin: float) -> NDArray[np.float64]:
        return _share(rows, top - margin, bottom + margin) * _share(columns, left - margin, right + margin)

    weight = (covered(outer) - covered(inner))[..., None] * opacity
    if dashed:
        # One pattern serves both directions: along each side only one of the two coordinates changes.
        weight *= ((columns + rows - (left + top)) % 16 < 9)[..., None]
    region = picture[first[0] : last[0], first[1] : last[1]]
    region[...] = np.round(region * (1 - weight) + np.array(colour) * weight)


def _share(pixels: NDArray[np.int_], low: float, high: float) -> NDArray[np.float64]:
    """The share of each pixel [i, i + 1) that lies within [low, high)."""
    return np.asarray(np.clip(np.minimum(pixels + 1, high) - np.maximum(pixels, low), 0.0, 1.0))


def _assemble(picture: Picture, strip: Picture) -> Picture:
    """Picture above strip, centred, both sides even as yuv420p needs them."""
    height, width = picture.shape[0] + strip.shape[0], strip.shape[1]
    canvas = np.full((height + height % 2, width + width % 2, 3), GROUND, dtype=np.uint8)
    left = (width - picture.shape[1]) // 2
    canvas[: picture.shape[0], left : left + picture.shape[1]] = picture
    canvas[picture.shape[0] : height, :width] = strip
    return canvas


def _strip(index: int, notes: _Notes, width: int) -> Picture:
    """The bar below the picture: frame number, key, overlap and score."""
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (width, _STRIP_HEIGHT), GROUND)
    draw = ImageDraw.Draw(image)
    middle, letters = _STRIP_HEIGHT // 2, font(15)
    last = notes.total - 1
    draw.text((14, middle), f"frame {index:{len(str(last))}d} of 0-{last}", font=letters, fill=_BRIGHT, anchor="lm")
    x = 14 + int(draw.textlength(f"frame {last} of 0-{last}", font=letters)) + 26
    for word, colour in ([("truth", _TRUTH)] if notes.truth is not None else []) + [("track", _TRACK)]:
        draw.line((x, middle, x + 18, middle), fill=colour, width=4)
        draw.text((x + 25, middle), word, font=letters, fill=_DIM, anchor="lm")
        x += 25 + int(draw.textlength(word, font=letters)) + 18
    right = width - 14
    if notes.scores is not None:
        right = _score_bar(draw, right, middle, float(notes.scores[index]))
    if notes.truth is not None:
        true_box, box = notes.true_box(index), notes.boxes[index]
        measured = 0.0 if true_box is None or not np.isfinite(box).all() else overlaps(box[None], true_box[None])[0]
        overlap = "  – " if true_box is None else f"{measured:.2f}"
        draw.text((right, middle), f"IoU {overlap}", font=letters, fill=_BRIGHT, anchor="rm")
    return np.asarray(image, dtype=np.uint8)


@functools.cache
def _lost_sign() -> Picture:
    """The word LOST, (28, 64, 3)."""
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (64, 28), _LOST)
    ImageDraw.Draw(image).text((32, 14), "LOST", font=font(15, bold=True), fill=(255, 255, 255), anchor="mm")
    return np.asarray(image, dtype=np.uint8)


def _score_bar(draw: Any, right: int, middle: int, score: float) -> int:
    """Label, bar and number, flush right at `right`; gives the x left of them."""
    letters, length = font(15), 90
    shown = min(max(score, 0.0), 1.0) if math.isfinite(score) else 0.0
    draw.text((right, middle), f"{score:.2f}", font=letters, fill=_BRIGHT, anchor="rm")
    bar = right - int(draw.textlength("0.00", font=letters)) - 10
    draw.rounded_rectangle((bar - length, middle - 5, bar, middle + 5), radius=5, fill=_TRACK_OF_BAR)
    if shown > 0:
        end = bar - length + max(10, round(length * shown))
        draw.rounded_rectangle((bar - length, middle - 5, end, middle + 5), radius=5, fill=_TRACK)
    draw.text((bar - length - 10, middle), "score", font=letters, fill=_DIM, anchor="rm")
    return bar - length - 10 - int(draw.textlength("score", font=letters)) - 22


@functools.cache
def font(size: int, *, bold: bool = False) -> Any:
    """A font of Pillow; `size` in pixels."""
    # matplotlib brings DejaVu Sans (and Pillow), so no system font is needed.
    import matplotlib
    from PIL import ImageFont

    name = f"DejaVuSans{'-Bold' if bold else ''}.ttf"
    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name), size)


def encode_video(path: Path, pictures: Iterator[Picture], rate: Fraction) -> None:
    """Write pictures of one size with even sides as H.264.

    Raises:
        MissingExtraError: PyAV has no H.264 encoder.
    """
    import av

    encoder = next((name for name in ENCODERS if name in av.codecs_available), None)
    if encoder is None:
        raise MissingExtraError("expected an H.264 encoder in PyAV, found none; use a wheel: pip install --upgrade av")
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
        stream: Any = None
        for picture in pictures:
            if stream is None:
                # One thread: the bytes must not depend on the number of cores.
                options = {"crf": "18", "preset": "veryfast", "threads": "1"} if encoder == "libx264" else {}
                stream = container.add_stream(encoder, rate=rate, options=options)
                stream.height, stream.width = picture.shape[:2]
                stream.pix_fmt = "yuv420p"
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
