"""Runs side by side: names, one truth, one set of sequences, one protocol, failures as misses."""

import dataclasses

import numpy as np
import pytest

from spectrack.errors import ConfigError, InputError
from spectrack.evaluation.alignment import unique_names
from spectrack.evaluation.comparison import compare
from spectrack.evaluation.options import ScoringOptions
from spectrack.evaluation.protocols import score
from tests.fixtures.refusals import refuses


def with_sequences(run, **changes):
    return dataclasses.replace(
        run, sequences={label: dataclasses.replace(item, **changes) for label, item in run.sequences.items()}
    )


def test_scores_are_those_of_the_boxes(made, two_runs):
    comparison = compare(two_runs)
    assert comparison.labels == tuple(made.LABELS)
    for entrant, run in zip(comparison.entrants, two_runs, strict=True):
        plain = score(
            {label: item.boxes for label, item in run.sequences.items()},
            {label: made.truth_of(label) for label in made.LABELS},
        )
        assert entrant.scores.auc == pytest.approx(plain.auc, abs=1e-12)
        assert entrant.scores.dp20 == plain.dp20
        assert entrant.scores.figures.normalised_precision is not None
    assert comparison.ranked()[0].name == "good_one"
    assert comparison.attributes["car"] == ("OCC", "BC")
    assert "_under_scored" not in comparison.attributes


def test_overlaps_by_hand(made):
    run = made.run("d", "t", 0.0, labels=["car"])
    boxes, truth = made.truth_of("car"), made.truth_of("car")
    boxes[1] += [truth[1, 2] / 2, 0, 0, 0]  # half beside: 1/3
    boxes[2] = np.nan
    truth[3] = [5, 5, 0, 0]
    run = with_sequences(run, boxes=boxes[:-1], truth=truth)
    values = compare([run], options=ScoringOptions(invalid="skip", missing="miss")).entrants[0].overlaps["car"]
    assert values[:3] == pytest.approx([1, 1 / 3, 0])
    assert np.isnan(values[3])
    assert values[-1] == 0


def test_notes_name_protocol_and_weights(made, two_runs):
    foreign = made.run("x", "paper", 0.2, info={})
    none = made.run("y", "cf", 0.2, info={"tracker": {"name": "cf"}})
    notes = compare([two_runs[0], foreign, none]).notes
    assert notes[0].startswith("protocol hot: AUC = mean of 50 thresholds")
    assert notes[0].endswith("4 sequences, 48 frames")
    assert notes[1] == f"good_one: weights {made.hash_of('good_one')[:8]}; paper: results of others; cf: no weights"


def test_weights_hash_wherever_it_stands(made):
    infos = [
        {"weights": {"sha256": "ab" * 32}},
        {"weights": "cd" * 32},
        {"tracker": {"weights": {"hash": "ef" * 6}}},
        {"weights": None},
    ]
    found = [compare([made.run("d", "t", 0, labels=["car"], info=info)]).entrants[0].run.weights_hash for info in infos]
    assert found == ["ab" * 32, "cd" * 32, "ef" * 6, None]


@pytest.mark.parametrize(
    ("places", "names"),
    [
        ([("a", "siamban"), ("b", "cf")], ["siamban", "cf"]),
        ([("r/a", "siamban"), ("r/b", "siamban")], ["siamban (a)", "siamban (b)"]),
        (
            [("r1/siamban", "siamban"), ("r2/siamban", "siamban"), ("r2/cf", "cf")],
            ["siamban (r1/siamban)", "siamban (r2/siamban)", "cf"],
        ),
        ([("a/b/c", "t"), ("z/b/c", "t")], ["t (b/c) 1", "t (b/c) 2"]),
        ([("a", "x\ny\x1b")], ["x?y?"]),
        ([("a", "")], ["unnamed"]),
    ],
)
def test_names_are_unique_and_printable(made, places, names):
    assert unique_names([made.run(place, tracker, 0, labels=["car"]) for place, tracker in places]) == names


