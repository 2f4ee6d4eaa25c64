"""Both papers' methods, SiamBAN, the filter and every preset in the manner of a related system, side by side.

    python benchmarks/related_systems.py --work runs/related --out benchmarks/results/related_systems.json
    python benchmarks/related_systems.py --suite suite-spectral --frames 40 --trackers bcrnet:none,brrf-net,cf
    python benchmarks/related_systems.py --weights bae-net=runs/bae-net/bcrnet-lite.safetensors

The same sequences for all: a frozen simulated list and, where they are, the ten real clips of `real_clips.py`, each cut
to its first --frames. A network goes in the profile `lite`; ``name:none`` is the network alone, without spectral
evidence and re-detection, as presets of networks are. A preset that needs weights of its own and is given none is left
out, with the command that makes them. AUC (`hot`) with 95 % bootstrap intervals over sequences; differences are paired,
against SiamBAN on false colour alone. What is in --work is not tracked again.
"""

from __future__ import annotations

import functools
import tempfile
from contextlib import nullcontext
from pathlib import Path

from benchmark import new_parser, write_record
from real_clips import folders, open_clip, options_of, paired
from suite import figures, split

from spectrack import load_tracker
from spectrack.ablations.videos import make_entry
from spectrack.runs.entries import SequenceEntry
from spectrack.runs.options import RunOptions
from spectrack.runs.runner import run
from spectrack.simulation.suite import SUITES, find_suite, open_suite_sequence
from spectrack.trackers.presets import presets
from spectrack.trackers.registry import find_method

BASE = "siamban:none"
PROFILE = "lite"
METHODS = ("ssfnet", "ssfnet:none", "bcrnet", "bcrnet:none", "siamban", BASE, "cf")


def make(name, weights, precision):
    """A tracker by the name that the table has for it."""
    name, _, form = name.partition(":")
    preset = presets().get(name)
    if not find_method(preset.method if preset else name).network:
        return load_tracker(name)
    own = options_of(form)
    return load_tracker(name, profile=PROFILE, weights=weights, precision=precision, device="cpu", **own)


def lists(options):
    """Entries by what they are, cut to the frames that are asked for."""
    listed = [
        SequenceEntry(entry.name, functools.partial(open_suite_sequence, entry.name), entry.attributes)
        for entry in find_suite(options.suite).entries()
    ]
    try:
        clips = (
            []
            if options.without_clips
            else [SequenceEntry(name, functools.partial(open_clip, name, place)) for name, place in folders().items()]
        )
    except SystemExit as error:
        clips = []
        print(f"without real clips: {error}")
    cut = functools.partial(make_entry, frames=options.frames)
    return {options.suite: [cut(entry) for entry in listed], "real clips": [cut(entry) for entry in clips]}


def measure(name, entries, folder, weights, options):
    """What one tracker scores on one list, as JSON values, with AUC by sequence."""
    result = run(
        entries,
        functools.partial(make, name, weights, options.precision),
        folder,
        name=name,
        options=RunOptions(jobs=options.jobs, evidence=False),
    )
    attributes = {entry.label: entry.attributes for entry in entries}
    members = split(attributes) if any(attributes.values()) else {"all": list(attributes)}
    scored = {part: figures(result.scores.select(names)) for part, names in members.items() if names}
    by_sequence = {entry.label: round(result.scores.of(entry.label).figures.auc, 4) for entry in entries}
    return {"parts": scored, "sequences": by_sequence, "tracker": result.stored.info["tracker"]}


def needs(name, weights):
    """The command that trains what a preset still lacks; None where it can go."""
    preset = presets().get(name)
    # The weights of bcrnet rank bands as see-net needs them, in another number of steps.
    found = preset is None or name in {*weights, "see-net"} or preset.own_weights(PROFILE)
    return None if found else preset.training or None


def arguments():
    parser = new_parser(__doc__)
    parser.add_argument("--suite", default="simulated", choices=list(SUITES), help="frozen list")
    parser.add_argument(
        "--trackers", nargs="*", default=[], help="by default both methods, SiamBAN, cf and all presets"
    )
    parser.add_argument("--weights", nargs="*", default=[], metavar="NAME=FILE", help="weights of a preset")
    parser.add_argument("--frames", type=int, help="only so many first frames of every sequence; by default all")
    parser.add_argument("--without-clips", action="store_true", help="leave the real clips out")
    parser.add_argument("--precision", default="fp32", help="fp32, or bf16 where the processor has it")
    parser.add_argument("--work", type=Path, help="folder where runs are kept, and found again")
    parser.add_argument("--jobs", type=int, default=2)
    return parser


def main():
    parser = arguments()
    options = parser.parse_args()
    wanted = options.trackers or [*METHODS, *presets()]
    weights = dict(item.split("=", 1) for item in options.weights)
    left_out = {name: command for name in wanted if (command := needs(name, weights))}
    for name, command in left_out.items():
        print(f"left out: {name}, whose weights are made by: {command}")
    listed, measured = {name: entries for name, entries in lists(options).items() if entries}, {}
    with nullcontext(options.work) if options.work else tempfile.TemporaryDirectory() as folder:
        for name in (name for name in wanted if name not in left_out):
            measured[name] = {
                what: measure(
                    name,
                    entries,
                    Path(folder) / f"{what}-{name}".replace(":", "-").replace(" ", "-"),
                    weights.get(name),
                    options,
                )
                for what, entries in listed.items()
            }
            print(name.ljust(16), {what: found["parts"] for what, found in measured[name].items()}, flush=True)
    if base := measured.get(BASE):
        for found in (found for name, found in measured.items() if name != BASE):
            for what in found:
                found[what]["minus siamban:none"] = paired(found[what]["sequences"], base[what]["sequences"])
    write_record(parser, options, {"trackers": measured, "left out": left_out})


if __name__ == "__main__":
    main()
