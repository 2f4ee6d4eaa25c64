"""int8: a model whose convolutions multiply bytes, with ranges taken from what the network saw on known crops.

Static quantisation of weights (per channel) and maps, in ONNX's QDQ form, by ONNX Runtime's own tools. The ranges come
from the inputs of a simulated clip, never from the video at hand: the same weights give the same model everywhere. The
first layers, which look at light of any brightness, stay in float32: that costs no time, and boxes move less.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FIRST_LAYERS = 3
"""Convolutions behind the input that stay in float32."""

Arrays = Mapping[str, NDArray[np.float32]]
"""The inputs of one call, by name."""


@dataclass(frozen=True)
class Samples:
    """Inputs that ranges are taken from.

    Attributes:
        key: what decides them, as JSON values.
        take: for a function's name, the inputs of its calls.
    """

    key: Any
    take: Callable[[str], Iterable[Arrays]]


def quantise(model: Path, file: Path, samples: Iterable[Arrays]) -> None:
    """Write a model in int8.

    Args:
        model: in float32.
        file: to write.
        samples: inputs of it.
    """
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        """Hands the samples out one by one."""

        def __init__(self) -> None:
            self._left = iter(samples)

        def get_next(self) -> Any:
            return next(self._left, None)

    before = logging.root.manager.disable
    logging.disable(logging.WARNING)  # advice to people who call the tools themselves
    try:
        with tempfile.TemporaryDirectory() as folder:
            prepared = Path(folder) / "prepared.onnx"
            quant_pre_process(str(model), str(prepared))
            how: Any = {"activation_type": QuantType.QUInt8, "weight_type": QuantType.QInt8, "per_channel": True}
            how["nodes_to_exclude"] = _first_layers(onnx.load(str(prepared)).graph)
            quantize_static(str(prepared), str(file), Reader(), quant_format=QuantFormat.QDQ, **how)
    finally:
        logging.disable(before)


def _first_layers(graph: Any) -> list[str]:
    """Names of the nodes that have at most `FIRST_LAYERS` convolutions on the longest way from an input to them."""
    depth: dict[str, int] = {}
    names = []
    for node in graph.node:  # each behind those that it takes from
        found = max((depth.get(name, 0) for name in node.input), default=0) + (node.op_type == "Conv")
        depth |= dict.fromkeys(node.output, found)
        if found <= FIRST_LAYERS:
            names.append(node.name)
    return names
