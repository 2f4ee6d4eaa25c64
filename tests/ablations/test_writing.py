"""The page and the file of an ablation: every figure where it belongs, from hand-made results."""

import json

import pytest

from spectrack.ablations.results import RowResult, result_of_row
from spectrack.ablations.rows import Group, Row, RowTable
from spectrack.ablations.writing import Record, ablation_terms, group_table, read_earlier, write_tables
from spectrack.errors import ConfigError, InputError
from spectrack.evaluation.uncertainty import Interval
from spectrack.files import claim_folder
from spectrack.reports.table_formats import to_csv
from tests.fixtures.refusals import refuses

ROWS = (
    Row("base", "one", "the weights as they are", "inference"),
    Row("box", "one", "boxes are *averaged*", "inference", reference="base"),
    Row("trained", "two", "trained anew", "retrained"),
    Row("dark", "two", "in the dark", "inference", weights_of="trained", reference="trained"),
    Row("levels", "two", "one level", "retrained", profile="full"),
)
GROUPS = (
    Group("one", "Group one", "What is it worth?"),
    Group("two", "Group two", "And this?"),
    Group("three", "Unused", "Nothing?"),
)
TABLE = RowTable("bcrnet", GROUPS, ROWS, {"compact": "bcrnet-compact"}, 0.5)
PLAN = {
    "method": "bcrnet",
    "profile": "compact",
    "precision": "fp32",
    "device": "cpu",
    "weights": {"file": "bcrnet-compact.safetensors", "hash": "0123456789ab"},
    "dataset": {"name": "simulated"},
    "only": ["CAM"],
    "frames": 20,
    "protocol": "hot",
    "seed": 0,
    "threads": 1,
    "pairs": None,
    "seeds": [1, 2],
    "version": "1.2.3",
    "sequences": ["a", "b"],
}
PROVENANCE = {
    "commit": "abc",
    "uncommitted_changes": True,
    "packages": {"torch": "9.9"},
    "date": "2026-01-01",
    "processor": "slow",
}
TRAINING = {"recipe": "bcrnet-compact", "pairs": 4000, "steps": 250, "seeds": [1, 2], "machines": ["fast chip, bf16"]}


@pytest.fixture
def record(make):
    labels = {"CAM": ["a"]}
    base, better = make.scores(a=0.5, b=0.7), make.scores(a=0.3, b=0.9)

    def of(place, runs, reference=None, **more):
        trackers = [{"run": f"runs/{number}", "weights": None} for number in range(len(runs))]
        return result_of_row(ROWS[place], runs, reference=reference, labels=labels, trackers=trackers, **more)

    results = [
        of(0, [base]),
        of(1, [better], base, failures=["b, frame 3: RuntimeError: [x]"]),
        of(2, [base, better], training=TRAINING),
        of(3, [base, base], base, training=TRAINING),
        RowResult(ROWS[4].to_json(), "means something in the profile full only"),
    ]
    # Later results first: the table decides the order.
    return Record(PLAN, TABLE, {result.name: result for result in reversed(results)}, ["more"], PROVENANCE)


def cells_of(page, name):
    (line,) = (line for line in page.splitlines() if line.startswith(f"| {name} "))
    return [cell.strip() for cell in line.strip("|").split(" | ")]


def claimed(place, **options):
    return claim_folder(place, ablation_terms(**options))


