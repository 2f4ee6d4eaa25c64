"""Data sets as lists of sequences: the field's own, plain folders and the simulated suite; description, check and
conversion.
"""

from spectrack.datasets.dataset import Dataset, DatasetEntry, SequenceKey
from spectrack.datasets.opening import DATASETS, open_dataset

__all__ = ["DATASETS", "Dataset", "DatasetEntry", "SequenceKey", "open_dataset"]
