"""How fast a tracker goes from a file to a box, part by part, in all its number formats.

* ``videos``: 512 x 256 video of 16 and 25 bands stored as .npy, and of 16 as mosaic PNG. Frames a second are those of
  `spectrack.track` from start to end, first frame left out; processor time is summed over all threads. A frame's time
  is split into read (open or decode the frame), crop (cut, scale, resize), network, and the rest (decision, box,
  evidence); the network's own modules, and the steps of a method without one, are listed as parts. Files are in the
  system's cache, as they are right after recording.
* ``branch``: the SiamBAN inside the network: one crop, and five as five passes and as one batch, as it was trained and
  in the form that tracks. The forms take turns, and what they gain is the median of the ratios of each round.

    python benchmarks/speed.py --tracker siamban --out benchmarks/results/siamban_speed.json
    python benchmarks/speed.py --tracker bcrnet --profile full --frames 6 --repeats 1 \\
        --videos "16 bands, mosaic PNG"

Where there are no weights of a profile, random ones stand for them, which cost the same time. The load on the machine
is stored with the result: figures are worth something on an idle one only.
"""

from __future__ import annotations

import os
import pkgutil
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import torch
from benchmark import new_parser, write_record

from spectrack.errors import WeightsError
from spectrack.grid import SEARCH_SIZE_PX, TEMPLATE_SIZE_PX
from spectrack.networks.backbones.resnet50 import ResNet50Config
from spectrack.networks.inference import for_inference
from spectrack.networks.siamese import SiameseConfig, SiameseNetwork
from spectrack.sequences.opening import open_sequence
from spectrack.sequences.writers import write_sequence
from spectrack.simulation.video import simulate
from spectrack.trackers.base import track
from spectrack.trackers.crop import cut
from spectrack.trackers.loading import load_tracker
from spectrack.trackers.registry import recipe_files
from spectrack.training.recipe import load_recipe

HEIGHT, WIDTH, SCENARIO, SEED = 256, 512, "calm", 31
VIDEOS = {
    "16 bands, npy": ("vis16", "npy"),
    "16 bands, mosaic PNG": ("vis16", "hotc"),
    "25 bands, npy": ("nir25", "npy"),
}
PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16}
BRANCHES = 5

_CF = "spectrack.methods.correlation_filter"
STEPS = {
    "cf": {
        "spectrack.evidence.likelihood:SpectralLikelihood.log_ratio": "likelihood",
        f"{_CF}.filter:TranslationFilter.prepare": "filter",
        f"{_CF}.filter:TranslationFilter.respond": "filter",
        f"{_CF}.filter:TranslationFilter.learn": "learning the filter",
        f"{_CF}.filter:ScaleAlignment.growth": "size",
        f"{_CF}.filter:ScaleAlignment.learn": "learning the size",
        "spectrack.evidence.mixtures:Mixture.update": "learning the spectra",
        "spectrack.evidence.likelihood:SpectralLikelihood.follow_light": "learning the spectra",
    }
}
"""Methods that are timed where a tracker has no network to ask, and the part that each belongs to."""


class Clock:
    """Milliseconds of functions while they are called by others; an inner one's time is taken off the outer's."""

    def __init__(self):
        self.spent: dict[str, float] = {}
        self._inside = [0.0]
        self._undo = []

    def watch(self, owner, name, part):
        """Count what `owner.name` takes as `part`; the owner is an object, a class or a module."""
        plain, own = getattr(owner, name), vars(owner).get(name)
        self.spent.setdefault(part, 0.0)

        def around(*arguments, **named):
            self._inside.append(0.0)
            start = time.perf_counter()
            try:
                return plain(*arguments, **named)
            finally:
                elapsed = 1e3 * (time.perf_counter() - start)
                self.spent[part] += elapsed - self._inside.pop()
                self._inside[-1] += elapsed

        setattr(owner, name, around)
        self._undo.append(lambda: delattr(owner, name) if own is None else setattr(owner, name, own))

    def take(self):
        """What was spent since the last time, by part."""
        taken, self.spent = self.spent, dict.fromkeys(self.spent, 0.0)
        return taken

    def stop(self):
        while self._undo:
            self._undo.pop()()


def watch_parts(clock, tracker):
    """Time crops wherever they are cut, the network's own modules, and the steps of a method without a network."""
    for module in list(sys.modules.values()):
        if getattr(module, "__name__", "").startswith("spectrack.") and vars(module).get("cut") is cut:
            clock.watch(module, "cut", "crop")
    for step, part in STEPS.get(tracker.name, {}).items():
        owner, _, method = step.rpartition(".")
        clock.watch(pkgutil.resolve_name(owner), method, part)
    network = getattr(tracker, "network", None)
    for name, module in network.named_children() if network is not None else ():
        # A SiamBAN inside does its work in its own children.
        inner = module.named_children() if isinstance(module, SiameseNetwork) else ()
        for label, one in ((name, module), *((f"{name}.{within}", part) for within, part in inner)):
            clock.watch(one, "forward", label)


