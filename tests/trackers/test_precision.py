"""Which number format `auto` means: the faster one for the network at hand, measured once a machine."""

import errno
import types

import pytest
import torch

from spectrack.errors import ConfigError
from spectrack.trackers import precision
from spectrack.trackers.loading import load_tracker, settled_precision
from spectrack.trackers.precision import check_precision, measure_precision, rehearsed
from tests.fixtures.refusals import refuses

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _native(monkeypatch, tmp_path):
    monkeypatch.setattr(precision, "has_native_bf16", lambda device: True)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


@pytest.fixture
def taking(monkeypatch):
    """A function of seconds by number format: what `measure_precision` times, and the list of what was tried.

    On a clock of its own, which a busy machine does not stretch.
    """
    now = 0.0
    monkeypatch.setattr(precision, "time", types.SimpleNamespace(perf_counter=lambda: now))

    def prepare(**seconds):
        tried = []

        def run(name):
            def once():
                nonlocal now
                now += seconds[name]

            tried.append(name)
            return once

        return run, tried

    return prepare


@pytest.mark.parametrize(
    ("fp32", "bf16", "expected"), [(0.008, 0.001, "bf16"), (0.001, 0.008, "fp32"), (0.02, 0.02, "fp32")]
)
def test_the_faster_format_is_taken(taking, fp32, bf16, expected):
    run, tried = taking(fp32=fp32, bf16=bf16)
    found = measure_precision(run, CPU, {"network": expected})
    assert found.precision == expected
    assert (found.gain > 1.15) == (expected == "bf16")
    assert sorted(tried) == ["bf16", "fp32"]


def test_it_is_measured_once_for_a_network_and_a_number_of_threads(taking):
    run, tried = taking(fp32=0.008, bf16=0.001)
    first = measure_precision(run, CPU, {"network": [1, 2]})
    slow, _ = taking(fp32=0.001, bf16=0.008)
    assert measure_precision(slow, CPU, {"network": [1, 2]}) == first
    assert measure_precision(slow, CPU, {"network": [1, 3]}).precision == "fp32"
    assert len(tried) == 2


def test_where_the_cache_cannot_be_written_it_is_measured_once_a_process(taking, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    run, tried = taking(fp32=0.008, bf16=0.001)
    network = {"network": str(tmp_path)}  # one that no other test of this process has measured
    assert [measure_precision(run, CPU, network).precision for _ in range(2)] == ["bf16", "bf16"]
    assert len(tried) == 2
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


def test_where_nothing_can_be_kept_at_all_it_is_measured_each_time(taking, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(precision, "make_in_cache", full)
    run, tried = taking(fp32=0.008, bf16=0.001)
    assert [measure_precision(run, CPU, {}).precision for _ in range(2)] == ["bf16", "bf16"]
    assert len(tried) == 4


def test_a_damaged_measurement_is_made_again(taking, tmp_path):
    run, _ = taking(fp32=0.008, bf16=0.001)
    measure_precision(run, CPU, {})
    (kept,) = tmp_path.rglob("measured.json")
    kept.write_text("{}", encoding="utf-8")
    assert measure_precision(run, CPU, {}).precision == "bf16"


def test_without_native_bfloat16_it_is_not_even_tried(taking, monkeypatch):
    monkeypatch.setattr(precision, "has_native_bf16", lambda device: False)
    run, tried = taking(fp32=0.008, bf16=0.001)
    assert measure_precision(run, CPU, {}) == ("fp32", 0.0)
    assert tried == []


def test_other_words_are_refused():
    assert [check_precision(word) for word in ("auto", "fp32", "bf16")] == ["auto", "fp32", "bf16"]
    with refuses(ConfigError, "auto, fp32, bf16 or int8", "'fp16'"):
        check_precision("fp16")


@pytest.mark.parametrize("name", ["siamban", "bcrnet", "ssfnet"])
def test_a_tracker_takes_what_was_measured_and_draws_no_random_number(name, shipped, monkeypatch):
    shipped(name)
    torch.manual_seed(5)
    load_tracker(name, precision="fp32", device="cpu")
    expected = torch.rand(3)
    for gain, chosen in ((2.0, "bf16"), (0.03, "fp32")):
        monkeypatch.setattr(precision, "_gain_once", lambda run, place, gain=gain: (run("bf16")(), gain)[1])
        torch.manual_seed(5)
        tracker = load_tracker(name, precision="auto", device="cpu")
        assert (tracker.precision, tracker.bf16_gain) == (chosen, gain)
        assert torch.equal(torch.rand(3), expected)
        assert settled_precision(name, device="cpu") == chosen


def test_without_a_network_there_is_nothing_to_measure():
    assert settled_precision("cf") == "fp32"


def test_a_rehearsal_has_the_bands_that_weights_are_for(make):
    from spectrack.methods.bcrnet.band_importance import BIMMConfig
    from spectrack.methods.bcrnet.tracker import BCRNetTracker

    tracker = BCRNetTracker(make.bcrnet(bimm=BIMMConfig(bands=15, widths=(2, 3), input_size=32)))
    assert rehearsed(tracker, 15)().evidence["band_importance"].shape == (15,)
