"""Imports: checkpoints made here with the published names and shapes, and a SiamBAN written anew to compare numbers
with.

Large tensors are one number expanded to their shape, so a checkpoint of 54 million parameters is a small file.
"""

from typing import get_args

import pytest
import torch
from safetensors.torch import save_file
from torch.nn import functional

from spectrack.errors import WeightsError
from spectrack.networks.asymmetric_head import AsymmetricHead
from spectrack.networks.backbones.resnet50 import AtrousResNet50, ResNet50Config
from spectrack.networks.correlation_head import CorrelationHead
from spectrack.networks.neck import Neck
from spectrack.networks.siamese import SiameseConfig, SiameseNetwork
from spectrack.tables import from_table
from spectrack.weights.files import load_state, read_weights, save_weights
from spectrack.weights.imports import Kind, flip_input_channels, import_checkpoint, rename_key, without_idle_bias
from tests.fixtures.published_checkpoints import SIAMBAN, SIAMBAN_ACM, neck_and_head, numbered, resnet50
from tests.fixtures.refusals import refuses


def test_siamban_checkpoint(tmp_path):
    foreign, path = numbered(SIAMBAN), tmp_path / "model.pth"
    torch.save({"epoch": 20, "state_dict": {f"module.{name}": tensor for name, tensor in foreign.items()}}, path)
    imported = import_checkpoint(path)
    assert imported.parts == ("backbone", "neck", "head")
    with torch.device("meta"):
        parts = {
            "backbone": AtrousResNet50(ResNet50Config(shortcut="3x3")),
            "neck": Neck([512, 1024, 2048], 256),
            "head": CorrelationHead(256, 3),
        }
    expected = {
        f"{part}.{name}": tensor.shape for part, module in parts.items() for name, tensor in module.state_dict().items()
    }
    assert {name: tensor.shape for name, tensor in imported.state.items()} == expected
    # The names in this project's words, written out once more by hand.
    for ours, theirs in (
        ("backbone.layer3.5.conv2.weight", "backbone.layer3.5.conv2.weight"),
        ("backbone.layer4.0.downsample.1.running_var", "backbone.layer4.0.downsample.1.running_var"),
        ("neck.levels.0.0.weight", "neck.downsample2.downsample.0.weight"),
        ("neck.levels.2.1.running_mean", "neck.downsample4.downsample.1.running_mean"),
        ("head.classification.0.template_tower.0.weight", "head.box2.cls.conv_kernel.0.weight"),
        ("head.classification.1.search_tower.1.bias", "head.box3.cls.conv_search.1.bias"),
        ("head.regression.2.prediction.3.bias", "head.box4.loc.head.3.bias"),
        ("head.classification_weights", "head.cls_weight"),
        ("head.regression_weights", "head.loc_weight"),
        ("head.regression_scales", "head.loc_scale"),
    ):
        assert torch.equal(imported.state[ours], foreign[theirs]), ours
    torch.testing.assert_close(imported.state["backbone.conv1.weight"], foreign["backbone.conv1.weight"][:, [2, 1, 0]])
    metadata = imported.metadata
    assert (metadata.method, metadata.profile, metadata.input_range) == ("siamban", "full", "0-255")
    assert metadata.false_colour == "thirds"
    assert metadata.parameters == 45_528_128 + 919_040 + 7_484_955
    assert metadata.extra["source_channel_order"] == "BGR"
    assert metadata.extra["changes"] == ["input channels of the first convolution flipped to RGB"]


def test_siamban_without_learned_fusion_averages_the_levels(tmp_path):
    path = tmp_path / "model.pth"
    torch.save(
        numbered(
            {name: shape for name, shape in SIAMBAN.items() if name not in ("head.cls_weight", "head.loc_weight")}
        ),
        path,
    )
    imported = import_checkpoint(path, kind="siamban")
    assert (
        imported.state["head.classification_weights"].tolist()
        == imported.state["head.regression_weights"].tolist()
        == [1, 1, 1]
    )


