"""What weight a branch gets that holds a dead, noisy or glaring band, with BIMM's importance and with the exact one.

On the videos of `suite-spectral` whose cameras have unequal bands or into which a line of light glares, and on the even
halves of the same scenes, where the very same bands are as good as the others. Search crops are cut around the truth as
a tracker cuts them, so nothing is tracked. A band counts as

* ``dead``: it transmits nothing and shows read noise;
* ``noisy``: it transmits less than a twentieth of the best band's light, at the same level;
* ``glaring``: it takes at least half of the stray light that the band takes which gets most.

Per kind, means over crops: the band's importance over the mean importance of all bands; how often no composite has it;
and, by `weight_power`, the weight of the branch that holds it over an equal share, 0 where none does.

    python benchmarks/bad_bands.py --out benchmarks/results/bad_bands.json
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import torch
from band_importance import Cutter
from benchmark import new_parser, write_record

from spectrack.grid import SEARCH_SIZE_PX, TEMPLATE_SIZE_PX
from spectrack.methods.bcrnet.composites import sharpened
from spectrack.simulation.suite import SPECTRAL
from spectrack.spectra import WAVELENGTHS_NM
from spectrack.trackers.crop import CropWindow, context_side
from spectrack.trackers.loading import load_tracker

ROWS, COLUMNS = {"importance_axis": "row"}, {"importance_axis": "column"}
UNIT, EXACT = {"importance_units": "unit"}, {"composer": "self_expression"}
RANKINGS = {
    "BIMM, rows": ROWS,
    "BIMM, columns": COLUMNS,
    "BIMM, rows, bands of one length": ROWS | UNIT,
    "BIMM, columns, bands of one length": COLUMNS | UNIT,
    "exact, rows": EXACT | ROWS,
    "exact, columns, bands of one length": EXACT | COLUMNS | UNIT,
}
NOISY, GLARING = 1 / 20, 1 / 2


def bad_bands(video):
    """Bands of each kind of an uneven video."""
    worth, filming = video.setting.scenario.worth, video.setting.filming
    if worth.acts("camera"):
        light = np.array(filming.sensor.transmission)
        return {
            "dead": np.flatnonzero(light == 0),
            "noisy": np.flatnonzero((light > 0) & (light < NOISY * light.max())),
        }
    if worth.acts("glare"):
        veil = video.scene.glare.spectrum @ filming.sensor.responses(WAVELENGTHS_NM).T
        return {"glaring": np.flatnonzero(veil >= GLARING * veil.max())}
    return {}


def crops(tracker, video, every):
    """The template crop, then search crops, each cut where the target was in the frame before."""
    cutter = Cutter(tracker.scaling, video)
    for frame in range(0, len(video), every):
        box, size = video.truth[max(frame - 1, 0)], SEARCH_SIZE_PX if frame else TEMPLATE_SIZE_PX
        window = CropWindow.around(box[:2] + box[2:] / 2, context_side(box) * size / TEMPLATE_SIZE_PX)
        yield cutter(frame, window, size)


def look(network, cubes, wavelengths, kinds, powers):
    """A dictionary of figures for each kind of band and crop."""
    template, *rest = cubes
    first = network.compose(template, wavelengths)
    for cube in rest:
        composites = network.compose(cube, wavelengths, first)
        importance, places = composites.importance[0], composites.bands[0]
        for kind, bands in kinds.items():
            for band in bands.tolist():
                held = (places == band).any(dim=1)
                weights = {power: sharpened(composites.weights, power)[0] for power in powers}
                yield (
                    kind,
                    {
                        "importance": float(importance[band] * len(importance)),
                        "left_out": float(not bool(held.any())),
                        **{f"weight^{power:g}": float(w[held].sum() * len(w)) for power, w in weights.items()},
                    },
                )


def measure(trackers, pairs, every, powers):
    found = defaultdict(list)
    for uneven, even in pairs:
        kinds = bad_bands(uneven)
        for half, video in (("uneven", uneven), ("even", even)):
            cubes = list(crops(trackers["BIMM, rows"], video, every))
            wavelengths = torch.tensor(video.wavelengths_nm, dtype=torch.float32)
            for name, tracker in trackers.items():
                with torch.inference_mode():
                    for kind, figures in look(tracker.network, cubes, wavelengths, kinds, powers):
                        found[name, kind, half].append(figures)
        print(uneven.name, {kind: bands.tolist() for kind, bands in kinds.items()}, flush=True)
    return found


def arguments():
    parser = new_parser(__doc__, weights=True)
    parser.add_argument("--only", nargs="+", default=["camera", "glare"], help="beginnings of names of videos")
    parser.add_argument("--every", type=int, default=6, help="frames between two crops")
    parser.add_argument("--powers", type=float, nargs="+", default=[1.0, 4.0, 16.0])
    return parser


def main():
    parser = arguments()
    options = parser.parse_args()
    how = {"weights": options.weights, "precision": "fp32", "device": "cpu"}
    trackers = {name: load_tracker("bcrnet", **how, **switches) for name, switches in RANKINGS.items()}
    names = [entry.name for entry in SPECTRAL.entries() if "-uneven" in entry.name]
    chosen = [name for name in names if name.startswith(tuple(options.only))]
    pairs = [(SPECTRAL.sequence(name), SPECTRAL.sequence(name.replace("-uneven", "-even"))) for name in chosen]
    found = measure(trackers, pairs, options.every, options.powers)
    rows = {
        f"{name}, {kind}, {half}": {"crops": len(figures)}
        | {key: round(float(np.mean([one[key] for one in figures])), 3) for key in figures[0]}
        for (name, kind, half), figures in found.items()
    }
    for name, figures in rows.items():
        print(name, figures, flush=True)
    write_record(parser, options, {"weights": trackers["BIMM, rows"].identity, "bands": rows})


if __name__ == "__main__":
    main()
