"""Which engine a name means, and one of it for a tracker."""

from __future__ import annotations

from typing import get_args

from spectrack.engines.engine import Engine, EngineName, Precision, TorchEngine
from spectrack.errors import ConfigError, nearest_name


def check_engine(name: str) -> EngineName:
    """The name itself.

    Raises:
        ConfigError: there is no such engine; the nearest is offered.
    """
    for known in get_args(EngineName):
        if name == known:
            found: EngineName = known
            return found
    raise ConfigError(f"expected an engine, found {name!r}; {nearest_name(name, get_args(EngineName))}")


def make_engine(name: EngineName, precision: Precision = "fp32") -> Engine:
    """An engine for one tracker.

    Args:
        name: which.
        precision: number format of what it computes; torch takes that of the network.

    Raises:
        MissingExtraError: its package is not installed.
        ConfigError: it does not compute in that format.
    """
    if name == "onnxruntime":
        from spectrack.engines.onnx_runtime import OnnxRuntimeEngine

        return OnnxRuntimeEngine(precision)
    if name == "openvino":
        from spectrack.engines.open_vino import OpenVinoEngine

        return OpenVinoEngine(precision)
    if precision == "int8":
        raise ConfigError("expected precision auto, fp32 or bf16 for engine torch, found int8; take engine onnxruntime")
    return TorchEngine()
