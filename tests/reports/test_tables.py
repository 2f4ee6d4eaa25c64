"""Tables: every number equals one computed here by other means, in every format, and no name breaks a format."""

import csv
import html.parser
import io
import itertools
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectrack.annotations.attributes import ATTRIBUTE_NAMES
from spectrack.cli.score_tables import make_special_tables, trackers_legend
from spectrack.errors import InputError
from spectrack.evaluation.comparison import compare
from spectrack.evaluation.figures import CALIBRATION_ERROR
from spectrack.evaluation.options import ScoringOptions
from spectrack.evaluation.uncertainty import Interval
from spectrack.reports.illustrations import plan_figures
from spectrack.reports.result_tables import all_tables, attribute_table
from spectrack.reports.table_formats import to_csv, to_html, to_latex, to_markdown
from spectrack.reports.tables import Column, Table
from spectrack.simulation.attributes import ATTRIBUTES
from tests.fixtures.refusals import refuses


@pytest.fixture(scope="module")
def comparison(two_runs):
    return compare(two_runs)


@pytest.fixture(scope="module")
def tables(comparison):
    return all_tables(comparison)


def auc_by_hand(boxes, truth):
    """Mean over 50 thresholds of the share of frames whose overlap reaches them, counted one by one."""
    reached = 0
    for (x, y, w, h), (u, v, p, q) in zip(boxes.tolist(), truth.tolist(), strict=True):
        across, down = max(0.0, min(x + w, u + p) - max(x, u)), max(0.0, min(y + h, v + q) - max(y, v))
        overlap = across * down / (w * h + p * q - across * down)
        reached += sum(overlap >= k / 50 - 1e-12 for k in range(1, 51))
    return reached / 50 / len(boxes)


def read_csv(table):
    return list(csv.DictReader(io.StringIO(to_csv(table))))


def test_sequence_table_by_hand(made, two_runs, tables):
    rows = read_csv(tables["sequences"])
    assert [row["sequence"] for row in rows] == [*made.LABELS, "mean"]
    columns = [name for name in rows[0] if name.endswith(" AUC")]
    means = []
    for column, run in zip(columns, two_runs, strict=True):
        by_hand = {label: auc_by_hand(run.sequences[label].boxes, made.truth_of(label)) for label in made.LABELS}
        for row in rows[:-1]:
            assert float(row[column]) == pytest.approx(by_hand[row["sequence"]], abs=1e-12)
        means.append(np.mean(list(by_hand.values())))
    assert [float(rows[-1][column]) for column in columns] == pytest.approx(means, abs=1e-12)
    for row in rows[:-1]:
        assert float(row["spread"]) == pytest.approx(abs(float(row[columns[0]]) - float(row[columns[1]])), abs=1e-12)
    assert rows[-1]["frames"] == str(4 * made.FRAMES)


def test_csv_gives_every_digit(comparison, tables):
    for row, entrant in zip(read_csv(tables["summary"]), comparison.entrants, strict=True):
        assert row["tracker"] == entrant.name
        assert float(row["AUC"]) == entrant.scores.auc
        assert float(row["DP@20"]) == entrant.scores.dp20
        assert float(row["AUC low"]) <= float(row["AUC"]) <= float(row["AUC high"])
    first, second = read_csv(tables["summary"])
    assert (first["ΔAUC to good_one"], first["ΔAUC to good_one low"]) == ("", "")
    assert float(second["ΔAUC to good_one"]) == pytest.approx(float(second["AUC"]) - float(first["AUC"]), abs=1e-12)


def test_intervals_by_enumeration(two_runs, made, comparison, tables):
    """Four sequences have 256 resamples; the quantiles of all of them are what the bootstrap approaches."""
    values = [auc_by_hand(two_runs[1].sequences[label].boxes, made.truth_of(label)) for label in made.LABELS]
    every = [np.mean(sample) for sample in itertools.product(values, repeat=4)]
    row = read_csv(tables["summary"])[1]
    assert [float(row["AUC low"]), float(row["AUC high"])] == pytest.approx(
        np.quantile(every, [0.025, 0.975]), abs=0.02
    )


