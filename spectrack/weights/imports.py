"""Import of foreign checkpoints: ImageNet ResNet-50, pysot's SiamRPN++, SiamBAN(-ACM); ImageNet EfficientNet-Lite.

Only names and shapes of the published formats are used: torchvision's and timm's ResNet-50 (shortcuts of 1x1, layout
`1x1_crop`, RGB, ImageNet mean and deviation), hqucv/siamban, SiamBAN-ACM and STVIR/pysot (shortcuts of 3x3, BGR, grey
levels 0 to 255). RGB goes in everywhere: BGR weights get their first convolution's input channels flipped, and the
metadata say so; they also name the input range, restored from images in [0, 1]. Checkpoints are unpickled as tensors
only.
"""

from __future__ import annotations

import os
import pickle
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from spectrack.errors import WeightsError, nearest_name
from spectrack.false_colour import DEFAULT_RULE
from spectrack.networks.backbones.resnet50 import ResNet50Config
from spectrack.networks.siamese import SiameseConfig, SiameseNetwork
from spectrack.tables import to_table
from spectrack.weights.files import describe_mismatch
from spectrack.weights.metadata import IMPORTED_LICENCE, WeightsMetadata
from spectrack.weights.pretrained import is_published, translate_published

Kind = Literal["imagenet", "pysot", "siamban", "siamban_acm", "efficientnet_lite"]
"""`imagenet`: torchvision or timm ResNet-50; `pysot`: SiamRPN++ or its backbone alone; `siamban`: a whole SiamBAN, and
`siamban_acm` one with the asymmetric-convolution head, as SSF-Net's authors use it; `efficientnet_lite`: the published
ImageNet weights, or others under their names."""

_WRAPPERS = ("state_dict", "model", "net")
_PREFIXES = ("module.", "model.")
_WHOLE = ("siamban", "siamban_acm")
_LABELS = {
    "imagenet": "an ImageNet ResNet-50 of torchvision or timm",
    "pysot": "a pysot ResNet-50 (SiamRPN++)",
    "siamban": "a SiamBAN ResNet-50",
    "siamban_acm": "a SiamBAN-ACM ResNet-50",
    "efficientnet_lite": "an EfficientNet-Lite",
}
_FLIPPED = "input channels of the first convolution flipped to RGB"
_MOVED = "biases before batch normalisation moved to its running means"
_HEAD_PARTS = {
    "conv_kernel": "template_tower",
    "conv_search": "search_tower",
    "head": "prediction",
    "xorr_kernel": "template_sum",
    "xorr_search": "search_sum",
    "xorr_bbox": "box",
    "xorr_activate": "mixing",
}
"""Parts of the published heads, the last four of SiamBAN-ACM's alone."""


@dataclass(frozen=True)
class ImportedCheckpoint:
    """A foreign checkpoint in this project's names.

    Attributes:
        state: float32 tensors by name with the prefixes ``backbone.``, ``neck.`` and ``head.``, for RGB images.
        metadata: method ``siamban`` when all parts are there, else ``backbone``; `extra` says what was changed.
        parts: which of ``backbone``, ``neck`` and ``head`` the checkpoint held.
    """

    state: dict[str, Tensor]
    metadata: WeightsMetadata
    parts: tuple[str, ...]


def import_checkpoint(path: str | os.PathLike[str], *, kind: Kind | None = None) -> ImportedCheckpoint:
    """Read a local foreign checkpoint and translate it.

    Args:
        path: a ``.pth``/``.pt`` file (only tensors are unpickled) or a ``.safetensors`` file.
        kind: what it is; None finds out by its names and shapes.

    Returns:
        The state dict for RGB images, its metadata and its parts.

    Raises:
        WeightsError: no such file, not a checkpoint, pickled code, or other names or shapes than the kind has.
    """
    if kind is not None and kind not in get_args(Kind):
        raise WeightsError(f"expected a kind of checkpoint, found {kind!r}; {nearest_name(str(kind), get_args(Kind))}")
    foreign = _plain_names(_read_tensors(Path(path)))
    found = kind or _find_kind(foreign, Path(path))
    if found == "efficientnet_lite":
        state, metadata = translate_published(foreign, Path(path))
        return ImportedCheckpoint(state, metadata, ("backbone",))
    return _import_resnet(foreign, Path(path), found)


