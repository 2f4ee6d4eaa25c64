"""Whether video without boxes lifts weights: they are trained a little further, with it and without it.

    python benchmarks/unlabelled.py --videos videos/ --judge /data/clips --work runs/unlabelled \
        --out benchmarks/results/unlabelled.json
    python benchmarks/unlabelled.py --recipe siamban-compact --pairs 8000 --seeds 1 2 3

For every seed there are two trainings that start from the same weights and see the same number of pairs: one of the
recipe's own pairs, one where a share of them comes from the videos. Start, both ends and their differences, paired by
clip and seed, are the result; a change that the training without video brings too is none of the video's. Clips that
judge lie elsewhere than the videos. Without --videos, the simulator renders video whose truth nobody reads (low light,
a camera that pans, supple things), and other seeds of it judge.

Trainings are kept in --work and go on where they stopped. With the defaults and two cores, half a day.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from benchmark import new_parser, write_record

from spectrack import iou, load_tracker, simulate, track
from spectrack.cli.settings import parse_settings
from spectrack.evaluation.uncertainty import bootstrap_interval
from spectrack.pairs.clip_sources import sequences_at
from spectrack.sequences.memory import MemorySequence
from spectrack.sequences.writers import write_sequence
from spectrack.training.loop import train
from spectrack.training.recipe import load_recipe
from spectrack.weights.files import read_metadata
from spectrack.weights.index import find_weights

VIDEO_SEED, JUDGE_SEED = 910_000, 920_000
"""Other seeds than those of trainings and of the suite."""


def simulated(scenarios, count, frames, seed):
    """Sequences of the simulator with truth, by name."""
    for index in range(count):
        scenario = scenarios[index % len(scenarios)]
        yield f"{scenario}-{index}", simulate(scenario, "vis16", frames=frames, seed=seed + index)


def without_truth(sequences, folder):
    """Write sequences as video that nobody has labelled; gives the folder."""
    for name, sequence in sequences:
        if not (folder / name).is_dir():
            blind = MemorySequence(np.stack(list(sequence)), name=name, wavelengths_nm=sequence.wavelengths_nm)
            blind.sensor = sequence.sensor
            write_sequence(blind, folder / name, format="npy")
    return folder


def judges(options):
    """Sequences with truth, by name."""
    if options.judge is None:
        return list(simulated(options.scenarios, options.clips, options.frames, JUDGE_SEED))
    inside = [place for place in options.judge if any(overlap(place, video) for video in options.videos or [])]
    if inside:
        raise SystemExit(f"expected clips that are not trained on, found {inside[0]} among the videos; name others")
    return [(clip.name, clip) for place in options.judge for clip in sequences_at(place)]


def overlap(first, second):
    first, second = first.resolve(), second.resolve()
    return first == second or first in second.parents or second in first.parents


def overlaps(weights, clips):
    """Mean IoU on each clip."""
    metadata = read_metadata(weights)
    tracker = load_tracker(metadata.method, profile=metadata.profile, weights=weights, precision="fp32", device="cpu")
    found = {}
    for name, clip in clips:
        boxes = np.array([estimate.box for estimate in track(clip, tracker, clip.truth[0])])
        found[name] = round(float(iou(boxes, clip.truth).mean()), 4)
    return found


def difference(first, second):
    """Mean difference over clips, and over seeds where there are several, with its interval."""
    pairs = [first[run][clip] - second[run][clip] for run in first for clip in first[run]]
    interval = bootstrap_interval(pairs)
    return {"difference": round(interval.estimate, 4), "interval": [round(interval.low, 4), round(interval.high, 4)]}


def arguments():
    parser = new_parser(__doc__)
    parser.add_argument("--recipe", default="siamban-lite", help="recipe, whose name's weights are the start")
    parser.add_argument("--start", help="other weights to start from; they follow things, too")
    parser.add_argument("--videos", type=Path, nargs="*", help="videos or folders of videos; truth in them is not read")
    parser.add_argument("--judge", type=Path, nargs="*", help="folders of clips with truth")
    parser.add_argument("--pairs", type=int, default=8_000, help="of each training")
    parser.add_argument("--rate", type=float, default=2e-4, help="learning rate at its peak")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--share", type=float, default=0.3, help="of the pairs, from the videos")
    parser.add_argument("--clips", type=int, default=12, help="simulated videos, and simulated clips that judge")
    parser.add_argument("--frames", type=int, default=120, help="of each of them")
    parser.add_argument("--scenarios", nargs="+", default=["dusk", "panning", "supple"], help="of them")
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", help="other values of the recipe")
    parser.add_argument("--work", type=Path, help="where trainings are kept; a folder that goes by default")
    return parser


def main():
    parser = arguments()
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        contents = compare(options, options.work or Path(folder))
    write_record(parser, options, contents)


def compare(options, work):
    """The record's contents."""
    clips = judges(options)
    videos = options.videos or [
        without_truth(simulated(options.scenarios, options.clips, options.frames, VIDEO_SEED), work / "videos")
    ]
    start = str(find_weights(options.start or options.recipe))
    before = overlaps(start, clips)
    figures = {"start": {}, "without": {}, "with": {}}
    told = {}
    for seed in options.seeds:
        figures["start"][str(seed)] = before
        for name, own in (("without", {}), ("with", {"videos": list(map(str, videos)), "share": options.share})):
            settings = {"start": start, "pairs": options.pairs, "optimiser.learning_rate": options.rate, "seed": seed}
            settings |= {f"data.unlabelled.{key}": value for key, value in own.items()} | parse_settings(options.set)
            out = work / f"{name}-{seed}"
            weights = train(load_recipe(options.recipe, settings), out, cache=work / "cache", device="cpu", jobs=1)
            figures[name][str(seed)] = overlaps(weights, clips)
            told = read_metadata(weights).extra.get("unlabelled", told)
        means = {name: round(float(np.mean(list(figures[name][str(seed)].values()))), 4) for name in figures}
        print(f"seed {seed}:", *(f"{name} {value:.3f}" for name, value in means.items()))
    return {
        "mean_iou": {
            name: round(float(np.mean([list(run.values()) for run in runs.values()])), 4)
            for name, runs in figures.items()
        },
        "with_minus_without": difference(figures["with"], figures["without"]),
        "with_minus_start": difference(figures["with"], figures["start"]),
        "kept": told,
        "clips": figures,
    }


if __name__ == "__main__":
    main()