def frame_times(sequence, tracker):
    """Milliseconds of every stage and part, one value a frame."""
    clock, rows = Clock(), []
    clock.watch(sequence, "frame", "read")
    watch_parts(clock, tracker)
    try:
        tracker.init(sequence.frame(0), sequence.first_box, wavelengths_nm=sequence.wavelengths_nm)
        clock.take()
        for index in range(1, len(sequence)):
            before, start = tracker.network_seconds, time.perf_counter()
            tracker.update(sequence.frame(index))
            whole, network = 1e3 * (time.perf_counter() - start), 1e3 * (tracker.network_seconds - before)
            rows.append(clock.take() | {"frame": whole, "network": network})
    finally:
        clock.stop()
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def split_frame(times):
    """Stages that sum up to the frame, and the parts of what is neither reading nor cropping."""
    whole, network = times.pop("frame"), times.pop("network")
    stages = {"read": times.pop("read"), "crop": times.pop("crop")}
    stages |= {"network": network} if network.any() else {}
    stages["rest"] = whole - sum(stages.values())
    parts = {name: spent for name, spent in times.items() if spent.any()}
    shares = {name: round(float(np.median(spent / whole)), 3) for name, spent in parts.items()}
    return {
        "frame": summary(whole),
        "stages": {name: summary(spent) for name, spent in stages.items()},
        "parts": {name: summary(spent) | {"share_of_frame": shares[name]} for name, spent in parts.items()},
    }


def summary(milliseconds):
    values = np.asarray(milliseconds)
    return {"median_ms": round(float(np.median(values)), 3), "p95_ms": round(float(np.percentile(values, 95)), 3)}


def stored_clip(folder, sensor, format, frames):
    """A simulated clip written to disk and opened again."""
    place = Path(folder) / f"{sensor}-{format}"
    if not place.exists():
        video = simulate(SCENARIO, sensor, frames=frames, seed=SEED, height=HEIGHT, width=WIDTH)
        write_sequence(video, place, format=format)
    return open_sequence(place)


def end_to_end(sequence, tracker):
    """Frames a second without the first frame, and processor time a frame in milliseconds over all threads."""
    estimates = track(sequence, tracker)
    next(estimates)
    start, used = time.perf_counter(), time.process_time()
    count = sum(1 for _ in estimates)
    return count / (time.perf_counter() - start), 1e3 * (time.process_time() - used) / count


def first_frame(sequence, load):
    """Milliseconds of loading the tracker and of its first frame."""
    start = time.perf_counter()
    load().init(sequence.frame(0), sequence.first_box, wavelengths_nm=sequence.wavelengths_nm)
    return 1e3 * (time.perf_counter() - start)


def measure_video(sequence, load, repeats):
    tracker = load()
    end_to_end(sequence, tracker)  # once to warm up: file cache, memory, choice of kernels
    speeds, processor = zip(*(end_to_end(sequence, tracker) for _ in range(repeats)), strict=True)
    return {
        "frames_per_second": round(float(np.median(speeds)), 1),
        "frames_per_second_of_each_repeat": [round(speed, 1) for speed in speeds],
        "processor_ms_a_frame": round(float(np.median(processor)), 2),
        "first_frame": summary([first_frame(sequence, load) for _ in range(repeats)]),
    } | split_frame(frame_times(sequence, tracker))


def make_tracker(name, profile, weights, precision):
    """The tracker with its weights; where nobody has made any for the profile, with random ones."""
    try:
        return load_tracker(name, profile=profile, weights=weights, precision=precision, device="cpu")
    except WeightsError:
        if weights is not None:
            raise
    shipped = load_tracker(name, precision=precision, device="cpu")
    made = SiameseConfig(ResNet50Config())
    if f"{name}-{profile}" in recipe_files():
        # The layout of ordinary ImageNet weights: half the work of SiamBAN's own.
        made = load_recipe(f"{name}-{profile}", {"network.base.backbone.shortcut": "1x1_crop"}).network
    torch.manual_seed(0)
    return type(shipped)(type(shipped.network)(made), precision=precision, identity={"file": "random weights"})


def siamban_inside(tracker):
    """The Siamese network that a tracker's network is or has; None where there is none."""
    network = getattr(tracker, "network", None)
    modules = network.modules() if network else ()
    return next((module for module in modules if isinstance(module, SiameseNetwork)), None)


