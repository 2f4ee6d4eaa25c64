"""Commands killed at random moments, and given again: the same bytes at the end, and nothing of the user's lost.

    python benchmarks/kills.py --out benchmarks/results/kills.json
    python benchmarks/kills.py --kill track --moments 12 --seed 2

Each moment of a command draws a share of the processor time that it takes undisturbed; there it gets SIGINT, SIGTERM or
SIGKILL, in turn. After the kill and after the same command once more, the data that it reads and the files of others
beside what it writes must have the bytes that they had; a command that could be interrupted says so, without a trace;
the second run must end well, or say that the results are complete, leave what an undisturbed one leaves, and of that
every file whose bytes two undisturbed runs agree on with the same bytes. Every run is a copy of a process that has
loaded the program, so that moments fall into the work; the loading is struck in tests/cli/test_signals.py.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import pkgutil
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from contextlib import suppress
from pathlib import Path

import torch
from benchmark import new_parser, write_record
from hostile.judging import processor_seconds, state

import spectrack
from spectrack.__main__ import program
from spectrack.files.manifest import LOCK

RECIPE = """
name = "tiny"
pairs = 12
batch = 2
precision = "fp32"
validation_pairs = 2
validation_every = 2
[network.backbone]
widths = [8, 8, 8]
dilations = [1]
[data]
sources = ["pictures"]
workers = 0
[data.bank]
pictures = 1
sprites = 2
picture_size = 96
sprite_size = 48
photographs = false
[optimiser]
warmup_steps = 1
"""

COMMANDS = {
    "simulate": "simulate --scenario calm --frames 6 --width 64 --height 64 --out OUT",
    "convert": "data convert DATA/clips --out OUT",
    "benchmark": "benchmark --dataset folder --root DATA/clips --trackers cf --jobs 1 --out OUT",
    "train": "train DATA/tiny.toml --device cpu --jobs 1 --out OUT",
    "track": "track DATA/clips/one --tracker cf --overlay --out OUT",
    "report": "report DATA/run --strips 0 --out OUT",
    "export": "export DATA/trained/tiny.safetensors --sequence DATA/clips/one --frames 2 --out OUT",
    "evaluate": "evaluate --results DATA/run --truth DATA/run --out OUT/scores.json",
}
SHARED = ("convert", "benchmark", "train", "evaluate")
"""Commands that write into a folder with other files."""

LATE = "av cv2 filelock h5py joblib matplotlib.backends.backend_agg matplotlib.backends.backend_pdf onnx onnxruntime"
LATE += " matplotlib.pyplot onnxscript scipy.ndimage scipy.stats skimage tensorboard torch.onnx"
"""What commands import when they need it."""

SIGNALS = ("SIGINT", "SIGTERM", "SIGKILL")
THEIRS = {"thesis.tex": "years", ".notes": "hidden", "figures/mine.pdf": "mine"}
LONGEST_SECONDS = 600
LOOK_EVERY_S = 0.0005


def load():
    """Import what the commands will, so that no run has to."""
    ours = (module.name for module in pkgutil.walk_packages(spectrack.__path__, "spectrack."))
    for name in (*ours, *LATE.split()):
        if not name.endswith("__main__"):
            with suppress(ImportError):
                importlib.import_module(name)


def prepare(place):
    """Clips to read, a run to score and to report on, and weights to export."""
    for name, seed in (("one", 1), ("two", 2)):
        clip = spectrack.simulate("calm", frames=6, seed=seed, height=64, width=64)
        spectrack.write_sequence(clip, place / "clips" / name)
    (place / "tiny.toml").write_text(RECIPE, encoding="utf-8")
    for words in (COMMANDS["track"].replace(" --overlay", "").replace("OUT", "DATA/run"), COMMANDS["train"]):
        status, _, said = run(words, place, place / "trained")
        if status:
            raise SystemExit(f"expected {words} to run, found status {status}: {said}")


def run(words, data, out, *, number=None, after=None):
    """Exit status of a command, its processor seconds, and what it said; a signal may strike it after some of them."""
    arguments = words.replace("DATA", str(data)).replace("OUT", str(out)).split()
    with tempfile.TemporaryFile() as said:
        child = os.fork()
        if not child:
            _be_the_program(arguments, said.fileno())
        spent = _strike(child, number, after)
        _, status, used = os.wait4(child, 0)
        said.seek(0)
        text = said.read().decode(errors="replace")
    return os.waitstatus_to_exitcode(status), spent or used.ru_utime + used.ru_stime, text


def _be_the_program(arguments, said):
    """Run the command line in this copy of the process, and end with it."""
    status = 99
    try:
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        os.dup2(said, sys.stderr.fileno())
        signal.signal(signal.SIGINT, signal.default_int_handler)  # what is started in the background may ignore Ctrl-C
        sys.argv = ["spectrack", *arguments]
        program()
    except SystemExit as stop:
        status = stop.code or 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def _strike(child, number, after):
    """Send a signal when a process has spent some seconds; those that it had spent then, or None where it had ended."""
    begun = time.monotonic()
    while os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        spent = processor_seconds(child)
        if number is not None and spent >= after:
            os.kill(child, number)
            return spent
        if time.monotonic() - begun > LONGEST_SECONDS:
            os.kill(child, signal.SIGKILL)
        time.sleep(LOOK_EVERY_S)
    return None


def fill(out):
    for name, text in THEIRS.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text(text, encoding="utf-8")


def contents(out):
    """Digest of every file by name; of a checkpoint, that of what it holds."""
    found = state(out) if out.exists() else {}
    for name in (name for name in found if name.endswith(".ckpt")):
        held = torch.load(out / name, weights_only=True)  # its bytes also tell which equal strings were one object
        found[name] = hashlib.sha256(json.dumps(plain(held), sort_keys=True).encode()).hexdigest()
    return found


def plain(value):
    """A value without tensors, for JSON."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return [str(value.dtype), value.tolist()] if isinstance(value, torch.Tensor) else repr(value)