def test_other_sequences_are_refused_unless_shared(made):
    whole, part = made.run("a", "whole", 0), made.run("b", "part", 0, labels=made.LABELS[:3])
    with refuses(InputError, "4 sequences", "'part'", "forest$2$", "3", "--shared"):
        compare([whole, part])
    comparison = compare([whole, part], options=ScoringOptions(shared=True))
    assert comparison.labels == tuple(made.LABELS[:3])
    assert comparison.remarks == ("Compared on 3 sequences that all have; left out: forest$2$.",)
    with refuses(InputError, "a, b"):
        compare(
            [made.run("a", "a", 0, labels=["car"]), made.run("b", "b", 0, labels=["_under_scored"])],
            options=ScoringOptions(shared=True),
        )


def test_sequences_without_truth_are_told(made):
    run = made.run("a", "t", 0)
    run.sequences["car"] = dataclasses.replace(run.sequences["car"], truth=None)
    comparison = compare([run])
    assert "car" not in comparison.labels
    assert comparison.remarks == ("Without truth, so tracked but not scored: car.",)
    with refuses(InputError, "t", "--truth DIR"):
        compare([with_sequences(run, truth=None)])


def test_given_truth_wins(made):
    run = made.run("a", "t", 0, labels=["car"])
    moved = made.truth_of("car") + np.array([1000.0, 0, 0, 0])
    assert compare([run], truth={"car": moved, "other": moved}).entrants[0].scores.auc == 0
    foreign = with_sequences(made.run("b", "f", 0, labels=["car"], info={}), truth=None)
    assert compare([foreign], truth={"car": made.truth_of("car")}).entrants[0].scores.auc == 1


def test_two_truths_are_refused(made):
    one, other = (
        made.run("a", "one", 0, labels=["car"]),
        made.run("b", "other", 0, labels=["car"], truth=made.truth_of("car") + 1),
    )
    with refuses(InputError, "'car'", "'one'", "'other'", "--truth"):
        compare([one, other])


def test_a_failure_counts_as_misses_and_nothing_else_does(made):
    boxes = made.truth_of("car")
    boxes[6:] = np.nan
    broken = made.run("a", "broken", 0, labels=["car"], boxes=boxes, failure="out of memory")
    whole = made.run("b", "whole", 0, labels=["car"])
    comparison = compare([broken, whole])
    assert [entrant.scores.auc for entrant in comparison.entrants] == pytest.approx([0.5, 1])
    silent = made.run("a", "silent", 0, labels=["car"], boxes=boxes)
    with refuses(InputError, "silent", "'car'", "6 of 12 frames", "--missing miss"):
        compare([silent, whole])
    assert compare([silent], options=ScoringOptions(missing="miss")).entrants[0].scores.auc == pytest.approx(0.5)


def test_protocol_is_the_runs_unless_asked(made):
    recorded = made.run("a", "t", 0.3, info={"protocol": "otb"})
    assert compare([recorded]).entrants[0].scores.protocol == "otb"
    assert compare([made.run("a", "t", 0.3, info={"protocol": {"name": "got10k"}})]).headline == "AO"
    assert compare([made.run("a", "t", 0.3, info={})]).entrants[0].scores.protocol == "hot"
    assert compare([recorded], options=ScoringOptions("lasot")).entrants[0].scores.protocol == "lasot"
    with refuses(ConfigError, "'hott'", "did you mean 'hot'"):
        compare([recorded], options=ScoringOptions("hott"))


def test_attributes_of_the_dataset_fill_gaps_only(made):
    comparison = compare([made.run("a", "t", 0)], attributes={"_under_scored": ["MB"], "car": ["XX"]})
    assert comparison.attributes["_under_scored"] == ("MB",)
    assert comparison.attributes["car"] == ("OCC", "BC")


def test_no_run():
    with refuses(InputError, "run", "--results"):
        compare([])


def test_what_one_run_knows_of_visibility_holds_for_all(made):
    seen = np.where(np.arange(made.FRAMES) >= 8, 0.09, 0.1)
    knowing = made.run("a", "knowing", 0, labels=["car"], visibility=seen)
    other = made.run("b", "other", 0, labels=["car"], visibility=None)
    comparison = compare([other, knowing])
    assert comparison.hidden["car"].tolist() == [False] * 8 + [True] * 4
    assert [entrant.flag_hidden.positives for entrant in comparison.entrants] == [4, 4]