def test_pysot_checkpoint_gives_backbone_and_neck(tmp_path):
    shapes = resnet50(3, prefix="backbone.") | {
        name: shape for name, shape in neck_and_head().items() if name.startswith("neck.")
    }
    torch.save(
        numbered(shapes | {"rpn_head.cls_weight": (3,), "rpn_head.rpn2.cls.head.0.weight": (8, 8, 1, 1)}),
        tmp_path / "model.pth",
    )
    imported = import_checkpoint(tmp_path / "model.pth")
    assert imported.parts == ("backbone", "neck")
    assert imported.metadata.method == "backbone"
    assert not any(name.startswith("head.") for name in imported.state)


def test_pysot_backbone_alone(tmp_path):
    torch.save(numbered(resnet50(3)), tmp_path / "resnet50.model")
    imported = import_checkpoint(tmp_path / "resnet50.model")
    assert imported.parts == ("backbone",)
    assert imported.metadata.config["backbone"]["shortcut"] == "3x3"


@pytest.mark.parametrize("prefix", ["", "module.", "model."])
def test_imagenet_checkpoint(tmp_path, prefix):
    shapes = resnet50(1) | {"fc.weight": (1000, 2048), "fc.bias": (1000,)}
    state = numbered(shapes)
    torch.save({prefix + name: tensor for name, tensor in state.items()}, tmp_path / "resnet50.pth")
    imported = import_checkpoint(tmp_path / "resnet50.pth", kind="imagenet")
    assert imported.parts == ("backbone",)
    metadata = imported.metadata
    assert (metadata.method, metadata.input_range, metadata.parameters) == ("backbone", "imagenet", 23_508_032)
    assert (metadata.extra["source_channel_order"], metadata.extra["changes"]) == ("RGB", [])
    torch.testing.assert_close(imported.state["backbone.conv1.weight"], state["conv1.weight"])
    network = AtrousResNet50(ResNet50Config(shortcut="1x1_crop"))
    load_state(network, {name.removeprefix("backbone."): tensor for name, tensor in imported.state.items()})


def test_imported_weights_can_be_saved_and_found_again(tmp_path):
    torch.save(numbered(resnet50(1)), tmp_path / "resnet50.pth")
    imported = import_checkpoint(tmp_path / "resnet50.pth")
    save_weights(tmp_path / "start.safetensors", imported.state, imported.metadata, storage="float16")
    state, metadata = read_weights(tmp_path / "start.safetensors", method="backbone")
    assert state.keys() == imported.state.keys()
    assert metadata.parameters == 23_508_032


@torch.inference_mode()
def test_flipped_weights_say_of_rgb_what_the_originals_say_of_bgr():
    original, flipped = (AtrousResNet50(ResNet50Config(shortcut="3x3", width=4)).double().eval() for _ in range(2))
    state = flip_input_channels({f"backbone.{name}": tensor for name, tensor in original.state_dict().items()})
    load_state(flipped, {name.removeprefix("backbone."): tensor for name, tensor in state.items()})
    rgb = torch.rand(1, 3, 127, 127, dtype=torch.float64) * 255
    for found, expected in zip(flipped(rgb), original(rgb.flip(1)), strict=True):
        torch.testing.assert_close(found, expected)


def test_the_config_builds_the_network_that_takes_the_weights(tmp_path):
    torch.save(numbered(SIAMBAN), tmp_path / "model.pth")
    imported = import_checkpoint(tmp_path / "model.pth")
    with torch.device("meta"):
        network = SiameseNetwork(from_table(SiameseConfig, imported.metadata.config, "the test"))
    assert {name: tensor.shape for name, tensor in network.state_dict().items()} == {
        name: tensor.shape for name, tensor in imported.state.items()
    }
    assert network.config.input_range == imported.metadata.input_range


def published_siamban(state, template, search):
    """SiamBAN's neck and head as the paper tells them, on the published names; template 15x15, search 31x31 maps."""

    def batch_norm(x, name):
        return functional.batch_norm(
            x, *(state[f"{name}.{key}"] for key in ("running_mean", "running_var", "weight", "bias"))
        )

    def tower(x, name):
        return batch_norm(functional.conv2d(x, state[f"{name}.0.weight"]), f"{name}.1").relu()

    def correlate(x, kernel):
        windows = x.unfold(2, kernel.shape[2], 1).unfold(3, kernel.shape[3], 1)
        return torch.einsum("nchwij,ncij->nchw", windows, kernel)

    fused = {}
    for task in ("cls", "loc"):
        shares = state[f"head.{task}_weight"].exp() / state[f"head.{task}_weight"].exp().sum()
        fused[task] = 0
        for k, (z, x) in enumerate(zip(template, search, strict=True)):
            neck, name = f"neck.downsample{k + 2}.downsample", f"head.box{k + 2}.{task}"
            z, x = (batch_norm(functional.conv2d(maps, state[f"{neck}.0.weight"]), f"{neck}.1") for maps in (z, x))
            feature = correlate(tower(x, f"{name}.conv_search"), tower(z[..., 4:11, 4:11], f"{name}.conv_kernel"))
            out = functional.conv2d(
                tower(feature, f"{name}.head"), state[f"{name}.head.3.weight"], state[f"{name}.head.3.bias"]
            )
            fused[task] = fused[task] + shares[k] * (out if task == "cls" else (out * state["head.loc_scale"][k]).exp())
    return fused["cls"], fused["loc"]


