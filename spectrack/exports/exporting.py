"""Writing a tracker's network as models, with their metadata and a report on how far boxes move by them.

What is exported is what `spectrack.engines` runs: the functions of the network for crops of the camera's bands, in
float32. A video is tracked open loop by torch and by the exported models; only then does the folder appear.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike

import spectrack
from spectrack.engines.engine import EngineName
from spectrack.engines.exported import ExportedEngine, Program
from spectrack.engines.open_vino import openvino_core
from spectrack.errors import ConfigError, nearest_name
from spectrack.exports.options import ExportOptions
from spectrack.false_colour import false_colour_matrix
from spectrack.files import Terms, check_folder, write_folder, write_json
from spectrack.files.fingerprints import file_digest
from spectrack.grid import FIRST_CELL_PX, GRID_SIZE, SEARCH_SIZE_PX, STRIDE_PX, TEMPLATE_SIZE_PX, grid_points_px
from spectrack.provenance import provenance
from spectrack.sequences.base import Sequence
from spectrack.sequences.excerpt import Excerpt
from spectrack.simulation.video import simulate
from spectrack.tables import to_table
from spectrack.trackers.loading import load_tracker
from spectrack.trackers.open_loop import follow_open_loop
from spectrack.trackers.parity import LARGEST_MOVE_PX, box_moves
from spectrack.trackers.siamese import SiameseTracker
from spectrack.weights.files import read_metadata
from spectrack.weights.index import find_weights
from spectrack.weights.metadata import WeightsMetadata

METADATA, PARITY = "metadata.json", "parity.json"
_KIND = "export"
_ENGINES: Mapping[str, EngineName] = {"onnx": "onnxruntime", "openvino": "openvino"}
_SCENARIO, _SEED = "calm", 5


@dataclass(frozen=True)
class Export:
    """What was written.

    Attributes:
        directory: the folder.
        metadata: what ``metadata.json`` says.
        parity: what ``parity.json`` says.
    """

    directory: Path
    metadata: dict[str, Any]
    parity: dict[str, Any]

    @property
    def line(self) -> str:
        """The parity report in a sentence."""
        moved = self.parity["largest_edge_move_px"]
        return (
            f"boxes within {moved['median']:.2g} px of torch's (median; {moved['largest']:.2g} px at most) over "
            f"{self.parity['frames']} frames of {self.parity['video']}, by {self.parity['engine']}"
        )


def export(
    weights: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    options: ExportOptions | None = None,
    sequence: Sequence | None = None,
    box: ArrayLike | None = None,
    on_progress: Callable[[str, int, int], None] | None = None,
) -> Export:
    """Export the network of some weights.

    Args:
        weights: a name, such as ``siamban-lite``, or a file.
        out: the folder to make; it must not exist or be empty, unless an earlier export may be overwritten.
        options: format and camera.
        sequence: a video of another camera, for whose bands to export; by default one is simulated.
        box: the target in its first frame; by default its own first box.
        on_progress: called with what is being done, frames done and frames in all.

    Raises:
        WeightsError: no such weights.
        ConfigError: an unknown format or camera, a network that cannot be exported, a folder that is taken, or boxes
            that are not torch's.
        MissingExtraError: a package of the format is not installed.
    """
    options = options or ExportOptions()
    if options.format not in _ENGINES:
        raise ConfigError(f"expected a format, found {options.format!r}; {nearest_name(options.format, _ENGINES)}")
    path = find_weights(weights)
    described = read_metadata(path)
    data = () if sequence is None else tuple(sequence.places)
    terms = Terms(_KIND, overwrite=options.overwrite, names=(METADATA, PARITY), inputs=(path,), data=data)
    check_folder(out, terms)
    common: Any = {"profile": described.profile, "weights": path, "precision": "fp32", "device": "cpu"}
    leader, follower = (
        _siamese(load_tracker(described.method, engine=engine, **common), path)
        for engine in ("torch", _ENGINES[options.format])
    )
    video = sequence or simulate(_SCENARIO, options.sensor, frames=options.frames, seed=_SEED)
    parity = _compare(Excerpt(video, options.frames), leader, follower, box, on_progress)
    with write_folder(out, terms) as folder:
        models = _write_models(cast(ExportedEngine, follower.engine), options.format, folder)
        metadata = _describe(path, described, leader, video, options, models)
        write_json(folder / METADATA, metadata)
        write_json(folder / PARITY, parity)
    return Export(Path(out), metadata, parity)


def _siamese(tracker: Any, path: Path) -> SiameseTracker:
    if not isinstance(tracker, SiameseTracker):
        raise ConfigError(f"expected weights of a Siamese tracker, found those of {tracker.name} in {path.name}")
    return tracker


def _compare(
    video: Sequence,
    leader: SiameseTracker,
    follower: SiameseTracker,
    box: ArrayLike | None,
    on_progress: Callable[[str, int, int], None] | None,
) -> dict[str, Any]:
    """The parity report: the video's boxes by torch and by the exported models, open loop."""
    moves: list[float] = []
    for expected, found in follow_open_loop(video, leader, follower, box=box):
        moves.append(float(box_moves(found.box, expected.box)))
        if on_progress is not None:
            on_progress("comparing", len(moves), len(video) - 1)
    median = float(np.median(moves))
    if not median <= LARGEST_MOVE_PX:
        raise ConfigError(
            f"expected boxes within {LARGEST_MOVE_PX} px of torch's over {len(moves)} frames, found {median:.2f} px; "
            "take another format"
        )
    return {
        "what": "largest move of a box edge from torch's in float32, px of the cube, each frame from torch's state",
        "video": video.name,
        "frames": len(moves),
        "engine": follower.engine.label,
        "largest_edge_move_px": {
            "median": median,
            "percentile_95": float(np.percentile(moves, 95)),
            "largest": float(np.max(moves)),
        },
        "allowed_median_px": LARGEST_MOVE_PX,
        "edge_moves_px": moves,
        "provenance": provenance(),
    }


