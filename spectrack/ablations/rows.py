"""The rows of an ablation as data: one TOML file a method, read and checked here.

A file names the method, the recipes to retrain by, groups (one table each in the report) and rows. How a row is written
says `docs/ablations.md`; every key is a field of `Row`, except that ``degradations`` makes one row of each degradation.
"""

from __future__ import annotations

import dataclasses
import os
import re
import tomllib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, get_args

from spectrack.errors import ConfigError, nearest_name
from spectrack.simulation.degradation import Degradation, list_degradations

Kind = Literal["inference", "retrained"]
Choice = Literal["inference", "retrained", "all"]

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
        variants: further options, one tracker each, whose scores are averaged sequence by sequence, such as several
            seeds.
        overrides: for ``retrained``: dotted keys of the recipe with other values.
        weights_of: for ``inference``: the retrained row whose weights are used, one tracker a seed.
        profile: the only profile in which the row means anything; empty for both.
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
        return {**dataclasses.asdict(self), "variants": list(self.variants)}


@dataclass(frozen=True)
class RowTable:
    """All rows of a method.

    Attributes:
        method: the tracker.
        recipes: recipe to retrain by, by profile.
        budget: share of the recipe's pairs that a retrained row sees unless told otherwise.
        groups: in the order of the report.
        rows: a row stands below the one that it is compared with and the one whose weights it uses.
    """

    method: str
    recipes: dict[str, str]
    budget: float
    groups: tuple[Group, ...]
    rows: tuple[Row, ...]

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
        for what, wanted, known in (
            ("row", wanted_names, known_names),
            ("group", wanted_groups, [group.name for group in self.groups]),
        ):
            for name in wanted:
                if name not in known:
                    raise ConfigError(
                        f"expected a {what} of the ablation of {self.method}, found {name!r}; "
                        f"{nearest_name(name, known)}"
                    )
        everything = not (wanted_names or wanted_groups)
        chosen = {
            row.name
            for row in self.rows
            if (everything or row.group in wanted_groups or {row.name, row.stem} & set(wanted_names))
            and (kind == "all" or row.needs_training == (kind == "retrained"))
        }
        if not chosen:
            raise ConfigError(
                f"expected rows of the kind {kind!r}, found none among those that were named; name others, or take "
                "--kind all"
            )
        for row in reversed(self.rows):
            if row.name in chosen and row.reference:
                chosen.add(row.reference)
        return [row for row in self.rows if row.name in chosen]


def list_ablations() -> list[str]:
    """Methods whose rows come with the package."""
    return sorted(_row_files())


def _row_files() -> dict[str, Path]:
    """Files of rows in the package by method; each lies in its method's folder."""
    root = Path(str(files("spectrack.methods")))
    return {file.parent.name: file for file in root.glob("*/ablation.toml")}


def load_rows(method: str | os.PathLike[str]) -> RowTable:
    """The rows of a method, or of a TOML file.

    Raises:
        ConfigError: no such method (the nearest is offered) or file, not TOML, an unknown key, or rows that do not fit
            together.

    Example:
        >>> load_rows("bcrnet").row("shipped").kind
        'inference'
    """
    given = os.fspath(method)
    if given in list_ablations():
        file = _row_files()[given]
    elif given.endswith(".toml") and Path(given).is_file():
        file = Path(given)
    else:
        known = list_ablations()
        raise ConfigError(
            f"expected a method with an ablation, or a TOML file of rows, found {given!r}; {nearest_name(given, known)}"
        )
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"expected rows as TOML, found {file.name} with: {error}; mend the file") from error
    return _table(values, file.name)


def _table(values: dict[str, Any], where: str) -> RowTable:
    groups = tuple(
        _build(Group, item, f"a group of {where}") for item in _tables(values.pop("groups", []), "groups", where)
    )
    rows = tuple(row for item in _tables(values.pop("rows", []), "rows", where) for row in _expand(item, where))
    table: RowTable = _build(RowTable, {"recipes": {}, "budget": 1.0, **values, "groups": groups, "rows": rows}, where)
    if not 0 < table.budget <= 1:
        raise ConfigError(f"expected a budget above 0 and up to 1 in {where}, found {table.budget}; correct it")
    _check_names(table, where)
    for number, row in enumerate(table.rows):
        _check_row(row, table, {other.name: other for other in table.rows[:number]}, where)
    return table


