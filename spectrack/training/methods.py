"""Methods by name: what a recipe's ``method`` stands for.

A method is a learner with the types of its three own sections of the recipe, and the kind of batch it eats. Its module
says so in a constant ``METHOD``; the modules are imported when they are asked for.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from spectrack.errors import ConfigError, nearest_name
from spectrack.weights.metadata import METHODS

if TYPE_CHECKING:
    from spectrack.training.learner import Learner

_OWN_MODULES = {
    "bcrnet": "spectrack.methods.bcrnet.learner",
    "siamban": "spectrack.methods.siamban.learner",
    "ssfnet": "spectrack.methods.ssfnet.learner",
}
_REGISTERED: dict[str, Method] = {}


@dataclass(frozen=True)
class Method:
    """A method that can be trained.

    Attributes:
        name: in recipes and weights files.
        learner: made from a recipe; see `Learner`.
        network: dataclass of the recipe's section ``network``.
        loss: dataclass of the section ``loss``; its float fields are weights that a stage of the training may change.
        online: dataclass of the section ``online``, stored with the weights.
        batches: ``pairs`` gives `pairs.Batch`, ``spectral`` gives `spectral_expansion.SpectralBatch`.
    """

    name: str
    learner: type[Learner]
    network: type[Any]
    loss: type[Any]
    online: type[Any]
    batches: Literal["pairs", "spectral"] = "spectral"


def register_method(method: Method) -> None:
    """Make a method known; another of the same name is replaced.

    Raises:
        ConfigError: weights files do not know a method of that name, so the training could not end.
    """
    if method.name not in METHODS:
        raise ConfigError(
            f"expected a method that weights files know, found {method.name!r}; {nearest_name(method.name, METHODS)}"
        )
    _REGISTERED[method.name] = method


def list_methods() -> list[str]:
    """Names that `find_method` accepts, sorted."""
    return sorted({*_OWN_MODULES, *_REGISTERED})


def find_method(name: str) -> Method:
    """The method of that name.

    Raises:
        ConfigError: unknown name; the nearest is offered.
    """
    if name not in _REGISTERED and name in _OWN_MODULES:
        register_method(importlib.import_module(_OWN_MODULES[name]).METHOD)
    if name not in _REGISTERED:
        raise ConfigError(
            f"expected a method that can be trained, found {name!r}; {nearest_name(name, list_methods())}"
        )
    return _REGISTERED[name]