@torch.inference_mode()
def test_neck_and_head_compute_what_siamban_computes():
    widths, channels = (3, 4, 5), 6
    foreign = {}
    for name, shape in neck_and_head(widths, channels).items():
        foreign[name] = torch.rand(shape) + 0.5 if name.endswith("running_var") else torch.randn(shape) * 0.2
    ours = {rename_key(name): tensor for name, tensor in foreign.items()}
    neck, head = Neck(widths, channels).eval(), CorrelationHead(channels, 3).eval()
    for part, module in (("neck.", neck), ("head.", head)):
        load_state(module, {name.removeprefix(part): tensor for name, tensor in ours.items() if name.startswith(part)})
    template, search = ([torch.randn(2, width, side, side) for width in widths] for side in (15, 31))
    found = head(head.template_kernels(neck.crop_template(neck(template))), neck(search))
    for one, other in zip(found, published_siamban(foreign, template, search), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def published_acm(state, template, search, sides):
    """SiamBAN-ACM's head as its paper tells it, on the published names; template 7x7, search 31x31 maps, (n, 2) px."""

    def convolution(x, name, **how):
        return functional.conv2d(x, state[f"{name}.weight"], state.get(f"{name}.bias"), **how)

    def batch_norm(x, name):
        return functional.batch_norm(
            x, *(state[f"{name}.{key}"] for key in ("running_mean", "running_var", "weight", "bias"))
        )

    fused = {"cls": 0, "loc": 0}
    for level, (z, x) in enumerate(zip(template, search, strict=True)):
        for task in fused:
            name, box = f"head.box{level + 2}.{task}", sides
            z0 = batch_norm(convolution(z, f"{name}.conv_kernel.0"), f"{name}.conv_kernel.1").relu()
            x0 = batch_norm(convolution(x, f"{name}.conv_search.0"), f"{name}.conv_search.1").relu()
            for number in (0, 3):
                part = f"{name}.xorr_bbox.{number}"
                box = functional.linear(box, state[f"{part}.weight"], state[f"{part}.bias"])
                box = batch_norm(box, f"{name}.xorr_bbox.{number + 1}").relu()
            box = functional.linear(box, state[f"{name}.xorr_bbox.6.weight"])
            summed = convolution(x0, f"{name}.xorr_search") + convolution(z0, f"{name}.xorr_kernel")
            out = batch_norm(summed + box[:, :, None, None], f"{name}.xorr_activate.0").relu()
            out = batch_norm(convolution(out, f"{name}.xorr_activate.2", padding=1), f"{name}.xorr_activate.3").relu()
            out = batch_norm(convolution(out, f"{name}.head.0", padding=1), f"{name}.head.1").relu()
            out = convolution(out, f"{name}.head.3", padding=1)
            share = state[f"head.{task}_weight"].softmax(0)[level]
            fused[task] = fused[task] + share * (out if task == "cls" else (out * state["head.loc_scale"][level]).exp())
    return fused["cls"], fused["loc"]


@torch.inference_mode()
def test_the_asymmetric_head_computes_what_siamban_acm_computes():
    channels, foreign = 6, {}
    for name, shape in neck_and_head((3, 4, 5), channels, acm=True).items():
        if name.startswith("head."):
            foreign[name] = torch.rand(shape) + 0.5 if name.endswith("running_var") else torch.randn(shape) * 0.2
    head = AsymmetricHead(channels, 3).eval()
    load_state(head, {rename_key(name)[5:]: tensor for name, tensor in without_idle_bias(foreign).items()})
    template, search = ([torch.randn(2, channels, side, side) for _ in range(3)] for side in (7, 31))
    boxes = torch.tensor([[30.0, 40.0, 70.0, 60.0], [20.0, 20.0, 90.0, 100.0]]) / 10
    found = head(head.template_kernels(template, boxes), search)
    for one, other in zip(found, published_acm(foreign, template, search, boxes[:, 2:] - boxes[:, :2]), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)


def test_a_siamban_acm_is_known_by_its_names_and_gives_its_network(tmp_path):
    torch.save(numbered(SIAMBAN_ACM), tmp_path / "model.pth")
    imported = import_checkpoint(tmp_path / "model.pth")
    assert imported.metadata.config["head"] == "acm"
    assert imported.parts == ("backbone", "neck", "head")
    assert [change.split()[0] for change in imported.metadata.extra["changes"]] == ["input", "biases"]
    with torch.device("meta"):
        network = SiameseNetwork(from_table(SiameseConfig, imported.metadata.config, "the test"))
    assert {name: t.shape for name, t in network.state_dict().items()} == {
        n: t.shape for n, t in imported.state.items()
    }
    with refuses(WeightsError, "a SiamBAN ResNet-50", "model.pth", *get_args(Kind)):
        import_checkpoint(tmp_path / "model.pth", kind="siamban")


class Code:
    """A class whose pickling asks for its import on reading."""


def test_pickled_code_is_refused(tmp_path):
    torch.save({"conv1.weight": torch.ones(1), "model": Code()}, tmp_path / "a.pth")
    with refuses(WeightsError, "a.pth", "state_dict"):
        import_checkpoint(tmp_path / "a.pth")


def test_unreadable_files(tmp_path):
    path = tmp_path / "a.pth"
    with refuses(WeightsError, "a.pth"):
        import_checkpoint(path)
    with refuses(WeightsError, tmp_path):
        import_checkpoint(tmp_path)
    torch.save(numbered(resnet50(1)), path)
    whole = path.read_bytes()
    for content in (b"", b"not a checkpoint", whole[: len(whole) // 2]):
        path.write_bytes(content)
        with refuses(WeightsError, "a.pth"):
            import_checkpoint(path)
    (tmp_path / "a.safetensors").write_bytes(b"12345678901")
    with refuses(WeightsError, "a.safetensors"):
        import_checkpoint(tmp_path / "a.safetensors")
    torch.save([1, 2], path)
    with refuses(WeightsError, "a.pth", "list", "state_dict"):
        import_checkpoint(path)


def test_wrong_contents_name_expected_and_found(tmp_path):
    path = tmp_path / "a.pth"
    torch.save({"encoder.weight": torch.ones(2)}, path)
    with refuses(WeightsError, "ResNet-50", "1 tensors", "encoder.weight"):
        import_checkpoint(path)
    torch.save(numbered(resnet50(1)), path)
    with refuses(WeightsError, "ResNet-50", "a.pth", "neck.levels.0.0.weight"):
        import_checkpoint(path, kind="siamban")
    torch.save(numbered(resnet50(1, width=32)), path)
    with refuses(WeightsError, "backbone.conv1.weight", "(32, 3, 7, 7)", "(64, 3, 7, 7)"):
        import_checkpoint(path)
    torch.save(numbered(resnet50(1) | {"layer3.6.conv1.weight": (256, 1024, 1, 1)}), path)
    with refuses(WeightsError, "1 unexpected (backbone.layer3.6.conv1.weight)"):
        import_checkpoint(path)
    with refuses(WeightsError, "'siambam'", "did you mean 'siamban'"):
        import_checkpoint(path, kind="siambam")


def test_safetensors_checkpoints_are_read_too(tmp_path):
    save_file({"encoder.weight": torch.ones(2)}, tmp_path / "a.safetensors")
    with refuses(WeightsError, "1 tensors", "encoder.weight"):
        import_checkpoint(tmp_path / "a.safetensors")
    state = {name: tensor.half().contiguous() for name, tensor in numbered(resnet50(1)).items()}
    save_file(state, tmp_path / "b.safetensors")
    imported = import_checkpoint(tmp_path / "b.safetensors")
    assert {tensor.dtype for name, tensor in imported.state.items() if "num_batches" not in name} == {torch.float32}
