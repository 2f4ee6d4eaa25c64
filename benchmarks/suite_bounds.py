"""Bound a frozen list from both sides: tiny trackers without any learning, scored under the `hot` protocol.

* ``still``: the first box for ever.
* ``template``: normalised cross-correlation of the first box on the false colour, three sizes.
* ``colour``: a Gaussian model of the target's and of its surroundings' false colour, both from frame 0 with the true
  mask.
* ``spectrum``: the same with all bands: a tracker that knows the target's true spectra.
* ``unweighted``: the same with all bands, but each counts the same and brightness does not count: what a tracker loses
  that does not know which bands are worth more.
* ``everywhere``: as ``spectrum``, and where the target's cells are gone it looks for as many of them in the whole
  frame.

    python benchmarks/suite_bounds.py --out benchmarks/results/suite_bounds.json
    python benchmarks/suite_bounds.py --suite suite-return --out benchmarks/results/suite_return_bounds.json
"""

from __future__ import annotations

import cv2
import numpy as np
from benchmark import new_parser, write_record
from joblib import Parallel, delayed

from spectrack.evaluation.protocols import score
from spectrack.false_colour import apply_matrix, false_colour_matrix
from spectrack.simulation.suite import SUITES, find_suite, open_suite_sequence

SEARCH = 1.3  # half-side of the search window in sizes of the target


def window_of(box, shape, reach):
    size = np.sqrt(box[2] * box[3])
    centre = box[:2] + box[2:] / 2
    half = box[2:] / 2 + reach * size
    low = np.clip(np.floor(centre - half), 0, np.array(shape[1::-1]) - 8).astype(int)
    high = np.clip(np.ceil(centre + half), low + 8, shape[1::-1]).astype(int)
    return (*low, *high)


def still(sequence, images):
    return np.tile(sequence.first_box, (len(sequence), 1))


def template(sequence, images):
    box = sequence.first_box.copy()
    boxes = [box.copy()]
    x, y, w, h = np.maximum(box, 0).astype(int)
    patch = images[0][y : y + h, x : x + w]
    size = box[2:].copy()
    for image in images[1:]:
        x0, y0, x1, y1 = window_of(box, image.shape, SEARCH)
        best = None
        for factor in (0.96, 1.0, 1.04):
            wanted = np.clip(size * factor, 4, (x1 - x0 - 1, y1 - y0 - 1)).astype(int)
            answer = cv2.matchTemplate(
                image[y0:y1, x0:x1], cv2.resize(patch, tuple(wanted.tolist())), cv2.TM_CCOEFF_NORMED
            )
            _, top, _, place = cv2.minMaxLoc(answer)
            top -= 0.01 * (factor != 1.0)
            if best is None or top > best[0]:
                best = top, place, factor
        size = np.clip(size * best[2], 4, 160)
        box = np.array([x0 + best[1][0], y0 + best[1][1], *size])
        boxes.append(box.copy())
    return np.stack(boxes)


def gaussian_model(sequence, images, weigh=True):
    """Log-likelihood ratio of target against surroundings, from frame 0 and its true mask.

    Without `weigh` every band counts the same: one variance for all of them, of spectra of unit brightness.
    """
    if not weigh:
        images = [unit_brightness(images[0])]
    mask, (x0, y0, x1, y1) = sequence.scene.mask(0.0)
    whole = np.zeros(images[0].shape[:2], dtype=bool)
    rows, columns = slice(max(y0, 0), max(y1, 0)), slice(max(x0, 0), max(x1, 0))
    whole[rows, columns] = mask[max(0, -y0) :, max(0, -x0) :][
        : whole[rows, columns].shape[0], : whole[rows, columns].shape[1]
    ]
    ax0, ay0, ax1, ay1 = window_of(sequence.first_box, images[0].shape, 2.5)
    area, inside = images[0][ay0:ay1, ax0:ax1].astype(float), whole[ay0:ay1, ax0:ax1]
    models = []
    for chosen in (area[inside], area[~inside]):
        mean, spread = chosen.mean(axis=0), np.cov(chosen.T)
        spread = spread + 4.0 * np.eye(len(mean)) if weigh else np.trace(spread) / len(mean) * np.eye(len(mean))
        whitening = np.linalg.inv(np.linalg.cholesky(spread)).T
        models.append((mean.astype(np.float32), whitening.astype(np.float32), float(np.linalg.slogdet(spread)[1])))

    def ratio(image):
        image, values = image if weigh else unit_brightness(image), []
        for mean, whitening, log_volume in models:
            white = (image.astype(np.float32) - mean) @ whitening
            values.append(-0.5 * ((white**2).sum(axis=2) + log_volume))
        return values[0] - values[1]

    return ratio


def unit_brightness(image):
    return image / np.maximum(image.mean(axis=2, keepdims=True, dtype=np.float32), 1.0)


