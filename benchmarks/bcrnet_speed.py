"""How fast BCR-Net tracks: `compact` from file to box and part by part, `full` against five separate passes, BIMM's
share of a frame.

* ``compact``: 512 x 256 x 16 video stored as .npy. Frames a second are those of `spectrack.track` from start to end,
  first frame left out. Parts, with the search region kept on the truth: read and crop (find the frame, cut, scale,
  resize), bimm, composites (ranking and picking of the bands), network (backbone, neck, CFRM, head; all branches as one
  batch), template (when one is taken from the running video; mostly nothing), decide (fusion, box, evidence). Targets:
  30 frames/s, bimm 6 ms, network 4 ms a branch, read and crop 2 ms.
* ``repeats``: whether two fp32 runs give the same boxes, scores and W bit for bit.
* ``full``: random weights, which cost the same time. The network without BIMM, five branches in one batch in its
  inference form, against five passes one after the other of the form it is trained in (PyTorch eager, fp32, batch
  normalisation not folded), turn about, ratio by ratio. Targets: 2.2 times faster in bf16, 1.25 times in fp32, and BIMM
  at most 15 % of the frame.

    python benchmarks/bcrnet_speed.py --out benchmarks/results/bcrnet_speed.json

The targets are for two threads on an otherwise idle machine. Weights that are not there are replaced by untrained ones
on siamban-compact, and the result says so; they cost the same time.
"""

from __future__ import annotations

import tempfile

import numpy as np
import torch
from tracking_speed import (
    CLOCKS,
    HEIGHT,
    SCENARIO,
    SEED,
    WIDTH,
    beside,
    speed,
    stage_times,
    stored_clip,
    summary,
    timing_parser,
    use_threads,
)

from spectrack.errors import WeightsError
from spectrack.files import write_json
from spectrack.grid import SEARCH_SIZE_PX, TEMPLATE_SIZE_PX
from spectrack.methods.bcrnet.network import BCRNet, BCRNetConfig
from spectrack.methods.bcrnet.tracker import BCRNetTracker
from spectrack.provenance import provenance
from spectrack.trackers.loading import load_siamban_network, load_tracker, online_options
from spectrack.trackers.siamese import for_inference

SENSOR = "vis16"
PRECISIONS = ("bf16", "fp32")
BRANCHES = 5
TARGETS = {
    "frames_per_second": 30.0,
    "bimm_ms": 6.0,
    "network_ms_a_branch": 4.0,
    "read_and_crop_ms": 2.0,
    "full_batch_bf16": 2.2,
    "full_batch_fp32": 1.25,
    "full_bimm_share": 0.15,
}


def make_tracker(weights, precision):
    """bcrnet-compact with trained weights, or where there are none with BIMM and CFRM as they start on
    siamban-compact.
    """
    try:
        return load_tracker("bcrnet", weights=weights, precision=precision, device="cpu")
    except WeightsError:
        if weights is not None:
            raise
    base, metadata, identity = load_siamban_network(None, "compact")
    torch.manual_seed(0)
    network = BCRNet(BCRNetConfig(base=base.config))
    network.start_from_siamban(base.state_dict())
    return BCRNetTracker(
        network,
        online_options(metadata.extra.get("online", {}), {}),
        scaling=metadata.scaling,
        precision=precision,
        identity={
            "file": "untrained",
            "what": "BIMM and CFRM with random weights on siamban-compact",
            "base": identity,
        },
    )


def steps_of(tracker):
    """What `stage_times` watches; the parts of BCR-Net."""
    network = tracker.network
    return [
        (tracker, "_crop", "crop"),
        (network.bimm, "forward", "bimm"),
        (network, "compose", "composites"),
        (tracker, "_respond", "network"),
        (tracker, "_adapt", "template"),
        (network, "kernels", "template"),
        (tracker, "update", "decide"),
    ]


def parts(times):
    """Medians of the parts that have targets, from the stages of every frame."""
    frames = {stage: np.asarray(values) for stage, values in times.items()}
    whole = sum(frames.values())
    return {
        "frame": summary(whole),
        "read_and_crop": summary(frames["read"] + frames["crop"]),
        "network_a_branch": summary(frames["network"] / BRANCHES),
        **{stage: summary(frames[stage]) for stage in ("bimm", "composites", "network", "template", "decide")},
        "bimm_share": round(float(np.median(frames["bimm"] / whole)), 3),
    }