def test_attribute_table(made, two_runs, tables):
    rows = read_csv(tables["attributes"])
    assert [(row["attribute"], row["sequences"]) for row in rows] == [
        ("BC", "1"),
        ("IV", "1"),
        ("OCC", "2"),
        ("SV", "1"),
    ]
    occ = np.mean(
        [auc_by_hand(two_runs[0].sequences[label].boxes, made.truth_of(label)) for label in ("ball&mirror9", "car")]
    )
    assert float(rows[2]["good_one AUC"]) == pytest.approx(occ, abs=1e-12)


def test_attributes_are_spelt_out_below_their_table(made, two_runs):
    assert "IV: illumination variation; OCC: occlusion" in attribute_table(compare(two_runs)).caption
    assert set(ATTRIBUTES) <= set(ATTRIBUTE_NAMES)  # those of the simulator too


def test_no_attributes_no_table(made):
    assert attribute_table(compare([made.run("d", "t", 0, labels=["_under_scored"])])) is None


def test_speed_table(tables):
    row = read_csv(tables["speed"])[0]
    assert float(row["frames/s"]) == pytest.approx(100)
    assert [float(row[f"{part} ms"]) for part in ("reading", "network", "rest")] == pytest.approx([1, 6, 3])
    assert (row["machine"], row["device"], row["frames"]) == ("Example Processor 9, 2 cores", "cpu fp32", "44")


def test_foreign_results_have_no_speed(made):
    run = made.run("d", "paper", 0, labels=["car"], info={}, milliseconds={}, score=None, lost=None)
    row = read_csv(all_tables(compare([run]))["speed"])[0]
    assert [row[name] for name in ("frames/s", "reading ms", "frames", "machine")] == ["", "", "", ""]


def test_loss_table(made):
    boxes = made.truth_of("car")
    boxes[6:] = np.nan
    runs = [
        made.run("a", "broken", 0, labels=["car"], boxes=boxes, failure="out of <memory>"),
        made.run("b", "fine", 0, labels=["car"]),
    ]
    tables = all_tables(compare(runs))
    assert read_csv(tables["losses"]) == [
        {"tracker": "broken", "sequence": "car", "frame of loss": "6", "of frames": "12", "failure": "out of <memory>"}
    ]
    summary = read_csv(tables["summary"])
    assert [(row["lost"], row["failed"], row["missed"]) for row in summary] == [("1", "1", "6"), ("0", "0", "0")]
    assert "out of &lt;memory&gt;" in to_html(tables["losses"])


def test_confidence_table_by_hand(made):
    truth = made.truth_of("car")
    boxes = truth.copy()
    boxes[8:] += 500
    visibility = np.where(np.arange(made.FRAMES) >= 10, 0.0, 1.0)
    run = made.run("d", "t", 0, labels=["car"], boxes=boxes, visibility=visibility, lost=np.arange(made.FRAMES) >= 9)
    foreign = made.run("x", "paper", 0, labels=["car"], info={}, score=None, lost=None)
    (row,) = read_csv(all_tables(compare([run, foreign]))["confidence"])
    assert (row["tracker"], row["flagged frames"], row["hidden frames"], row["missed frames"]) == ("t", "3", "2", "4")
    numbers = [
        float(row[name]) for name in ("hidden: precision", "hidden: recall", "missed: precision", "missed: recall")
    ]
    assert numbers == pytest.approx([2 / 3, 1, 1, 3 / 4])
    assert float(row["rank correlation"]) > 0.7
    assert "confidence" not in all_tables(compare([foreign]))


