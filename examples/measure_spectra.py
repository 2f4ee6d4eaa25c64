"""A target's spectrum, area and place, frame by frame: python examples/measure_spectra.py [FOLDER X,Y,W,H] [--out DIR]

The same as `spectrack track FOLDER --box X,Y,W,H --measure --out DIR`, and what became of the spectrum on the way.
"""

import argparse
import csv
from pathlib import Path

import numpy as np

import spectrack
from spectrack.measuring.options import MeasureOptions


def main(arguments: list[str] | None = None) -> Path:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("box", nargs="?", help="the object in the first frame, x,y,w,h")
    parser.add_argument("--tracker", default="cf", choices=spectrack.list_trackers())
    parser.add_argument("--calibration", type=Path, help="file of `spectrack calibrate`, for reflectance")
    parser.add_argument("--out", type=Path, default=Path("measured"))
    options = parser.parse_args(arguments)

    if options.folder is None:
        sequence = spectrack.simulate("calm", "vis16", frames=30, seed=2, height=96, width=128)
    else:
        sequence = spectrack.open_sequence(options.folder, calibration=options.calibration)
    box = [float(number) for number in options.box.split(",")] if options.box else None
    record = spectrack.RecordOptions(measuring=MeasureOptions(measure=True))
    recording = spectrack.record(
        sequence, spectrack.load_tracker(options.tracker), options.out, box=box, options=record
    )

    table = recording.directory / "measurements.csv"
    with table.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names = [name for name in rows[0] if name.startswith("mean_")]
    spectra = np.array([[float(row[name]) for name in names] for row in rows])
    drift = np.nanmax(np.abs(spectra / spectra[0] - 1))
    print(f"{len(rows)} frames, {len(names)} bands, at most {100 * drift:.0f} % from the first frame: {table}")
    return table


if __name__ == "__main__":
    main()
