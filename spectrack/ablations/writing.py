"""An ablation on disk: ``ablation.json`` with all figures, ``ablation.md`` with a table a group, after every row."""

from __future__ import annotations

import functools
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from spectrack.ablations.results import ALL, RowResult
from spectrack.ablations.rows import Group, RowTable
from spectrack.errors import InputError
from spectrack.evaluation.figures import FIGURES, Figure
from spectrack.evaluation.protocols import resolve_protocol
from spectrack.files import Claim, Terms, refuse_other
from spectrack.reports.table_formats import to_markdown
from spectrack.reports.tables import Cell, Column, Table
from spectrack.runs.run_directory import read_json

JSON_FILE, MARKDOWN_FILE = "ablation.json", "ablation.md"


@dataclass(frozen=True)
class Record:
    """Everything that is written.

    Attributes:
        plan: the settings that all rows share, as JSON values.
        table: the rows there are.
        results: measured or left out, by name.
        missing: names of rows that were asked for and not reached yet.
        provenance: date, commit, versions and machine.
    """

    plan: dict[str, Any]
    table: RowTable
    results: dict[str, RowResult]
    missing: list[str]
    provenance: dict[str, Any]

    @property
    def ordered(self) -> list[RowResult]:
        """The results in the table's order."""
        return [self.results[row.name] for row in self.table.rows if row.name in self.results]


def ablation_terms(*, overwrite: bool = False, data: tuple[Path, ...] = ()) -> Terms:
    """On which the folder of an ablation is claimed; runs and trainings below it are claimed by themselves."""
    return Terms("ablation", resume=True, overwrite=overwrite, names=(JSON_FILE, MARKDOWN_FILE), data=data)


def read_earlier(claim: Claim, plan: dict[str, Any], table: RowTable) -> dict[str, RowResult]:
    """The rows that an earlier call left, as far as they are still written as they were; none that are overwritten.

    Args:
        claim: of the directory.
        plan: of this call.
        table: the rows there are.

    Raises:
        ConfigError: the earlier call had other settings.
        InputError: the file is damaged.
    """
    file = claim.path / JSON_FILE
    if claim.terms.overwrite or not claim.holds(JSON_FILE):
        return {}
    value = read_json(file, "the table of an ablation")
    if not isinstance(value.get("plan"), dict) or not isinstance(value.get("rows"), list):
        raise InputError(
            f"expected an ablation's table in {file}, found JSON without plan and rows; start anew with --overwrite"
        )
    remedy = "name another directory, or replace its table with --overwrite"
    refuse_other(value["plan"], plan, f"the ablation in {claim.path}", remedy)
    earlier = [RowResult.from_json(item) for item in value["rows"]]
    known = {row.name: json.loads(json.dumps(row.to_json())) for row in table.rows}
    return {result.name: result for result in earlier if known.get(result.name) == result.row}


def write_tables(claim: Claim, record: Record) -> None:
    """Replace both files, the one for people last."""
    value = {
        "plan": record.plan,
        "groups": [asdict(group) for group in record.table.groups],
        "rows": [result.to_json() for result in record.ordered],
        "missing": record.missing,
        "provenance": record.provenance,
    }
    claim.write_json(JSON_FILE, value)
    claim.write_text(MARKDOWN_FILE, to_text(record))


def to_text(record: Record) -> str:
    """The Markdown page: settings, a table a group with what its rows show, and what is missing."""
    parts = [f"# Ablation of {record.table.method}\n", _facts(record)]
    headline = resolve_protocol(record.plan["protocol"]).headline
    for group in record.table.groups:
        results = [result for result in record.ordered if result.row["group"] == group.name]
        if results:
            parts += [f"## {group.title}\n", f"{group.question}\n", _group_text(group, results, headline)]
    if record.missing:
        parts.append(f"Not measured yet: {', '.join(f'`{name}`' for name in record.missing)}.\n")
    return "\n".join(parts)