def test_stated_probabilities_are_told_wherever_runs_are_compared(made):
    truth = made.truth_of("car")
    boxes = np.where(np.arange(made.FRAMES)[:, None] < 7, truth, truth + 500)
    stated = np.where(np.arange(made.FRAMES) < 7, 1.0, 0.25)
    run = made.run("d", "t", 0, labels=["car"], boxes=boxes, probability=stated)
    silent = made.run("d", "old", 0, labels=["car"])
    comparison = compare([run, silent])
    # Of eleven frames five miss, and a quarter was stated for them.
    error = 5 * 0.25 / 11
    assert [entrant.to_json()["calibration"] is None for entrant in comparison.entrants] == [False, True]
    assert comparison.entrants[0].to_json()["calibration"]["error"] == pytest.approx(error)
    told = read_csv(all_tables(comparison)["confidence"])
    (stated_error, nothing) = (row[CALIBRATION_ERROR.heading] for row in told)
    assert (float(stated_error), nothing) == (pytest.approx(error), "")
    (table,) = make_special_tables(comparison)
    columns = {str(column.header): list(map(str, column.cells)) for column in table.columns}
    assert columns[CALIBRATION_ERROR.label] == [f"{error:.3f}", "-"]
    assert CALIBRATION_ERROR.words in trackers_legend(comparison)
    plans = {plan.stem: plan for plan in plan_figures(comparison, [], {})[0]}
    assert f"t {error:.3f}" in plans["calibration"].alt
    lines = {line.get_label().strip(): line.get_xydata() for line in plans["calibration"].draw().axes[0].lines}
    assert np.allclose(lines[f"t  ECE {error:.3f}"], [(0.25, 0), (1, 1)])
    alone = compare([silent])
    assert make_special_tables(alone) == []
    assert "calibration" not in [plan.stem for plan in plan_figures(alone, [], {})[0]]


def test_a_protocol_without_precision(two_runs):
    tables = all_tables(compare(two_runs, options=ScoringOptions("got10k")))
    assert list(read_csv(tables["summary"])[0])[:4] == ["tracker", "AO", "AO low", "AO high"]
    assert not any("DP" in name or "norm" in name for name in read_csv(tables["averaging"])[0])
    assert read_csv(tables["sequences"])[-1]["sequence"] == "all frames"


def test_level_is_checked(two_runs):
    with refuses(InputError, "level", "found 95"):
        compare(two_runs, options=ScoringOptions(level=95))


def test_best_is_bold_and_ties_are_not():
    columns = (
        Column("tracker"),
        Column("up", 2, "high"),
        Column("down", 2, "low"),
        Column("same", 2, "high"),
        Column("plain", 2),
    )
    table = Table("t", "c", columns, (("a", 0.5, 0.5, 1.0, 0.1), ("b", 0.7, 0.7, 1.0, 0.2), ("c", 0.7, None, 1.0, 0.3)))
    assert table.best_cells() == {(1, 1), (2, 1), (0, 2)}
    assert "| b | **0.70** | 0.70 | 1.00 | 0.20 |" in to_markdown(table)
    assert r"a & 0.50 & \textbf{0.50} & 1.00 & 0.10 \\" in to_latex(table)


def test_columns_that_compete_in_a_row():
    columns = (
        Column("sequence"),
        Column("a", 1, "high", group="AUC"),
        Column("b", 1, "high", group="AUC"),
        Column("c", 1, "high", group="DP"),
    )
    assert Table("t", "c", columns, (("x", 0.1, 0.2, 0.9), ("y", 0.4, 0.3, 0.1))).best_cells() == {(0, 2), (1, 1)}


def test_latex_escapes(tables):
    text = to_latex(tables["sequences"])
    assert r"ball\&mirror9 & OCC SV & 12" in text
    assert r"\_under\_scored" in text
    assert r"forest\$2\$" in text
    assert r"\textless{}script\textgreater{}alert('x')\textless{}/script\textgreater{} \& \$b\$ AUC" in text
    assert text.count(r"\toprule") == text.count(r"\bottomrule") == 1
    assert r"$\Delta$AUC" in to_latex(tables["summary"])


