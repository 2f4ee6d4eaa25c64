"""Sequences of an ablation: chosen by attribute, cut, filmed worse, and kept without changing a count."""

import pickle

import numpy as np
import pytest

import spectrack
from spectrack.ablations.videos import make_entry, select_entries
from spectrack.datasets.opening import open_dataset
from spectrack.errors import ConfigError
from spectrack.runs.entries import SequenceEntry
from spectrack.sequences.memory import MemorySequence
from spectrack.simulation.degradation import DegradedSequence
from tests.fixtures.refusals import refuses


def test_sequences_with_any_of_the_attributes(make):
    entries = [make.clip(1), make.clip(2, attributes=("SV",)), make.clip(3, attributes=("TWIN", "BC"))]
    kept, labels = select_entries(entries, ["TWIN", "CAM", "twin", "background clutter"])
    assert [entry.label for entry in kept] == ["clip1", "clip3"]
    assert labels == {"TWIN": ["clip3"], "CAM": ["clip1"], "BC": ["clip1", "clip3"]}
    assert select_entries(entries, [])[0] == entries
    assert select_entries(entries, [])[1] == {}


def test_the_suite_by_attribute():
    kept, labels = select_entries(open_dataset("simulated").entries, ("CAM", "TWIN", "BC"))
    assert {name: len(found) for name, found in labels.items()} == {"CAM": 9, "TWIN": 6, "BC": 36}
    assert len(kept) == 36


def test_attributes_that_nothing_carries_are_refused(make):
    with refuses(ConfigError, "1 sequence", "'CAMM'", "did you mean 'CAM'"):
        select_entries([make.clip(1)], ["CAMM"])
    with refuses(ConfigError, "'CAM'", "--only"):
        select_entries([make.clip(1, attributes=())], ["CAM"])


def test_entries_are_cut_and_degraded(make):
    entry = make.clip(1)
    opened = make_entry(entry, frames=2, degradation="low-light-2").open()
    original = entry.open()
    assert len(opened) == 2
    assert isinstance(opened.source, DegradedSequence)
    np.testing.assert_array_equal(opened.truth, original.truth[:2])
    assert opened[0].mean() == pytest.approx(original[0].mean() / 12, rel=0.05)
    assert make_entry(entry, frames=2).attributes == entry.attributes
    assert len(make_entry(entry).open()) == 4


def test_footage_cannot_be_degraded():
    footage = SequenceEntry.of(MemorySequence(np.zeros((2, 8, 8, 4), np.uint16), name="real"))
    with refuses(ConfigError, "defocus-1", "'real'"):
        make_entry(footage, degradation="defocus-1").open()


def test_kept_frames_are_the_rendered_ones(make, tmp_path, monkeypatch):
    entry = make.clip(1)
    kept = make_entry(entry, frames=3, keep=tmp_path)
    first, rendered = kept.open(), make_entry(entry, frames=3).open()
    (folder,) = (path for path in tmp_path.iterdir() if path.is_dir())
    assert folder.name.startswith("clip1-3-")

    def refuse(*arguments, **options):
        raise AssertionError("rendered again")

    monkeypatch.setattr("spectrack.ablations.videos.fill_folder", refuse)
    for sequence in (first, kept.open()):
        assert len(sequence) == 3
        assert sequence.name == "clip1"
        assert sequence.wavelengths_nm == rendered.wavelengths_nm
        assert sequence.attributes == rendered.attributes
        np.testing.assert_array_equal(sequence.truth, rendered.truth)
        np.testing.assert_array_equal(sequence.visibility, rendered.visibility)
        for index in range(3):
            np.testing.assert_array_equal(sequence[index], rendered[index])
            assert sequence[index].dtype == rendered[index].dtype


def test_kept_frames_of_another_simulator_or_setting_are_not_taken(make, tmp_path, monkeypatch):
    for seed in (1, 2):
        make_entry(SequenceEntry("clip", make.clip(seed).opener), frames=2, keep=tmp_path).open()
    monkeypatch.setattr("spectrack.ablations.videos.source_digest", lambda *parts: "another")
    make_entry(SequenceEntry("clip", make.clip(2).opener), frames=2, keep=tmp_path).open()
    assert len([path for path in tmp_path.iterdir() if path.is_dir()]) == 3


def test_kept_frames_count_as_what_they_were_rendered_from(make, tmp_path):
    entry = make.clip(1)
    kept, rendered = make_entry(entry, frames=2, keep=tmp_path).open(), make_entry(entry, frames=2).open()
    assert kept.made_of() == rendered.made_of()


def test_degraded_video_and_footage_are_not_kept(make, tmp_path):
    make_entry(make.clip(1), frames=2, degradation="defocus-1", keep=tmp_path).open()
    footage = MemorySequence(np.zeros((2, 8, 8, 4), np.uint16), name="real")
    assert make_entry(SequenceEntry.of(footage), keep=tmp_path).open() is footage
    assert list(tmp_path.iterdir()) == []


def test_entries_of_the_suite_travel_to_workers():
    entry = make_entry(open_dataset("simulated").entries[0], frames=3, degradation="defocus-1")
    copy = pickle.loads(pickle.dumps(entry))
    assert copy == entry
    assert isinstance(copy.open().source.original, type(spectrack.simulate("calm", frames=2)))
