"""From a name to a ready tracker: weights are found, their network is built, their training's settings apply."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from spectrack.errors import ConfigError, WeightsError, nearest_name
from spectrack.files.fingerprints import file_identity
from spectrack.tables import from_table
from spectrack.trackers.base import Tracker
from spectrack.trackers.method import Method, Origin, resolve
from spectrack.trackers.options import NetworkOptions
from spectrack.trackers.presets import presets
from spectrack.trackers.probability import find_model
from spectrack.trackers.registry import DEFAULT_METHOD, EVIDENCE_METHOD, find_method, tracker_class
from spectrack.weights.index import available, find_weights, weights_name

if TYPE_CHECKING:
    from spectrack.engines.engine import Precision

_REMEDIES: dict[Origin, str] = {
    "shipped": "reinstall the package that brings {name}",
    "recipe": "train them with `spectrack train {name}`",
    "import": "import a published checkpoint with `spectrack weights import FILE`",
}


def load_tracker(
    name: str = DEFAULT_METHOD,
    *,
    profile: str | None = None,
    weights: str | os.PathLike[str] | None = None,
    precision: str = NetworkOptions.precision,
    engine: str = NetworkOptions.engine,
    device: str = NetworkOptions.device,
    **options: Any,
) -> Tracker:
    """A tracker that is ready for `init`.

    A tracker with a network is made as ``Tracker(network, options, scaling=..., rule=..., bands=..., precision=...,
    device=..., identity=...)``, see `trained_setting.TrainedSetting`, with ``engine=...`` where another than torch is
    asked for and its class has it among its `engines`, and ``encoding=...`` where the weights say another than linear;
    one without as ``Tracker(options)``, or as ``Tracker(**options)`` where the method has no dataclass of options.

    Args:
        name: a registered tracker, or a preset, which brings options of its own; those that are given replace them.
        profile: size of the network, such as ``compact``; by default that of `weights`, else the method's first.
            Trackers without weights have none and pass over it.
        weights: a file or the name of shipped weights; by default the ones of that tracker and profile.
        precision: ``fp32`` (repeats bit for bit), ``bf16``, or ``auto``: bfloat16 where it is native and this network
            is measurably faster in it. ``int8`` is for engine ``onnxruntime`` and trackers that allow it.
        engine: what computes the network: ``torch``, or on a CPU ``onnxruntime`` or ``openvino``; their boxes are
            compared with torch's on the first frame of every video, and refused where they differ.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ...
        options: online parameters and switches by name, as ``size_rate=0.2``; by default the weights' or the method's.

    Raises:
        ConfigError: unknown tracker, profile, option, precision, engine or device, or weights for a tracker that has
            none.
        MissingExtraError: the engine's package is not installed.
        WeightsError: no such weights, or weights of another method or profile.
    """
    method, preset = find_method(name), presets().get(name)
    if preset is not None:
        options = preset.options | options
        if weights is None and method.network:
            weights = preset.own_weights(method.profile(profile))
    if method.network:
        tracker = _with_weights(method, weights, NetworkOptions(profile, precision, engine, device), options)
    elif weights is None:
        tracker = _without_weights(method, options)
        tracker.probability_model = find_model(method.folder, "", "none")
    else:
        raise ConfigError(
            f"expected no weights for tracker {name!r}, which does not load any, found {str(weights)!r}; leave them out"
        )
    if preset is not None and preset.needs:
        preset.check(tracker.describe()["network"])
    tracker.name = name
    return tracker


def _with_weights(
    method: Method, weights: str | os.PathLike[str] | None, how: NetworkOptions, options: dict[str, Any]
) -> Tracker:
    # torch, which trackers without weights do not need
    from spectrack.engines.choice import check_engine, make_engine
    from spectrack.false_colour import DEFAULT_RULE
    from spectrack.trackers.precision import check_precision, choose_device, measure_precision, rehearsed

    engine, wanted = check_engine(how.engine), check_precision(how.precision)
    # A file that was named says itself of what profile it is; one that is looked for is of the usual one.
    profile = None if weights is not None and how.profile is None else method.profile(how.profile)
    place = choose_device(how.device, engine)
    switches, online = split_options(method, options)
    maker: Any = tracker_class(method)
    if engine not in maker.engines:
        known = " or ".join(maker.engines)
        raise ConfigError(f"expected engine {known} for tracker {method.name}, found {engine}; take one that it has")
    make_engine(engine, "fp32" if wanted == "auto" else wanted)  # refused before anything is read
    network, metadata, identity = _trained_network(method, profile, weights, switches)
    where = f"the options of {method.name}"
    # Names that another version stored are passed over; those that were given are known.
    decided = from_table(resolve(method.online), metadata.extra.get("online", {}) | online, where, unknown="ignore")
    more: dict[str, Any] = {} if engine == "torch" else {"engine": engine}
    if getattr(decided, "evidence", "none") == "channel":
        more["evidence_head"], identity["evidence_head"] = _evidence_head(place)
    more |= {} if metadata.encoding == "linear" else {"encoding": metadata.encoding}
    stated = find_model(method.folder, metadata.profile, str(getattr(decided, "evidence", "none")))

    def make(number_format: Precision) -> Tracker:
        made: Tracker = maker(
            network,
            decided,
            scaling=metadata.scaling,
            rule=metadata.false_colour or DEFAULT_RULE,
            bands=metadata.bands,
            precision=number_format,
            device=place,
            identity=identity,
            **more,
        )
        made.probability_model = stated
        return made

    if wanted == "auto" and engine == "onnxruntime":
        wanted = "fp32"  # it has no other on processors
    if wanted != "auto":
        return make(wanted)
    shape = {"method": method.name, "network": metadata.config | switches, "engine": make_engine(engine).label}
    chosen = measure_precision(lambda one: rehearsed(make(one), metadata.bands), place, shape)
    tracker = make(chosen.precision)
    tracker.bf16_gain = chosen.gain
    return tracker


def settled_precision(name: str, **config: Any) -> str:
    """What ``auto`` comes to for a tracker here, so that all processes of one run take the same.

    Args:
        name: as for `load_tracker`.
        config: likewise.
    """
    return str(getattr(load_tracker(name, **config), "precision", "fp32"))


def _trained_network(
    method: Method, profile: str | None, weights: str | os.PathLike[str] | None, switches: dict[str, Any]
) -> tuple[Any, Any, dict[str, Any]]:
    """The network of a method with weights in it, their metadata, and what identifies them in run directories."""
    from spectrack.weights.files import load_state, read_weights

    if weights is None and profile is not None:
        _check_there_are_weights(method, profile)
    path = find_weights(weights, method=method.name, profile=profile)
    state, metadata = read_weights(path, method=method.name)
    what = f"the {method.label} configuration of {path.name}"
    shape: Any = from_table(resolve(method.config), metadata.config, what, error=WeightsError)
    network: Any = resolve(method.network)(shape.with_switches(switches) if switches else shape)
    load_state(network, state, source=path.name)
    return network, metadata, {**file_identity(path), "recipe": metadata.recipe}


def _evidence_head(device: Any) -> tuple[Any, dict[str, Any]]:
    """The trained head for `evidence = channel`, the same for all methods, and what identifies its weights."""
    method = find_method(EVIDENCE_METHOD)
    network, _, identity = _trained_network(method, method.profile(), None, {})
    return network.head.eval().to(device), identity


def split_options(method: Method, options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Options of a tracker by what they are for: switches of the network, and what is decided online.

    Raises:
        ConfigError: a name that neither knows; the nearest is offered.
    """
    known = option_names(method)
    for name in options:
        if name not in known:
            raise ConfigError(f"expected an option of {method.name}, found {name!r}; {nearest_name(name, known)}")
    parts = method.switches, _online_names(method)
    switches, others = ({key: options[key] for key in options if key in part} for part in parts)
    return switches, others


