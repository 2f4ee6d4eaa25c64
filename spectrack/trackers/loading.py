"""From a name to a ready tracker: find the weights, build the network they describe, apply what they were trained
with.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from spectrack.errors import ConfigError, WeightsError, nearest_name
from spectrack.trackers.base import Tracker
from spectrack.trackers.online import OnlineOptions
from spectrack.trackers.registry import tracker_class


def load_tracker(
    name: str = "siamban",
    *,
    profile: str = "compact",
    weights: str | os.PathLike[str] | None = None,
    precision: str = "auto",
    device: str = "auto",
    **options: Any,
) -> Tracker:
    """A tracker that is ready for `init`.

    Args:
        name: a registered tracker.
        profile: ``compact`` (weights are shipped) or ``full`` (bring your own); trackers without weights have none.
        weights: a file or the name of shipped weights; by default the shipped ones of that tracker and profile.
        precision: ``fp32`` (repeats bit for bit), ``bf16``, or ``auto``: bfloat16 where it is native and faster.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ...
        options: online parameters and switches by name, such as ``size_rate=0.2``; the others come with the weights or
            are the defaults.

    Raises:
        ConfigError: unknown tracker, profile, option, precision or device, or weights for a tracker that has none.
        WeightsError: no such weights, or weights of another method or profile.
    """
    cls = tracker_class(name)
    if profile not in ("compact", "full"):
        raise ConfigError(f"expected profile compact or full, found {profile!r}; choose one of the two")
    loader = getattr(cls, "load", None)
    if loader is None:
        if weights is not None:
            raise ConfigError(
                f"expected no weights for tracker {name!r}, which does not load any, found {str(weights)!r}; leave "
                "them out"
            )
        return _without_weights(cls, name, options)
    from spectrack.trackers.precision import (  # torch, which trackers without weights do not need
        resolve_device,
        resolve_precision,
    )

    resolved_device = resolve_device(device)
    tracker: Tracker = loader(
        profile=profile,
        weights=weights,
        precision=resolve_precision(precision, resolved_device),
        device=resolved_device,
        options=options,
    )
    return tracker


def load_siamban_network(weights: str | os.PathLike[str] | None, profile: str) -> tuple[Any, Any, dict[str, Any]]:
    """Network, metadata and identity (file name, hash, recipe) of SiamBAN weights.

    Raises:
        WeightsError: not found, damaged, or made for another method or profile.
    """
    from spectrack.networks.siamban import SiamBAN, SiamBANConfig

    path, state, metadata, identity = _read(weights, "siamban", profile)
    with _configuration_of("SiamBAN", path):
        network = SiamBAN(SiamBANConfig.from_json(metadata.config))
    _fill(network, state, path)
    return network, metadata, identity


def load_bcrnet_network(
    weights: str | os.PathLike[str] | None, profile: str, switches: dict[str, Any]
) -> tuple[Any, Any, dict[str, Any]]:
    """Network, metadata and identity of BCR-Net weights; `switches` replace what the weights say about composites.

    Raises:
        WeightsError: not found, damaged, or made for another method or profile.
        ConfigError: a switch out of range.
    """
    from spectrack.methods.bcrnet.network import BCRNet, BCRNetConfig

    return _load_switched("bcrnet", "BCR-Net", BCRNet, BCRNetConfig, weights, profile, switches)


def load_ssfnet_network(
    weights: str | os.PathLike[str] | None, profile: str, switches: dict[str, Any]
) -> tuple[Any, Any, dict[str, Any]]:
    """Network, metadata and identity of SSF-Net weights; `switches` replace what the weights say about the prediction.

    Raises:
        WeightsError: not found, damaged, or made for another method or profile.
        ConfigError: a switch out of range.
    """
    from spectrack.methods.ssfnet.network import SSFNet, SSFNetConfig

    return _load_switched("ssfnet", "SSF-Net", SSFNet, SSFNetConfig, weights, profile, switches)


def _load_switched(
    method: str,
    label: str,
    network_type: type[Any],
    config_type: type[Any],
    weights: str | os.PathLike[str] | None,
    profile: str,
    switches: dict[str, Any],
) -> tuple[Any, Any, dict[str, Any]]:
    """Network, metadata and identity of a method whose configuration takes switches; `label` is its name in
    sentences.
    """
    path, state, metadata, identity = _read(weights, method, profile)
    with _configuration_of(label, path):
        config = config_type.from_json(metadata.config)
    network = network_type(config.with_switches(switches))
    _fill(network, state, path)
    return network, metadata, identity


def _read(weights: str | os.PathLike[str] | None, method: str, profile: str) -> tuple[Path, Any, Any, dict[str, Any]]:
    from spectrack.weights.files import file_hash, read_weights

    path = _find(weights, method, profile)
    state, metadata = read_weights(path, method=method)
    return path, state, metadata, {"file": path.name, "hash": file_hash(path), "recipe": metadata.recipe}


@contextmanager
def _configuration_of(method: str, path: Path) -> Iterator[None]:
    try:
        yield
    except (TypeError, ValueError, AttributeError) as error:
        raise WeightsError(
            f"expected a {method} configuration in {path.name}, found {error}; the file was written by another version"
        ) from error


def _fill(network: Any, state: Any, path: Path) -> None:
    from spectrack.weights.files import load_state

    load_state(network, state, source=path.name)


def _find(weights: str | os.PathLike[str] | None, method: str, profile: str) -> Path:
    """The weights file that was named, or the one that ``{method}-{profile}`` means.

    Raises:
        WeightsError: not found; without a name, the sentence says how to come by weights of that profile.
    """
    from spectrack.weights.index import available, find_weights

    name = f"{method}-{profile}"
    if weights is None and profile == "full" and name not in {listed.name for listed in available()}:
        raise WeightsError(
            f"expected weights for {method} of profile full, found none called {name} (only compact weights are "
            "shipped); "
            "import a SiamBAN checkpoint with `spectrack weights import FILE`, train your own with `spectrack train`, "
            "or take the compact profile"
        )
    return find_weights(weights, method=method, profile=profile)


def _without_weights(cls: type[Tracker], name: str, options: dict[str, Any]) -> Tracker:
    try:
        return cls(**options)
    except TypeError as error:
        raise ConfigError(
            f"expected options that tracker {name!r} takes, found {options} ({error}); correct the options"
        ) from error


def field_names(kind: type[Any]) -> tuple[str, ...]:
    """Of a dataclass."""
    return tuple(field.name for field in dataclasses.fields(kind))


def sort_options(method: str, options: dict[str, Any], *parts: Collection[str]) -> tuple[dict[str, Any], ...]:
    """Options by the part of a tracker that they are for: one table a part, each with the names that it knows.

    Raises:
        ConfigError: a name that no part knows; the nearest is offered.
    """
    known = [name for part in parts for name in part]
    for name in options:
        if name not in known:
            raise ConfigError(f"expected an option of {method}, found {name!r}; {nearest_name(name, known)}")
    return tuple({name: value for name, value in options.items() if name in part} for part in parts)


def online_options(
    trained: dict[str, Any], given: dict[str, Any], *, kind: type[OnlineOptions] = OnlineOptions
) -> OnlineOptions:
    """Online parameters: the defaults, overridden by those found with the weights, overridden by the user's.

    Args:
        trained: what the weights' metadata hold.
        given: what the user asks for.
        kind: whose defaults count; a method may have its own.

    Raises:
        ConfigError: an unknown name (the nearest is offered) or a value out of range.
    """
    known = field_names(kind)
    for option in given:
        if option not in known:
            raise ConfigError(f"expected an online option, found {option!r}; {nearest_name(option, known)}")
    try:
        return kind(**{key: value for key, value in trained.items() if key in known} | given)
    except TypeError as error:
        raise ConfigError(f"expected numbers for the online options, found {given}; correct them") from error
