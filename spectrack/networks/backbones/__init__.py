"""Backbones by name. A new one is a file beside these, and a place in the table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spectrack.errors import ConfigError, nearest_name
from spectrack.networks.backbones.base import BackboneConfig
from spectrack.networks.backbones.compact import CompactConfig
from spectrack.networks.backbones.efficientnet_lite import EfficientNetLiteConfig
from spectrack.networks.backbones.resnet50 import ResNet50Config

DEFAULT_BACKBONE = "compact"

BACKBONES: Mapping[str, type[BackboneConfig]] = {
    "compact": CompactConfig,
    "efficientnet_lite": EfficientNetLiteConfig,
    "resnet50": ResNet50Config,
}


def backbone_options(values: Any) -> type[BackboneConfig]:
    """The dataclass for a table of options, which names its backbone.

    Raises:
        ConfigError: there is none of that name.
    """
    name = values.get("name", DEFAULT_BACKBONE) if isinstance(values, Mapping) else DEFAULT_BACKBONE
    if name not in BACKBONES:
        raise ConfigError(f"expected a backbone, found {name!r}; {nearest_name(str(name), BACKBONES)}")
    return BACKBONES[name]