def test_markdown_escapes(tables):
    lines = to_markdown(tables["sequences"]).splitlines()
    assert any(line.startswith(r"| \_under\_scored |  | 12 | ") for line in lines)
    assert any(line.startswith("| ball&amp;mirror9 | OCC SV | 12 | ") for line in lines)
    assert {line.count("|") - line.count(r"\|") for line in lines[2:]} == {len(tables["sequences"].columns) + 1}


class Cells(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.rows, self.values, self.open = [], [], False

    def handle_starttag(self, tag, attributes):
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self.values.append((tag, dict(attributes)))
            self.open = True

    def handle_endtag(self, tag):
        self.open = self.open and tag not in ("td", "th")

    def handle_data(self, data):
        if self.open:
            self.rows[-1][-1] += data


def cells_of(table):
    parser = Cells()
    parser.feed(to_html(table))
    return parser


def test_html_numbers_and_sorting(comparison, tables):
    parser = cells_of(tables["sequences"])
    head, *body, foot = parser.rows
    assert head[:3] == ["sequence", "attributes", "frames"]
    for row in body:
        for entrant in comparison.entrants:
            assert row[3 + entrant.index] == f"{entrant.scores.of(row[0]).figures.auc:.3f}"
    assert foot[3:5] == [f"{entrant.scores.auc:.3f}" for entrant in comparison.entrants]
    kinds = [about.get("data-sort") for tag, about in parser.values[: len(head)]]
    assert kinds == ["text", "text", *["number"] * (len(head) - 2)]
    inside = parser.values[len(head) : -len(foot)]
    assert all("data-value" in about for _, about in inside)
    assert float(inside[3][1]["data-value"]) == comparison.entrants[0].scores.of(body[0][0]).figures.auc


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cf", "Cs", "Zl", "Zp", "Cn"]), max_size=20)


def one_cell(name):
    columns = (Column(f"h{name}"), Column("AUC", 3, "high"))
    return Table("t", f"c {name}", columns, ((name, Interval(0.5, 0.25, 0.75, 0.95, 4)), ("other", 0.25)))


@given(NAMES)
def test_any_name_survives_csv_and_html(name):
    table = one_cell(name)
    header, first, second = csv.reader(io.StringIO(to_csv(table)))
    assert header == [f"h{name}", "AUC", "AUC low", "AUC high"]
    assert first == [f"'{name}" if name.startswith(("=", "+", "-", "@")) else name, "0.5", "0.25", "0.75"]
    assert second[0] == "other"
    parser = cells_of(table)
    assert parser.rows[0][0] == f"h{name}"
    assert parser.rows[1] == [name, "0.500 [0.250, 0.750]"]


@pytest.mark.parametrize("name", ["=1+2", "+1", "-1+2", "@SUM(A1)", "\t=1"])
def test_a_name_is_no_formula(name):
    _, first, _ = csv.reader(io.StringIO(to_csv(one_cell(name))))
    assert first == [f"'{name}", "0.5", "0.25", "0.75"]


def test_numbers_keep_their_sign():
    table = Table("t", "c", (Column("a"), Column("b", 3)), (("x", -0.25),))
    assert to_csv(table) == "a,b\nx,-0.25\n"


@pytest.mark.parametrize("form", [to_csv, to_markdown, to_latex, to_html])
def test_control_characters_reach_no_file(form):
    text = form(one_cell("a\x1b]0;b\x07\x00\x9b\u202e\udcff"))
    assert not set(re.findall(r"[^\n -~\u00a0-\uffff]|[\u202e\udcff]", text))
    assert "x1b" in text
    text.encode("utf-8")


@given(NAMES)
def test_no_name_breaks_latex(name):
    row = to_latex(one_cell(name)).splitlines()[9]
    bare = re.sub(
        r"\\text(asciitilde|asciicircum|backslash|less|greater|bar)\{\}|\\[&%$#_{}]|\$(\\Delta|\\geq|\\leq|\\pm|-)\$",
        "",
        row,
    )
    assert not set(bare.removesuffix(r" \\").replace(r"\textbf{0.500 [0.250, 0.750]}", "").replace(" & ", "", 1)) & set(
        "&%$#_{}~^\\"
    )