def _import_resnet(foreign: Mapping[str, Tensor], path: Path, found: Kind) -> ImportedCheckpoint:
    rgb = found == "imagenet"
    backbone = ResNet50Config(input_range="imagenet") if rgb else ResNet50Config("resnet50", "0-255", "3x3")
    shape = SiameseConfig(backbone, head="acm" if found == "siamban_acm" else "ban")
    state, parts = _translate(foreign, shape, path, found)
    if not rgb:
        state = flip_input_channels(state)
    whole = parts == ("backbone", "neck", "head")
    metadata = WeightsMetadata(
        method="siamban" if whole else "backbone",
        profile="full",
        false_colour=DEFAULT_RULE if whole else None,
        encoding="display",
        input_range=shape.input_range,
        config=to_table(shape),
        parameters=sum(tensor.numel() for name, tensor in state.items() if not _is_buffer(name)),
        data={"imagenet": "ImageNet-1k"}.get(found, "RGB video, as the checkpoint's authors say"),
        licence=IMPORTED_LICENCE,
        source=f"{path.name} ({_LABELS[found]})",
        extra={
            "parts": list(parts),
            "source_channel_order": "RGB" if rgb else "BGR",
            "changes": [] if rgb else [_FLIPPED, *([_MOVED] if found == "siamban_acm" else [])],
        },
    )
    return ImportedCheckpoint(state, metadata, parts)


