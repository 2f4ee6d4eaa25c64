"""Trackers by name: those of this package, and those that other packages offer as `spectrack.trackers` entry points."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar, cast

from spectrack.errors import ConfigError, nearest_name
from spectrack.trackers.base import Tracker

TrackerClass = TypeVar("TrackerClass", bound=type[Tracker])

_OWN_MODULES = {
    "bcrnet": "spectrack.methods.bcrnet.tracker",
    "cf": "spectrack.methods.correlation_filter.tracker",
    "siamban": "spectrack.methods.siamban.tracker",
    "ssfnet": "spectrack.methods.ssfnet.tracker",
}
_REGISTERED: dict[str, type[Tracker]] = {}


def register(name: str) -> Callable[[TrackerClass], TrackerClass]:
    """Class decorator: make a tracker known under a name.

    Raises:
        ConfigError: another class has that name, or the class is not a `Tracker`.
    """

    def remember(tracker: TrackerClass) -> TrackerClass:
        _check_tracker(tracker, name)
        known = _REGISTERED.get(name)
        if known is not None and known.__qualname__ != tracker.__qualname__:
            raise ConfigError(
                f"expected a new tracker name, found {name!r} of {known.__qualname__}; choose another name"
            )
        _REGISTERED[name] = tracker
        return tracker

    return remember


def list_trackers() -> list[str]:
    """All names that `tracker_class` accepts, sorted."""
    return sorted({*_OWN_MODULES, *_REGISTERED, *(point.name for point in entry_points(group="spectrack.trackers"))})


def tracker_class(name: str) -> type[Tracker]:
    """The class registered under a name; its module is imported only now.

    Raises:
        ConfigError: unknown name (the nearest is offered), or an entry point that cannot be loaded or is not a
            `Tracker`.
    """
    if name not in _REGISTERED and name in _OWN_MODULES:
        importlib.import_module(_OWN_MODULES[name])
    if name not in _REGISTERED:
        for point in entry_points(group="spectrack.trackers"):
            if point.name == name:
                _REGISTERED.setdefault(name, _load(point))
    if name not in _REGISTERED:
        raise ConfigError(f"expected a tracker, found {name!r}; {nearest_name(name, list_trackers())}")
    return _REGISTERED[name]


def _load(point: EntryPoint) -> type[Tracker]:
    # A foreign package may fail in any way while it is imported.
    try:
        loaded: Any = point.load()
    except Exception as error:
        raise ConfigError(
            f"expected a tracker at entry point {point.value!r}, found {type(error).__name__}: {error}; mend or remove "
            "that package"
        ) from error
    _check_tracker(loaded, point.name)
    return cast(type[Tracker], loaded)


def _check_tracker(found: Any, name: str) -> None:
    if not (isinstance(found, type) and issubclass(found, Tracker)):
        raise ConfigError(
            f"expected a subclass of spectrack.trackers.Tracker under {name!r}, found {found!r}; derive it from Tracker"
        )
