"""The public names and where they live: read by type checkers, and by `__init__.py` when a name is first used."""

from .annotations.first_boxes import read_first_box as read_first_box
from .annotations.foreign_results import read_foreign_results as read_foreign_results
from .annotations.result_writers import write_results as write_results
from .annotations.text import read_boxes as read_boxes, write_boxes as write_boxes
from .boxes import centre_distance as centre_distance, iou as iou
from .calibration.files import read_calibration as read_calibration
from .datasets.dataset import Dataset as Dataset
from .datasets.opening import open_dataset as open_dataset
from .errors import (
    BoxError as BoxError,
    ConfigError as ConfigError,
    CubeError as CubeError,
    InputError as InputError,
    MissingExtraError as MissingExtraError,
    SequenceError as SequenceError,
    SequenceNotFoundError as SequenceNotFoundError,
    SpectrackError as SpectrackError,
    WeightsError as WeightsError,
)
from .evaluation.protocols import score as score
from .evaluation.results import evaluate_directories as evaluate_directories, evaluate_results as evaluate_results
from .evaluation.scores import Scores as Scores
from .evidence.detectors import Detector as Detector, fit_detector as fit_detector
from .evidence.finding import detect as detect, find_first as find_first
from .evidence.library import read_spectrum as read_spectrum
from .live.tracking import track_live as track_live
from .recording import Recording as Recording, record as record
from .reports.overlay import write_overlay as write_overlay
from .runs.options import RecordOptions as RecordOptions
from .sensors import Sensor as Sensor, get_sensor as get_sensor
from .sequences.base import Sequence as Sequence
from .sequences.opening import open_sequence as open_sequence
from .sequences.writers import write_sequence as write_sequence
from .simulation.scenarios import list_scenarios as list_scenarios
from .simulation.video import simulate as simulate
from .sources.opening import open_source as open_source
from .trackers.base import Estimate as Estimate, Tracker as Tracker, track as track
from .trackers.loading import load_tracker as load_tracker
from .trackers.method import Method as Method
from .trackers.registry import (
    list_trackers as list_trackers,
    register as register,
    register_method as register_method,
)
from .training.loop import train as train
from .training.recipe import load_recipe as load_recipe
from .weights.fetching import fetch_weights as fetch_weights
from .weights.imports import import_checkpoint as import_checkpoint

__version__: str
