"""What can be chosen about an export; nothing heavy is imported here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Format = Literal["onnx", "openvino"]


@dataclass(frozen=True)
class ExportOptions:
    """What is exported, and for which cubes.

    Attributes:
        format: onnx, for ONNX Runtime and whatever else reads it, or openvino.
        sensor: The camera, whose bands the models take: vis16, nir25 or rednir15.
        frames: Of the video on which boxes are compared with torch's, at least 2.
        overwrite: Replace an earlier export in the same folder.
    """

    format: Format = "onnx"
    sensor: str = "vis16"
    frames: int = 40
    overwrite: bool = False
