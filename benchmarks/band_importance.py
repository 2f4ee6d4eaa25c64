"""How well BIMM rebuilds bands on crops it never saw, beside what needs no network and what no network can beat.

Template and search crops of simulated clips, all scenarios and three sensors, cut as the tracker cuts them; the clips'
seeds are in neither training nor suite. Relative error ||X - W X||^2 / ||X||^2, mean over crops, of

* ``mean of others``: W = 1 / (bands - 1) off the diagonal;
* ``best constant``: one W for all crops of the sensor, the exact minimiser over the crops of all other clips (W >= 0,
  zero diagonal);
* ``bimm``: the weights' own W of each crop;
* ``oracle``: the exact minimiser of each crop; nothing with W >= 0 and a zero diagonal can be better.

Further: how far BIMM comes from the best constant to the oracle; rank correlation (Spearman) of its importance with the
oracle's; and flicker, the share of grouped bands that lie in another composite in the next frame.

    python benchmarks/band_importance.py --weights FILE --out benchmarks/results/band_importance.json
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from benchmark import new_parser, write_record
from scipy.stats import spearmanr

from spectrack.grid import SEARCH_SIZE_PX, TEMPLATE_SIZE_PX
from spectrack.methods.bcrnet.composites import band_importance, group_bands, rank_bands
from spectrack.methods.bcrnet.self_expression import (
    gram_matrix,
    mean_of_others,
    reconstruction_error,
    solve_self_expression,
)
from spectrack.simulation.scenarios import SCENARIOS
from spectrack.simulation.suite import LAST_SEED as SUITE_LAST
from spectrack.simulation.suite import SIMULATED
from spectrack.simulation.video import simulate
from spectrack.trackers.crop import BandScaling, CropWindow, context_side, cut
from spectrack.trackers.loading import load_tracker

SENSORS = ("vis16", "nir25", "rednir15")
FIRST_SEED = 700_000
TRAINING_SEEDS = range(100_000, 100_195)
"""Seeds of the clips in training pairs."""


@dataclass
class Crop:
    """A crop's Gram matrix (float64) and the two matrices that belong to it; `frame` 0 is the template."""

    clip: int
    frame: int
    gram: torch.Tensor
    bimm: torch.Tensor
    oracle: torch.Tensor


class Cutter:
    """Crops of a video as a tracker of its scaling cuts them: all bands, (1, bands, size, size)."""

    def __init__(self, scaling, video):
        self._video, self._imaging = video, BandScaling(scaling.fit(video[0]))
        self._fill = self._imaging.apply(video[0]).mean(axis=(0, 1))

    def __call__(self, index, window, size):
        crop = cut(self._video.frame(index), window, size, self._imaging, self._fill)
        return torch.from_numpy(crop)[None].permute(0, 3, 1, 2)


def clip_crops(tracker, clip, sensor, scenario, seed, frames):
    """The template crop and consecutive search crops of a clip, the search window kept on the truth."""
    video = simulate(scenario, sensor, frames=frames, seed=seed)
    cutter, wavelengths = Cutter(tracker.scaling, video), torch.tensor(video.wavelengths_nm, dtype=torch.float32)
    for frame in range(frames):
        box, size = video.truth[max(frame - 1, 0)], SEARCH_SIZE_PX if frame else TEMPLATE_SIZE_PX
        window = CropWindow.around(box[:2] + box[2:] / 2, context_side(box) * size / TEMPLATE_SIZE_PX)
        cube = cutter(frame, window, size)
        with torch.inference_mode():
            matrix = tracker.network.bimm(cube, wavelengths).matrix.double()
            gram = gram_matrix(cube.double())
            yield Crop(clip, frame, gram[0], matrix[0], solve_self_expression(gram)[0])


def held_out_crops(tracker, sensor, scenarios, frames):
    seeds = {scenario: FIRST_SEED + number for number, scenario in enumerate(SCENARIOS)}
    used = {*range(SIMULATED.first_seed, SUITE_LAST + 1), *TRAINING_SEEDS}
    if used & set(seeds.values()):
        raise SystemExit("expected seeds that neither training nor suite uses, found some of theirs; change FIRST_SEED")
    return [
        crop
        for clip, scenario in enumerate(scenarios)
        for crop in clip_crops(tracker, clip, sensor, scenario, seeds[scenario], frames)
    ]