def likelihood(sequence, images, everywhere=False, weigh=True):
    ratio = gaussian_model(sequence, images, weigh)
    box = sequence.first_box.copy()
    boxes, shape = [box.copy()], box[2:].copy()
    fullness, lost = None, False
    for index, image in enumerate(images):
        if lost:
            box = best_place(posterior_of(ratio, image), shape, 0.5 * fullness, box)
        x0, y0, x1, y1 = window_of(box, image.shape, SEARCH)
        posterior = posterior_of(ratio, image[y0:y1, x0:x1])
        y, x = np.mgrid[y0:y1, x0:x1] + 0.5
        centre = box[:2] + box[2:] / 2
        for _ in range(6):
            weight = posterior * (np.hypot((x - centre[0]) / box[2], (y - centre[1]) / box[3]) < 0.9)
            if weight.sum() < 1:
                break
            centre = np.array([(weight * x).sum(), (weight * y).sum()]) / weight.sum()
        mass = weight.sum()
        fullness = fullness or mass
        lost = everywhere and mass < 0.3 * fullness
        if index == 0:
            continue
        target = shape * np.sqrt(np.clip(mass / fullness, 0.25, 6.0))
        sides = 0.8 * box[2:] + 0.2 * target
        box = np.concatenate([centre - sides / 2, sides])
        boxes.append(box.copy())
    return np.stack(boxes)


def posterior_of(ratio, image):
    """Probability of target a pixel, smoothed a little."""
    return cv2.GaussianBlur(1 / (1 + np.exp(-np.clip(ratio(image), -30, 30))), (0, 0), 1.0)


def best_place(posterior, shape, enough, box):
    """The box of a shape that holds most of the target's cells, if it holds enough of them; else the old one."""
    sides = np.maximum(np.round(shape), 3).astype(int)
    mass = cv2.boxFilter(posterior, -1, tuple(sides.tolist()), normalize=False, borderType=cv2.BORDER_CONSTANT)
    row, column = np.unravel_index(int(mass.argmax()), mass.shape)
    if mass[row, column] < enough:
        return box
    return np.concatenate([np.array([column, row]) + 0.5 - shape / 2, shape])


def track_all(name):
    sequence = open_suite_sequence(name)
    cubes = list(sequence)
    matrix = false_colour_matrix("thirds", sequence.bands, wavelengths_nm=sequence.wavelengths_nm)
    colours = [apply_matrix(cube, matrix) for cube in cubes]
    runs = {
        "still": still(sequence, colours),
        "template": template(sequence, colours),
        "colour": likelihood(sequence, colours),
        "spectrum": likelihood(sequence, cubes),
        "unweighted": likelihood(sequence, cubes, weigh=False),
        "everywhere": likelihood(sequence, cubes, everywhere=True),
    }
    return name, sequence.truth, runs, sequence.attributes


def arguments():
    parser = new_parser(__doc__)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--suite", default="simulated", choices=list(SUITES), help="frozen list")
    parser.add_argument("--only", nargs="*", default=None)
    return parser


def main():
    parser = arguments()
    options = parser.parse_args()
    listed = find_suite(options.suite).entries()
    entries = [entry for entry in listed if not options.only or any(word in entry.name for word in options.only)]
    if not entries:
        parser.error(f"expected words of names of suite sequences, found {options.only}; correct --only")
    done = Parallel(n_jobs=options.jobs)(delayed(track_all)(entry.name) for entry in entries)
    truth = {name: boxes for name, boxes, *_ in done}
    trackers = list(done[0][2])
    auc = {}
    for tracker in trackers:
        scores = score({name: runs[tracker] for name, _, runs, _ in done}, truth, "hot")
        auc[tracker] = {item.name: item.figures.auc for item in scores.sequences}
    rows = []
    for scenario in dict.fromkeys(entry.scenario for entry in entries):
        names = [entry.name for entry in entries if entry.scenario == scenario]
        rows.append((scenario, {tracker: float(np.mean([auc[tracker][n] for n in names])) for tracker in trackers}))
    pairs = [(e.name, e.pair) for e in entries if e.pair and e.scenario.startswith(("cam", "twin")) and e.pair in truth]
    cost = {
        t: float(np.mean([auc[t][other] - auc[t][name] for name, other in pairs])) if pairs else None for t in trackers
    }
    mean = {tracker: float(np.mean(list(auc[tracker].values()))) for tracker in trackers}
    print(f"{'scenario':18s}" + "".join(f"{tracker:>10s}" for tracker in trackers))
    for scenario, values in rows:
        print(f"{scenario:18s}" + "".join(f"{values[tracker]:10.3f}" for tracker in trackers))
    print(f"{'mean':18s}" + "".join(f"{mean[tracker]:10.3f}" for tracker in trackers))
    print(f"{'cost of metamers':18s}" + "".join(f"{cost[tracker] or 0:10.3f}" for tracker in trackers))
    record = {
        "protocol": "hot",
        "mean_auc": mean,
        "cost_of_metamers": cost,
        "scenarios": dict(rows),
        "sequences": auc,
        "attributes": {name: list(found) for name, _, _, found in done},
    }
    write_record(parser, options, record)


if __name__ == "__main__":
    main()