def test_the_page(record, tmp_path):
    with claimed(tmp_path) as claim:
        write_tables(claim, record)
    page = (tmp_path / "ablation.md").read_text()
    heading = next(line for line in page.splitlines() if line.startswith("| row "))
    assert (
        heading
        == "| row | weights | sequences | AUC \\[95 %\\] | against | Δ \\[95 %\\] | CAM | Δ CAM \\[95 %\\] | ± over "
        "seeds |"
    )
    assert cells_of(page, "base") == [
        "base",
        "inference only",
        "2",
        "0.600 \\[0.500, 0.700\\]",
        "–",
        "–",
        "0.500",
        "–",
        "–",
    ]
    # a: 0.3 - 0.5, b: 0.9 - 0.7; resamples of two differences end at both.
    assert cells_of(page, "box")[3:] == [
        "0.600 \\[0.300, 0.900\\]",
        "base",
        "+0.000 \\[−0.200, +0.200\\]",
        "0.300",
        "−0.200 \\[−0.200, −0.200\\]",
        "–",
    ]
    assert cells_of(page, "trained")[1] == "retrained"
    assert cells_of(page, "trained")[3] == "0.600 \\[0.400, 0.800\\]"
    assert cells_of(page, "dark")[1] == "of trained"
    assert cells_of(page, "dark")[-1] == "0.000"
    order = [
        page.index(text)
        for text in ("# Ablation of bcrnet", "## Group one", "What is it worth?", "## Group two", "Not measured yet")
    ]
    assert order == sorted(order)
    assert "Unused" not in page
    for sentence in (
        "* sequences: 2 of simulated that carry any of CAM, the first 20 frames of each",
        "* protocol: hot: AUC = mean of 50 thresholds, IoU ≥ t",
        "* weights of the rows that are inference only: bcrnet-compact.safetensors, 0123456789ab",
        "* retrained rows: 4000 pairs (250 steps) by bcrnet-compact, seeds 1, 2, on fast chip, bf16\n",
        "* trackers: profile compact, fp32 on cpu, seed 0, 1 thread(s)",
        "* spectrack 1.2.3, commit abc, with changes, torch 9.9, 2026-01-01, slow",
        "* `box`: boxes are *averaged*",
        "* `box` failed on b, frame 3: RuntimeError: [x]",
        "* `levels` left out: means something in the profile full only",
        "Not measured yet: `more`.",
    ):
        assert sentence in page


def test_the_file_holds_all_of_it(record, tmp_path):
    with claimed(tmp_path) as claim:
        write_tables(claim, record)
    value = json.loads((tmp_path / "ablation.json").read_text())
    assert [item["row"]["name"] for item in value["rows"]] == ["base", "box", "trained", "dark", "levels"]
    assert value["plan"] == PLAN
    assert value["missing"] == ["more"]
    assert value["provenance"] == PROVENANCE
    assert [group["name"] for group in value["groups"]] == ["one", "two", "three"]
    with claimed(tmp_path) as claim:
        earlier = read_earlier(claim, PLAN, TABLE)
    assert {name: result.to_json() for name, result in earlier.items()} == {
        name: json.loads(json.dumps(result.to_json())) for name, result in record.results.items()
    }
    for place, overwrite in ((tmp_path, True), (tmp_path / "none", False)):
        with claimed(place, overwrite=overwrite) as claim:
            assert read_earlier(claim, PLAN, TABLE) == {}


def test_a_group_is_a_table_like_those_of_reports(record):
    table = group_table(GROUPS[1], [result for result in record.ordered if result.row["group"] == "two"])
    assert [row[0] for row in table.rows] == ["trained", "dark"]
    assert isinstance(table.rows[1][5], Interval)
    assert (
        to_csv(table)
        .splitlines()[0]
        .startswith("row,weights,sequences,AUC [95 %],AUC [95 %] low,AUC [95 %] high,against")
    )


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("{", ("JSON", "ablation.json")),
        ("[]", ("JSON", "ablation.json", "list")),
        ("{}", ("JSON", "--overwrite")),
        (json.dumps({"plan": PLAN, "rows": [{"row": 1}]}), ("'row'", "found 1")),
    ],
)
def test_damaged_files_are_refused(tmp_path, text, facts):
    with claimed(tmp_path) as claim:
        claim.write_text("ablation.json", text)
        with refuses(InputError, facts):
            read_earlier(claim, PLAN, TABLE)


def test_other_settings_are_named(record, tmp_path):
    with claimed(tmp_path) as claim:
        write_tables(claim, record)
    with claimed(tmp_path) as claim, refuses(ConfigError, "[1, 2, 3]", "[1, 2]", "--overwrite"):
        read_earlier(claim, PLAN | {"seeds": [1, 2, 3]}, TABLE)
    with claimed(tmp_path) as claim, refuses(ConfigError, "weights.hash", '"ffff"', '"0123456789ab"', "--overwrite"):
        read_earlier(claim, PLAN | {"weights": PLAN["weights"] | {"hash": "ffff"}}, TABLE)
