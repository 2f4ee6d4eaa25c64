"""How well trackers follow real things: mean IoU on ten real clips of three bands, with paired differences over clips.

    python benchmarks/real_clips.py --out benchmarks/results/real_clips.json
    python benchmarks/real_clips.py --trackers siamban-compact:prior,cf --weights siamban-lite=lite.safetensors

The clips (OTB and VOT: Car1, David, Diving, DragonBaby, Human3, Jogging1, MotorRolling, Skiing, bag, Crossing) are not
in this repository; `SPECTRACK_SHARED` or ../shared names their place. They are for choosing and reporting, never for
training. fp32, so that figures repeat; the first frame, which is given, counts. Intervals are 95 % bootstrap intervals
over clips: with ten of them a difference must be large to hold.
"""

from __future__ import annotations

import functools

import numpy as np
from benchmark import SHARED, new_parser, write_record

from spectrack import iou, load_tracker, open_sequence, read_boxes, track
from spectrack.evaluation.uncertainty import bootstrap_interval
from spectrack.runs.workers import in_parallel
from spectrack.trackers.registry import list_methods


def folders():
    """Of the clips, by name."""
    found = sorted(place for place in (SHARED / "real_clips").glob("*") if (place / "img").is_dir())
    named = {place.name: place for place in [*found, SHARED / "rgb_crossing"] if (place / "img").is_dir()}
    if not named:
        raise SystemExit(
            f"expected clips below {SHARED}, found none; set SPECTRACK_SHARED to the folder that holds data/"
        )
    return named


def shipped_trackers():
    """Names of all trackers that work as they come: method and profile, or the method alone."""
    names = []
    for method in list_methods():
        profiles = [profile for profile, origins in method.profiles.items() if "shipped" in origins]
        names += [f"{method.name}-{profile}" for profile in profiles] if method.network else [method.name]
    return names


def both_forms(name):
    """A tracker as it comes and, where evidence of spectra is a choice, in the other form: ``name:none`` is the network
    alone, as published, ``name:prior`` the one with evidence.
    """
    usual = getattr(getattr(make(name, None), "options", None), "evidence", None)
    return [name] if usual is None else [name, f"{name}:{'none' if usual == 'prior' else 'prior'}"]


def make(name, weights):
    """A tracker by method, profile and what its option `evidence` is, in fp32; `weights` replace the shipped ones."""
    name, _, form = name.partition(":")
    method, _, profile = name.partition("-")
    if not profile:
        return load_tracker(method)
    return load_tracker(method, profile=profile, weights=weights, precision="fp32", device="cpu", **options_of(form))


def options_of(form):
    """Options of a tracker whose name ends in a form, such as ``:none``; none for its own."""
    return {"evidence": form, "redetection": form != "none"} if form else {}


def open_clip(name, folder):
    """A clip with as much truth as it has frames."""
    frames, truth = len(open_sequence(folder / "img")), read_boxes(folder / "groundtruth_rect.txt", origin=1)
    return open_sequence(folder / "img", truth=truth[:frames], name=name)


def mean_overlap(job, weights):
    """Names of tracker and clip, and the mean IoU of one on the other."""
    name, clip, folder = job
    sequence = open_clip(clip, folder)
    truth = sequence.truth
    boxes = np.array([estimate.box for estimate in track(sequence, make(name, weights.get(name)), truth[0])])
    return name, clip, float(iou(boxes[: len(truth)], truth).mean())


def paired(first, second):
    """Mean difference over clips with its interval."""
    interval = bootstrap_interval([first[clip] - second[clip] for clip in first])
    return {"difference": round(interval.estimate, 4), "interval": [round(interval.low, 4), round(interval.high, 4)]}


def arguments():
    parser = new_parser(__doc__)
    parser.add_argument(
        "--trackers", nargs="*", default=[], help="such as siamban-compact,cf; by default all that are shipped"
    )
    parser.add_argument("--weights", nargs="*", default=[], metavar="NAME=FILE", help="other weights of a tracker")
    parser.add_argument("--jobs", type=int, default=2)
    return parser


def main():
    parser = arguments()
    options = parser.parse_args()
    weights = dict(item.split("=", 1) for item in options.weights)
    shipped = [form for name in shipped_trackers() for form in both_forms(name)]
    names = options.trackers or shipped
    names += [name for name in weights if name not in names]
    jobs = [(name, clip, folder) for name in names for clip, folder in folders().items()]
    figures = {name: dict.fromkeys(folders(), 0.0) for name in names}
    for name, clip, value in in_parallel(functools.partial(mean_overlap, weights=weights), jobs, jobs=options.jobs):
        figures[name][clip] = value
    means = {name: round(float(np.mean(list(clips.values()))), 4) for name, clips in figures.items()}
    best = max(means, key=means.get)
    contents = {
        "mean_iou": means,
        "clips": {name: {clip: round(value, 4) for clip, value in clips.items()} for name, clips in figures.items()},
        "best": best,
        "others_minus_best": {name: paired(figures[name], figures[best]) for name in names if name != best},
    }
    print("clip".ljust(16), *(name.rjust(22) for name in names))
    for clip in folders():
        print(clip.ljust(16), *(f"{figures[name][clip]:22.3f}" for name in names))
    print("mean".ljust(16), *(f"{means[name]:22.3f}" for name in names))
    write_record(parser, options, contents)


if __name__ == "__main__":
    main()
