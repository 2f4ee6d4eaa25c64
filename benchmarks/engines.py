"""How fast engines go from a file to a box, side by side: every network by torch, ONNX Runtime and OpenVINO in turn.

A 512 x 256 video stored as .npy is tracked a few frames at a time by every form (network, engine, number format), one
after the other, round after round, so that whatever else the machine does meets all of them alike. Frames a second are
the median of the rounds; how many times as fast a form is, is the median of each round's ratio to the same network by
torch in fp32, and to the profile compact by torch in fp32. Processor time is summed over all threads; it says what a
form costs where other work runs beside it. Boxes are compared with torch's as `load_tracker` does.

    python benchmarks/engines.py --out benchmarks/results/engine_speed.json
    python benchmarks/engines.py --trackers siamban --profiles lite --rounds 3

Where there are no weights of a profile, a network of random ones with the backbone `efficientnet_lite` stands for them,
whose batch normalisation has seen the video; it costs the same time. Figures are worth something on an idle machine
only: the load is stored with them.
"""

from __future__ import annotations

import dataclasses
import tempfile
import time

import cv2
import numpy as np
import torch
from benchmark import new_parser, write_record
from speed import HEIGHT, SCENARIO, SEED, VIDEOS, WIDTH, beside, stored_clip

from spectrack.errors import ConfigError, MissingExtraError, WeightsError
from spectrack.grid import SEARCH_SIZE_PX, TEMPLATE_SIZE_PX
from spectrack.networks.backbones.efficientnet_lite import EfficientNetLiteConfig
from spectrack.networks.siamese import SiameseNetwork
from spectrack.trackers.loading import load_tracker

FORMS = {
    "torch fp32": ("torch", "fp32"),
    "torch bf16": ("torch", "bf16"),
    "onnxruntime fp32": ("onnxruntime", "fp32"),
    "onnxruntime int8": ("onnxruntime", "int8"),
    "openvino fp32": ("openvino", "fp32"),
    "openvino bf16": ("openvino", "bf16"),
}
REFERENCE = "torch fp32"
WANTED = {"siamban-lite": 60, "ssfnet-lite": 25, "bcrnet-lite": 15}
"""Frames a second on two cores, by the fastest form, below which a network is not called real-time here."""


class Running:
    """A tracker on its way round and round through a clip."""

    def __init__(self, sequence, tracker):
        self.sequence, self.tracker, self.index = sequence, tracker, 0

    def advance(self, frames):
        """Seconds that the next frames take, and those of the processor, the clip's first one left out."""
        spent = np.zeros(2)
        for _ in range(frames):
            if self.index == 0:
                self.tracker.init(
                    self.sequence.frame(0), self.sequence.first_box, wavelengths_nm=self.sequence.wavelengths_nm
                )
            self.index = self.index % (len(self.sequence) - 1) + 1
            start = np.array([time.perf_counter(), time.process_time()])
            self.tracker.update(self.sequence.frame(self.index))
            spent += np.array([time.perf_counter(), time.process_time()]) - start
            self.index %= len(self.sequence) - 1
        return spent


def make(method, profile, engine, precision, sequence):
    """A tracker and whether its weights are shipped ones; None where the engine cannot compute it here."""
    how = {"engine": engine, "precision": precision, "device": "cpu"}
    try:
        return load_tracker(method, profile=profile, **how), True
    except MissingExtraError as error:
        print(error)
        return None
    except (WeightsError, ConfigError):
        if profile != "lite":
            raise
    shipped = load_tracker(method, precision="fp32", device="cpu")
    network = untrained(shipped.network, sequence)
    setting = {"scaling": str(shipped.scaling), "rule": shipped.rule, "identity": {"file": "random weights"}}
    return type(shipped)(network, shipped.options, engine=engine, precision=precision, **setting), False