def branch_times(config, rounds):
    """Search crops through backbone, neck and head: milliseconds a crop of every form, and how many times faster."""
    torch.manual_seed(0)
    trained = SiameseNetwork(config).eval()
    forms = {"as trained, five passes": _passes(trained, 1, BRANCHES)}
    for precision, kind in PRECISIONS.items():
        tracking = for_inference(trained, torch.device("cpu"), kind)
        forms[f"{precision}, one pass"] = _passes(tracking, 1, 1)
        forms[f"{precision}, batch of five"] = _passes(tracking, BRANCHES, 1)
    times = {name: [] for name in forms}
    for number in range(rounds + 1):
        for name, (run, crops) in forms.items():
            start = time.perf_counter()
            run()
            if number:  # the first round warms up
                times[name].append(1e3 * (time.perf_counter() - start) / crops)
    reference = np.array(times["as trained, five passes"])
    return {
        "rounds": rounds,
        "a_crop": {name: summary(spent) for name, spent in times.items()},
        "times_faster": {name: round(float(np.median(reference / spent)), 3) for name, spent in times.items()},
    }


def _passes(network, batch, count):
    """A function that matches `count` batches of search crops, and the number of crops in all."""
    boxes = torch.tensor([[32.0, 32.0, 95.0, 95.0]]).repeat(batch, 1)
    # As crops lie: the channels of a pixel side by side.
    templates, searches = (
        torch.rand(batch, size, size, 3).permute(0, 3, 1, 2) for size in (TEMPLATE_SIZE_PX, SEARCH_SIZE_PX)
    )
    with torch.inference_mode():
        kernels = network.kernels(templates, boxes)

    @torch.inference_mode()
    def run():
        for _ in range(count):
            network.match(kernels, searches)

    return run, batch * count


@contextmanager
def beside():
    """The load before, and the processor time of all other processes in cores (Linux; else None)."""
    record = {"load_average_before": round(os.getloadavg()[0], 2), "cores_used_by_others": None}
    before, own, start = _busy_seconds(), time.process_time(), time.perf_counter()
    yield record
    after = _busy_seconds()
    if before is not None and after is not None:
        others = (after - before - (time.process_time() - own)) / (time.perf_counter() - start)
        record["cores_used_by_others"] = round(max(others, 0.0), 2)


def _busy_seconds():
    """Processor seconds of all processes since the machine started."""
    try:
        user, nice, system = (int(part) for part in Path("/proc/stat").read_text().split(maxsplit=4)[1:4])
    except OSError:
        return None
    return (user + nice + system) / os.sysconf("SC_CLK_TCK")


def arguments():
    parser = new_parser(__doc__, weights=True)
    parser.add_argument("--tracker", default="siamban")
    parser.add_argument("--profile", default="compact")
    parser.add_argument("--precisions", nargs="+", default=list(PRECISIONS), choices=list(PRECISIONS))
    parser.add_argument("--videos", nargs="+", default=list(VIDEOS), choices=list(VIDEOS))
    parser.add_argument("--frames", type=int, default=100, help="of every video")
    parser.add_argument("--repeats", type=int, default=5, help="of every video")
    parser.add_argument("--rounds", type=int, default=20, help="of the branch's forms; 0 leaves them out")
    parser.add_argument("--threads", type=int, default=2)
    return parser


def main():
    parser = arguments()
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(options.threads)

    def load(precision):
        return make_tracker(options.tracker, options.profile, options.weights, precision)

    tracker = load("fp32")
    inside = siamban_inside(tracker)
    results = {"videos": {name: {} for name in options.videos}}
    with tempfile.TemporaryDirectory() as folder, beside() as others:
        for name in options.videos:
            sequence = stored_clip(folder, *VIDEOS[name], options.frames)
            # A tracker without a network has one number format.
            for precision in options.precisions if inside else ["fp32"]:
                found = measure_video(sequence, lambda precision=precision: load(precision), options.repeats)
                results["videos"][name][precision] = found
                show(f"{name}, {precision}", found)
        if inside and options.rounds:
            results["branch"] = branch_times(inside.config, options.rounds)
            print("branch:", results["branch"]["times_faster"])
    video = {"scenario": SCENARIO, "seed": SEED, "height": HEIGHT, "width": WIDTH, "frames": options.frames}
    contents = {"video": video, "ran_beside": others, "tracker": tracker.describe(), "results": results}
    write_record(parser, options, contents)


def show(name, found):
    times = {**found["stages"], **found["parts"]}
    listed = ", ".join(f"{part} {spent['median_ms']:.2f}" for part, spent in times.items())
    print(f"{name}: {found['frames_per_second']:.0f} frames/s ({listed} ms)", flush=True)


if __name__ == "__main__":
    main()
