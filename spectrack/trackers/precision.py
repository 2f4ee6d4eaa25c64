"""Where and in which number format a network runs.

bfloat16 halves the time on processors with fast bfloat16 units; without them, and in depthwise convolutions on some
that have them, it costs time, up to thirtyfold. So `auto` measures the network at hand in both, once a machine. fp32 is
always there and repeats bit for bit. torch is loaded when it is asked, so that a tracker without a network starts
without it.
"""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast, get_args

import numpy as np

from spectrack.engines.engine import EngineName, Precision
from spectrack.errors import ConfigError
from spectrack.files import write_json
from spectrack.files.caches import make_in_cache
from spectrack.files.fingerprints import values_digest
from spectrack.provenance import machine_name
from spectrack.sequences.frames import ArrayFrame

if TYPE_CHECKING:
    import torch

    from spectrack.trackers.base import Tracker

Wanted = Literal["auto", "fp32", "bf16", "int8"]

_WORTH_IT = 1.15
"""bfloat16 must be faster by this factor, because it moves boxes by a fraction of a pixel."""

_ROUNDS = 5
_MEASURED = "measured.json"
_CUBE_SIDE_PX, _BOX = 64, (24.0, 24.0, 16.0, 16.0)
_ANY_BANDS = 16


class MeasuredPrecision(NamedTuple):
    """What `auto` means for a network here.

    Attributes:
        precision: the one to take.
        gain: time in fp32 over time in bfloat16; 0 where bfloat16 is not native and was not tried.
    """

    precision: Precision
    gain: float


def resolve_device(device: str = "auto") -> torch.device:
    """``auto`` is the first CUDA device where there is one, else the CPU.

    Raises:
        ConfigError: a device that torch does not know or does not have here.
    """
    import torch

    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        resolved = torch.device(device)
        # Copying back is what "meta" and other devices without numbers cannot do.
        torch.zeros(1, device=resolved).cpu()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ConfigError(f"expected a device that torch can use here, found {device!r}; choose auto or cpu") from error
    return resolved


def choose_device(device: str, engine: EngineName) -> torch.device:
    """The device for a network that an engine computes; others than torch compute on the CPU.

    Raises:
        ConfigError: as `resolve_device`, or another device is wanted from such an engine.
    """
    if engine == "torch":
        return resolve_device(device)
    chosen = resolve_device("cpu" if device == "auto" else device)
    if chosen.type != "cpu":
        raise ConfigError(f"expected device cpu for engine {engine}, found {device}; take engine torch")
    return chosen


def has_native_bf16(device: torch.device) -> bool:
    """Whether the device computes in bfloat16 itself, rather than in float32 with conversions before and after."""
    import torch

    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def measure_precision(
    run: Callable[[Precision], Callable[[], object]], device: torch.device, network: Mapping[str, Any]
) -> MeasuredPrecision:
    """The faster number format for a network: both take turns, and the best time of each counts.

    The answer is kept in the user's cache for this machine, number of threads, version of torch and network, so that
    the same command takes the same format the next time.

    Args:
        run: for a number format, what is timed; it must wait for its result.
        device: where it runs.
        network: what tells it from other networks, as JSON values: its shape and what runs it; not its weights.
    """
    import torch

    if not has_native_bf16(device):
        return MeasuredPrecision("fp32", 0.0)
    facts = {"machine": machine_name(str(device)), "torch": torch.__version__, "threads": torch.get_num_threads()}
    gain = _gain_once(run, values_digest([facts, dict(network)])[:16])
    return MeasuredPrecision("bf16" if gain >= _WORTH_IT else "fp32", gain)


def _gain_once(run: Callable[[Precision], Callable[[], object]], name: str) -> float:
    """The gain as it was measured before, else measured now; where nothing can be kept, each time anew."""
    found: list[float] = []

    def keep(folder: Path) -> None:
        found.append(_gain(run))
        write_json(folder / _MEASURED, {"gain": found[0]})

    try:
        place, _ = make_in_cache("precision", name, keep)
        return float(json.loads((place / _MEASURED).read_text(encoding="utf-8"))["gain"])
    except (OSError, ConfigError, ValueError, RecursionError, KeyError, TypeError):
        return found[0] if found else _gain(run)


def _gain(run: Callable[[Precision], Callable[[], object]]) -> float:
    """Best time in fp32 over best time in bfloat16."""
    formats: tuple[Precision, ...] = ("fp32", "bf16")
    runs = {precision: run(precision) for precision in formats}
    best = dict.fromkeys(runs, float("inf"))
    for number in range(_ROUNDS):
        for precision, once in runs.items():
            start = time.perf_counter()
            once()
            if number:  # the first round warms up
                best[precision] = min(best[precision], time.perf_counter() - start)
    return round(best["fp32"] / best["bf16"], 3)


def rehearsed(tracker: Tracker, bands: int | None = None) -> Callable[[], object]:
    """One frame of a tracker as something to time: started on a small cube of noise, it looks at the same cube again.

    Args:
        tracker: whatever it followed before is forgotten.
        bands: of the cube; any number will do where it is None.
    """
    count = bands or _ANY_BANDS
    cube = np.random.default_rng(0).integers(0, 1000, (_CUBE_SIDE_PX, _CUBE_SIDE_PX, count), dtype=np.uint16)
    # As frames, which is what `track` hands to trackers, those of other packages too.
    frame = ArrayFrame(cube)
    tracker.init(frame, _BOX, wavelengths_nm=np.linspace(450.0, 650.0, count).tolist())
    return functools.partial(tracker.update, frame)


def check_precision(precision: str) -> Wanted:
    """The word itself.

    Raises:
        ConfigError: another word than auto, fp32, bf16 and int8.
    """
    if precision not in get_args(Wanted):
        raise ConfigError(f"expected precision auto, fp32, bf16 or int8, found {precision!r}; choose one of these")
    return cast(Wanted, precision)
