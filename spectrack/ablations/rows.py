"""The rows of an ablation as data: one TOML file a method, read and checked here.

A file names the method, the recipes to retrain by, groups (one table each in the report) and rows. How a row is written
says `docs/ablations.md`; every key is a field of `Row`, except that ``degradations`` makes one row of each degradation.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from spectrack.ablations.options import Choice
from spectrack.errors import ConfigError, nearest_name
from spectrack.simulation.degradation import Degradation, list_degradations
from spectrack.tables import from_table, read_table, require, to_table
from spectrack.trackers.registry import ablation_files, find_method

Kind = Literal["inference", "retrained"]

AT = "@"
"""Between the name of a row and its degradation."""


@dataclass(frozen=True)
class Group:
    """Rows that answer one question.

    Attributes:
        name: as it is selected by.
        title: heading of its table.
        question: what the rows are to answer, in a sentence.
    """

    name: str
    title: str
    question: str


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        name: unique; a file name.
        group: see `Group`.
        shows: one sentence.
        kind: ``inference`` changes only options of the tracker, ``retrained`` trains weights of its own.
        reference: the row that it is compared with; empty for a row that others are compared with.
        method: another tracker than the table's.
        options: of the tracker, as `spectrack.trackers.loading.load_tracker` takes them.
        variants: further options, one tracker each, whose scores are averaged by sequence, such as several seeds.
        overrides: for ``retrained``: dotted keys of the recipe with other values.
        weights_of: for ``inference``: the retrained row whose weights are used, one tracker a seed.
        profile: the only profile of the method in which the row means anything; empty for all.
        bands: the only band count that it can track; 0 for all.
        degradation: name of a `spectrack.simulation.degradation.Degradation` that the video gets; empty for none.
        note: why the row is missing where `profile` or `bands` leave it out.
    """

    name: str
    group: str
    shows: str
    kind: Kind
    reference: str = ""
    method: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    variants: tuple[dict[str, Any], ...] = ()
    overrides: dict[str, Any] = field(default_factory=dict)
    weights_of: str = ""
    profile: str = ""
    bands: int = 0
    degradation: str = ""
    note: str = ""

    @property
    def needs_training(self) -> bool:
        """Whether it needs weights that are trained for the table, its own or another row's."""
        return self.kind == "retrained" or bool(self.weights_of)

    @property
    def stem(self) -> str:
        """The name without the degradation, under which all its degradations are selected."""
        return self.name.partition(AT)[0]

    def to_json(self) -> dict[str, Any]:
        """Plain values: two rows with the same ones mean the same."""
        return to_table(self)


@dataclass(frozen=True)
class RowTable:
    """All rows of a method.

    Attributes:
        method: the tracker.
        groups: in the order of the report.
        rows: a row stands below the one that it is compared with and the one whose weights it uses.
        recipes: recipe to retrain by, by profile.
        budget: share of the recipe's pairs that a retrained row sees unless told otherwise.
    """

    method: str
    groups: tuple[Group, ...]
    rows: tuple[Row, ...]
    recipes: dict[str, str] = field(default_factory=dict)
    budget: float = 1.0

    def __post_init__(self) -> None:
        require(0 < self.budget <= 1, "budget", "a share above 0 and up to 1", self.budget)
        _check_names("groups", [group.name for group in self.groups])
        _check_names("rows", [row.name for row in self.rows])
        profiles = find_method(self.method).profiles
        for number, row in enumerate(self.rows):
            fits = row.profile in ("", *profiles)
            require(fits, f"rows[{number}].profile", f"one of {', '.join(profiles)}", row.profile)
            _check_row(row, self.groups, {other.name: other for other in self.rows[:number]})

    def row(self, name: str) -> Row:
        """The row of that name, which must exist."""
        return next(row for row in self.rows if row.name == name)

    def select(self, names: Iterable[str] = (), groups: Iterable[str] = (), kind: Choice = "all") -> list[Row]:
        """Rows in the table's order, with the rows that they are compared with.

        Args:
            names: rows, also without their degradation, and those only; all when there are neither names nor groups.
            groups: groups of rows.
            kind: ``inference`` leaves out everything that needs a training, ``retrained`` everything that does not.

        Raises:
            ConfigError: an unknown name, group or kind (the nearest is offered), or nothing left.
        """
        wanted_names, wanted_groups = list(names), list(groups)
        if kind not in get_args(Choice):
            raise ConfigError(
                f"expected the kind inference, retrained or all, found {kind!r}; {nearest_name(kind, get_args(Choice))}"
            )
        known_names = dict.fromkeys(name for row in self.rows for name in (row.name, row.stem))
        known_groups = [group.name for group in self.groups]
        for what, wanted, known in (("row", wanted_names, known_names), ("group", wanted_groups, known_groups)):
            for name in wanted:
                if name not in known:
                    nearest = nearest_name(name, known)
                    raise ConfigError(f"expected a {what} of the ablation of {self.method}, found {name!r}; {nearest}")
        everything = not (wanted_names or wanted_groups)
        chosen = {
            row.name
            for row in self.rows
            if (everything or row.group in wanted_groups or {row.name, row.stem} & set(wanted_names))
            and (kind == "all" or row.needs_training == (kind == "retrained"))
        }
        if not chosen:
            raise ConfigError(
                f"expected rows of the kind {kind!r}, found none among those named; name others, or take --kind all"
            )
        for row in reversed(self.rows):
            if row.name in chosen and row.reference:
                chosen.add(row.reference)
        return [row for row in self.rows if row.name in chosen]


