"""What each ingredient of the training data gives: short trainings that differ in one thing, judged on clips nobody
trained on.

    python benchmarks/training_ingredients.py --pairs 8000 --cache CACHE \
        --out benchmarks/results/training_ingredients.json

Judged on simulated clips with other seeds than training and suite, and, where the development clips are at hand
(`SPECTRACK_SHARED` or ../shared), on real ones. Rows that stand in the file
already are kept. One seed each: differences below about 0.03 say nothing.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from benchmark import SHARED, new_parser, read_json, write_record

from spectrack import load_tracker, track
from spectrack.boxes import iou
from spectrack.sequences import open_sequence, read_boxes
from spectrack.simulation.scenarios import SCENARIOS
from spectrack.simulation.video import simulate
from spectrack.training.loop import train
from spectrack.training.recipe import load_recipe

VARIANTS = {
    "all": {},
    "sprites only": {"data.synthesis.sprite_share": 1.0},
    "regions only": {"data.synthesis.sprite_share": 0.0},
    "no photographs": {"data.synthesis.photograph_share": 0.0},
    "no simulated clips": {"data.sources": ["pictures"], "data.ratios": [1.0]},
    "simulated clips only": {"data.sources": ["simulated"], "data.ratios": [1.0]},
    "no distractors": {"data.synthesis.distractors": 0},
    "no companions": {"data.synthesis.companion_share": 0.0},
    "no deformation": {"data.synthesis.deformation_share": 0.0},
    "no large rotations": {"data.synthesis.large_rotation_share": 0.0},
    "no light fields, no compression": {
        "data.synthesis.photometric.light_share": 0.0,
        "data.synthesis.photometric.compression_share": 0.0,
    },
    "no hard negatives": {"loss.hard_negatives": 0},
    "head not told the box": {"network.template_box": False},
    "1x1 prediction": {"network.prediction_kernel": 1},
}
JUDGE_SEED = 800_000


def real_clips():
    if (SHARED / "rgb_crossing").is_dir():
        folder = SHARED / "rgb_crossing"
        yield "crossing", open_sequence(folder / "img"), read_boxes(folder / "groundtruth_rect.txt", origin=1)
    if (SHARED / "hotc_kangaroo").is_dir():
        clip = open_sequence(SHARED / "hotc_kangaroo" / "HSI")
        yield "kangaroo", clip, clip.truth


def judge(weights):
    figures = {}
    for name, clip, truth in real_clips():
        figures[name] = follow(clip, truth, weights)
    names = sorted(name for name, scenario in SCENARIOS.items() if scenario.spectra != "metamers")
    clips = [simulate(name, "vis16", frames=40, seed=JUDGE_SEED + index) for index, name in enumerate(names)]
    figures["simulated"] = round(float(np.mean([follow(clip, clip.truth, weights) for clip in clips])), 4)
    return figures


def follow(clip, truth, weights):
    tracker = load_tracker("siamban", weights=weights, precision="fp32", device="cpu")
    boxes = np.array([estimate.box for estimate in track(clip, tracker, truth[0])])
    return round(float(iou(boxes, truth[: len(boxes)]).mean()), 4)


def arguments():
    parser = new_parser(__doc__)
    parser.add_argument("--pairs", type=int, default=8_000)
    parser.add_argument("--only", nargs="*", default=list(VARIANTS))
    parser.add_argument("--cache", type=Path, default=None)
    return parser


def main():
    parser = arguments()
    options = parser.parse_args()
    kept = options.out is not None and options.out.is_file()
    rows = read_json(options.out, "an earlier record of this script", ("mean_iou",))["mean_iou"] if kept else {}
    with tempfile.TemporaryDirectory() as folder:
        for name in [name for name in options.only if name not in rows]:
            short = {"pairs": options.pairs, "validation_pairs": 0} | VARIANTS[name]
            run = Path(folder) / name.replace(" ", "-")
            weights = train(load_recipe("siamban-compact", short), run, cache=options.cache or Path(folder) / "cache")
            rows[name] = judge(weights)
            print(name, rows[name], flush=True)
            write_record(parser, options, {"pairs": options.pairs, "mean_iou": rows})


if __name__ == "__main__":
    main()
