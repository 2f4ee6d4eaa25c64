"""The table of figures: one entry and one function make a figure, and nothing else in the package spells one."""

import ast
import io
import json
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

import spectrack
from spectrack.cli.score_tables import make_sequences_table, make_trackers_table, trackers_legend
from spectrack.evaluation.comparison import compare
from spectrack.evaluation.figures import FIGURES, Figure, Figures
from spectrack.evaluation.options import ScoringOptions
from spectrack.evaluation.protocols import score
from spectrack.evaluation.scores import Scores
from spectrack.reports.result_tables import all_tables
from spectrack.reports.table_formats import to_csv, to_html, to_latex, to_markdown

PACKAGE = Path(spectrack.__file__).parent
TRUTH = np.tile([0.0, 0, 10, 10], (4, 1))


def rows(*overlaps):
    return np.array([[0, 0, 10 * overlap, 10] for overlap in overlaps])


def printed(table):
    stream = io.StringIO()
    Console(file=stream, width=120).print(table)
    return stream.getvalue()


def test_a_new_figure_is_one_entry_and_one_function(monkeypatch, two_runs):
    added = Figure(
        "success_rate_90", "SR@90", "frames with IoU above 0.9", "SR90", measure=lambda f: np.mean(f.overlap > 0.9)
    )
    monkeypatch.setitem(FIGURES, added.name, added)
    comparison = compare(two_runs, options=ScoringOptions("got10k"))
    first, second = comparison.entrants
    by_hand = np.average(
        [np.mean(first.overlaps[label][1:] > 0.9) for label in comparison.labels],
        weights=[item.frames for item in first.scores.sequences],
    )
    assert first.scores.figures.success_rate_90 == pytest.approx(by_hand)
    record = json.loads(json.dumps(first.to_json()))
    assert record["intervals"]["success_rate_90"]["estimate"] == pytest.approx(by_hand)
    assert record["attributes"]["OCC"]["figures"]["success_rate_90"] is not None
    assert Scores.from_json(record).sequences == first.scores.sequences
    assert "success_rate_90" in {item["figure"] for item in comparison.differences()}
    tables = all_tables(comparison)
    for write in (to_csv, to_markdown, to_latex, to_html):
        assert all("SR@90" in write(tables[stem]) for stem in ("summary", "averaging"))
    for text in (printed(make_trackers_table(comparison)), printed(make_sequences_table(second.scores))):
        assert "SR90" in text or "SR@90" in text
        assert f"{second.scores.figures.success_rate_90:.3f}" in text
    assert "SR90: frames with IoU above 0.9" in trackers_legend(comparison)


def test_keys_of_files_stay():
    assert set(score({"a": TRUTH}, {"a": TRUTH}).to_json()["sequence_mean"]) == {
        "auc",
        "dp20",
        "average_overlap",
        "success_rate_50",
        "success_rate_75",
        "normalised_precision",
        "normalised_precision_02",
    }


def test_headings_are_spelled_in_the_table_only():
    headings = {text for item in FIGURES.values() for text in (item.heading, item.short)} - {""}
    wrong = []
    for path in PACKAGE.rglob("*.py"):
        if path.name != "figures.py":
            tree = ast.parse(path.read_text(encoding="utf-8"))
            wrong += [
                f"{path.name}:{node.lineno}: {node.value}"
                for node in ast.walk(tree)
                if isinstance(node, ast.Constant) and node.value in headings
            ]
    assert wrong == []


def test_what_a_protocol_does_not_define_is_not_shown():
    found = score({"a": rows(1, 0.6, 0.6, 0.8)}, {"a": TRUTH}, "got10k")
    assert [(item.name, item.heading) for item in found.shown] == [
        ("auc", "AO"),
        ("success_rate_50", "SR@50"),
        ("success_rate_75", "SR@75"),
    ]
    assert [item.text(found.figures[item.name]) for item in found.shown] == ["0.667", "1.000", "0.333"]
    assert (found.figures.dp20, FIGURES["dp20"].text(None)) == (None, "-")


def test_figures_are_attributes_and_means_are_weighted():
    one, other = Figures(auc=0.2, dp20=None), Figures(auc=0.8, dp20=1.0)
    assert Figures.mean([one, other]) == {"auc": 0.5, "dp20": None}
    assert Figures.mean([one, other], [3, 1]).auc == pytest.approx(0.35)
    with pytest.raises(AttributeError, match=r"auc, dp20, found 'auk'"):
        one.auk  # noqa: B018