def group_table(group: Group, results: list[RowResult], headline: Figure = FIGURES["auc"]) -> Table:
    """The measured rows of a group: how, score, difference to the reference, both by attribute, and the spread."""
    shown = [result for result in results if not result.left_out]
    attributes = list(dict.fromkeys(name for result in shown for name in result.selections if name != ALL))
    score = functools.partial(Column.of, headline, best=None)
    columns = [Column("row"), Column("weights"), Column("sequences"), score(heading=f"{headline.heading} [95 %]")]
    columns += [Column("against"), score(heading="Δ [95 %]", signed=True)]
    for name in attributes:
        columns += [score(heading=name), score(heading=f"Δ {name} [95 %]", signed=True)]
    columns.append(score(heading="± over seeds"))
    return Table(group.name, group.title, tuple(columns), tuple(_cells(result, attributes) for result in shown))


def _cells(result: RowResult, attributes: list[str]) -> tuple[Cell, ...]:
    whole = result.selections[ALL]
    cells: list[Cell] = [result.name, _how(result), len(result.sequences), whole.auc]
    cells += [result.row["reference"] or None, whole.difference]
    for name in attributes:
        part = result.selections.get(name)
        cells += [None, None] if part is None else [part.auc.estimate, part.difference]
    return (*cells, result.spread)


def _how(result: RowResult) -> str:
    if result.row["weights_of"]:
        return f"of {result.row['weights_of']}"
    return "retrained" if result.row["kind"] == "retrained" else "inference only"


def _group_text(group: Group, results: list[RowResult], headline: Figure) -> str:
    table = group_table(group, results, headline)
    # The heading stands above already.
    text = to_markdown(table).split("\n", 2)[2] if table.rows else ""
    lines = [f"* `{result.name}`: {result.row['shows']}" for result in results if not result.left_out]
    lines += [f"* `{result.name}` left out: {result.left_out}" for result in results if result.left_out]
    failures = [f"* `{result.name}` failed on {line}" for result in results for line in result.failures]
    return text + ("\n" if text else "") + "\n".join([*lines, *failures]) + "\n"


def _facts(record: Record) -> str:
    plan, made = record.plan, record.provenance
    chosen = f" that carry any of {', '.join(plan['only'])}" if plan["only"] else ""
    cut = f", the first {plan['frames']} frames of each" if plan["frames"] else ""
    data = plan["dataset"].get("name") or "sequences given by a script"
    weights, protocol = plan["weights"], resolve_protocol(plan["protocol"])
    score = protocol.headline.heading
    lines = [
        f"sequences: {len(plan['sequences'])} of {data}{chosen}{cut}",
        f"protocol: {protocol.description}",
        f"weights of the rows that are inference only: {weights['file']}, {weights['hash']}" if weights else "",
        _trainings(record),
        f"trackers: profile {plan['profile']}, {plan['precision']} on {plan['device']}, seed {plan['seed']}, "
        f"{plan['threads']} thread(s)",
        f"spectrack {plan['version']}, commit "
        f"{made['commit'] or 'unknown'}{', with changes' if made['uncommitted_changes'] else ''}, "
        f"torch {made['packages'].get('torch')}, {made['date']}, {made['processor']}",
        f"{score}: mean over {protocol.averaging} with a bootstrap interval over sequences; Δ: row minus the one named "
        "under against, paired by sequence; inference only: the weights above, other options; retrained: weights of "
        "its own by the short budget, scores averaged over seeds before anything else; of NAME: the weights trained "
        f"for that row; ±: standard deviation of the {score} over seeds or variants, which the intervals do not hold",
    ]
    return "\n".join(f"* {line}" for line in lines if line) + "\n"


def _trainings(record: Record) -> str:
    trainings = [result.training for result in record.ordered if result.training]
    budgets = {json.dumps(training, sort_keys=True): training for training in trainings}
    told = [
        f"{item['pairs']} pairs ({item['steps']} steps) by {item['recipe']}, seeds {', '.join(map(str, item['seeds']))}"
        + "".join(f", on {machine}" for machine in item.get("machines", ()))
        for item in budgets.values()
    ]
    return f"retrained rows: {'; '.join(told)}" if told else ""