def measure_compact(sequence, options):
    found, identity = {}, None
    for precision in PRECISIONS:
        tracker = make_tracker(options.weights, precision)
        identity = tracker.identity
        speed(sequence, tracker)  # once to warm up: file cache, memory, choice of kernels
        runs = [speed(sequence, tracker) for _ in range(options.repeats)]
        speeds, processor = (list(values) for values in zip(*runs, strict=True))
        found[precision] = {
            "frames_per_second": round(float(np.median(speeds)), 1),
            "frames_per_second_of_each_repeat": [round(one, 1) for one in speeds],
            "processor_ms_a_frame": round(float(np.median(processor)), 2),
            "parts": parts(
                stage_times(sequence, tracker, steps_of(tracker), keep_on_truth=True, now=CLOCKS[options.clock])
            ),
        }
    return found, identity


def repeats_bit_for_bit(sequence, options):
    """Whether two fp32 trackers agree in every box, score map and W of the clip."""
    first, second = (make_tracker(options.weights, "fp32") for _ in range(2))
    for tracker in (first, second):
        tracker.init(sequence.frame(0), sequence.first_box, wavelengths_nm=sequence.wavelengths_nm)
    for index in range(1, len(sequence)):
        one, other = (tracker.update(sequence.frame(index)) for tracker in (first, second))
        same = (one.box == other.box).all() and all(
            np.array_equal(one.evidence[name], other.evidence[name]) for name in ("scores", "self_expression")
        )
        if not same:
            return False
    return True


def full_network(options):
    torch.manual_seed(0)
    config = BCRNetConfig.for_profile("full")
    config = BCRNetConfig.for_profile("full", base=type(config.base)(profile="full", shortcut=options.shortcut))
    return BCRNet(config).eval()


def full_batch(network, options):
    """Times and ratios of the network without BIMM, each round one measurement of every form."""
    templates, searches = (torch.rand(1, BRANCHES, 3, size, size) for size in (TEMPLATE_SIZE_PX, SEARCH_SIZE_PX))
    forms = {"separate eager fp32": _separate_passes(network, templates, searches)}
    for precision, kind in (("bf16", torch.bfloat16), ("fp32", torch.float32)):
        forms[f"one batch {precision}"] = _one_batch(
            for_inference(network, torch.device("cpu"), kind), templates, searches
        )
    times, now = {name: [] for name in forms}, CLOCKS[options.clock]
    with torch.inference_mode():
        for run in forms.values():
            run()
        for _ in range(options.rounds):
            for name, run in forms.items():
                start = now()
                run()
                times[name].append(1e3 * (now() - start))
    separate = np.asarray(times.pop("separate eager fp32"))
    return {
        "what": f"{BRANCHES} search crops through backbone, neck, CFRM and head; templates are computed before",
        "rounds": options.rounds,
        "times": {"separate eager fp32": summary(separate)} | {name: summary(values) for name, values in times.items()},
        "times_faster": {
            name: round(float(np.median(separate / values)), 3)
            for name, values in times.items()
            if name != "separate eager fp32"
        },
    }


def _separate_passes(network, templates, searches):
    with torch.inference_mode():
        kernels = [network.kernels(templates[:, n : n + 1]) for n in range(BRANCHES)]
    crops = [searches[:, n : n + 1] for n in range(BRANCHES)]
    return lambda: [network.match(own, network.towers(crop), 1) for own, crop in zip(kernels, crops, strict=True)]


def _one_batch(folded, templates, searches):
    # As the tracker's composites lie: the three bands of a pixel side by side.
    lying = searches[0].contiguous(memory_format=torch.channels_last).unsqueeze(0)
    with torch.inference_mode():
        kernels = folded.kernels(templates)
    return lambda: folded.match(kernels, folded.towers(lying), BRANCHES)


def full_frame(sequence, network, options):
    """Parts of whole frames of the full profile."""
    found = {}
    for precision in PRECISIONS:
        tracker = BCRNetTracker(network, precision=precision, identity={"file": "random weights"})
        found[precision] = parts(
            stage_times(sequence, tracker, steps_of(tracker), keep_on_truth=True, now=CLOCKS[options.clock])
        )
    return found


