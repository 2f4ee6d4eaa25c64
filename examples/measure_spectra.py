"""The target's spectrum in every frame, as a table: python examples/measure_spectra.py [FOLDER X,Y,W,H] [--out FILE].

Of each tracked box only the inner half counts, so that the background in its corners does not.
"""

import argparse
import csv
from pathlib import Path

import numpy as np

import spectrack


def inner_half(box: np.ndarray, height: int, width: int) -> tuple[int, int, int, int]:
    """x0, y0, x1, y1 of the middle of a box, at least a pixel and inside the frame."""
    x, y = box[:2] + box[2:] / 4
    x0, y0 = int(np.clip(x, 0, width - 1)), int(np.clip(y, 0, height - 1))
    return x0, y0, int(np.clip(x + box[2] / 2, x0 + 1, width)), int(np.clip(y + box[3] / 2, y0 + 1, height))


def main(arguments: list[str] | None = None) -> Path:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("box", nargs="?", help="the object in the first frame, x,y,w,h")
    parser.add_argument("--tracker", default="cf", choices=spectrack.list_trackers())
    parser.add_argument("--out", type=Path, default=Path("spectra.csv"))
    options = parser.parse_args(arguments)

    if options.folder is None:
        sequence = spectrack.simulate("calm", "vis16", frames=30, seed=2, height=96, width=128)
    else:
        sequence = spectrack.open_sequence(options.folder)
    box = [float(number) for number in options.box.split(",")] if options.box else sequence.first_box

    bands = sequence.wavelengths_nm or range(sequence.bands)
    with options.out.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        names = [f"{kind}_{band:g}" for kind in ("mean", "scatter") for band in bands]
        table.writerow(["frame", "centre_x", "centre_y", "lost", *names])
        for number, estimate in enumerate(spectrack.track(sequence, spectrack.load_tracker(options.tracker), box)):
            inside = sequence.read(number, window=inner_half(estimate.box, sequence.height, sequence.width))
            pixels = inside.reshape(-1, sequence.bands).astype(float)
            centre = estimate.box[:2] + estimate.box[2:] / 2
            counts = np.round(np.concatenate([pixels.mean(axis=0), pixels.std(axis=0)]), 2)
            table.writerow([number, *np.round(centre, 2), int(estimate.lost), *counts])
    print(f"{len(sequence)} frames, {sequence.bands} bands: {options.out}")
    return options.out


if __name__ == "__main__":
    main()