def _expand(values: dict[str, Any], where: str) -> list[Row]:
    """The row, or one for each of its degradations, compared with the same degradation of its reference."""
    values = {**values, "variants": tuple(values.get("variants", ()))}
    degradations = values.pop("degradations", None)
    if degradations is None:
        return [_build(Row, values, f"a row of {where}")]
    rows = []
    for name in list_degradations() if degradations == "all" else degradations:
        reference = values.get("reference", "")
        named = {"name": f"{values.get('name', '')}{AT}{name}", "degradation": str(Degradation.parse(name))}
        rows.append(
            _build(
                Row,
                {**values, **named, "reference": f"{reference}{AT}{name}" if reference else ""},
                f"a row of {where}",
            )
        )
    return rows


def _build(kind: type[Any], values: dict[str, Any], where: str) -> Any:
    known = {entry.name: entry for entry in dataclasses.fields(kind)}
    for key, value in values.items():
        if key not in known:
            raise ConfigError(f"expected a known key in {where}, found {key!r}; {nearest_name(key, known)}")
        entry = known[key]
        blank = entry.default_factory() if entry.default_factory is not dataclasses.MISSING else entry.default
        wanted = str if blank is dataclasses.MISSING else type(blank)
        if key not in ("groups", "rows", "recipes", "budget", "variants") and type(value) is not wanted:
            raise ConfigError(f"expected {wanted.__name__} for {key!r} in {where}, found {value!r}; correct the value")
    missing = [
        name
        for name, entry in known.items()
        if name not in values and entry.default is dataclasses.MISSING and entry.default_factory is dataclasses.MISSING
    ]
    if missing:
        name = values.get("name", "one without a name")
        raise ConfigError(
            f"expected {' and '.join(missing)} in {where} ({name}), found {sorted(values)}; add what is missing"
        )
    return kind(**values)


def _tables(value: Any, key: str, where: str) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not value or not all(isinstance(item, dict) for item in value):
        raise ConfigError(f"expected tables [[{key}]] in {where}, found {value!r}; write at least one")
    return value


def _check_names(table: RowTable, where: str) -> None:
    for what, names in (("rows", [row.name for row in table.rows]), ("groups", [group.name for group in table.groups])):
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            raise ConfigError(f"expected {what} of different names in {where}, found {twice[0]!r} twice; rename one")
        odd = [name for name in names if re.fullmatch(r"[a-z0-9][a-z0-9.@-]*", name) is None]
        if odd:
            raise ConfigError(
                f"expected names of {what} in small letters, digits and dashes in {where}, found {odd[0]!r}; rename it"
            )


def _check_row(row: Row, table: RowTable, above: dict[str, Row], where: str) -> None:
    def demand(holds: object, expected: str, found: object) -> None:
        if not holds:
            raise ConfigError(
                f"expected {expected} for the row {row.name!r} of {where}, found {found!r}; correct the row"
            )

    demand(row.kind in get_args(Kind), "the kind inference or retrained", row.kind)
    demand(row.group in {group.name for group in table.groups}, "one of the groups", row.group)
    demand(not row.reference or row.reference in above, "a reference that stands above it", row.reference)
    demand(row.profile in ("", "compact", "full"), "profile compact or full", row.profile)
    covered = not row.reference or above[row.reference].bands in (0, row.bands)
    demand(covered, "a reference that tracks at least the same sequences", row.reference)
    demand(
        row.kind == "retrained" or not row.overrides, "overrides of a recipe only where it is retrained", row.overrides
    )
    demand(not (row.variants and row.needs_training), "variants only where nothing is retrained", row.variants)
    source = above.get(row.weights_of)
    fits = not row.weights_of or (row.kind == "inference" and source is not None and source.kind == "retrained")
    demand(fits, "weights_of an inference row to name a retrained row above it", row.weights_of)
    if row.degradation:
        Degradation.parse(row.degradation)
