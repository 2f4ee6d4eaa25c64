"""Fit how trackers state the probability that their box is on target, and tell how often it comes true.

    python benchmarks/calibrate.py --write --out benchmarks/results/calibration.json
    python benchmarks/calibrate.py --trackers bcrnet-lite --write --out benchmarks/results/calibration_bcrnet_lite.json
    python benchmarks/calibrate.py --trackers siamban-lite --weights siamban-lite=mine.safetensors

A logistic model of the cues of `spectrack.trackers.probability`, a clip counting as much as any other, by Newton's
method with a ridge. A tracker that can weigh by the spectrum (`evidence`) is followed with and without it, one model
being fitted to both: a tracker that seldom fails shows little of how it does. Clips are the suite's scenarios under
other seeds, and the ten real clips of `real_clips.py` where they are at hand. What the record says of the model comes
from folds of clips that it was not fitted to. --write puts coefficients into `probability.toml` of the method's folder.
"""

from __future__ import annotations

import functools
from dataclasses import asdict, fields

import numpy as np
from benchmark import SHARED, new_parser, write_record
from real_clips import shipped_trackers

from spectrack import iou, load_tracker, open_sequence, read_boxes, simulate, track
from spectrack.evaluation.confidence import Judged, calibration, flag_against_missed
from spectrack.evaluation.robustness import LOST_BELOW
from spectrack.files import write_text
from spectrack.runs.workers import in_parallel
from spectrack.simulation.scenarios import SUITE_SCENARIOS
from spectrack.simulation.suite import HEIGHT, SENSORS, SIMULATED, WIDTH
from spectrack.tables import read_table
from spectrack.trackers.method import resolve
from spectrack.trackers.probability import COEFFICIENTS, Cues, ProbabilityModel
from spectrack.trackers.registry import find_method

FIRST_SEED = 960_000
"""The suites' end below it. Every scenario is taken once by each sensor; a round of them begins a hundred seeds on."""

FOLDS = 8
RIDGE = 2.0
"""In units of clips: pulls coefficients of standardised cues to 0."""

INDEPENDENT = 6
"""Frames of one clip are alike; all of them together count as so many."""


def clips(words):
    """Names of all clips, simulated and real, that hold one of the words; all without words."""
    names = [
        f"{scenario.name}-{SENSORS[(number + turn) % len(SENSORS)]}-{FIRST_SEED + 100 * turn + number}"
        for turn in range(len(SENSORS))
        for number, scenario in enumerate(SUITE_SCENARIOS)
    ]
    real = [*sorted((SHARED / "real_clips").glob("*")), SHARED / "rgb_crossing"]
    names += [f"real {folder}" for folder in real if (folder / "img").is_dir()]
    return [name for name in names if not words or any(word in name for word in words)]


def open_clip(name, frames):
    """The sequence and its truth."""
    if name.startswith("real "):
        folder = type(SHARED)(name.removeprefix("real "))
        sequence = open_sequence(folder / "img")
        truth = read_boxes(folder / "groundtruth_rect.txt", origin=1)[: len(sequence)]
        return sequence, truth
    scenario, sensor, seed = name.rsplit("-", 2)
    clip = simulate(scenario, sensor, frames=frames, seed=int(seed), height=HEIGHT, width=WIDTH)
    cubes = np.stack([clip[index] for index in range(len(clip))])  # rendered once for all trackers
    return Rendered(clip, cubes), clip.truth


class Rendered:
    """A clip whose frames are kept."""

    def __init__(self, clip, cubes):
        self.wavelengths_nm, self.cubes = clip.wavelengths_nm, cubes

    def follow(self, tracker, box):
        """Estimates of all frames but the first."""
        tracker.init(self.cubes[0], box, wavelengths_nm=self.wavelengths_nm)
        for cube in self.cubes[1:]:
            yield tracker.update(cube)


