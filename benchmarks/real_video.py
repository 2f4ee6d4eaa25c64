"""How well trackers follow real video: two development clips and changes of them that are exact in truth.

The clips are not in this repository (`SPECTRACK_SHARED` or ../shared names their place): OTB *Crossing* as it is, every
third frame, at half size, dimming, blurred, turning, swinging, zooming; ten HOTC frames of *kangaroo* as cubes, and its
RGB stream looped while the picture turns or zooms. Turning a whole picture turns the target's box into the tight box of
its turned ellipse.

    python benchmarks/real_video.py --out benchmarks/results/real_video.json [--weights FILE] [--set size_rate=0.2]

Mean IoU over all frames, first one included. The turned clips let an upright pedestrian lie down, which is harsher than
life.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from benchmark import SHARED, new_parser, write_record

from spectrack import load_tracker, track
from spectrack.boxes import iou
from spectrack.cli.settings import parse_settings
from spectrack.sequences import open_sequence, read_boxes
from spectrack.sequences.memory import MemorySequence

_ELLIPSE = np.stack([np.cos(np.linspace(0, 2 * np.pi, 32)), np.sin(np.linspace(0, 2 * np.pi, 32))], axis=1) / 2


def clips() -> Iterator[tuple[str, Any, np.ndarray]]:
    """Name, sequence and truth of every clip."""
    folder = SHARED / "rgb_crossing"
    sequence, truth = open_sequence(folder / "img"), read_boxes(folder / "groundtruth_rect.txt", origin=1)
    frames = [np.asarray(sequence[i]) for i in range(len(sequence))]
    truth = truth[: len(frames)]
    yield "crossing", MemorySequence(frames), truth
    yield "crossing every third frame", MemorySequence(frames[::3]), truth[::3]
    small = [cv2.resize(frame, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) for frame in frames]
    yield "crossing half size", MemorySequence(small), truth / 2
    count = len(frames)
    dimmed = [(frame * (1.0 - 0.7 * i / count)).astype(np.uint8) for i, frame in enumerate(frames)]
    yield "crossing dimming", MemorySequence(dimmed), truth
    blurred = [frames[0], *(cv2.GaussianBlur(frame, (0, 0), 2.0) for frame in frames[1:])]
    yield "crossing blurred", MemorySequence(blurred), truth
    steps = np.arange(count)
    yield "crossing turning", *moved(frames, truth, turns=2.0 * steps, zooms=np.ones(count))
    yield "crossing swinging", *moved(frames, truth, turns=40.0 * np.sin(steps / 10), zooms=np.ones(count))
    yield "crossing nearer", *moved(frames, truth, turns=0 * steps, zooms=1.8 ** (steps / count))
    yield "crossing farther", *moved(frames, truth, turns=0 * steps, zooms=1.8 ** (-steps / count))
    kangaroo = open_sequence(SHARED / "hotc_kangaroo" / "HSI")
    yield "kangaroo", kangaroo, kangaroo.truth[: len(kangaroo)]
    colour = open_sequence(SHARED / "hotc_kangaroo" / "RGB")
    truth = colour.truth[: len(colour)]
    there_and_back = np.concatenate([np.arange(10), np.arange(8, 0, -1)])
    order = np.tile(there_and_back, 3)[:50]
    looped = [np.asarray(colour[i]) for i in range(len(colour))]
    frames, truth, steps = [looped[i] for i in order], truth[order], np.arange(50)
    yield "kangaroo turning slowly", *moved(frames, truth, turns=3.0 * steps, zooms=np.ones(50))
    yield "kangaroo turning", *moved(frames, truth, turns=8.0 * steps, zooms=np.ones(50))
    yield "kangaroo zooming", *moved(frames, truth, turns=0 * steps, zooms=np.exp(0.5 * np.sin(steps / 8)))


def moved(
    frames: list[np.ndarray], truth: np.ndarray, *, turns: np.ndarray, zooms: np.ndarray
) -> tuple[Any, np.ndarray]:
    """Every frame turned (degrees) and zoomed about its middle; truth becomes the tight box of the moved ellipse."""
    height, width = frames[0].shape[:2]
    centre = np.array([width / 2, height / 2])
    pictures, boxes = [], []
    for frame, box, degrees, zoom in zip(frames, truth, turns, zooms, strict=True):
        angle = np.deg2rad(degrees)
        linear = zoom * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        shift = centre - linear @ centre
        # Continuous edges to OpenCV's pixel centres.
        pixels = np.column_stack([linear, shift + linear @ np.array([0.5, 0.5]) - 0.5])
        pictures.append(
            cv2.warpAffine(frame, pixels, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
        )
        points = (
            (box[:2] + box[2:] / 2 + _ELLIPSE * box[2:]) @ linear.T + shift
            if degrees
            else _corners(box) @ linear.T + shift
        )
        low, high = points.min(axis=0), points.max(axis=0)
        boxes.append([*low, *(high - low)])
    return MemorySequence(pictures), np.array(boxes)


def _corners(box: np.ndarray) -> np.ndarray:
    x, y, w, h = box
    return np.array([(x, y), (x + w, y + h)])


def judge(weights: str | None, options: dict[str, Any], only: list[str] | None = None) -> dict[str, float]:
    """Mean IoU of each clip."""
    figures = {}
    for name, sequence, truth in clips():
        if only and not any(word in name for word in only):
            continue
        tracker = load_tracker("siamban", weights=weights, precision="fp32", device="cpu", **options)
        boxes = np.array([estimate.box for estimate in track(sequence, tracker, truth[0])])
        figures[name] = round(float(iou(boxes, truth).mean()), 4)
    return figures


def arguments():
    parser = new_parser(__doc__, weights=True)
    parser.add_argument(
        "--set", nargs="*", default=[], metavar="KEY=VALUE", help="online options, such as size_rate=0.2"
    )
    parser.add_argument("--only", nargs="*", default=None, help="clips whose name holds one of these words")
    return parser


def main():
    parser = arguments()
    options = parser.parse_args()
    figures = judge(options.weights, parse_settings(options.set), options.only)
    mean = round(float(np.mean(list(figures.values()))), 4)
    for name, value in figures.items():
        print(f"{name:26} {value:.3f}")
    print(f"{'mean':26} {mean:.3f}")
    write_record(parser, options, {"mean_iou": figures, "mean": mean})


if __name__ == "__main__":
    main()