def undisturbed(name, data, place):
    """Names that a command leaves, the digests that two runs agree on, and its processor seconds."""
    found, seconds = [], []
    for number in range(2):
        out = place / f"{name}-{number}"
        status, spent, said = run(COMMANDS[name], data, out)
        if status:
            raise SystemExit(f"expected {name} to run, found status {status}: {said}")
        found.append(contents(out))
        seconds.append(spent)
        shutil.rmtree(out)
    return set(found[0]), dict(found[0].items() & found[1].items()), min(seconds)


def one_moment(name, number, after, data, place, expected):
    """Faults of one kill, in words; and whether the kill came before the end."""
    names, digests, _ = expected
    out, before, faults = place / "out", state(data), []
    if name in SHARED:
        fill(out)
    theirs = contents(out)
    status, _, said = run(COMMANDS[name], data, out, number=number, after=after)
    kept = state(out) if out.exists() else {}
    faults += [f"{path} of others changed by the kill" for path in theirs if kept.get(path) != theirs[path]]
    if "Traceback" in said or status not in (0, 130, -number) or (status == 130 and "interrupted" not in said):
        faults.append(f"status {status}, and what it said: {said[-600:]}")
    spare = set()
    if status != 0:
        again, _, said = run(COMMANDS[name], data, out)
        done = again == 2 and "complete" in said
        if again != 0 and not done:
            faults.append(f"the same command ends with {again}: {said[-600:]}")
        spare = {LOCK} if done else set()  # that nobody holds; a refusal changes nothing
    after_all = contents(out)
    faults += [f"{path} of others changed" for path in theirs if after_all.get(path) != theirs[path]]
    faults += [f"{path} is missing" for path in names - after_all.keys()]
    faults += [f"{path} is left over" for path in after_all.keys() - names - theirs.keys() - spare]
    faults += [f"{path} has other bytes" for path, digest in digests.items() if after_all.get(path, digest) != digest]
    faults += ["what is read changed"] if state(data) != before else []
    faults += [f"{path.name} is left beside" for path in place.iterdir() if path != out]
    shutil.rmtree(out, ignore_errors=True)
    return faults, status != 0


def strike_one(name, moments, seed, data, place):
    """Table of one command: what two undisturbed runs agree on, how often it was struck, and every fault."""
    rng, expected = random.Random(f"{name} {seed}"), undisturbed(name, data, place)
    tried, found = {number: Counter() for number in SIGNALS}, []
    for moment in range(moments):
        number, after = SIGNALS[moment % len(SIGNALS)], rng.uniform(0, 1) * expected[2]
        faults, killed = one_moment(name, getattr(signal, number), after, data, place, expected)
        tried[number]["killed" if killed else "ended before"] += 1
        if faults:
            found.append({"moment": moment, "signal": number, "after_s": round(after, 3), "faults": faults})
            print(name, found[-1], flush=True)
    print(f"{name}: {moments} moments within {expected[2]:.2f} s, {len(found)} with faults", flush=True)
    return {
        "processor_s": round(expected[2], 3),
        "files": len(expected[0]),
        "files_with_the_same_bytes_in_any_run": len(expected[1]),
        "signals": {number: dict(counts) for number, counts in tried.items()},
        "faults": found,
    }


def arguments():
    parser = new_parser(__doc__)
    parser.add_argument("--kill", nargs="*", choices=list(COMMANDS), default=list(COMMANDS), help="which commands; all")
    parser.add_argument("--moments", type=int, default=40, help="of each command")
    parser.add_argument("--seed", type=int, default=1)
    return parser


def main():
    parser = arguments()
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with tempfile.TemporaryDirectory(prefix="spectrack-kills-") as folder:
        os.environ["XDG_CACHE_HOME"] = f"{folder}/cache"
        data, place = Path(folder) / "data", Path(folder) / "place"
        place.mkdir()
        load()
        prepare(data)
        commands = {name: strike_one(name, options.moments, options.seed, data, place) for name in options.kill}
    faults = sum(len(entry["faults"]) for entry in commands.values())
    moments = options.moments * len(commands)
    print(f"{moments} moments, {faults} with faults")
    write_record(parser, options, {"moments": moments, "faults": faults, "commands": commands})


if __name__ == "__main__":
    main()
