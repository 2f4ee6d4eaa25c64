"""Methods by name: the folders of `spectrack.methods`, what other packages offer, and what a script registers.

A preset (see `presets`) is known by its name too, and is the method that it is made of.

Other packages offer a `Method` as an entry point of the group ``spectrack.methods``, or a bare `Tracker` as one of
``spectrack.trackers``, under its name. Nothing heavy is imported before it is used.
"""

from __future__ import annotations

import functools
import importlib
import logging
import pkgutil
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from spectrack.errors import ConfigError, nearest_name
from spectrack.trackers.method import Method, resolve
from spectrack.trackers.presets import presets
from spectrack.weights.index import look_in

if TYPE_CHECKING:
    from spectrack.trackers.base import Tracker

TrackerClass = TypeVar("TrackerClass", bound="type[Tracker]")

DEFAULT_METHOD = "siamban"
"""What tracks where nobody says what should."""

EVIDENCE_METHOD = "evidence"
"""The part of trackers whose head makes use of spectra where `evidence = channel` is asked for."""

_METHODS, _TRACKERS = "spectrack.methods", "spectrack.trackers"
_REGISTERED: dict[str, Method] = {}

_log = logging.getLogger(__name__)


def register(name: str) -> Callable[[TrackerClass], TrackerClass]:
    """Class decorator: make a tracker that loads no weights known under a name.

    Raises:
        ConfigError: another class has that name, or the class is not a `Tracker`.
    """

    def remember(tracker: TrackerClass) -> TrackerClass:
        register_method(_bare(name, _as_tracker(tracker, name)))
        return tracker

    return remember


def register_method(method: Method) -> None:
    """Make a method known in this process; several processes need an entry point.

    Raises:
        ConfigError: another method, or a preset, has that name.
    """
    preset = presets().get(method.name)
    known = _own().get(preset.method if preset else method.name) or _REGISTERED.get(method.name)
    if known is not None and _place(known) != _place(method):
        raise ConfigError(f"expected a new tracker name, found {method.name!r} of {_place(known)}; choose another name")
    _REGISTERED[method.name] = method


def list_trackers() -> list[str]:
    """All names that `find_method` accepts, sorted; no module of another package is imported."""
    return sorted({*_method_names(), *presets()})


def tracker_words() -> list[str]:
    """What a help page offers for a tracker: the names of methods, and PRESET for the many that `presets` has."""
    return [*sorted(_method_names()), "PRESET"]


def list_methods() -> list[Method]:
    """Descriptors of all trackers, by name; one that cannot be loaded is left out with a warning."""
    found = []
    for name in sorted(_method_names()):
        try:
            found.append(find_method(name))
        except ConfigError as error:
            # One broken package must not hide the others; asking for its method by name raises.
            _warn_once(str(error))
    return found


def list_parts() -> list[Method]:
    """Descriptors of what is trained by itself and works inside trackers, by name."""
    return [method for _, method in sorted(_own().items()) if not method.tracker]


def recipe_files() -> dict[str, Path]:
    """Recipes that come with methods and parts of them, by name."""
    methods = [*list_methods(), *list_parts()]
    return {name: file for method in methods for name, file in sorted(method.recipes.items())}


def ablation_files() -> dict[str, Path]:
    """Files of ablation rows that come with methods, by method."""
    return {method.name: method.ablation for method in list_methods() if method.ablation is not None}


def find_method(name: str) -> Method:
    """The method of that name, or the one that a preset of that name is made of.

    Raises:
        ConfigError: unknown name (the nearest is offered), or an entry point that cannot be loaded.
    """
    if name in presets():
        name = presets()[name].method
    known = _own().get(name) or _REGISTERED.get(name)
    if known is not None:
        return known
    for point in entry_points(group=_METHODS):
        if point.name == name:
            return _REGISTERED.setdefault(name, _load(point))
    for point in entry_points(group=_TRACKERS):
        if point.name == name:
            return _bare(name, point.value)
    raise ConfigError(f"expected a tracker, found {name!r}; {nearest_name(name, list_trackers())}")


def find_trained_method(name: str) -> Method:
    """The method of that name, which has a learner.

    Raises:
        ConfigError: as `find_method`, or nothing of that method is trained.
    """
    method = find_method(name)
    if not method.learner:
        known = nearest_name(name, [other.name for other in (*list_methods(), *list_parts()) if other.learner])
        raise ConfigError(f"expected a method that can be trained, found {name!r}; {known}")
    return method


def tracker_class(method: Method) -> type[Tracker]:
    """The tracker of a method; its module is imported only now.

    Raises:
        ConfigError: it cannot be imported, is not a `Tracker`, or there is none because the method is a part of others.
    """
    if not method.tracker:
        known = nearest_name(method.name, list_trackers())
        raise ConfigError(f"expected a tracker, found {method.name!r}, a part of trackers; {known}")
    return _as_tracker(resolve(method.tracker), method.name)


@functools.cache
def _own() -> dict[str, Method]:
    """The methods of this package: each folder of `spectrack.methods` has a ``method.py`` with a constant METHOD."""
    folder = Path(__file__).resolve().parents[1] / "methods"
    names = [found.name for found in pkgutil.iter_modules([str(folder)])]
    methods = [importlib.import_module(f"{_METHODS}.{name}.method").METHOD for name in names]
    return {method.name: method for method in methods}


def _method_names() -> set[str]:
    offered = (point.name for group in (_METHODS, _TRACKERS) for point in entry_points(group=group))
    own = (method.name for method in _own().values() if method.tracker)
    return {*own, *_REGISTERED, *offered}


def _bare(name: str, tracker: Any) -> Method:
    return Method(name, label=name, summary="a tracker of another package", source="", tracker=tracker)


def _load(point: EntryPoint) -> Method:
    loaded: Any = resolve(point.value)
    if not isinstance(loaded, Method) or loaded.name != point.name:
        raise ConfigError(
            f"expected a spectrack.Method {point.name!r} at {point.value!r}, found {loaded!r}; mend its package"
        )
    return loaded


def _place(method: Method) -> str:
    tracker = method.tracker
    return tracker if isinstance(tracker, str) else f"{tracker.__module__}:{tracker.__qualname__}"


def _as_tracker(found: TrackerClass, name: str) -> TrackerClass:
    from spectrack.trackers.base import Tracker  # NumPy, which a list of names does not need

    if not (isinstance(found, type) and issubclass(found, Tracker)):
        raise ConfigError(f"expected a subclass of spectrack.Tracker under {name!r}, found {found!r}; derive it")
    return found


@functools.cache
def _warn_once(message: str) -> None:
    _log.warning("left out of the list of methods: %s", message)


look_in(lambda: [method.folder for method in list_methods() if method.folder is not None and method.has_weights])
