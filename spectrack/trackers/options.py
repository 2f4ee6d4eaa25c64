"""What can be chosen about the network of a tracker; nothing heavy is imported here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class NetworkOptions:
    """How a tracker's network runs.

    Attributes:
        profile: Size of the network, such as compact or full; by default the method's first.
        precision: Number format: fp32 (repeats bit for bit), bf16, int8, or auto: bf16 where it is measurably faster.
        engine: What computes the network on a CPU: torch, or onnxruntime or openvino, whose packages are extras.
        device: Where the network runs: auto, cpu, cuda, cuda:1, ...
    """

    profile: str | None = None
    precision: str = "auto"
    engine: str = "torch"
    device: str = "auto"