def untrained(compact, sequence):
    """A network like the compact one on the backbone `efficientnet_lite`, with random weights."""
    torch.manual_seed(0)
    config = compact.config
    lite = dataclasses.replace(getattr(config, "base", config), backbone=EfficientNetLiteConfig())
    network = type(compact)(dataclasses.replace(config, base=lite) if hasattr(config, "base") else lite)
    cube = np.asarray(sequence.frame(0).whole(), dtype=np.float32)
    side = min(cube.shape[:2])
    square = cube[:side, :side] / cube.max()
    template, search = (
        torch.from_numpy(cv2.resize(square, (size, size))).permute(2, 0, 1)[None].repeat(2, 1, 1, 1)
        for size in (TEMPLATE_SIZE_PX, SEARCH_SIZE_PX)
    )
    box = torch.tensor([[32.0, 32.0, 95.0, 95.0]]).repeat(2, 1)
    for module in network.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.momentum = None
    with torch.no_grad():
        if isinstance(network, SiameseNetwork):
            network.train()(template[:, :3], search[:, :3], box)
        elif hasattr(network, "rgb"):
            network.train()(template, search, template[:, :3], search[:, :3], None, box)
        else:
            network.train()(template, search, None, box)
    return network.eval()


def measure(runnings, rounds, frames):
    """Seconds a frame of every form in every round, and those of the processor, (rounds, 2) each."""
    for running in runnings.values():
        running.advance(frames)  # once to warm up: models, memory, choice of kernels
    seconds = {name: [] for name in runnings}
    for _ in range(rounds):
        for name, running in runnings.items():
            seconds[name].append(running.advance(frames) / frames)
    return {name: np.array(spent) for name, spent in seconds.items()}


def table(seconds, trained):
    """Per network and form what the record holds."""
    found, speeds = {}, {name: 1.0 / spent[:, 0] for name, spent in seconds.items()}
    for (network, form), speed in speeds.items():
        ratios = {"torch_fp32": speeds[network, REFERENCE]}
        compact = f"{network.partition('-')[0]}-compact", REFERENCE
        if compact in speeds and compact != (network, REFERENCE):
            ratios["compact_torch_fp32"] = speeds[compact]
        row = {
            "frames_per_second": round(float(np.median(speed)), 1),
            "frames_per_second_of_each_round": [round(float(one), 1) for one in speed],
        }
        row["processor_ms_a_frame"] = round(float(1e3 * np.median(seconds[network, form][:, 1])), 2)
        row |= {f"times_as_fast_as_{name}": round(float(np.median(speed / other)), 3) for name, other in ratios.items()}
        found.setdefault(network, {"weights": "shipped" if trained[network] else "random", "forms": {}})
        found[network]["forms"][form] = row
    for network, entry in found.items():
        best = max(entry["forms"], key=lambda form: entry["forms"][form]["frames_per_second"])
        entry["fastest"] = best
        if network in WANTED:
            entry["wanted_frames_per_second"] = WANTED[network]
    return found


def arguments():
    parser = new_parser(__doc__)
    parser.add_argument("--trackers", nargs="+", default=["siamban", "ssfnet", "bcrnet"])
    parser.add_argument("--profiles", nargs="+", default=["compact", "lite"], choices=["compact", "lite"])
    parser.add_argument("--forms", nargs="+", default=list(FORMS), choices=list(FORMS))
    parser.add_argument("--video", default="16 bands, npy", choices=list(VIDEOS))
    parser.add_argument("--frames", type=int, default=10, help="of a form before the next one's turn")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=2)
    return parser


def main():
    parser = arguments()
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(options.threads)
    forms = [REFERENCE, *(form for form in options.forms if form != REFERENCE)]
    seconds, trained, labels = {}, {}, {}
    with tempfile.TemporaryDirectory() as folder, beside() as others:
        sequence = stored_clip(folder, *VIDEOS[options.video], 40)
        for method in options.trackers:
            runnings = {}
            for profile in options.profiles:
                for form in forms:
                    made = make(method, profile, *FORMS[form], sequence)
                    if made is None:
                        continue
                    tracker, trained[f"{method}-{profile}"] = made
                    labels[form] = tracker.engine.label
                    runnings[f"{method}-{profile}", form] = Running(sequence, tracker)
            found = measure(runnings, options.rounds, options.frames)
            seconds |= found
            for (network, form), spent in found.items():
                wall, processor = 1e3 * np.median(spent, axis=0)
                ratio = np.median(found[network, REFERENCE][:, 0] / spent[:, 0])
                told = f"{1e3 / wall:.1f} frames/s, {ratio:.2f} of torch in fp32, {processor:.1f} ms of the processor"
                print(f"{network}, {form}: {told}", flush=True)
    video = {"scenario": SCENARIO, "seed": SEED, "height": HEIGHT, "width": WIDTH, "stored_as": options.video}
    write_record(
        parser,
        options,
        {"video": video, "ran_beside": others, "engines": labels, "results": table(seconds, trained)},
    )


if __name__ == "__main__":
    main()