def constant_matrices(crops):
    """For every clip, the best constant W over the crops of all other clips."""
    clips = sorted({crop.clip for crop in crops})
    # The mean relative error is the error on the mean of the Gram matrices, each divided by its trace.
    shares = {
        clip: torch.stack([crop.gram / crop.gram.trace() for crop in crops if crop.clip == clip]).sum(dim=0)
        for clip in clips
    }
    return {
        clip: solve_self_expression(sum(shares[other] for other in clips if other != clip)[None])[0] for clip in clips
    }


def error(crop, matrix):
    return float(reconstruction_error(crop.gram[None], matrix)[0])


def errors_of(crops):
    """Relative error of every form on every crop."""
    constant, bands = constant_matrices(crops), len(crops[0].gram)
    return {
        "mean of others": np.array([error(crop, mean_of_others(bands).double()) for crop in crops]),
        "best constant": np.array([error(crop, constant[crop.clip]) for crop in crops]),
        "bimm": np.array([error(crop, crop.bimm) for crop in crops]),
        "oracle": np.array([error(crop, crop.oracle) for crop in crops]),
    }


def agreement(crops, axis):
    """Mean rank correlation of BIMM's importance with the oracle's."""
    pairs = [(band_importance(crop.bimm[None], axis)[0], band_importance(crop.oracle[None], axis)[0]) for crop in crops]
    found = [float(spearmanr(own, exact).statistic) for own, exact in pairs if len(set(own.tolist())) > 1]
    return round(float(np.mean(found)), 3) if found else None


def flicker(crops, which, axis):
    """Share of grouped bands that change their composite from one search crop to the next."""
    changes = []
    for before, after in pairwise(crops):
        if before.frame > 0 and after.frame == before.frame + 1:
            places = [composite_of_band(band_importance(getattr(crop, which)[None], axis)) for crop in (before, after)]
            grouped = (places[0] >= 0) | (places[1] >= 0)
            changes.append(float((places[0] != places[1])[grouped].mean()))
    return round(float(np.mean(changes)), 3) if changes else None


def composite_of_band(importance):
    """(bands,) number of the composite that a band is in, -1 for a band left over; from importance (1, bands)."""
    groups = group_bands(rank_bands(importance))[0].numpy()
    places = np.full(importance.shape[1], -1)
    for number, bands in enumerate(groups):
        places[bands] = number
    return places


def judge(crops, axis):
    """Everything about the crops of one sensor."""
    errors = errors_of(crops)
    mean = {name: float(values.mean()) for name, values in errors.items()}
    gap = mean["best constant"] - mean["oracle"]
    # Rounding of the last digits of W counts as equal.
    below = errors["bimm"] < errors["oracle"] * (1 - 1e-6) - 1e-12
    return {
        "crops": len(crops),
        "clips": len({crop.clip for crop in crops}),
        "relative_error": {name: float(f"{value:.4g}") for name, value in mean.items()},
        "relative_error_median": {name: float(f"{np.median(values):.4g}") for name, values in errors.items()},
        "share_of_the_way_from_best_constant_to_oracle": round((mean["best constant"] - mean["bimm"]) / gap, 3)
        if gap > 0
        else None,
        "below_a_third_of_mean_of_others": mean["bimm"] < mean["mean of others"] / 3,
        "never_below_the_oracle": not bool(below.any()),
        "valid_matrices": all(bool((crop.bimm >= 0).all()) and not bool(crop.bimm.diagonal().any()) for crop in crops),
        "rank_correlation_with_oracle": agreement(crops, axis),
        "flicker": {"bimm": flicker(crops, "bimm", axis), "oracle": flicker(crops, "oracle", axis)},
    }


def arguments():
    parser = new_parser(__doc__, weights=True)
    parser.add_argument("--sensors", nargs="+", default=list(SENSORS))
    parser.add_argument("--scenarios", nargs="+", default=list(SCENARIOS))
    parser.add_argument("--frames", type=int, default=8, help="of every clip, the template's included")
    parser.add_argument("--axis", default="row", choices=["row", "column"], help="what importance sums over")
    return parser


def main():
    parser = arguments()
    options = parser.parse_args()
    if len(options.scenarios) < 2:
        parser.error(
            "expected at least two scenarios, because the best constant W comes from other clips than it is judged on; "
            "name more"
        )
    tracker = load_tracker("bcrnet", weights=options.weights, precision="fp32", device="cpu")
    found = {}
    for sensor in options.sensors:
        found[sensor] = judge(held_out_crops(tracker, sensor, options.scenarios, options.frames), options.axis)
        print(sensor, found[sensor], flush=True)
    seeds = f"from {FIRST_SEED}, one a scenario"
    write_record(parser, options, {"weights": tracker.identity, "seeds": seeds, "sensors": found})


if __name__ == "__main__":
    main()
