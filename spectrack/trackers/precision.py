"""Where and in which number format a network runs.

bfloat16 halves the time on processors with fast bfloat16 units, and costs time on others that only claim to have them;
so `auto` measures once. fp32 is always there and repeats bit for bit. torch is loaded when it is asked, so that a
tracker without a network starts without it.
"""

from __future__ import annotations

import functools
import time
from typing import TYPE_CHECKING, Literal, cast

from spectrack.errors import ConfigError

if TYPE_CHECKING:
    import torch

Precision = Literal["fp32", "bf16"]

_WORTH_IT = 1.15
"""bfloat16 must be faster by this factor, because it moves boxes by a fraction of a pixel."""


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


def resolve_precision(precision: str, device: torch.device) -> Precision:
    """``auto`` is bfloat16 where it is native and measurably faster, else fp32.

    Raises:
        ConfigError: another word than auto, fp32 and bf16.
    """
    if precision in ("fp32", "bf16"):
        return cast(Precision, precision)
    if precision != "auto":
        raise ConfigError(f"expected precision auto, fp32 or bf16, found {precision!r}; choose one of the three")
    if device.type == "cuda":
        import torch

        return "bf16" if torch.cuda.is_bf16_supported() else "fp32"
    return "bf16" if _bf16_gain_on_cpu() >= _WORTH_IT else "fp32"


@functools.cache
def _bf16_gain_on_cpu() -> float:
    """Time of a typical convolution in fp32 over its time in bfloat16; 0 where the processor has no native bfloat16."""
    import torch

    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return 0.0
    seconds = {}
    # The weights are random; the caller's random numbers must not depend on whether this was measured.
    with torch.random.fork_rng(devices=[]), torch.inference_mode():
        for kind in (torch.float32, torch.bfloat16):
            convolution = torch.nn.Conv2d(64, 64, 3, padding=1, dtype=kind).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            images = torch.zeros(2, 64, 31, 31, dtype=kind).to(memory_format=torch.channels_last)
            convolution(images)
            seconds[kind] = min(_timed(convolution, images) for _ in range(5))
    return seconds[torch.float32] / seconds[torch.bfloat16]


def _timed(module: torch.nn.Module, images: torch.Tensor) -> float:
    start = time.perf_counter()
    for _ in range(4):
        module(images)
    return time.perf_counter() - start
