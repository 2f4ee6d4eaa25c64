"""Keys, labels and folder names: unique, readable and fit as file names, whatever people call their folders."""

import re
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spectrack.datasets.dataset import Dataset, DatasetEntry, SequenceKey
from spectrack.datasets.folder_names import MODALITIES, STREAMS, canonical_modality, canonical_split, meaning_of
from spectrack.sequences.memory import MemorySequence


@dataclass(frozen=True)
class NoSource:
    def open(self, label):
        import numpy as np

        return MemorySequence(np.zeros((2, 8, 8, 4), np.uint16), name=label)


def entries(*keys):
    return [DatasetEntry(SequenceKey("x", *key), "", ("SV",), 2, NoSource()) for key in keys]


@pytest.mark.parametrize(
    ("keys", "labels"),
    [
        ([("test", "", "ball"), ("test", "", "car")], ["ball", "car"]),
        ([("test", "", "car"), ("train", "", "car")], ["test-car", "train-car"]),
        (
            [("val", "HSI-VIS", "car"), ("val", "HSI-NIR", "car"), ("val", "HSI-NIR", "bus")],
            ["HSI-VIS-car", "HSI-NIR-car", "bus"],
        ),
        (
            [("a", "HSI-VIS", "car"), ("b", "HSI-VIS", "car"), ("a", "HSI-NIR", "car"), ("b", "HSI-NIR", "car")],
            ["a-HSI-VIS-car", "b-HSI-VIS-car", "a-HSI-NIR-car", "b-HSI-NIR-car"],
        ),
        ([("", "", "Car"), ("", "", "car")], ["Car", "car-2"]),  # one file on a disk that ignores case
        (
            [("", "", "a/b"), ("", "", "..\\up"), ("", "", "..."), ("", "", "ball&mirror9")],
            ["a_b", "_up", "sequence", "ball&mirror9"],
        ),
    ],
)
def test_the_shortest_labels_that_tell_apart(keys, labels):
    assert [entry.label for entry in Dataset("x", None, entries(*keys))] == labels


_words = st.text(st.sampled_from("aAbB.-_/\\: \0&é1"), max_size=5)


@settings(max_examples=50)
@given(st.lists(st.tuples(_words, _words, _words), unique=True, max_size=12))
def test_labels_are_unique_file_names(keys):
    dataset = Dataset("x", None, entries(*keys))
    labels = [entry.label for entry in dataset]
    assert len({label.lower() for label in labels}) == len(keys)
    for label in labels:
        assert re.fullmatch(r'[^\x00-\x1f<>:"/\\|?*]+', label)
        assert not label.startswith(".")
        assert dataset[label].label == label


def test_names_of_windows_devices_are_no_labels():
    names = ("con", "_con", "Aux.7", "com1", "LPT9.txt", "console", "nul ")
    labels = [entry.label for entry in Dataset("x", None, entries(*(("", "", name) for name in names)))]
    assert labels[2:6] == ["_Aux.7", "_com1", "_LPT9.txt", "console"]
    assert len({label.lower() for label in labels}) == len(names)
    assert not {"con", "nul"} & {label.partition(".")[0].lower() for label in labels}


def test_a_dataset_is_a_list_and_a_dictionary():
    dataset = Dataset(
        "x", None, entries(("test", "HSI-NIR", "ball"), ("train", "HSI-NIR", "ball"), ("train", "HSI-VIS", "car"))
    )
    assert len(dataset) == 3
    assert dataset[-1] is list(dataset)[2] is dataset["car"]
    assert [entry.label for entry in dataset.select(split="training", modality="nir")] == ["ball"]
    assert [entry.label for entry in dataset.select(names=["car", "test-ball"])] == ["car", "ball"]
    assert [entry.key.split for entry in dataset.select(names=["ball"])] == ["test", "train"]
    assert repr(dataset) == "<Dataset 'x': 3 sequences>"
    sequence = dataset["car"].open()
    assert (sequence.name, sequence.attributes) == ("car", ("SV",))
    assert SequenceKey("x", "validation", "HSI-NIR", "ball").label == "validation-HSI-NIR-ball"


MEANINGS = {
    "test/ball/HSI": ("test", "", "ball", "HSI"),
    "ball/HSI-FalseColor": ("", "", "ball", "HSI-FalseColor"),
    "ball/RGB": ("", "", "ball", "RGB"),
    "test_HSI/coke/img": ("test", "", "coke", ""),
    "validation/HSI-VIS/car": ("validation", "HSI-VIS", "car", "HSI"),
    "Validation/HSI-RedNIR-Falsecolor/car": ("validation", "HSI-RedNIR", "car", "HSI-FalseColor"),
    "training/HSI-VIS-FalseColor_25/car/car": ("train", "HSI-VIS", "car", "HSI-FalseColor"),
    "HSI-VIS-3D/car": ("", "HSI-VIS", "car", "HSI"),
    "training/update/HSI-NIR/park/img/park": ("train", "HSI-NIR", "park", "HSI"),
    "HSIJPG/train/1-car": ("train", "", "1-car", "HSI"),
    "train/FalseColor/1-car": ("train", "", "1-car", "HSI-FalseColor"),
    "Test/VIS/S_person2": ("test", "HSI-VIS", "S_person2", "HSI"),
    "ranking/red_nir/test": ("ranking", "HSI-RedNIR", "test", "HSI"),
    "train/HSI": ("", "", "train", "HSI"),
    "HSI": ("", "", "", "HSI"),
    "vis-car": ("", "", "vis-car", ""),
    "testbed/update": ("", "", "update", ""),
}


@pytest.mark.parametrize("path", MEANINGS)
def test_what_folder_names_mean(path):
    meaning = meaning_of(path.split("/"))
    assert (meaning.split, meaning.modality, meaning.name, meaning.stream) == MEANINGS[path]
    assert meaning.update == ("update/" in path)


def test_further_folders_are_kept_in_order():
    assert meaning_of(["HOT2020", "day1", "test", "car", "HSI"]).prefix == ("HOT2020", "day1")
    assert canonical_split("Val") == canonical_split("validation_set") == "validation"
    assert canonical_split("trainspotting") == "trainspotting"
    assert [canonical_modality(name) for name in ("VIS", "hsi-nir", "red-nir")] == list(MODALITIES)


@settings(max_examples=50)
@given(
    st.lists(
        st.text(max_size=8) | st.sampled_from(["HSI", "RGB", "test", "update", "HSI-NIR", "img", "VIS"]), max_size=6
    )
)
def test_any_names_have_a_meaning(parts):
    meaning = meaning_of(parts)
    assert meaning.stream in ("", *STREAMS)
    assert meaning.modality in ("", *MODALITIES)
    assert meaning.name in ("", *parts)