def _write_models(engine: ExportedEngine, format: str, folder: Path) -> dict[str, Any]:
    """Write every model that was run, and say what each takes and gives."""
    found = {}
    names = [program.name for program in engine.programs]
    for program in engine.programs:
        # A function of crops of both sizes is two models.
        name = program.name if names.count(program.name) == 1 else f"{program.name}-{_crop_size(program)}"
        if format == "openvino":
            import openvino

            file = f"{name}.xml"
            model = openvino_core().read_model(program.model)
            openvino.save_model(model, folder / file, compress_to_fp16=False)
        else:
            file = f"{name}.onnx"
            shutil.copyfile(program.model, folder / file)
        found[name] = {
            "file": file,
            "sha256": file_digest(folder / file),
            "inputs": {label: list(shape) for label, shape in program.inputs.items()},
            "outputs": {label: list(shape) for label, shape in program.outputs.items()},
        }
    return found


def _crop_size(program: Program) -> int:
    return next(iter(program.inputs.values()))[-1]


def _describe(
    path: Path,
    described: WeightsMetadata,
    tracker: SiameseTracker,
    video: Sequence,
    options: ExportOptions,
    models: Mapping[str, Any],
) -> dict[str, Any]:
    """What another program needs to know."""
    known = None if video.wavelengths_nm is None else [float(value) for value in video.wavelengths_nm]
    colour: dict[str, Any] | None = None
    if described.false_colour is not None:
        first = video.frame(0).whole()
        matrix = false_colour_matrix(described.false_colour, video.bands, wavelengths_nm=known, cube=first)
        colour = {"rule": described.false_colour, "matrix": matrix.tolist(), "encoding": described.encoding}
    return {
        "what": f"the network of {path.stem}, exported by spectrack {spectrack.__version__}",
        "format": options.format,
        "models": dict(models),
        "weights": {"file": path.name, "sha256": file_digest(path), **described.to_mapping()},
        "licence": described.licence,
        "credit": [text for text in (described.source, *_starts(described)) if text],
        "bands": video.bands,
        "wavelengths_nm": known,
        "input": {
            "layout": "float32, (crops, channels, rows, columns)",
            "scaling": described.scaling,
            "false_colour": colour,
            "range": "about [0, 1]; what the backbone was trained on is made inside the models",
        },
        "grid": {
            "template_px": TEMPLATE_SIZE_PX,
            "search_px": SEARCH_SIZE_PX,
            "first_cell_px": FIRST_CELL_PX,
            "stride_px": STRIDE_PX,
            "points": GRID_SIZE,
            "first_point_px": float(grid_points_px()[0]),
        },
        "online": to_table(tracker.options),
        "provenance": provenance(),
    }


def _starts(described: WeightsMetadata) -> list[str]:
    """Origins of the weights that the training began with."""
    start = described.extra.get("start")
    return [f"{start.get('source')} ({start.get('licence')})"] if isinstance(start, dict) else []
