"""A tracker of your own beside the others: python examples/plug_in_method.py [--frames N].

This one looks for the place whose mean spectrum is most like that of the first box, near the last one.
"""

import argparse

import numpy as np

import spectrack
from spectrack.spectra import spectral_angle

STEPS = [(dx, dy) for dy in range(-8, 9, 2) for dx in range(-8, 9, 2)]


@spectrack.register("nearest")  # from now on it has a name, for this process
class Nearest(spectrack.Tracker):
    """Compares mean spectra of boxes around the last one by their angle."""

    name = "nearest"

    def init(self, frame, box, *, wavelengths_nm=None):
        """Remember the box and the spectrum inside it."""
        self.box = np.asarray(box, dtype=float)
        self.spectrum = self._spectrum(frame, self.box)

    def update(self, frame):
        """The box whose spectrum has the smallest angle to the first one's."""
        boxes = [self.box + np.array([dx, dy, 0, 0]) for dx, dy in STEPS]
        angles = [spectral_angle(self.spectrum, self._spectrum(frame, box)) for box in boxes]
        best = int(np.argmin(angles))
        self.box = boxes[best]
        return spectrack.Estimate(self.box, score=float(1 - angles[best] / np.pi))

    @staticmethod
    def _spectrum(frame, box):
        height, width = frame.shape[:2]
        x, y = (int(np.clip(place, 0, side - 2)) for place, side in zip(box[:2], (width, height), strict=True))
        region = frame.window(x, y, int(min(x + box[2], width)), int(min(y + box[3], height)))
        return region.reshape(-1, region.shape[2]).mean(axis=0)


def main(arguments: list[str] | None = None) -> dict[str, float]:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=40)
    options = parser.parse_args(arguments)

    clip = spectrack.simulate("cam-grass", "vis16", frames=options.frames, seed=1, height=96, width=128)
    scores = {}
    for name in ("nearest", "cf"):
        boxes = [estimate.box for estimate in spectrack.track(clip, spectrack.load_tracker(name))]
        scores[name] = spectrack.score({"clip": boxes}, {"clip": clip.truth}).auc
        print(f"{name}: AUC {scores[name]:.3f}")
    return scores


if __name__ == "__main__":
    main()
