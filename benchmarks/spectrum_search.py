"""How often a material's spectrum finds its thing in a whole frame that nobody has drawn a box in.

The first frames of the simulated suite, of suite-small and of the uneven half of suite-spectral are searched for the
mean reflectance of the target, with the light taken from the frame's mean spectrum, and with the light known, as a
white card tells it. A region is the target's where its middle lies in the target's box.

    python benchmarks/spectrum_search.py --out benchmarks/results/spectrum_search.json
"""

from __future__ import annotations

import time

import numpy as np
from benchmark import new_parser, write_record

from spectrack.boxes import iou
from spectrack.evidence.library import LibrarySpectrum
from spectrack.evidence.options import MatchOptions
from spectrack.evidence.search import AnomalySearch, SpectralSearch, find_regions
from spectrack.simulation.suite import SIMULATED, SMALL, SPECTRAL
from spectrack.simulation.video import simulate
from spectrack.spectra import WAVELENGTHS_NM

LEAST = (0.3, 0.4, 0.5, 0.6, 0.7)
REGIONS = 3


def material_of(video):
    """Mean reflectance of the target as a spectrometer measures it, and the counts of a white card."""
    mask, window = video.scene.mask(0.0)
    light = video.scene.light.spectrum(0.0)
    radiance = video.scene.radiance(0.0, np.eye(len(WAVELENGTHS_NM)), window)[mask].mean(axis=0)
    gain = video.setting.filming.sensor.gain or 1.0
    reflectance = radiance / np.maximum(light, 1e-3 * light.max())
    return LibrarySpectrum("target", WAVELENGTHS_NM, reflectance), light @ video.exposed_matrix * np.asarray(gain)


def search(video):
    """For each light, (score, overlap with the truth, middle in it) of the best regions."""
    material, white = material_of(video)
    reflectance = material.in_bands(video.wavelengths_nm, video.setting.sensor.fwhm_nm)
    x, y, w, h = box = video.first_box
    found = {}
    for name, statistic in (
        ("scene", SpectralSearch(reflectance, lit=True)),
        ("white", SpectralSearch(reflectance * white, lit=False)),
    ):
        regions = find_regions(statistic.map(video[0]), most=REGIONS, least_area=MatchOptions.least_area)
        middles = [region.box[:2] + region.box[2:] / 2 for region in regions]
        inside = [bool(x <= cx < x + w and y <= cy < y + h) for cx, cy in middles]
        found[name] = [
            (round(region.score, 3), round(float(iou(region.box, box)), 3), own)
            for region, own in zip(regions, inside, strict=True)
        ]
    return found


def summarise(rows, least):
    """Of how many videos the best region that is a match is the target's, another's, or there is none."""
    best = [regions[0] for regions in rows if regions and regions[0][0] >= least]
    own = [region for region in best if region[2]]
    return {
        "target": len(own),
        "target, overlap above 0.5": sum(region[1] > 0.5 for region in own),
        "other": len(best) - len(own),
        "nothing": len(rows) - len(best),
        "videos": len(rows),
    }


def milliseconds(repeats):
    """Median time of a whole frame of 512 x 256 pixels and 16 bands, map and regions."""
    frame, spent = simulate("calm", "vis16", frames=2, seed=31, height=256, width=512)[0], {}
    for name, statistic in (("spectrum", SpectralSearch(np.linspace(1, 2, 16), lit=True)), ("rx", AnomalySearch())):
        times = []
        for _ in range(repeats):
            start = time.perf_counter()
            find_regions(statistic.map(frame), most=10)
            times.append(time.perf_counter() - start)
        spent[name] = {"median": round(1e3 * float(np.median(times)), 1), "fastest": round(1e3 * min(times), 1)}
    return spent


def arguments():
    parser = new_parser(__doc__)
    parser.add_argument("--only", help="videos whose name has this in it")
    parser.add_argument("--repeats", type=int, default=15)
    return parser


def main():
    parser = arguments()
    options = parser.parse_args()
    wanted = [(suite, entry.name) for suite in (SIMULATED, SMALL, SPECTRAL) for entry in suite.entries()]
    wanted = [(suite, name) for suite, name in wanted if "-even" not in name and (options.only or "") in name]
    found = {}
    for suite, name in wanted:
        found[name] = search(suite.sequence(name))
        print(name, found[name], flush=True)
    lights = ("scene", "white")
    table = {
        light: {str(least): summarise([rows[light] for rows in found.values()], least) for least in LEAST}
        for light in lights
    }
    for light in lights:
        print(light, table[light][str(MatchOptions.least)])
    write_record(parser, options, {"results": table, "milliseconds": milliseconds(options.repeats), "videos": found})


if __name__ == "__main__":
    main()