def flip_input_channels(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights trained on BGR images to weights for RGB images, and back: only the first convolution's inputs change."""
    return {name: tensor.flip(1) if name == "backbone.conv1.weight" else tensor for name, tensor in state.items()}


def without_idle_bias(foreign: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same function without the biases that batch normalisation takes out again: they go to its running mean."""
    idle = re.compile(r"(head\.box\d\.(?:cls|loc)\.(?:head|xorr_activate)\.)(0|2)\.bias")
    state = dict(foreign)
    for name in foreign:
        match = idle.fullmatch(name)
        mean = f"{match[1]}{int(match[2]) + 1}.running_mean" if match else ""
        if mean in foreign and foreign[mean].shape == foreign[name].shape:
            state[mean] = foreign[mean] - state.pop(name)
    return state


def rename_key(name: str) -> str | None:
    """A name of a SiamBAN or pysot checkpoint in this project's words; None for what has no place here.

    Example:
        >>> rename_key("head.box3.loc.conv_search.1.weight")
        'head.regression.1.search_tower.1.weight'
        >>> rename_key("neck.downsample4.downsample.0.weight")
        'neck.levels.2.0.weight'
        >>> rename_key("head.box2.loc.xorr_bbox.6.weight")
        'head.regression.0.box.6.weight'
        >>> rename_key("rpn_head.rpn2.cls.head.0.weight") is None
        True
    """
    if name.startswith("backbone."):
        return name
    fusion = {
        "cls_weight": "classification_weights",
        "loc_weight": "regression_weights",
        "loc_scale": "regression_scales",
    }
    if name.startswith("head.") and name[5:] in fusion:
        return f"head.{fusion[name[5:]]}"
    if match := re.fullmatch(r"neck\.downsample(\d)\.downsample\.(\d\.\w+)", name):
        return f"neck.levels.{int(match[1]) - 2}.{match[2]}"
    if (match := re.fullmatch(r"head\.box(\d)\.(cls|loc)\.(\w+)\.(.+)", name)) and match[3] in _HEAD_PARTS:
        task = {"cls": "classification", "loc": "regression"}[match[2]]
        return f"head.{task}.{int(match[1]) - 2}.{_HEAD_PARTS[match[3]]}.{match[4]}"
    return None


def _read_tensors(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise WeightsError(
            f"expected a checkpoint file, found {'a folder' if path.is_dir() else 'nothing'} at {path}; check the path"
        )
    content: Any
    try:
        if path.suffix == ".safetensors":
            content = load_file(path, device="cpu")
        else:
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"expected a checkpoint of plain tensors, found pickled code or damage in {path}; save a state_dict() alone"
        ) from error
    except (SafetensorError, OSError, EOFError, RuntimeError, ValueError, zipfile.BadZipFile, LookupError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise WeightsError(
            f"expected a whole checkpoint, found a file that cannot be read in {path} ({reason}); get it anew"
        ) from error
    while isinstance(content, Mapping) and (
        inner := next((key for key in _WRAPPERS if isinstance(content.get(key), Mapping)), None)
    ):
        content = content[inner]
    tensors = (
        {str(key): value for key, value in content.items() if isinstance(value, Tensor)}
        if isinstance(content, Mapping)
        else {}
    )
    if not tensors:
        raise WeightsError(
            f"expected tensors by name, found a {type(content).__name__} of none in {path}; save the state_dict()"
        )
    return tensors


def _plain_names(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    # Data-parallel training and wrappers put prefixes before every name; the classifier and counters have no use here.
    names = list(tensors)
    for prefix in _PREFIXES:
        if all(name.startswith(prefix) for name in names):
            tensors = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
            names = list(tensors)
    return {
        name: tensor
        for name, tensor in tensors.items()
        if not name.startswith(("fc.", "backbone.fc.")) and not name.endswith("num_batches_tracked")
    }


def _find_kind(foreign: Mapping[str, Tensor], path: Path) -> Kind:
    shortcut = foreign.get("backbone.layer2.0.downsample.0.weight", foreign.get("layer2.0.downsample.0.weight"))
    if any(name.startswith("head.box") for name in foreign):
        return "siamban_acm" if any(".xorr_" in name for name in foreign) else "siamban"
    if is_published(foreign):
        return "efficientnet_lite"
    if shortcut is not None and shortcut.dim() == 4:
        return "imagenet" if shortcut.shape[-1] == 1 else "pysot"
    first = ", ".join(list(foreign)[:3])
    raise WeightsError(
        f"expected {', '.join(_LABELS.values())}, found {len(foreign)} tensors: {first}, ... in {path}; give one"
    )


def _translate(
    foreign: Mapping[str, Tensor], shape: SiameseConfig, path: Path, kind: Kind
) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    if not any(name.startswith("backbone.") for name in foreign):
        foreign = {f"backbone.{name}": tensor for name, tensor in foreign.items()}
    renamed = {rename_key(name): tensor for name, tensor in without_idle_bias(foreign).items()}
    state = {name: tensor for name, tensor in renamed.items() if name is not None}
    parts = tuple(
        part
        for part in ("backbone", "neck", "head")
        if kind in _WHOLE or any(name.startswith(f"{part}.") for name in state)
    )
    expected = _expected_shapes(shape, parts)
    if kind in _WHOLE:
        # SiamBAN without learned fusion averages the levels, which is what equal weights do.
        for name in ("head.classification_weights", "head.regression_weights"):
            state.setdefault(name, torch.ones(expected[name]))
    counters = {name for name in expected if name.endswith("num_batches_tracked")}
    complaints = describe_mismatch({name: shape for name, shape in expected.items() if name not in counters}, state)
    if complaints:
        raise WeightsError(
            f"expected {_LABELS[kind]} with {len(expected) - len(counters)} tensors, found in {path} {complaints}; "
            f"give such a file or name another kind ({', '.join(get_args(Kind))})"
        )
    full = {name: torch.zeros((), dtype=torch.int64) if name in counters else state[name].float() for name in expected}
    return full, parts


def _expected_shapes(shape: SiameseConfig, parts: tuple[str, ...]) -> dict[str, tuple[int, ...]]:
    with torch.device("meta"):
        state = SiameseNetwork(shape).state_dict()
    return {name: tuple(tensor.shape) for name, tensor in state.items() if name.split(".")[0] in parts}


def _is_buffer(name: str) -> bool:
    return name.rpartition(".")[2] in ("running_mean", "running_var", "num_batches_tracked")
