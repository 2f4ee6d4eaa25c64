"""Related systems as presets: a method of this package with the options that bring it near another paper's tracker.

A preset is tracked, benchmarked and ablated by its name, as a method is. It is labelled "in the manner of": the ideas
that are named are there, the authors' networks and weights are not. Facts and options stand in ``presets.toml`` alone.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spectrack.errors import ConfigError
from spectrack.tables import from_table, read_table
from spectrack.weights.index import is_known, weights_name

FILE = Path(__file__).with_name("presets.toml")


@dataclass(frozen=True)
class Preset:
    """Another paper's tracker, as near as options bring one of ours.

    Attributes:
        name: as it is typed.
        system: the system that it follows; more than one where they do alike what is shown.
        method: whose network, weights and decision it uses.
        source: where the system is published, and where what is said of it here comes from.
        follows: what of it is here.
        differs: what is not, or is ours.
        training: the command that makes weights for it; empty where those of the method do.
        weights: what files of such weights are called, less the profile; where there is none, the method's are taken.
        needs: what the network of its weights must be, by dotted key, where no option can say so.
        options: of the method's tracker, as `spectrack.trackers.loading.load_tracker` takes them.
    """

    name: str
    system: str
    method: str
    source: str
    follows: str
    differs: str
    training: str = ""
    weights: str = ""
    needs: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """As it is written in tables."""
        return f"in the manner of {self.system}"

    def own_weights(self, profile: str) -> str | None:
        """The name of weights that were trained for it, where there are some of that profile."""
        name = weights_name(self.weights, profile)
        return name if self.weights and is_known(name) else None

    def check(self, network: Mapping[str, Any]) -> None:
        """Refuse weights whose network is another than the preset's.

        Args:
            network: the shape of the loaded network, as a table.

        Raises:
            ConfigError: it is; the message has the command that trains the right ones.
        """
        for dotted, wanted in self.needs.items():
            found: Any = functools.reduce(lambda table, key: table[key], dotted.split("."), network)
            if found != wanted:
                raise ConfigError(
                    f"expected weights trained with network.{dotted} = {wanted} for {self.name}, found {found}; "
                    f"make some by `{self.training}`, and name them with --weights"
                )


@dataclass(frozen=True)
class _Presets:
    """The file: by method what is switched off in all its presets because it is this project's own, and the presets."""

    plain: dict[str, dict[str, Any]]
    presets: tuple[Preset, ...]


@functools.cache
def presets() -> dict[str, Preset]:
    """All presets by name, each with everything that decides its boxes among its options."""
    read = from_table(_Presets, read_table(FILE), FILE.name)
    plain, found = read.plain, {}
    for one in read.presets:
        given = plain.get(one.method, {}) | one.options
        found[one.name] = Preset(**{**one.__dict__, "options": given})
    return found


def label_of(name: object) -> str:
    """What is written beside the name of a tracker that is a preset; empty for any other.

    Example:
        >>> label_of("see-net"), label_of("siamban")
        ("in the manner of SEE-Net, not its authors' tracker", '')
    """
    preset = presets().get(str(name))
    return "" if preset is None else f"{preset.label}, not its authors' tracker"
