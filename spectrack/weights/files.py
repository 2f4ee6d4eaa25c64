"""Weights files: safetensors with JSON metadata that says what the numbers are, how they were made, what they expect.

The metadata sits under one key of the safetensors header, so equal content gives equal bytes. Matrices may be stored in
float16 to halve the file; they come back as float32, because this project never computes in half precision.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

import spectrack
from spectrack.errors import WeightsError, nearest_name
from spectrack.files import write_atomically
from spectrack.files.fingerprints import array_digest, values_digest
from spectrack.weights.metadata import WeightsMetadata

Storage = Literal["float32", "float16"]
"""How matrices lie in the file."""

_KEY = "spectrack"
_SCHEMA = 1
_LARGEST_HALF = 65504.0


@dataclass(frozen=True, eq=False)
class SharedWeights:
    """Weights that lie in a file already, so that another which holds them unchanged need not hold them again.

    Attributes:
        name: of the file, without suffix; it must be found beside the other one, or among the shipped ones.
        state: its tensors.
        renamed: how names begin there, and here.
    """

    name: str
    state: Mapping[str, Tensor]
    renamed: Mapping[str, str]

    def named_here(self) -> dict[str, Tensor]:
        """Its tensors under the names of the other file."""
        return {
            new + name.removeprefix(old): tensor
            for old, new in self.renamed.items()
            for name, tensor in self.state.items()
            if name.startswith(old)
        }


def save_weights(
    path: str | os.PathLike[str],
    state: Mapping[str, Tensor],
    metadata: WeightsMetadata | Mapping[str, Any],
    *,
    storage: Storage = "float32",
    shared: SharedWeights | None = None,
) -> WeightsMetadata:
    """Write a state dict and its metadata, whole or not at all.

    Args:
        path: the file, usually ``*.safetensors``; missing folders are made.
        state: tensors by name, any device and layout.
        metadata: as the dataclass or as a mapping of its fields.
        storage: ``float16`` halves the file; vectors (normalisation, biases) and values out of range stay float32.
        shared: tensors that are equal to those of another file are left to that one.

    Returns:
        The metadata as written, with parameter count and package version filled in.

    Raises:
        WeightsError: no tensor, a value that is not finite, metadata out of range, or a place that cannot be written.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "tiny.safetensors"
        >>> described = {"method": "siamban", "profile": "compact"}
        >>> _ = save_weights(path, {"a": torch.ones(2, 3)}, described, storage="float16")
        >>> state, metadata = read_weights(path)
        >>> state["a"].dtype, metadata.parameters
        (torch.float32, 6)
    """
    if storage not in get_args(Storage):
        raise WeightsError(
            f"expected storage float32 or float16, found {storage!r}; {nearest_name(str(storage), get_args(Storage))}"
        )
    if not state:
        raise WeightsError("expected tensors to save, found an empty state dict; pass network.state_dict()")
    _check_finite(state, "the network")
    described = metadata if isinstance(metadata, WeightsMetadata) else WeightsMetadata.from_mapping(metadata)
    described = dataclasses.replace(
        described,
        parameters=described.parameters or _count_parameters(state),
        package_version=described.package_version or spectrack.__version__,
    )
    if shared is not None:
        there = shared.named_here()
        state = {name: tensor for name, tensor in state.items() if name not in there or not _equal(tensor, there[name])}
        mark = {"weights": shared.name, "digest": _digest(shared.state), "renamed": dict(shared.renamed)}
        described = dataclasses.replace(described, extra=described.extra | {"shared": mark})
    tensors = {name: _stored(tensor, storage) for name, tensor in state.items()}
    try:
        header = {_KEY: json.dumps({"schema": _SCHEMA, **described.to_mapping()}, sort_keys=True, allow_nan=False)}
    except (TypeError, ValueError) as error:
        raise WeightsError(
            f"expected metadata that JSON can hold, found {error}; use numbers, text and lists"
        ) from error
    try:
        with write_atomically(path) as temporary:
            save_file(tensors, temporary, metadata=header)
    except (SafetensorError, OSError) as error:
        reason = getattr(error, "strerror", None) or error
        raise WeightsError(
            f"expected a place to write weights, found {os.fspath(path)} ({reason}); choose another folder"
        ) from error
    return described


def read_weights(
    path: str | os.PathLike[str], *, method: str | None = None
) -> tuple[dict[str, Tensor], WeightsMetadata]:
    """Read a state dict and its metadata; half-precision tensors become float32.

    Args:
        path: a file written by `save_weights`.
        method: refuse weights of another method.

    Returns:
        Tensors by name, on the CPU, and the metadata.

    Raises:
        WeightsError: no file, a truncated or foreign file, unknown or another method, or values that are not finite.
    """
    found = _existing_file(path)
    header, state = _read_safetensors(found)
    metadata = _parse_header(header, found)
    if method is not None and metadata.method != method:
        raise WeightsError(f"expected weights of {method}, found {metadata.method} in {found}; name another file")
    state = {
        name: tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor
        for name, tensor in state.items()
    }
    _check_finite(state, str(found))
    if "shared" in metadata.extra:
        state = _shared_with(found, metadata.extra["shared"]) | state
    return state, metadata


def read_metadata(path: str | os.PathLike[str]) -> WeightsMetadata:
    """Only the metadata of a weights file, without its tensors; raises as `read_weights`."""
    found = _existing_file(path)
    return _parse_header(_read_header(found), found)


def is_weights_file(path: Path) -> bool:
    """Whether a file says of itself that it holds weights of spectrack; others can be imported, or are damaged."""
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            return _KEY in (file.metadata() or {})
    except (SafetensorError, OSError, ValueError):
        return False


def load_state(module: nn.Module, state: Mapping[str, Tensor], *, source: str = "the weights") -> None:
    """Put tensors into a network, all of them or none.

    Args:
        module: the network; its parameters keep device, type and layout.
        state: tensors by name.
        source: what the message names, usually the file.

    Raises:
        WeightsError: names or shapes differ; the first few are named.
    """
    expected = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    complaints = describe_mismatch(expected, state)
    if complaints:
        raise WeightsError(
            f"expected weights of {type(module).__name__} with {len(expected)} tensors, found in {source} "
            f"{complaints}; use weights made for this configuration"
        )
    module.load_state_dict(dict(state))


def describe_mismatch(expected: Mapping[str, tuple[int, ...]], state: Mapping[str, Tensor]) -> str:
    """How names and shapes of `state` differ from `expected`, in words; empty when they do not."""
    missing = [name for name in expected if name not in state]
    unexpected = [name for name in state if name not in expected]
    shapes = [
        f"{name} {tuple(tensor.shape)} instead of {expected[name]}"
        for name, tensor in state.items()
        if name in expected and tuple(tensor.shape) != expected[name]
    ]
    parts = [(missing, "missing"), (unexpected, "unexpected"), (shapes, "of another shape")]
    return ", ".join(f"{len(names)} {word} ({_first_few(names)})" for names, word in parts if names)


def _existing_file(path: str | os.PathLike[str]) -> Path:
    found = Path(path)
    if not found.is_file():
        what = "a folder" if found.is_dir() else "nothing"
        raise WeightsError(f"expected a weights file, found {what} at {found}; see `spectrack weights list`")
    return found


def _shared_with(path: Path, mark: Mapping[str, Any]) -> dict[str, Tensor]:
    """The tensors that a file leaves to another one, which lies beside it or comes with the package."""
    file = f"{mark['weights']}.safetensors"
    for folder in dict.fromkeys((path.parent, Path(__file__).parent)):
        if (folder / file).is_file():
            state, _ = read_weights(folder / file)
            if _digest(state) == mark["digest"]:
                return SharedWeights(mark["weights"], state, mark["renamed"]).named_here()
    raise WeightsError(
        f"expected {file}, which {path.name} is built on, found none of digest {mark['digest'][:12]} in {path.parent} "
        "or among the shipped weights; copy it there from where both were trained"
    )


def _digest(state: Mapping[str, Tensor]) -> str:
    return values_digest({name: array_digest(tensor.detach().float().cpu().numpy()) for name, tensor in state.items()})


def _equal(tensor: Tensor, other: Tensor) -> bool:
    return tensor.shape == other.shape and torch.equal(tensor.detach().cpu().float(), other.float())


def _read_safetensors(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            return dict(file.metadata() or {}), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def _read_header(path: Path) -> dict[str, str]:
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            return dict(file.metadata() or {})
    except (SafetensorError, OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> WeightsError:
    with path.open("rb") as file:
        start = file.read(4)
    if start[:2] in (b"PK", b"\x80\x02", b"\x80\x04") or start[:1] == b"\x80":
        return WeightsError(
            f"expected a safetensors file, found a PyTorch checkpoint in {path}; use `spectrack weights import`"
        )
    size = path.stat().st_size
    return WeightsError(f"expected whole safetensors, found {size} bytes in {path} ({error}); get the file anew")


def _parse_header(header: Mapping[str, str], path: Path) -> WeightsMetadata:
    if _KEY not in header:
        raise WeightsError(
            f"expected spectrack's metadata, found foreign safetensors in {path}; use `spectrack weights import`"
        )
    try:
        values = json.loads(header[_KEY])
        schema = values.pop("schema")
    except (ValueError, RecursionError, KeyError, AttributeError, TypeError) as error:
        raise WeightsError(f"expected readable metadata, found a damaged header in {path}; get it anew") from error
    if schema != _SCHEMA:
        raise WeightsError(
            f"expected metadata of schema {_SCHEMA}, found {schema!r} in {path}; use the version that wrote it"
        )
    try:
        return WeightsMetadata.from_mapping(values)
    except ValueError as error:
        raise WeightsError(f"{error} (in {path})") from error


def _stored(tensor: Tensor, storage: Storage) -> Tensor:
    # A clone, because safetensors refuses tensors that share memory or are laid out as channels_last.
    plain = tensor.detach().to("cpu").clone(memory_format=torch.contiguous_format)
    halves = storage == "float16" and plain.is_floating_point() and plain.dim() > 1 and plain.numel() > 0
    return plain.half() if halves and float(plain.abs().max()) <= _LARGEST_HALF else plain


def _check_finite(state: Mapping[str, Tensor], source: str) -> None:
    bad = [
        name for name, tensor in state.items() if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all())
    ]
    if bad:
        found = f"NaN or infinity in {len(bad)} tensors of {source} ({_first_few(bad)})"
        raise WeightsError(f"expected finite weights, found {found}; train anew")


def _count_parameters(state: Mapping[str, Tensor]) -> int:
    buffers = ("running_mean", "running_var", "num_batches_tracked")
    return sum(tensor.numel() for name, tensor in state.items() if name.rpartition(".")[2] not in buffers)


def _first_few(names: list[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