def option_names(method: Method) -> list[str]:
    """Names of all options of a method's tracker: its switches, then what is decided online."""
    return [*method.switches, *_online_names(method)]


def _online_names(method: Method) -> list[str]:
    return [field.name for field in dataclasses.fields(resolve(method.online))] if method.online else []


def _check_there_are_weights(method: Method, profile: str) -> None:
    """Say how to come by weights of a profile where there are none."""
    name = weights_name(method.name, profile)
    if "shipped" in method.profiles[profile] or name in {listed.name for listed in available()}:
        return
    remedies = [_REMEDIES[origin].format(name=name) for origin in method.profiles[profile]]
    remedies += [f"take the {other} profile" for other, origins in method.profiles.items() if "shipped" in origins]
    raise WeightsError(
        f"expected weights for {method.name} of profile {profile}, found none called {name}; {', or '.join(remedies)}"
    )


def _without_weights(method: Method, options: dict[str, Any]) -> Tracker:
    maker: Any = tracker_class(method)
    if method.online:
        tracker: Tracker = maker(from_table(resolve(method.online), options, f"the options of {method.name}"))
        return tracker
    try:
        return cast(Tracker, maker(**options))
    except TypeError as error:
        raise ConfigError(
            f"expected options that tracker {method.name!r} takes, found {options} ({error}); correct the options"
        ) from error
