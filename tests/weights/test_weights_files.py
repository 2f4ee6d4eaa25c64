"""Weights files: what goes in comes out, damage and mistakes get a sentence, writing is whole or not at all."""

import hashlib

import pytest
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from spectrack.errors import WeightsError
from spectrack.files.fingerprints import file_digest, file_identity
from spectrack.weights import files
from spectrack.weights.files import SharedWeights, load_state, read_metadata, read_weights, save_weights
from spectrack.weights.metadata import WeightsMetadata
from tests.fixtures.refusals import refuses

METADATA = WeightsMetadata(
    method="siamban",
    profile="compact",
    scaling="fixed(1023)",
    false_colour="cie",
    config={"channels": 64, "widths": [1, 2]},
    recipe="siamban-compact",
    data="simulated video, 16 bands",
    seed=7,
    extra={"validation": {"auc": 0.5}},
)


def make_state():
    return {
        "conv.weight": torch.randn(4, 3, 3, 3).contiguous(memory_format=torch.channels_last),
        "bn.weight": torch.randn(4),
        "bn.running_var": torch.rand(4) + 1e-3,
        "bn.num_batches_tracked": torch.tensor(12),
    }


def test_what_goes_in_comes_out(tmp_path):
    state, path = make_state(), tmp_path / "new" / "a.safetensors"
    written = save_weights(path, state, METADATA)
    found, metadata = read_weights(path, method="siamban")
    assert metadata == written == read_metadata(path)
    assert metadata.parameters == 4 * 27 + 4
    assert metadata.package_version
    assert (metadata.seed, metadata.config, metadata.extra) == (7, METADATA.config, METADATA.extra)
    assert found.keys() == state.keys()
    for name, tensor in state.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name], tensor)


def test_half_precision_storage_halves_matrices_and_returns_float32(tmp_path):
    state = {"matrix": torch.randn(64, 64), "vector": torch.randn(64), "large": torch.full((2, 2), 1e6)}
    save_weights(tmp_path / "a.safetensors", state, METADATA)
    save_weights(tmp_path / "b.safetensors", state, METADATA, storage="float16")
    saved = (tmp_path / "a.safetensors").stat().st_size - (tmp_path / "b.safetensors").stat().st_size
    assert saved == pytest.approx(64 * 64 * 2, abs=16)  # the header is padded to eight bytes
    found, _ = read_weights(tmp_path / "b.safetensors")
    assert {tensor.dtype for tensor in found.values()} == {torch.float32}
    torch.testing.assert_close(found["matrix"], state["matrix"], rtol=2**-11, atol=1e-7)
    assert torch.equal(found["vector"], state["vector"])
    assert torch.equal(found["large"], state["large"])


def test_equal_content_gives_equal_bytes_and_hash(tmp_path):
    state = make_state()
    for name in ("a", "b"):
        save_weights(tmp_path / f"{name}.safetensors", state, METADATA)
    whole = hashlib.sha256((tmp_path / "a.safetensors").read_bytes()).hexdigest()
    assert file_identity(tmp_path / "a.safetensors") == {"file": "a.safetensors", "hash": whole[:12]}
    assert file_digest(tmp_path / "a.safetensors") == file_digest(tmp_path / "b.safetensors") == whole


def test_tensors_that_share_memory_are_saved(tmp_path):
    shared = torch.randn(3, 3)
    save_weights(tmp_path / "a.safetensors", {"a": shared, "b": shared.T}, METADATA)
    found, _ = read_weights(tmp_path / "a.safetensors")
    assert torch.equal(found["a"], found["b"].T)


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), SafetensorError("No space left on device")])
def test_interrupted_writing_keeps_the_old_file_and_leaves_nothing(tmp_path, monkeypatch, error):
    path = tmp_path / "a.safetensors"
    save_weights(path, make_state(), METADATA)
    before = path.read_bytes()

    def break_off(tensors, target, metadata):
        target.write_bytes(b"half")
        raise error

    monkeypatch.setattr(files, "save_file", break_off)
    with refuses(WeightsError, "a.safetensors", "No space left on device"):
        save_weights(path, make_state(), METADATA)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["a.safetensors"]


@pytest.mark.parametrize(
    ("change", "facts"),
    [
        ({"method": 3}, ("'method'", "found 3")),
        ({"profile": ""}, ("profile", "''")),
        ({"input_range": "byte"}, ("input_range", "'byte'", "0-255, imagenet, unit")),
        ({"scaling": "fixed(x)"}, ("scaling", "'fixed(x)'")),
        ({"bands": 0}, ("band count", "null", "found 0")),
        ({"extra": [1]}, ("'extra'", "[1]")),
        ({"extra": {"loss": float("nan")}}, ("metadata", "JSON")),
        ({"extra": {"weights": {1, 2}}}, ("metadata", "JSON")),
        ({"recipy": "x"}, ("'recipy'", "did you mean 'recipe'")),
    ],
)
def test_metadata_out_of_range_is_refused_before_writing(tmp_path, change, facts):
    with refuses(WeightsError, facts):
        save_weights(tmp_path / "a.safetensors", make_state(), {"method": "siamban", "profile": "compact", **change})
    assert list(tmp_path.iterdir()) == []


def test_missing_metadata_is_named():
    with refuses(WeightsError, "profile", "method"):
        WeightsMetadata.from_mapping({"method": "siamban"})


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_values_that_are_not_finite_are_neither_written_nor_read(tmp_path, value, monkeypatch):
    path, state = tmp_path / "a.safetensors", {"w": torch.tensor([1.0, value])}
    with refuses(WeightsError, "NaN", "1 tensors", "w"):
        save_weights(path, state, METADATA)
    with monkeypatch.context() as patch:
        patch.setattr(files, "_check_finite", lambda *_: None)
        save_weights(path, state, METADATA)
    with refuses(WeightsError, "NaN", "a.safetensors (w)"):
        read_weights(path)


