"""Track with an exported SiamBAN, ONNX Runtime and NumPy alone: neither spectrack nor torch is needed where this runs.

First, where spectrack is installed: spectrack export siamban-lite --out exported
Then, anywhere: python track_with_onnxruntime.py exported cubes.npy 214,61,30,42 boxes.txt

Boxes are those of `spectrack track --engine onnxruntime --set evidence=none --set redetection=false`.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime


class Images:
    """Crops of raw cubes as the network wants them.

    Takes what metadata.json says, and the first frame: (height, width, bands) raw counts.
    """

    def __init__(self, about, cube):
        colour, scaling = about["input"]["false_colour"], about["input"]["scaling"]
        values = np.asarray(cube, np.float32).reshape(-1)
        percent = float(scaling.removeprefix("first_frame_percentile(").rstrip(")"))  # of the shipped weights
        white = np.percentile(values[:: max(1, values.size // 500_000)], percent)
        self.matrix = np.float32(1 / white if white > 0 else 1) * np.array(colour["matrix"], np.float32)
        self.for_the_eye = colour["encoding"] == "display"
        step = max(1, min(cube.shape[:2]) // 64)
        self.outside = self.colours(cube[::step, ::step]).mean((0, 1))

    def colours(self, cube):
        """Raw counts (h, w, bands) to the image (h, w, 3)."""
        image = np.asarray(cube, np.float32) @ self.matrix
        return np.clip(image, 0, 1) ** np.float32(1 / 2.2) if self.for_the_eye else image

    def crop(self, cube, window, size):
        """The image in a window (x, y, side) of whole pixels, (1, 3, size, size); beyond the frame its mean colour."""
        x, y, side = window
        left, top = max(x, 0), max(y, 0)
        right, bottom = max(min(x + side, cube.shape[1]), left), max(min(y + side, cube.shape[0]), top)
        image = np.full((side, side, 3), self.outside, np.float32)
        image[top - y : bottom - y, left - x : right - x] = self.colours(cube[top:bottom, left:right])
        weights = resizing(side, size)
        return np.einsum("yi,xj,ijc->cyx", weights, weights, image, optimize=True)[None].astype(np.float32)


def resizing(side, size):
    """Weights (size, side) of old pixels in new ones: areas averaged where it shrinks, interpolated where it grows."""
    old = np.arange(side)
    if side > size:
        edges = np.arange(size + 1) * side / size
        shared = np.minimum(old + 1, edges[1:, None]) - np.maximum(old, edges[:-1, None])
        return np.clip(shared, 0, None) * size / side
    places = np.clip((np.arange(size) + 0.5) * side / size - 0.5, 0, side - 1)
    return np.clip(1 - np.abs(places[:, None] - old), 0, None)


class Tracker:
    """SiamBAN with the decision that metadata.json describes.

    Takes the folder that `spectrack export` wrote, the first frame and x, y, w, h of the object in it.
    """

    def __init__(self, folder, cube, box):
        onnxruntime.disable_telemetry_events()
        about = json.loads((Path(folder) / "metadata.json").read_text(encoding="utf-8"))
        run = {name: onnxruntime.InferenceSession(Path(folder) / f"{name}.onnx") for name in ("kernels", "respond")}
        self.grid, self.online, self.images = about["grid"], about["online"], Images(about, cube)
        self.box, self.shape, self.doubts, self.respond = np.array(box, float), cube.shape[:2], 0, run["respond"]
        self.shift, self.stretch = np.zeros(2), np.ones(2)
        self.points = self.grid["first_point_px"] + self.grid["stride_px"] * np.arange(self.grid["points"])
        x, y, side = window = self.window(1)
        left, top, w, h = (self.box - [x, y, 0, 0]) * self.grid["template_px"] / side
        inputs = {
            "template_images": self.images.crop(cube, window, self.grid["template_px"]),
            "template_boxes": np.array([[left, top, left + w, top + h]], np.float32),
        }
        outputs = [item.name for item in run["kernels"].get_outputs()]
        found = dict(zip(outputs, run["kernels"].run(outputs, inputs), strict=True))
        names = (item.name for item in self.respond.get_inputs() if item.name != "search_images")
        self.kernels = {name: found[name.removeprefix("kernels.")] for name in names}
        self.calibrate(cube)

    def window(self, growth):
        """A square of whole pixels around the box, (x, y, side), `growth` times as wide as the template's."""
        w, h = self.box[2:]
        side = max(1, round(growth * float(np.sqrt((w + (w + h) / 2) * (h + (w + h) / 2)))))
        x, y = self.box[:2] + self.box[2:] / 2
        return round(x - side / 2), round(y - side / 2), side

    def look(self, cube):
        """The best box in the search crop (centre and sides), its score and penalty, and the window of the crop."""
        size, online = self.grid["search_px"], self.online
        lost = self.doubts >= online["lost_frames"]
        window = self.window((online["search_growth"] if lost else 1) * size / self.grid["template_px"])
        inputs = self.kernels | {"search_images": self.images.crop(cube, window, size)}
        logits, (distances,), *_ = self.respond.run(None, inputs)
        scores = 1 / (1 + np.exp(logits[0, 0] - logits[0, 1]))
        left, top, right, bottom = distances
        centres = np.stack([self.points + (right - left) / 2, self.points[:, None] + (bottom - top) / 2])
        sides = np.maximum(np.stack([left + right, top + bottom]) * self.stretch[:, None, None], 1e-3)
        was = self.box[2:] * size / window[2]
        padded = [np.sqrt((w + (w + h) / 2) * (h + (w + h) / 2)) for w, h in (sides, was)]
        changes = [was[0] / was[1] * sides[1] / sides[0], padded[0] / padded[1]]
        changed = np.prod([np.maximum(ratio, 1 / ratio) for ratio in changes], axis=0)
        penalty = np.exp(-(changed - 1) * online["penalty"])
        hanning, share = np.hanning(len(self.points)), online["window_influence"]
        ranking = penalty * scores * (1 - share) + np.outer(hanning, hanning) * share
        row, column = best = np.unravel_index(np.argmax(ranking), ranking.shape)
        # Neighbours that see the target in the same place share in the box.
        near, reach = np.zeros(scores.shape, bool), online["agreement_cells"]
        near[max(0, row - reach) : row + reach + 1, max(0, column - reach) : column + reach + 1] = True
        apart = np.hypot(*(centres - centres[:, row, column, None, None]))
        near &= apart < 0.35 * np.sqrt(np.prod(sides[:, row, column]))
        weights = np.where(near, scores.astype(float) ** 4, 0)
        weights /= weights.sum()
        wanted = np.exp((np.log(sides) * weights).sum((1, 2)))
        return (centres * weights).sum((1, 2)) + self.shift * wanted, wanted, scores[best], penalty[best], window

    def calibrate(self, cube):
        """How the network's box on the first frame, where the truth is known, differs from it."""
        centre, sides, score, _, (x, y, side) = self.look(cube)
        true = (self.box - [x, y, 0, 0]) * self.grid["search_px"] / side
        error, strength = true[:2] + true[2:] / 2 - centre, self.online["calibrate"]
        if strength and score >= self.online["lost_score"] and (np.abs(error) <= 0.35 * true[2:]).all():
            self.stretch = np.clip(true[2:] / sides, 0.5, 2) ** strength
            self.shift = strength * error / true[2:]

    def update(self, cube):
        """The box in the next frame and its score."""
        centre, sides, score, penalty, (x, y, side) = self.look(cube)
        rate, scale = penalty * score * self.online["size_rate"], side / self.grid["search_px"]
        size = np.clip(self.box[2:] * (1 - rate) + sides * scale * rate, 2, np.maximum(self.shape[::-1], 2))
        self.box = np.concatenate([np.clip(centre * scale + [x, y], 0, self.shape[::-1]) - size / 2, size])
        self.doubts = self.doubts + 1 if score < self.online["lost_score"] else 0
        return self.box.copy(), float(score)


def main(folder, cubes, box, out):
    """Track through an array (frames, height, width, bands) and write a box a line."""
    frames = np.load(cubes, mmap_mode="r")
    first = [float(number) for number in box.split(",")]
    tracker = Tracker(folder, frames[0], first)
    np.savetxt(out, [first, *(tracker.update(cube)[0] for cube in frames[1:])], fmt="%.4f", delimiter=",")


if __name__ == "__main__":
    main(*sys.argv[1:])
