"""OpenVINO: float32 or bfloat16 on the processor; left to itself it takes bfloat16 silently, so both are named here."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spectrack.engines.engine import EngineName
from spectrack.engines.exported import ExportedEngine, Session

_HINTS = {"fp32": "f32", "bf16": "bf16"}


@functools.cache
def openvino_core() -> Any:
    """The one `openvino.Core` of this process, kept to its end.

    Each one that loads its plug-in for the processor gives the thread another stack for signals, and brings back the
    one before when it goes. Of several that go in another order than they came, that may be one that is gone: the next
    signal with a handler, such as Ctrl-C, would then end the process by a fault of memory.
    """
    import openvino

    return openvino.Core()


class OpenVinoEngine(ExportedEngine):
    """Runs exported models with OpenVINO.

    Args:
        precision: fp32 or bf16.
        threads: of the processor; torch's number by default.
    """

    name: EngineName = "openvino"
    package, extra = "openvino", "openvino"
    formats = ("fp32", "bf16")

    def load(self, model: Path, *, exact: bool) -> Session:
        """The model, compiled for one frame at a time."""
        hints = {
            "INFERENCE_PRECISION_HINT": "f32" if exact else _HINTS[self.precision],
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": self.threads,
        }
        core = openvino_core()
        request = core.compile_model(core.read_model(str(model)), "CPU", hints).create_infer_request()
        names, count = (
            [item.get_node().get_friendly_name() for item in request.model_inputs],
            len(request.model_outputs),
        )

        def run(inputs: Mapping[str, NDArray[np.float32]]) -> Sequence[NDArray[np.float32]]:
            request.infer([inputs[name] for name in names], share_inputs=True)
            # The request writes over its own memory the next time.
            return [request.get_output_tensor(number).data.copy() for number in range(count)]

        return run
