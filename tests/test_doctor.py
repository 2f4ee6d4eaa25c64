"""The doctor: a healthy installation has no fault, and each fault comes with its remedy."""

import os
import shutil
from collections import namedtuple

import pytest

from spectrack import doctor
from spectrack.doctor import examine
from tests.fixtures.refusals import check_sentence

pytestmark = pytest.mark.usefixtures("with_random_weights")


@pytest.fixture(autouse=True)
def _measured(monkeypatch):
    monkeypatch.setattr("spectrack.trackers.precision.has_native_bf16", lambda device: True)
    monkeypatch.setattr("spectrack.trackers.precision._gain_once", lambda run, place: 1.5)


def faults(folder):
    return {item.subject: item for item in examine(folder) if item.is_fault}


def test_a_healthy_installation_has_no_fault(tmp_path):
    findings = examine(tmp_path)
    assert [item for item in findings if item.is_fault] == []
    subjects = [item.subject for item in findings]
    for subject in (
        "Python",
        "spectrack",
        "packages",
        "device",
        "threads",
        "precision",
        "weights",
        "video encoder",
        "results folder",
    ):
        assert subject in subjects
    found = {item.subject: item.found for item in findings}
    assert "bf16 for siamban-lite here" in found["precision"]
    assert "1.50 times" in found["precision"]
    assert "torch 2." in next(item.found for item in findings if item.subject == "packages")


def test_a_folder_that_cannot_be_written(tmp_path):
    found = faults(tmp_path / "absent")
    assert "cannot be written" in found["results folder"].found
    assert "--out" in found["results folder"].remedy


def test_damaged_weights(tmp_path, monkeypatch, random_weights):
    damaged = tmp_path / "weights"
    damaged.mkdir()
    whole = (random_weights / "siamban-compact.safetensors").read_bytes()
    (damaged / "siamban-compact.safetensors").write_bytes(whole[: len(whole) // 2])
    monkeypatch.setenv("SPECTRACK_WEIGHTS", str(damaged))
    found = faults(tmp_path)["siamban-compact"]
    check_sentence(found.found, "siamban-compact.safetensors")
    assert "spectrack train siamban-compact" in found.remedy


def test_a_weights_folder_that_does_not_exist(tmp_path, monkeypatch, random_weights):
    monkeypatch.setenv("SPECTRACK_WEIGHTS", f"{tmp_path / 'absent'}{os.pathsep}{random_weights}")
    assert "unset" in faults(tmp_path)["SPECTRACK_WEIGHTS"].remedy


def test_a_missing_package(tmp_path, monkeypatch):
    monkeypatch.setitem(doctor.DEPENDENCIES, "module_that_nobody_has", "package-that-nobody-has")
    assert faults(tmp_path)["package-that-nobody-has"].remedy == "pip install --force-reinstall package-that-nobody-has"


def test_no_video_encoder(tmp_path, monkeypatch):
    monkeypatch.setattr("spectrack.reports.overlay.ENCODERS", ("an_encoder_that_nobody_has",))
    assert "av" in faults(tmp_path)["video encoder"].remedy


def test_little_memory_and_disk(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage(10, 9, 1))
    monkeypatch.setattr(doctor, "available_memory_gib", lambda: 0.2)
    assert {"free memory", "free disk"} <= faults(tmp_path).keys()


def test_more_threads_than_cores(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "usable_cores", lambda: 0)
    assert "OMP_NUM_THREADS" in faults(tmp_path)["threads"].remedy


def test_a_check_that_breaks_is_itself_a_finding(tmp_path, monkeypatch):
    def broken():
        raise ZeroDivisionError("library gone mad")

    monkeypatch.setattr(doctor, "_encoder", broken)
    assert any("library gone mad" in item.found and item.is_fault for item in examine(tmp_path))
