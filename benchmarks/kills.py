"""Commands killed at random moments, and given again: the same bytes at the end, and nothing of the user's lost.

    python benchmarks/kills.py --moments 40 --out benchmarks/results/kills.json

Each moment draws a command, a signal (SIGINT, SIGTERM, SIGKILL) and a time within what the command takes undisturbed.
After the kill and after the same command once more, the data that it reads and the files of others beside what it
writes must have the bytes that they had; the second run must end well, leave what an undisturbed one leaves, and of
that every file whose bytes two undisturbed runs agree on with the same bytes.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from benchmark import new_parser, write_record
from hostile.judging import state

import spectrack

COMMANDS = {
    "simulate": "simulate --scenario calm --frames 12 --width 96 --height 80 --out OUT",
    "convert": "data convert DATA/clips --out OUT",
    "track": "track DATA/clips/one --tracker cf --overlay --out OUT",
    "benchmark": "benchmark --dataset folder --root DATA/clips --trackers cf --jobs 1 --out OUT",
    "evaluate": "evaluate --results DATA/run --truth DATA/run --out OUT/scores.json",
}
SHARED = ("convert", "benchmark", "evaluate")
"""Commands that write into a folder with other files."""

SIGNALS = ("SIGINT", "SIGTERM", "SIGKILL")
THEIRS = {"thesis.tex": "years", ".notes": "hidden", "figures/mine.pdf": "mine"}
LONGEST_SECONDS = 120


def prepare(place):
    """Clips to read, and a run to score."""
    for name, seed in (("one", 1), ("two", 2)):
        clip = spectrack.simulate("calm", frames=12, seed=seed, height=80, width=96)
        spectrack.write_sequence(clip, place / "clips" / name)
    assert run("track", place, place / "run", command=COMMANDS["track"].replace(" --overlay", ""))[0] == 0


def run(name, data, out, *, command=None, number=None, after=None):
    """Exit status of a command and the seconds it took; killed by a signal after some seconds where one is given."""
    words = (command or COMMANDS[name]).replace("DATA", str(data)).replace("OUT", str(out)).split()
    begun = time.monotonic()
    with subprocess.Popen(
        [sys.executable, "-m", "spectrack", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A shell lets what it starts in the background ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        if number is not None:
            time.sleep(after)
            process.send_signal(number)
        _, said = process.communicate(timeout=LONGEST_SECONDS)
    return process.returncode, time.monotonic() - begun, said


def fill(out):
    for name, text in THEIRS.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text(text, encoding="utf-8")


def undisturbed(name, data, place):
    """Names that a command leaves, the digests that two runs agree on, and its seconds."""
    found = []
    for number in range(2):
        out = place / f"{name}-{number}"
        status, seconds, said = run(name, data, out)
        if status:
            raise SystemExit(f"expected {name} to run, found status {status}: {said}")
        found.append(state(out))
        shutil.rmtree(out)
    return set(found[0]), dict(found[0].items() & found[1].items()), seconds


def one_moment(name, number, after, data, place, expected):
    """Faults of one kill, in words; and whether the kill came before the end."""
    names, digests, _ = expected
    out, before, faults = place / "out", state(data), []
    if name in SHARED:
        fill(out)
    theirs = state(out) if out.exists() else {}
    status, _, said = run(name, data, out, number=number, after=after)
    kept = state(out) if out.exists() else {}
    faults += [f"{path} of others changed by the kill" for path in theirs if kept.get(path) != theirs[path]]
    if "Traceback" in said:
        faults.append(f"a trace: {said[-400:]}")
    # A signal behind the last rename comes too late to undo what is whole.
    whole = names <= kept.keys() and all(kept[path] == digest for path, digest in digests.items())
    if status != 0 and not whole:
        again, _, said = run(name, data, out)
        if again != 0:
            faults.append(f"the same command ends with {again}: {said[-400:]}")
    after_all = state(out) if out.exists() else {}
    faults += [f"{path} of others changed" for path in theirs if after_all.get(path) != theirs[path]]
    faults += [f"{path} is missing" for path in names - after_all.keys()]
    faults += [f"{path} is left over" for path in after_all.keys() - names - theirs.keys()]
    faults += [f"{path} has other bytes" for path, digest in digests.items() if after_all.get(path, digest) != digest]
    faults += ["what is read changed"] if state(data) != before else []
    faults += [f"{path.name} is left beside" for path in place.iterdir() if path != out]
    shutil.rmtree(out, ignore_errors=True)
    return faults, status != 0


def arguments():
    parser = new_parser(__doc__)
    parser.add_argument("--moments", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--command", nargs="*", choices=list(COMMANDS), default=list(COMMANDS))
    return parser


def main():
    parser = arguments()
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    rng = random.Random(options.seed)
    tried, found = Counter(), []
    with tempfile.TemporaryDirectory(prefix="spectrack-kills-") as folder:
        data, place = Path(folder) / "data", Path(folder) / "place"
        place.mkdir()
        prepare(data)
        expected = {name: undisturbed(name, data, place) for name in options.command}
        for moment in range(options.moments):
            name = options.command[moment % len(options.command)]
            number, share = SIGNALS[moment // len(options.command) % len(SIGNALS)], rng.uniform(0.3, 1.0)
            after = share * expected[name][2]
            faults, killed = one_moment(name, getattr(signal, number), after, data, place, expected[name])
            tried[f"{name} {number}", "killed" if killed else "ended before"] += 1
            if faults:
                found.append({"command": name, "signal": number, "after_s": round(after, 2), "faults": faults})
                print(found[-1], flush=True)
    table = {}
    for (what, how), count in sorted(tried.items()):
        table.setdefault(what, {})[how] = count
    print(f"{options.moments} moments, {len(found)} with faults; {table}")
    write_record(parser, options, {"moments": options.moments, "tried": table, "faults": found})


if __name__ == "__main__":
    main()