def test_nothing_to_save_and_unknown_storage(tmp_path):
    with refuses(WeightsError, "state dict"):
        save_weights(tmp_path / "a.safetensors", {}, METADATA)
    with refuses(WeightsError, "'float8'", "float32", "float16"):
        save_weights(tmp_path / "a.safetensors", make_state(), METADATA, storage="float8")


@pytest.mark.parametrize("read", [read_weights, read_metadata])
def test_no_file(tmp_path, read):
    with refuses(WeightsError, "none.safetensors", "spectrack weights list"):
        read(tmp_path / "none.safetensors")
    with refuses(WeightsError, f"{tmp_path}", "spectrack weights list"):
        read(tmp_path)


@pytest.mark.parametrize("read", [read_weights, read_metadata])
@pytest.mark.parametrize("keep", [0, 5, 100, -1])
def test_a_truncated_file(tmp_path, read, keep):
    path = tmp_path / "a.safetensors"
    save_weights(path, make_state(), METADATA)
    path.write_bytes(path.read_bytes()[:keep])
    with refuses(WeightsError, "a.safetensors", "bytes"):
        read(path)


def test_other_files(tmp_path):
    path = tmp_path / "a.safetensors"
    torch.save(make_state(), path)
    with refuses(WeightsError, "PyTorch", "a.safetensors", "spectrack weights import"):
        read_weights(path)
    path.write_text("<html>not found</html>")
    with refuses(WeightsError, "a.safetensors", "22 bytes"):
        read_weights(path)
    save_file({"w": torch.ones(2)}, path)
    with refuses(WeightsError, "a.safetensors", "spectrack weights import"):
        read_weights(path)


@pytest.mark.parametrize(
    ("header", "facts"),
    [
        ("{", "a.safetensors"),
        ("[]", "a.safetensors"),
        ("{}", "a.safetensors"),
        ("[" * 100_000 + "]" * 100_000, "a.safetensors"),
        ("9" * 5000, "a.safetensors"),
        ('{"schema": 99}', ("schema 1", "found 99", "a.safetensors")),
        ('{"schema": 1, "method": "", "profile": "full"}', ("method", "''", "a.safetensors")),
        (
            '{"schema": 1, "method": "siamban", "profile": "full", "colour": 1}',
            ("'colour'", "did you mean 'false_colour'"),
        ),
    ],
)
def test_unusable_headers(tmp_path, header, facts):
    path = tmp_path / "a.safetensors"
    save_file({"w": torch.ones(2)}, path, metadata={"spectrack": header})
    with refuses(WeightsError, facts):
        read_weights(path)


def test_weights_of_another_method(tmp_path):
    save_weights(tmp_path / "a.safetensors", make_state(), METADATA)
    with refuses(WeightsError, "bcrnet", "siamban", "a.safetensors"):
        read_weights(tmp_path / "a.safetensors", method="bcrnet")


def test_loading_names_the_first_few_differences_and_changes_nothing():
    network = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 4), nn.Linear(4, 5))
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    state = {name: torch.zeros_like(tensor) for name, tensor in before.items() if not name.startswith(("1.", "2."))}
    state |= {"0.weight": torch.zeros(9, 2), "extra": torch.zeros(1)}
    missing = "4 missing (1.weight, 1.bias, 2.weight, ...)"
    with refuses(
        WeightsError, "6 tensors", "a.safetensors", missing, "1 unexpected (extra)", "0.weight (9, 2)", "(3, 2)"
    ):
        load_state(network, state, source="a.safetensors")
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name])


def test_loading():
    source, target = nn.Linear(2, 3), nn.Linear(2, 3)
    load_state(target, source.state_dict())
    assert torch.equal(target.weight, source.weight)


def test_tensors_that_another_file_holds_are_left_to_it(tmp_path):
    base = {"neck.weight": torch.rand(4, 3).half().float(), "head.bias": torch.rand(4)}
    whole = {
        "rgb.neck.weight": base["neck.weight"].clone(),
        "rgb.head.bias": base["head.bias"] + 1,
        "own": torch.rand(2, 2),
    }
    described = {"method": "siamban", "profile": "compact"}
    save_weights(tmp_path / "base.safetensors", base, described, storage="float16")
    file = tmp_path / "built.safetensors"
    written = save_weights(file, whole, described, shared=SharedWeights("base", base, {"": "rgb."}))
    assert written.parameters == 12 + 4 + 4
    with safe_open(file, framework="pt") as stored:
        assert sorted(stored.keys()) == ["own", "rgb.head.bias"]
    state, _ = read_weights(file)
    assert state.keys() == whole.keys()
    assert all(torch.equal(state[name], whole[name]) for name in whole)


def test_a_file_built_on_one_that_changed_or_is_gone_is_refused(tmp_path):
    base, described = {"neck.weight": torch.rand(4, 3)}, {"method": "siamban", "profile": "compact"}
    file = tmp_path / "built.safetensors"
    save_weights(file, base | {"own": torch.rand(2)}, described, shared=SharedWeights("base", base, {"": ""}))
    for other in (None, {"neck.weight": base["neck.weight"] + 1}):
        if other is not None:
            save_weights(tmp_path / "base.safetensors", other, described)
        with refuses(WeightsError, "base.safetensors", "built.safetensors", str(tmp_path), "copy it there"):
            read_weights(file)
    save_weights(tmp_path / "base.safetensors", base, described)
    assert read_weights(file)[0].keys() == {"neck.weight", "own"}