def observe(clip, names, options):
    """A clip, and for each tracker and form its cues (N - 1, 6), scores and overlaps with the truth (N - 1,)."""
    sequence, truth = open_clip(clip, options.frames)
    found = {}
    for name, form in [(each, form) for each in names for form in forms(each, options)]:
        tracker = make(name, form, options)
        if isinstance(sequence, Rendered):
            estimates = list(sequence.follow(tracker, truth[0]))
        else:
            estimates = list(track(sequence, tracker, truth[0]))[1 : len(truth)]
        boxes = np.array([estimate.box for estimate in estimates])
        found[name, form] = (
            np.array([estimate.evidence["cues"] for estimate in estimates]),
            np.array([estimate.score for estimate in estimates]),
            iou(boxes, truth[1 : len(boxes) + 1]),
        )
    return clip, found


def forms(name, options):
    """Values of `evidence` with which a tracker is followed."""
    online = find_method(name.partition("-")[0]).online
    has_choice = any(field.name == "evidence" for field in fields(resolve(online)))
    return (options.evidence or ["none", "prior"]) if has_choice else ["none"]


def make(name, form, options):
    """A tracker by method and profile, with or without the spectrum."""
    method, _, profile = name.partition("-")
    if not profile:
        return load_tracker(method)
    weights = dict(item.split("=", 1) for item in options.weights).get(name)
    how = {"precision": options.precision, "device": "cpu"}
    return load_tracker(method, profile=profile, weights=weights, evidence=form, **how)


def fit(cues, on_target):
    """The model of several clips: cues (N, 6) and whether the box was on target (N,) of each."""
    values, true = np.concatenate(cues), np.concatenate(on_target).astype(float)
    weights = np.concatenate([np.full(len(part), INDEPENDENT / len(part)) for part in cues])
    mean = np.average(values, axis=0, weights=weights)
    spread = np.sqrt(np.average((values - mean) ** 2, axis=0, weights=weights))
    spread[spread < 1e-9] = np.inf  # a cue that never varies says nothing
    found = logistic((values - mean) / spread, true, weights, RIDGE)
    slopes = found[1:] / spread
    return ProbabilityModel(float(found[0] - slopes @ mean), *map(float, slopes))


def logistic(values, true, weights, ridge):
    """Constant and slopes of a weighted logistic regression, the slopes with a ridge, by Newton's method.

    Minimises the weighted sum of log losses and half the ridge times the sum of squares; a trace of it holds the
    constant where all is true.
    """
    rows = np.column_stack([np.ones(len(values)), values])
    penalty = np.diag([1e-3, *[ridge] * values.shape[1]])
    found = np.zeros(rows.shape[1])
    for _ in range(100):
        likely = 1 / (1 + np.exp(-rows @ found))
        slope = rows.T @ (weights * (likely - true)) + penalty @ found
        curvature = (rows.T * (weights * likely * (1 - likely))) @ rows + penalty
        step = np.linalg.solve(curvature, slope)
        found = found - step * min(1.0, 2.0 / np.abs(step).max())
        if np.abs(step).max() < 1e-9:
            break
    return found


def probabilities(model, cues):
    return np.array([model.probability(Cues(*row)) for row in cues])


def held_out(observed):
    """Probabilities of each clip and form by a model that was fitted to other clips."""
    clips = sorted({clip for clip, _ in observed})
    fold = dict(zip(clips, np.random.default_rng(0).permutation(len(clips)) % FOLDS, strict=True))
    found = {}
    for number in range(FOLDS):
        inside = [values for (clip, _), values in observed.items() if fold[clip] != number]
        outside = [key for key in observed if fold[key[0]] == number]
        if inside and outside:
            model = fit([cues for cues, *_ in inside], [overlap >= LOST_BELOW for *_, overlap in inside])
            found |= {key: probabilities(model, observed[key][0]) for key in outside}
    return found


def judged(observed, stated):
    """Frames of all clips in the form that the evaluation takes."""
    rows = []
    for name, (_, score, overlap) in observed.items():
        lost = stated[name] < 0.5
        rows.append(Judged(score, lost, overlap, np.zeros(len(lost), bool), stated[name]))
    return Judged.pool(rows)


