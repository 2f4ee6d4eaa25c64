"""Two trackers on the same clips, and a page: python examples/compare_trackers.py [ROOT] [--out DIR]."""

import argparse
from pathlib import Path

import spectrack
from spectrack.evaluation.comparison import compare
from spectrack.reports.report import write_report
from spectrack.runs.benchmark import benchmark
from spectrack.runs.reading import read_run


def clips_in(folder: Path, frames: int) -> Path:
    """Three simulated clips with truth, for those who have none."""
    for seed, scenario in enumerate(("cam-grass", "twin-crossing", "hidden")):
        video = spectrack.simulate(scenario, "vis16", frames=frames, seed=seed, height=96, width=128)
        spectrack.write_sequence(video, folder / scenario, format="npy")
    return folder


def main(arguments: list[str] | None = None) -> Path:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", nargs="?", type=Path, help="a folder of sequences with truth")
    parser.add_argument("--trackers", nargs=2, default=["cf", "siamban"], choices=spectrack.list_trackers())
    parser.add_argument("--frames", type=int, default=30, help="of each simulated clip")
    parser.add_argument("--out", type=Path, default=Path("comparison"))
    options = parser.parse_args(arguments)

    root = options.root or clips_in(options.out / "clips", options.frames)
    dataset = spectrack.open_dataset("folder", root)
    makers = {name: lambda name=name: spectrack.load_tracker(name) for name in options.trackers}
    benchmark(dataset.entries, makers, options.out / "runs")

    runs = [read_run(options.out / "runs" / name) for name in options.trackers]
    comparison = compare(runs)
    for entrant in comparison.entrants:
        print(f"{entrant.name}: AUC {entrant.scores.auc:.3f}, interval {entrant.intervals['auc'].ends}")
    first, second = comparison.entrants
    difference = comparison.difference(second, first)
    print(f"{second.name} - {first.name}: {difference.signed}, paired over {difference.over}")
    report = write_report(runs, options.out / "report", pictures=lambda label, i: dataset[label].open().false_colour(i))
    print(f"page: {report.page}")
    return report.page


if __name__ == "__main__":
    main()
