"""The index: which file a name means, what is listed, what a wrong name is answered."""

import os

import pytest
import torch

from spectrack.errors import WeightsError
from spectrack.trackers.presets import presets
from spectrack.weights import index
from spectrack.weights.files import read_metadata, save_weights
from spectrack.weights.index import available, find_weights, shipped_folder, weights_name
from tests.fixtures.refusals import refuses


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Empty folders in the order of the search: two of the environment, the cache, the package."""
    found = [tmp_path / name for name in ("first", "second", "cache/spectrack/weights", "package")]
    for folder in found:
        folder.mkdir(parents=True)
    monkeypatch.setenv(index.WEIGHTS_VARIABLE, os.pathsep.join(map(str, found[:2])))
    monkeypatch.setattr(index, "cache_folder", lambda: found[2])
    monkeypatch.setattr(index, "shipped_folder", lambda: found[3])
    return found


def put(folder, name="siamban-compact", **metadata):
    path = folder / f"{name}.safetensors"
    save_weights(path, {"w": torch.ones(1)}, {"method": "siamban", "profile": "compact", **metadata})
    return path


def test_the_first_folder_wins(folders):
    for folder in reversed(folders):
        path = put(folder)
        assert find_weights("siamban-compact") == path
        assert find_weights("siamban-compact.safetensors") == path
        assert find_weights(method="siamban", profile="compact") == path
        assert [entry.path for entry in available()] == [path]


def test_a_path_is_taken_as_it_is(tmp_path, folders):
    path = put(tmp_path, "mine")
    assert find_weights(path) == find_weights(str(path), method="siamban") == path


def test_lists(folders, caplog):
    put(folders[0], "b")
    shipped_path = put(folders[3], "a", seed=3)
    (folders[3] / ".a-half.safetensors").write_bytes(b"")
    (folders[3] / "broken.safetensors").write_bytes(b"1234")
    assert [entry.name for entry in available()] == ["a", "b"]
    assert "left out of the list of weights" in caplog.text
    assert "broken.safetensors" in caplog.text
    entry = available()[0]
    assert (entry.name, entry.path, entry.metadata.seed) == ("a", shipped_path, 3)


def test_wrong_names_and_paths(folders):
    with refuses(WeightsError, "'siamban-compact'", "SPECTRACK_WEIGHTS", "spectrack train"):
        find_weights("siamban-compact")
    put(folders[0])
    with refuses(WeightsError, "'siamban-compct'", "did you mean 'siamban-compact'"):
        find_weights("siamban-compct")
    for wrong in ("elsewhere/siamban-compact.safetensors", "model.pth"):
        with refuses(WeightsError, wrong):
            find_weights(wrong)
    with refuses(WeightsError, "name", "method", "profile"):
        find_weights(method="siamban")


def test_weights_for_something_else(folders):
    put(folders[0])
    with refuses(WeightsError, "bcrnet", "siamban", "siamban-compact.safetensors"):
        find_weights("siamban-compact", method="bcrnet")
    with refuses(WeightsError, "full", "compact", "siamban-compact.safetensors"):
        find_weights("siamban-compact", profile="full")


def test_every_shipped_file_is_whole_small_and_named_after_what_it_is():
    paths = sorted(shipped_folder().glob("*.safetensors"))
    assert paths
    for path in paths:
        assert path.stat().st_size <= 4_000_000
        metadata = read_metadata(path)
        names = [metadata.method, *(one.weights for one in presets().values() if one.method == metadata.method)]
        assert path.stem in [weights_name(name, metadata.profile) for name in names]


def test_cache_folder_follows_the_platform(monkeypatch, tmp_path):
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert index.cache_folder() == tmp_path / "spectrack" / "weights"