def worth(observed, stated):
    """What stated probabilities are worth on some clips, beside the scores taken for probabilities."""
    frames = judged(observed, stated)
    plain = judged(observed, {name: np.clip(score, 0, 1) for name, (_, score, _) in observed.items()})
    found, flag, raw = calibration(frames), flag_against_missed(frames), flag_against_missed(plain)
    return {
        "clips": len(observed),
        "frames": flag.frames,
        "missed": flag.positives,
        "ece_of_score": round(calibration(plain).error, 4),
        "ece": round(found.error, 4),
        "score_below_half": {"flagged": raw.flagged, "precision": raw.precision, "recall": raw.recall},
        "lost": {"flagged": flag.flagged, "precision": flag.precision, "recall": flag.recall},
        "bins": {"frames": found.frames, "probability": found.probability, "on_target": found.on_target},
    }


def write_coefficients(name, evidence, model):
    """Put a model into its method's file, beside those of other profiles and forms."""
    method, _, profile = name.partition("-")
    file = find_method(method).folder / COEFFICIENTS
    tables = read_table(file) if file.is_file() else {}
    tables.setdefault(profile or "any", {})[evidence] = {key: round(value, 4) for key, value in asdict(model).items()}
    lines = ["# Log odds of being on target, see spectrack/trackers/probability.py; benchmarks/calibrate.py --write."]
    for group, forms in sorted(tables.items()):
        for form, values in sorted(forms.items()):
            lines += ["", f"[{group}.{form}]", *(f"{item.name} = {values[item.name]}" for item in fields(model))]
    write_text(file, "\n".join(lines) + "\n")


def arguments():
    parser = new_parser(__doc__)
    parser.add_argument("--trackers", nargs="*", help="such as siamban-compact cf; by default all that are shipped")
    parser.add_argument("--weights", nargs="*", default=[], metavar="NAME=FILE", help="other weights of a tracker")
    parser.add_argument(
        "--evidence", nargs="*", choices=["none", "prior"], help="by default both, where there is a choice"
    )
    parser.add_argument("--precision", default="fp32", help="fp32 repeats; bf16 is quicker")
    parser.add_argument("--only", nargs="*", help="clips whose name holds one of these words")
    parser.add_argument("--frames", type=int, default=SIMULATED.frames, help="of a simulated clip")
    parser.add_argument("--write", action="store_true", help="put the coefficients into the methods' folders")
    parser.add_argument("--jobs", type=int, default=2)
    return parser


def main():
    parser = arguments()
    options = parser.parse_args()
    names = options.trackers or shipped_trackers()
    observed = {name: {} for name in names}
    work = functools.partial(observe, names=names, options=options)
    for clip, found in in_parallel(work, clips(options.only), jobs=options.jobs):
        shares = {" ".join(key): np.mean(overlap >= LOST_BELOW) for key, (*_, overlap) in found.items()}
        print(clip, *(f"{name} {share:.2f}" for name, share in shares.items()), flush=True)
        for (name, form), values in found.items():
            observed[name][clip, form] = values
    record = {}
    for name in names:
        own = dict(sorted(observed[name].items()))
        model = fit([cues for cues, *_ in own.values()], [overlap >= LOST_BELOW for *_, overlap in own.values()])
        known = sorted({form for _, form in own})
        record[name] = {
            "weights": getattr(make(name, known[0], options), "identity", None),
            "coefficients": {key: round(value, 4) for key, value in asdict(model).items()},
            "held_out": {form: worth_by_kind(own, held_out(own), form) for form in known},
        }
        for form in known if options.write else ():
            write_coefficients(name, form, model)
        errors = {
            form: {kind: found["ece"] for kind, found in kinds.items()}
            for form, kinds in record[name]["held_out"].items()
        }
        print(name, record[name]["coefficients"], errors)
    write_record(parser, options, {"trackers": record})


def worth_by_kind(observed, stated, form):
    """What is stated of one form is worth on simulated and on real clips, as far as there are any."""
    found = {}
    for kind in ("simulated", "real"):
        some = {
            key: observed[key] for key in stated if key[1] == form and key[0].startswith("real ") == (kind == "real")
        }
        if some:
            found[kind] = worth(some, stated)
    return found


if __name__ == "__main__":
    main()
