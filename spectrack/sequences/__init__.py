"""Reading and writing video: frames of every supported format as lazy sequences, and truth boxes."""

from spectrack.annotations.first_boxes import read_first_box
from spectrack.annotations.text import read_boxes, write_boxes
from spectrack.sequences.base import Sequence
from spectrack.sequences.frames import ArrayFrame, Frame, MosaicFrame
from spectrack.sequences.memory import MemorySequence
from spectrack.sequences.opening import open_sequence
from spectrack.sequences.readers import FORMATS
from spectrack.sequences.writers import write_sequence

__all__ = [
    "FORMATS",
    "ArrayFrame",
    "Frame",
    "MemorySequence",
    "MosaicFrame",
    "Sequence",
    "open_sequence",
    "read_boxes",
    "read_first_box",
    "write_boxes",
    "write_sequence",
]
