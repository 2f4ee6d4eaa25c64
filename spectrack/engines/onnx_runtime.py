"""ONNX Runtime: float32 and int8 on the processor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spectrack.engines.engine import EngineName
from spectrack.engines.exported import ExportedEngine, Session

_ERRORS_ONLY = 3


class OnnxRuntimeEngine(ExportedEngine):
    """Runs exported models with ONNX Runtime.

    Args:
        precision: fp32 or int8; it has no bfloat16 on processors.
        threads: of the processor; torch's number by default.
    """

    name: EngineName = "onnxruntime"
    package, extra = "onnxruntime", "onnx"
    formats = ("fp32", "int8")

    def load(self, model: Path, *, exact: bool) -> Session:
        """A session over the file."""
        import onnxruntime

        # Its published builds would otherwise report events of their use on some systems; nothing here asks a network.
        onnxruntime.disable_telemetry_events()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = self.threads, 1
        options.log_severity_level = _ERRORS_ONLY
        # Threads that keep turning after the last operator take the time of crop and decision.
        options.add_session_config_entry("session.force_spinning_stop", "1")
        session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        names = [item.name for item in session.get_inputs()]

        def run(inputs: Mapping[str, NDArray[np.float32]]) -> Sequence[NDArray[np.float32]]:
            found: list[NDArray[np.float32]] = session.run(None, {name: inputs[name] for name in names})
            return found

        return run
