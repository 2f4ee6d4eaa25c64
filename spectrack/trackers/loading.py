"""From a name to a ready tracker: find the weights, build the network they describe, apply what they were trained with."""

from __future__ import annotations

import dataclasses
import os
from typing import Any

from spectrack.errors import ConfigError, WeightsError, nearest_name
from spectrack.trackers.base import Tracker
from spectrack.trackers.online import OnlineOptions
from spectrack.trackers.precision import resolve_device, resolve_precision
from spectrack.trackers.registry import tracker_class


def load_tracker(
    name: str = "siamban",
    *,
    profile: str = "compact",
    weights: str | os.PathLike[str] | None = None,
    precision: str = "auto",
    device: str = "auto",
    **options: float,
) -> Tracker:
    """A tracker that is ready for `init`.

    Args:
        name: a registered tracker.
        profile: ``compact`` (weights are shipped) or ``full`` (bring your own).
        weights: a file or the name of shipped weights; by default the shipped ones of that tracker and profile.
        precision: ``fp32`` (repeats bit for bit), ``bf16``, or ``auto``: bfloat16 where it is native and faster.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ...
        options: online parameters by name, such as ``size_rate=0.2``; the others come with the weights.

    Raises:
        ConfigError: unknown tracker, profile, option, precision or device.
        WeightsError: no such weights, or weights of another method or profile.
    """
    cls = tracker_class(name)
    if profile not in ("compact", "full"):
        raise ConfigError(f"expected profile compact or full, found {profile!r}; choose one of the two")
    loader = getattr(cls, "load", None)
    if loader is None:
        return cls(**options)
    resolved_device = resolve_device(device)
    tracker: Tracker = loader(
        profile=profile, weights=weights, precision=resolve_precision(precision, resolved_device), device=resolved_device, options=options
    )
    return tracker


def load_siamban_network(weights: str | os.PathLike[str] | None, profile: str) -> tuple[Any, Any, dict[str, Any]]:
    """Network, metadata and identity (file name, hash, recipe) of SiamBAN weights.

    Raises:
        WeightsError: not found, damaged, or made for another method or profile.
    """
    from spectrack.networks.siamban import SiamBAN, SiamBANConfig
    from spectrack.weights.files import file_hash, load_state, read_weights
    from spectrack.weights.index import find_weights

    path = find_weights(weights, method="siamban", profile=profile)
    state, metadata = read_weights(path, method="siamban")
    if metadata.profile != profile:
        raise WeightsError(
            f"expected siamban weights of profile {profile}, found {metadata.profile} in {path.name}; add --profile {metadata.profile}"
        )
    try:
        network = SiamBAN(SiamBANConfig.from_json(metadata.config))
    except TypeError as error:
        raise WeightsError(
            f"expected a SiamBAN configuration in {path.name}, found {error}; the file was written by another version"
        ) from error
    load_state(network, state, source=path.name)
    return network, metadata, {"file": path.name, "hash": file_hash(path), "recipe": metadata.recipe}


def online_options(trained: dict[str, Any], given: dict[str, float]) -> OnlineOptions:
    """Online parameters: the defaults, overridden by those found with the weights, overridden by the user's.

    Raises:
        ConfigError: an unknown name (the nearest is offered) or a value out of range.
    """
    known = {field.name for field in dataclasses.fields(OnlineOptions)}
    for option in given:
        if option not in known:
            raise ConfigError(f"expected an online option, found {option!r}; {nearest_name(option, known)}")
    try:
        return OnlineOptions(**{key: value for key, value in trained.items() if key in known} | given)
    except TypeError as error:
        raise ConfigError(f"expected numbers for the online options, found {given}; correct them") from error
