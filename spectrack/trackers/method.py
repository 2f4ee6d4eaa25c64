"""What exists of a method, said once: a descriptor that registry, loader, training, ablations, help and docs ask.

Classes are given as such or by where they are, ``package.module:Name``; the latter are imported when they are asked
for, so that a list of methods waits for no network.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from spectrack.errors import ConfigError

if TYPE_CHECKING:
    from spectrack.trackers.base import Tracker

Kind = TypeVar("Kind")

Origin = Literal["shipped", "recipe", "import"]
"""Where a profile's weights come from: shipped in a file, a recipe of the same name, or `spectrack weights import`."""


@dataclass(frozen=True)
class Method:
    """A tracking method, with all that exists of it. What a method does not have stays empty.

    Attributes:
        name: as it is typed, and as recipes and weights files name it.
        label: as it is written.
        summary: what it does, in one line.
        source: its publication.
        tracker: a `Tracker`, made as `loading.load_tracker` says; empty for a part of other trackers.
        network: module of the networks, made from their configuration; empty where there are no weights.
        config: dataclass of a network's shape: section ``network`` of a recipe, stored with the weights.
        switches: what may differ from the training without other weights; ``config.with_switches`` takes them.
        online: dataclass of what the tracker decides online; section ``online`` of a recipe, stored with the weights.
        profiles: sizes of the network, the one taken by default first, with where weights of each come from.
        learner: a `training.learner.Learner`, made from a recipe; empty where nothing is trained.
        loss: dataclass of the section ``loss``; its float fields are weights that a stage of the training may change.
        batches: the learner's: ``pairs`` (`pairs.batches.Batch`) or ``spectral`` (`spectral_expansion.SpectralBatch`).
        folder: where ``recipes/*.toml``, ``ablation.toml`` and, for methods of other packages, ``*.safetensors`` lie.
    """

    name: str
    label: str
    summary: str
    source: str
    tracker: str | type[Tracker] = ""
    network: str | type[Any] = ""
    config: str | type[Any] = ""
    switches: tuple[str, ...] = ()
    online: str | type[Any] = ""
    profiles: Mapping[str, tuple[Origin, ...]] = field(default_factory=dict)
    learner: str | type[Any] = ""
    loss: str | type[Any] = ""
    batches: Literal["pairs", "spectral"] = "spectral"
    folder: Path | None = None

    def profile(self, wanted: str | None = None) -> str:
        """The profile that is meant: the first where none is wanted; empty for a method that has none, whatever is.

        Raises:
            ConfigError: there are others, and none of that name.
        """
        if wanted is None or not self.profiles:
            return next(iter(self.profiles), "")
        if wanted not in self.profiles:
            known = " or ".join(self.profiles)
            raise ConfigError(f"expected profile {known} of {self.name}, found {wanted!r}; choose one of these")
        return wanted

    @property
    def recipes(self) -> dict[str, Path]:
        """Files of its recipes, by name."""
        return {file.stem: file for file in self._files("recipes/*.toml")}

    @property
    def ablation(self) -> Path | None:
        """The file of its ablation's rows."""
        return next(iter(self._files("ablation.toml")), None)

    @property
    def has_weights(self) -> bool:
        """Whether weights lie in its folder."""
        return bool(self._files("*.safetensors"))

    def _files(self, pattern: str) -> list[Path]:
        return sorted(self.folder.glob(pattern)) if self.folder is not None else []


def resolve(named: str | type[Kind]) -> type[Kind]:
    """The class itself; where it is only named, its module is imported now.

    Raises:
        ConfigError: there is no such class, or its module cannot be imported.
    """
    if not isinstance(named, str):
        return named
    # A foreign package may fail in any way while it is imported.
    try:
        return cast(type[Kind], pkgutil.resolve_name(named))
    except Exception as error:
        raise ConfigError(
            f"expected a class at {named!r}, found {type(error).__name__}: {error}; mend or remove that package"
        ) from error
