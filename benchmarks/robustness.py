"""Inputs that strangers, damaged disks and ill will could bring: each of many thousands gives a result or a sentence.

    python benchmarks/robustness.py --seed 1 --out benchmarks/results/robustness.json [--resume]
    python benchmarks/robustness.py --kind frames --seed 1 --count 500
    python benchmarks/robustness.py --kind frames --seed 1 --first 312 --count 1

Every input is made from its kind, the seed and its number alone, so a fault is repeated by the command printed beside
it. It is tried in a process with 1 GiB of address space above its start and 5 s of processor time; one that spends none
for 30 s hangs. An outcome is "valid", "refused" (a SpectrackError, or exit status 2 with one sentence), or a fault:
"unforeseen" (any other exception, or a sentence in another form), "wrong" (a result that is none), "slow", "memory",
"died", or "lost" (a file of the user's changed or gone, or one left behind). benchmarks/robustness.md lists what was
found.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

from benchmark import new_parser, read_json, write_record
from hostile import KINDS
from hostile.judging import PROCESSOR_SECONDS, judge, processor_seconds

from spectrack.provenance import provenance

CLOCK_SECONDS, LEAST_SECONDS, SPARE_BYTES = 30.0, 0.01, 2**30
SERVED = 1000
"""Inputs that one process takes: address space that decoders' threads leave in pieces is not the next input's."""

FAULTS = ("unforeseen", "wrong", "slow", "memory", "died", "lost")
MOST_SHOWN = 20


def serve(pipe, kind, seed, numbers):
    """Try inputs one after the other and tell each outcome; runs in a process of its own."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())  # what decoders say of damaged files, unasked
    place = Path(tempfile.mkdtemp(prefix="spectrack-robustness-"))
    try:
        KINDS[kind].prepare()
        allow_memory()
        for number in numbers[:SERVED]:
            pipe.send((number, None, "", 0.0))
            pipe.send((number, *judge(KINDS[kind], seed, number, place)))
        pipe.send(len(numbers) > SERVED)
    except Exception:  # of a generator, not of what it tries
        pipe.send(traceback.format_exc())
    finally:
        shutil.rmtree(place, ignore_errors=True)


def allow_memory():
    """Let this process grow by no more than `SPARE_BYTES` from here on."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    limit = pages * resource.getpagesize() + SPARE_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def outcomes(kind, seed, numbers):
    """Number, outcome, its words and its seconds for every input; a process that dies or hangs is replaced."""
    left = list(numbers)
    context = multiprocessing.get_context("fork")
    while left:
        ours, theirs = context.Pipe(duplex=False)
        worker = context.Process(target=serve, args=(theirs, kind, seed, left))
        worker.start()
        theirs.close()
        current = left[0]
        try:
            while True:
                if hangs(ours, worker.pid):
                    yield current, "slow", f"neither works nor ends: {CLOCK_SECONDS} s on the clock", CLOCK_SECONDS
                    break
                message = ours.recv()
                if isinstance(message, bool):
                    worker.join(CLOCK_SECONDS)
                    if not message:
                        return
                    break
                if isinstance(message, str):
                    raise SystemExit(f"the generator of {kind} failed at input {current}:\n{message}")
                current, outcome, words, seconds = message
                if outcome is not None:
                    yield current, outcome, words, seconds
                    left = left[left.index(current) + 1 :]
        except EOFError:
            worker.join(CLOCK_SECONDS)
            yield current, "died", f"exit code {worker.exitcode}", 0.0
        finally:
            worker.kill()
            worker.join()
        left = left[left.index(current) + 1 :] if current in left else left


def hangs(pipe, process):
    """Wait for a message; whether none comes though the process has all the time that it may take, or takes none.

    On a busy machine a process gets little of the clock's time, so its own counts.
    """
    begun = last = processor_seconds(process)
    while not pipe.poll(CLOCK_SECONDS):
        now = processor_seconds(process)
        if now - begun > 2 * PROCESSOR_SECONDS or now - last < LEAST_SECONDS:
            return True
        last = now
    return False


def try_kind(kind, seed, numbers):
    """Counts of the outcomes of one kind, its slowest input, and every fault with the command that repeats it."""
    counts, faults, slowest, begun = Counter(), [], 0.0, time.perf_counter()
    for number, outcome, words, seconds in outcomes(kind, seed, numbers):
        counts[outcome] += 1
        slowest = max(slowest, seconds)
        if outcome in FAULTS:
            repeat = f"python benchmarks/robustness.py --kind {kind} --seed {seed} --first {number} --count 1"
            faults.append({"outcome": outcome, "found": words[:600], "repeat": repeat})
            if len(faults) <= MOST_SHOWN:
                print(f"  {outcome}: {words[:600]}\n    {repeat}", flush=True)
    found = {name: counts[name] for name in ("valid", "refused", *FAULTS) if counts[name]}
    print(f"{kind}: {sum(counts.values())} inputs, {found}, {time.perf_counter() - begun:.0f} s", flush=True)
    return {
        "tried": sum(counts.values()),
        **found,
        "slowest_s": round(slowest, 2),
        "repeat": f"python benchmarks/robustness.py --kind {kind} --seed {seed} --count {len(numbers)}",
        "faults": faults,
    }


def arguments():
    parser = new_parser(__doc__)
    parser.add_argument("--kind", nargs="*", choices=list(KINDS), default=list(KINDS), help="which kinds; all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first input of a kind")
    parser.add_argument("--count", type=int, help="inputs of each kind; by default as many as its module says")
    parser.add_argument("--resume", action="store_true", help="reuse the kinds that --out holds of the same commit")
    return parser


def kept(options):
    """The kinds that an interrupted run of the same inputs, on the same commit, has tried."""
    if not (options.resume and options.out and options.out.exists()):
        return {}
    record = read_json(options.out, "a record", ["settings", "kinds", "provenance"])
    same = all(record["settings"][name] == getattr(options, name) for name in ("seed", "first", "count"))
    return record["kinds"] if same and record["provenance"]["commit"] == provenance()["commit"] else {}


def main():
    parser = arguments()
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    kinds = kept(options)
    for kind in options.kind:
        count = KINDS[kind].count if options.count is None else options.count
        if kind not in kinds:
            kinds[kind] = try_kind(kind, options.seed, range(options.first, options.first + count))
        tried = sum(entry["tried"] for entry in kinds.values())
        faults = sum(len(entry["faults"]) for entry in kinds.values())
        limits = {"processor_s": PROCESSOR_SECONDS, "clock_s": CLOCK_SECONDS, "spare_bytes": SPARE_BYTES}
        write_record(parser, options, {"tried": tried, "faults": faults, "limits": limits, "kinds": kinds})
    print(f"{tried} inputs, {faults} faults")


if __name__ == "__main__":
    main()