def verdicts(results):
    """Whether every target is reached, by the precision that a user gets; absent where not measured."""
    found = {}
    if "compact" in results:
        best = max(results["compact"].values(), key=lambda one: one["frames_per_second"])
        middle = {name: value["median_ms"] for name, value in best["parts"].items() if isinstance(value, dict)}
        found |= {
            "frames_per_second": best["frames_per_second"] >= TARGETS["frames_per_second"],
            "bimm_ms": middle["bimm"] <= TARGETS["bimm_ms"],
            "network_ms_a_branch": middle["network_a_branch"] <= TARGETS["network_ms_a_branch"],
            "read_and_crop_ms": middle["read_and_crop"] <= TARGETS["read_and_crop_ms"],
            "fp32_repeats_bit_for_bit": results["fp32_repeats_bit_for_bit"],
        }
    if "full" in results:
        faster = results["full"]["batch"]["times_faster"]
        found |= {
            f"full_batch_{precision}": faster[f"one batch {precision}"] >= TARGETS[f"full_batch_{precision}"]
            for precision in PRECISIONS
        }
        found["full_bimm_share"] = all(
            frame["bimm_share"] <= TARGETS["full_bimm_share"] for frame in results["full"]["frame"].values()
        )
    return found


def measure(folder, options):
    results, identity = {}, None
    if "compact" in options.profiles:
        sequence = stored_clip(folder, SENSOR, "npy", options.frames)
        results["compact"], identity = measure_compact(sequence, options)
        results["fp32_repeats_bit_for_bit"] = repeats_bit_for_bit(sequence, options)
    if "full" in options.profiles:
        network = full_network(options)
        short = stored_clip(folder, SENSOR, "hotc", options.full_frames + 1)
        results["full"] = {
            "weights": f"random; ResNet-50 with shortcuts {options.shortcut}",
            "batch": full_batch(network, options),
            "frame": full_frame(short, network, options),
        }
    return results, identity


def show(results):
    for precision, found in results.get("compact", {}).items():
        listed = ", ".join(
            f"{name} {value['median_ms']:.2f}" for name, value in found["parts"].items() if isinstance(value, dict)
        )
        speeds = f"{found['frames_per_second']:.0f} frames/s, processor {found['processor_ms_a_frame']:.1f} ms a frame"
        print(f"compact {precision}: {speeds} ({listed} ms)")
    if "full" in results:
        for name, times in results["full"]["batch"]["times"].items():
            print(f"full, {name}: {times['median_ms']:.0f} ms")
        print(f"full, times faster than separate passes: {results['full']['batch']['times_faster']}")
        for precision, found in results["full"]["frame"].items():
            print(
                f"full {precision}: frame {found['frame']['median_ms']:.0f} ms, bimm {100 * found['bimm_share']:.1f} % "
                "of it"
            )


def main():
    parser = timing_parser(__doc__)
    parser.add_argument(
        "--weights", help="weights file or name of the compact profile; by default the shipped ones, or untrained ones"
    )
    parser.add_argument("--profiles", nargs="+", default=["compact", "full"], choices=["compact", "full"])
    parser.add_argument(
        "--shortcut", default="1x1_crop", choices=["1x1_crop", "3x3"], help="layout of ResNet-50 in the full profile"
    )
    parser.add_argument("--rounds", type=int, default=9, help="of the full network, each of several seconds")
    parser.add_argument(
        "--clock", default="wall", choices=list(CLOCKS), help="processor, with --threads 1, where other work disturbs"
    )
    parser.add_argument("--full-frames", type=int, default=7)
    options = parser.parse_args()
    use_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder, beside(options.note) as others:
        results, identity = measure(folder, options)
    show(results)
    reached = verdicts(results)
    print("targets reached:", ", ".join(f"{name} {'yes' if value else 'NO'}" for name, value in reached.items()))
    if options.out:
        video = {
            "scenario": SCENARIO,
            "sensor": SENSOR,
            "seed": SEED,
            "height": HEIGHT,
            "width": WIDTH,
            "frames": options.frames,
        }
        settings = (
            f"--frames {options.frames} --repeats {options.repeats} --threads {options.threads} --rounds "
            f"{options.rounds}"
        )
        settings += f" --profiles {' '.join(options.profiles)} --shortcut {options.shortcut} --clock {options.clock}"
        settings += f" --full-frames {options.full_frames}"
        record = {
            "what": __doc__.split("\n")[0],
            "command": f"python benchmarks/bcrnet_speed.py {settings}",
            "video": video,
            "ran_beside": others,
            "weights": identity,
            "clock_of_parts": options.clock,
            "targets": TARGETS,
            "reached": reached,
            "results": results,
        }
        write_json(options.out, record | {"provenance": provenance()})


if __name__ == "__main__":
    main()
