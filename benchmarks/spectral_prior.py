"""What the target's spectrum adds to the networks' decision, and what it costs: prior and channel against none.

    python benchmarks/spectral_prior.py --out benchmarks/results/spectral_prior.json

Simulated clips of the suite's scenarios with other seeds, a camera each in turn; the suite itself is left alone. All
forms of a tracker take the same frames in turn, on one thread: AUC (`hot`), and processor time of a frame, the median.
Differences come with 95 % bootstrap intervals over clips.
"""

from __future__ import annotations

import time

import cv2
import numpy as np
import torch
from benchmark import new_parser, write_record

from spectrack import load_tracker, simulate
from spectrack.evaluation.protocols import score
from spectrack.evaluation.uncertainty import bootstrap_interval
from spectrack.sequences.frames import ArrayFrame
from spectrack.simulation.scenarios import SUITE_SCENARIOS
from spectrack.simulation.suite import HEIGHT, SENSORS, WIDTH

FORMS = ("none", "prior", "channel")
SEED = 620_000
HARD = ("cam", "twin")
"""How the names of scenarios begin that false colour does not tell."""


def clips(frames, only):
    """Names, and sequences of `frames` frames."""
    layouts = list(dict.fromkeys(scenario.layout_name for scenario in SUITE_SCENARIOS))
    for index, scenario in enumerate(SUITE_SCENARIOS):
        turn = index % len(SENSORS)
        sensor, seed = list(SENSORS)[turn], SEED + 10 * layouts.index(scenario.layout_name) + turn
        name = f"{scenario.name}-{sensor}"
        if not only or any(word in name for word in only):
            yield name, simulate(scenario.name, sensor, frames=frames, seed=seed, height=HEIGHT, width=WIDTH)


def follow(cubes, sequence, name):
    """AUC and milliseconds a frame of all forms of a tracker, which take turns."""
    method, _, profile = name.partition("-")
    shared = {"profile": profile, "precision": "bf16", "device": "cpu", "redetection": False}
    made = {form: load_tracker(method, evidence=form, **shared) for form in FORMS}
    boxes, spent = {form: [sequence.truth[0]] for form in FORMS}, {form: [] for form in FORMS}
    for tracker in made.values():
        tracker.init(cubes[0], sequence.truth[0], wavelengths_nm=sequence.wavelengths_nm)
    for cube in cubes[1:]:
        for form, tracker in made.items():
            frame, start = ArrayFrame(cube), time.process_time()
            boxes[form].append(tracker.update(frame).box)
            spent[form].append(1e3 * (time.process_time() - start))
    truth = {sequence.name: sequence.truth[: len(cubes)]}
    return (
        {form: round(float(score({sequence.name: np.array(found)}, truth).auc), 4) for form, found in boxes.items()},
        {form: float(np.median(values)) for form, values in spent.items()},
    )


def summary(found, spent):
    """Means of clips that false colour tells and of the others, paired differences, and the price of a frame."""
    parts = {
        "ordinary": [name for name in found if not name.startswith(HARD)],
        "camouflage and twins": [name for name in found if name.startswith(HARD)],
    }
    result = {}
    for part, names in parts.items():
        if names:
            result[part] = {form: round(float(np.mean([found[name][form] for name in names])), 4) for form in FORMS}
            result[part]["clips"] = len(names)
            for form in FORMS[1:]:
                gain = bootstrap_interval([found[name][form] - found[name]["none"] for name in names])
                ends = [round(gain.low, 4), round(gain.high, 4)]
                result[part][f"{form} less none"] = {"difference": round(gain.estimate, 4), "interval": ends}
    result["milliseconds"] = {form: round(float(np.median([one[form] for one in spent])), 2) for form in FORMS}
    result["rate_kept"] = {
        form: round(float(np.median([one["none"] / one[form] for one in spent])), 3) for form in FORMS[1:]
    }
    return result


def arguments():
    parser = new_parser(__doc__)
    parser.add_argument(
        "--trackers", nargs="*", default=["siamban-lite", "ssfnet-lite", "bcrnet-lite"], help="with their profiles"
    )
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--only", nargs="*", help="clips whose name holds one of these words")
    return parser


def main():
    parser = arguments()
    options = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    names = options.trackers
    found, spent = ({name: {} for name in names} for _ in range(2))
    for clip, sequence in clips(options.frames, options.only):
        cubes = [sequence[index] for index in range(len(sequence))]
        for name in names:
            found[name][clip], spent[name][clip] = follow(cubes, sequence, name)
            print(clip, name, found[name][clip], flush=True)
    record = {
        name: summary(found[name], list(spent[name].values())) | {"auc": found[name]} for name in names if found[name]
    }
    for name, result in record.items():
        print(name, {key: value for key, value in result.items() if key != "auc"})
    write_record(parser, options, {"results": record})


if __name__ == "__main__":
    main()