def load_rows(method: str | os.PathLike[str]) -> RowTable:
    """The rows of a method, or of a TOML file.

    Raises:
        ConfigError: no such method (the nearest is offered) or file, not TOML, an unknown key, or rows that clash.

    Example:
        >>> load_rows("bcrnet").row("shipped").kind
        'inference'
    """
    given, known = os.fspath(method), ablation_files()
    if given in known:
        file = known[given]
    elif given.endswith(".toml") and Path(given).is_file():
        file = Path(given)
    else:
        raise ConfigError(
            f"expected a method with an ablation, or a TOML file of rows, found {given!r}; {nearest_name(given, known)}"
        )
    values = read_table(file)
    if isinstance(rows := values.get("rows"), list):
        values["rows"] = [row for item in rows for row in (_expand(item) if isinstance(item, dict) else [item])]
    return from_table(RowTable, values, file.name)


def _expand(values: dict[str, Any]) -> list[dict[str, Any]]:
    """The row, or one for each of its degradations, compared with the same degradation of its reference."""
    if "degradations" not in values:
        return [values]
    rest = {key: value for key, value in values.items() if key != "degradations"}
    name, reference, named = values.get("name", ""), values.get("reference", ""), values["degradations"]
    wanted = list_degradations() if named == "all" else named
    require(isinstance(wanted, list), f"rows.{name}.degradations", "all or a list of degradations", named)
    return [
        {
            **rest,
            "name": f"{name}{AT}{degradation}",
            "reference": f"{reference}{AT}{degradation}" if reference else "",
            "degradation": str(Degradation.parse(str(degradation))),
        }
        for degradation in wanted
    ]


def _check_names(key: str, names: list[str]) -> None:
    require(bool(names), key, f"at least one table [[{key}]]", names)
    for name, count in Counter(names).items():
        require(count == 1, key, "different names", name)
        fits = re.fullmatch(r"[a-z0-9][a-z0-9.@-]*", name) is not None
        require(fits, key, "names in small letters, digits and dashes", name)


def _check_row(row: Row, groups: tuple[Group, ...], above: dict[str, Row]) -> None:
    def check(holds: bool, key: str, expected: str, found: object) -> None:
        require(holds, f"rows.{row.name}.{key}", expected, found)

    check(row.group in {group.name for group in groups}, "group", "one of the groups", row.group)
    known = not row.reference or row.reference in above
    check(known, "reference", "a row that stands above it", row.reference)
    covered = not row.reference or above[row.reference].bands in (0, row.bands)
    check(covered, "reference", "a row that tracks at least the same sequences", row.reference)
    retrained = row.kind == "retrained"
    check(retrained or not row.overrides, "overrides", "none where nothing is retrained", row.overrides)
    check(not (row.variants and row.needs_training), "variants", "none where something is retrained", row.variants)
    source = above.get(row.weights_of)
    fits = not row.weights_of or (not retrained and source is not None and source.kind == "retrained")
    check(fits, "weights_of", "a retrained row above this one, which is not", row.weights_of)
    if row.degradation:
        Degradation.parse(row.degradation)
