"""``spectrack export``: the network of some weights as models that other programs run."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from tyro.conf import Positional, arg

from spectrack.cli.console import ProgressBar, print_facts
from spectrack.cli.track import parse_box
from spectrack.errors import ConfigError
from spectrack.exports.options import ExportOptions

if TYPE_CHECKING:
    from spectrack.sequences.base import Sequence


@dataclass(frozen=True)
class Export:
    """Export a network as ONNX or OpenVINO models, with what another program needs to run them.

    Writes the models, metadata.json (inputs, outputs, scaling, false colour, grid, licence, credits) and parity.json:
    how far boxes move from torch's over a video, frame by frame. The folder appears when all of it is there; models
    whose boxes are not torch's are refused. Needs the extra onnx or openvino.
    """

    EXAMPLES: ClassVar[str] = """examples:
  spectrack export siamban-lite --out exported                     ONNX, for any camera: false colour has three channels
  spectrack export bcrnet-compact --sensor nir25 --format openvino --out exported
  spectrack export my.safetensors --sequence recordings/HSI --box 214,61,30,42 --out exported"""

    weights: Annotated[str, Positional, arg(metavar="NAME|FILE")]
    """The weights; see `spectrack weights list`."""
    out: Annotated[Path, arg(metavar="DIR")]
    """Folder for the models; it must not exist or be empty."""
    sequence: Annotated[Path | None, arg(metavar="SEQUENCE")] = None
    """A video of your own camera, for whose bands to export; by default one of --sensor is simulated."""
    box: Annotated[str | None, arg(metavar="X,Y,W,H")] = None
    """The object in its first frame, in cube pixels; by default the first truth box."""
    calibration: Annotated[Path | None, arg(metavar="FILE")] = None
    """File of `spectrack calibrate` for that video, where the models are to see reflectance."""
    options: ExportOptions = field(default_factory=ExportOptions)
    """What is exported, and for which cubes."""

    def run(self) -> int:
        """Export, and say what was written and how far boxes move."""
        from spectrack.exports.exporting import METADATA, PARITY, export

        with ProgressBar() as bar:
            bar.show("exporting", 0, None)
            done = export(
                self.weights,
                self.out,
                options=self.options,
                sequence=self._open(),
                box=None if self.box is None else parse_box(self.box),
                on_progress=bar.show,
            )
        rows = []
        for name, model in done.metadata["models"].items():
            shapes = ", ".join(f"{label} {'x'.join(map(str, shape))}" for label, shape in model["inputs"].items())
            rows.append((model["file"], f"{name}: {shapes}"))
        rows += [(METADATA, "what another program needs to know"), (PARITY, done.line), ("results", str(self.out))]
        print_facts(rows)
        return 0

    def _open(self) -> Sequence | None:
        from spectrack.sequences.opening import open_sequence

        for option, value in (("--calibration", self.calibration), ("--box", self.box)):
            if self.sequence is None and value is not None:
                raise ConfigError(f"expected --sequence beside {option}, found none; name the video it is for")
        return None if self.sequence is None else open_sequence(self.sequence, calibration=self.calibration)
