"""spectrack: track an object through hyperspectral video.

    sequence = spectrack.open_sequence("path/to/HSI")
    tracker = spectrack.load_tracker("siamban")
    for estimate in spectrack.track(sequence, tracker, box=(214, 61, 30, 42)):
        estimate.box, estimate.score, estimate.lost

Names are imported when they are first used, so `import spectrack` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spectrack.annotations.first_boxes import read_first_box
    from spectrack.annotations.foreign_results import read_foreign_results
    from spectrack.annotations.result_writers import write_results
    from spectrack.annotations.text import read_boxes, write_boxes
    from spectrack.boxes import centre_distance, iou
    from spectrack.datasets.dataset import Dataset
    from spectrack.datasets.opening import open_dataset
    from spectrack.errors import (
        BoxError,
        ConfigError,
        CubeError,
        InputError,
        MissingExtraError,
        SequenceError,
        SequenceNotFoundError,
        SpectrackError,
        WeightsError,
    )
    from spectrack.evaluation.protocols import score
    from spectrack.evaluation.results import evaluate_directories, evaluate_results
    from spectrack.evaluation.scores import Scores
    from spectrack.recording import Recording, RecordOptions, record
    from spectrack.reports.overlay import write_overlay
    from spectrack.sensors import Sensor, get_sensor
    from spectrack.sequences.base import Sequence
    from spectrack.sequences.opening import open_sequence
    from spectrack.sequences.writers import write_sequence
    from spectrack.simulation.scenarios import list_scenarios
    from spectrack.simulation.video import simulate
    from spectrack.trackers.base import Estimate, Tracker, track
    from spectrack.trackers.loading import load_tracker
    from spectrack.trackers.registry import list_trackers, register
    from spectrack.training.loop import train
    from spectrack.training.recipe import load_recipe
    from spectrack.weights.fetching import fetch_weights
    from spectrack.weights.imports import import_checkpoint

__version__ = "0.1.0"

__all__ = [
    "BoxError",
    "ConfigError",
    "CubeError",
    "Dataset",
    "Estimate",
    "InputError",
    "MissingExtraError",
    "RecordOptions",
    "Recording",
    "Scores",
    "Sensor",
    "Sequence",
    "SequenceError",
    "SequenceNotFoundError",
    "SpectrackError",
    "Tracker",
    "WeightsError",
    "centre_distance",
    "evaluate_directories",
    "evaluate_results",
    "fetch_weights",
    "get_sensor",
    "import_checkpoint",
    "iou",
    "list_scenarios",
    "list_trackers",
    "load_recipe",
    "load_tracker",
    "open_dataset",
    "open_sequence",
    "read_boxes",
    "read_first_box",
    "read_foreign_results",
    "record",
    "register",
    "score",
    "simulate",
    "track",
    "train",
    "write_boxes",
    "write_overlay",
    "write_results",
    "write_sequence",
]

_HOMES = {
    "BoxError": "errors",
    "ConfigError": "errors",
    "CubeError": "errors",
    "Dataset": "datasets.dataset",
    "Estimate": "trackers.base",
    "InputError": "errors",
    "MissingExtraError": "errors",
    "RecordOptions": "recording",
    "Recording": "recording",
    "Scores": "evaluation.scores",
    "Sensor": "sensors",
    "Sequence": "sequences.base",
    "SequenceError": "errors",
    "SequenceNotFoundError": "errors",
    "SpectrackError": "errors",
    "Tracker": "trackers.base",
    "WeightsError": "errors",
    "centre_distance": "boxes",
    "evaluate_directories": "evaluation.results",
    "evaluate_results": "evaluation.results",
    "fetch_weights": "weights.fetching",
    "get_sensor": "sensors",
    "import_checkpoint": "weights.imports",
    "iou": "boxes",
    "list_scenarios": "simulation.scenarios",
    "list_trackers": "trackers.registry",
    "load_recipe": "training.recipe",
    "load_tracker": "trackers.loading",
    "open_dataset": "datasets.opening",
    "open_sequence": "sequences.opening",
    "read_boxes": "annotations.text",
    "read_first_box": "annotations.first_boxes",
    "read_foreign_results": "annotations.foreign_results",
    "record": "recording",
    "register": "trackers.registry",
    "score": "evaluation.protocols",
    "simulate": "simulation.video",
    "track": "trackers.base",
    "train": "training.loop",
    "write_boxes": "annotations.text",
    "write_overlay": "reports.overlay",
    "write_results": "annotations.result_writers",
    "write_sequence": "sequences.writers",
}
"""Module of every public name."""


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'spectrack' has no attribute {name!r}")
    value = getattr(import_module(f"spectrack.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
