"""Protocols against hand-computed cases and an independent reference written with plain Python loops."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spectrack.errors import ConfigError, InputError
from spectrack.evaluation.protocols import PROTOCOLS, get_protocol, hot_thresholds, score
from spectrack.evaluation.scores import Scores
from tests.fixtures.refusals import refuses

# ---------------------------------------------------------------- an independent reference: no NumPy, no sorting


def reference_iou(a, b):
    if min(a[2], a[3], b[2], b[3]) <= 0:
        return 0.0
    if list(a) == list(b):
        return 1.0
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    return min(1.0, width * height / (a[2] * a[3] + b[2] * b[3] - width * height))


def reference_distance(a, b):
    return math.hypot(a[0] + a[2] / 2 - (b[0] + b[2] / 2), a[1] + a[3] / 2 - (b[1] + b[3] / 2))


def reference_sequence(name, predicted, truth):
    """AUC, DP@20 and normalised precision of one sequence, spelled out for each protocol (None where undefined)."""
    overlaps, distances, relative = [], [], []
    for index, (p, t) in enumerate(zip(predicted, truth, strict=True)):
        if name == "got10k" and index == 0:
            continue
        if t[2] <= 0 or t[3] <= 0:
            if name == "otb":
                overlaps.append(0.0)
                distances.append(math.inf)
                relative.append(math.inf)
            continue  # the others are compared on such data with skip
        overlaps.append(reference_iou(p, t))
        distances.append(reference_distance(p, t))
        dx, dy = p[0] + p[2] / 2 - t[0] - t[2] / 2, p[1] + p[3] / 2 - t[1] - t[3] / 2
        relative.append(math.sqrt((dx / t[2]) ** 2 + (dy / t[3]) ** 2))
    n = len(overlaps)
    if name == "got10k":
        return sum(overlaps) / n, None, None
    normalised = sum(sum(1 for r in relative if r <= k / 100) / n for k in range(51)) / 51
    if name in ("hot", "hotc2026"):
        thresholds = [0.02 * k for k in range(1, 26)] + [1 - 0.02 * k for k in range(24, -1, -1)]
        curve = [sum(1 for o in overlaps if o >= t) / n for t in thresholds]
        return sum(curve) / 50, sum(1 for d in distances if d < 20) / n, normalised
    curve = [sum(1 for o in overlaps if o > 0.05 * k) / n for k in range(21)]
    return sum(curve) / 21, sum(1 for d in distances if d <= 20) / n, normalised


def invalid_rule(name):
    return "skip" if name == "hot" else None


quarter = st.integers(-40, 40).map(lambda k: k / 4)
side = st.integers(-1, 60).map(float)
rows = st.lists(st.tuples(quarter, quarter, side, side, quarter, quarter, side, side), min_size=2, max_size=12)


@pytest.mark.parametrize("name", sorted(PROTOCOLS))
@settings(max_examples=60, deadline=None)
@given(st.lists(rows, min_size=1, max_size=3))
def test_agrees_with_the_reference(name, sequences):
    truth, predictions, expected, frames = {}, {}, [], []
    for number, drawn in enumerate(sequences):
        truth_rows = [list(row[:4]) for row in drawn]
        truth_rows[-1][2:] = [7.0, 9.0]  # at least one frame with a valid box
        predicted_rows = [list(row[4:]) for row in drawn]
        truth[str(number)], predictions[str(number)] = truth_rows, predicted_rows
        expected.append(reference_sequence(name, predicted_rows, truth_rows))
        frames.append(sum(1 for r in truth_rows[1 if name == "got10k" else 0 :] if name == "otb" or min(r[2:]) > 0))
    scores = score(predictions, truth, name, invalid=invalid_rule(name))
    assert [item.frames for item in scores.sequences] == frames
    for item, (auc, dp20, normalised) in zip(scores.sequences, expected, strict=True):
        assert item.figures.auc == pytest.approx(auc, abs=1e-12)
        assert item.figures.dp20 == (None if dp20 is None else pytest.approx(dp20, abs=1e-12))
        assert item.figures.normalised_precision == (
            None if normalised is None else pytest.approx(normalised, abs=1e-12)
        )
    means = sum(auc for auc, _, _ in expected) / len(expected)
    pooled = sum(auc * n for (auc, _, _), n in zip(expected, frames, strict=True)) / sum(frames)
    assert scores.sequence_mean.auc == pytest.approx(means)
    assert scores.frame_pooled.auc == pytest.approx(pooled)
    assert scores.auc == (scores.frame_pooled.auc if name == "got10k" else scores.sequence_mean.auc)


# ---------------------------------------------------------------- hand-made cases


def one(predicted, truth, protocol="hot", **rules):
    return score({"s": predicted}, {"s": truth}, protocol, **rules).sequences[0]


SQUARE = [0.0, 0.0, 10.0, 10.0]


@pytest.mark.parametrize(
    ("protocol", "auc"), [("hot", 1.0), ("hotc2026", 1.0), ("otb", 20 / 21), ("lasot", 20 / 21), ("got10k", 1.0)]
)
def test_a_perfect_track(protocol, auc):
    # Tenths: (x + w) - x is not w in floating point, which must not cost the last threshold.
    boxes = np.random.default_rng(3).integers(1, 4000, (200, 4)) / 10
    scores = score({"a": boxes}, {"a": boxes}, protocol)
    assert scores.auc == pytest.approx(auc, abs=1e-15)
    assert scores.figures.average_overlap == 1.0
    assert scores.dp20 == (None if protocol == "got10k" else 1.0)


def test_matlab_thresholds():
    thresholds = hot_thresholds()
    assert len(thresholds) == 50
    assert thresholds[0] == 0.02
    assert thresholds[24] == 0.5
    assert thresholds[28] == 0.5800000000000001  # MATLAB's 0.58 of 0:0.02:1; 29 * 0.02 is 0.58
    assert thresholds[-1] == 1.0
    assert np.allclose(thresholds, np.arange(1, 51) / 50, atol=1e-15)


@pytest.mark.parametrize(("protocol", "counted"), [("hot", 25), ("otb", 10)])
def test_overlap_on_a_threshold(protocol, counted):
    # IoU is exactly 0.5: hot counts 0.02..0.50 (25 thresholds), otb counts 0..0.45 (10).
    item = one([[0, 0, 10, 5]], [SQUARE], protocol)
    assert item.figures.average_overlap == 0.5
    assert item.figures.auc == counted / (50 if protocol == "hot" else 21)
    assert item.figures.success_rate_50 == 0.0


@pytest.mark.parametrize(("protocol", "dp20"), [("hot", 0.5), ("hotc2026", 0.5), ("otb", 1.0), ("lasot", 1.0)])
def test_distance_of_exactly_twenty_pixels(protocol, dp20):
    # 12-16-20 is a right triangle: the distance is exact. The second frame lies at 19.99 px.
    item = one([[12, 16, 10, 10], [19.99, 0, 10, 10]], [SQUARE, SQUARE], protocol)
    assert item.figures.dp20 == dp20
    assert item.precision[20] == dp20
    assert item.precision[19] == 0.0


def test_normalised_precision_by_hand():
    # Offsets of 0.2 widths, 0.5 heights and 0.6 heights: curve at 0.2 is 1/3, and the mean is (31 + 1) / 3 / 51.
    truth = [[0, 0, 10, 20]] * 3
    figures = one([[2, 0, 10, 20], [0, 10, 10, 20], [0, 12, 10, 20]], truth, "lasot").figures
    assert figures.normalised_precision_02 == pytest.approx(1 / 3)
    assert figures.normalised_precision == pytest.approx((31 + 1) / 3 / 51)


def test_got10k_leaves_the_first_frame_out_and_pools():
    truth = {"long": [SQUARE] * 4, "short": [SQUARE] * 2}
    predictions = {"long": [[500, 500, 1, 1], SQUARE, SQUARE, SQUARE], "short": [SQUARE, [0, 0, 10, 5]]}
    scores = score(predictions, truth, "got10k")
    assert scores.auc == pytest.approx((3 * 1.0 + 0.5) / 4)
    assert scores.sequence_mean.auc == pytest.approx((1.0 + 0.5) / 2)
    assert scores.figures.success_rate_50 == pytest.approx(3 / 4)
    assert scores.dp20 is None


def test_the_first_prediction_is_scored_as_written():
    assert one([[500, 500, 1, 1], SQUARE], [SQUARE, SQUARE], "otb").figures.auc == pytest.approx(20 / 21 / 2)


def test_a_single_frame():
    assert one([SQUARE], [SQUARE]).figures.auc == 1.0
    with refuses(InputError, "'s'", "got10k", "0 skipped"):
        one([SQUARE], [SQUARE], "got10k")


HIDDEN = [3.0, 4.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("protocol", "frames", "skipped", "missed", "auc"),
    [("hotc2026", 1, 1, 0, 1.0), ("otb", 2, 0, 1, 10 / 21), ("lasot", 1, 1, 0, 20 / 21), ("got10k", 1, 1, 0, 1.0)],
)
def test_invalid_truth_by_protocol(protocol, frames, skipped, missed, auc):
    truth, predicted = [SQUARE, HIDDEN], [SQUARE, HIDDEN]
    if protocol == "got10k":
        truth, predicted = [SQUARE, *truth], [SQUARE, *predicted]
    item = one(predicted, truth, protocol)
    assert (item.frames, item.skipped, item.missed) == (frames, skipped, missed)
    assert item.figures.auc == pytest.approx(auc)


@pytest.mark.parametrize("row", [HIDDEN, [0, 0, -1, 5], [math.nan] * 4, [0, 0, math.inf, 5]])
def test_invalid_truth_under_hot(row):
    with refuses(InputError, "'s'", "1 of 2 frames", "frame 1", "--invalid miss"):
        one([SQUARE, SQUARE], [SQUARE, row])
    assert one([SQUARE, SQUARE], [SQUARE, row], invalid="miss").figures.auc == 0.5
    assert one([SQUARE, SQUARE], [SQUARE, row], invalid="miss").figures.dp20 == 0.5
    assert one([SQUARE, SQUARE], [SQUARE, row], invalid="skip").figures.auc == 1.0


def test_all_truth_invalid():
    with refuses(InputError, "'s'", "1 skipped"):
        one([SQUARE], [HIDDEN], invalid="skip")


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_predictions_that_are_not_finite(value):
    with refuses(InputError, "'s'", "NaN", "1 of 2", "--missing miss"):
        one([SQUARE, [0, value, 1, 1]], [SQUARE, SQUARE])
    item = one([SQUARE, [0, value, 1, 1]], [SQUARE, SQUARE], missing="miss")
    assert (item.missed, item.figures.auc, item.figures.dp20) == (1, 0.5, 0.5)


def test_a_missing_row_is_a_miss_even_near_the_origin():
    # A zero box would lie within 20 px of this target; a miss must not profit from that.
    item = one([SQUARE], [SQUARE, SQUARE], "hotc2026")
    assert (item.frames, item.missed, item.figures.auc, item.figures.dp20) == (2, 1, 0.5, 0.5)


def test_a_missing_sequence():
    truth = {"a": [SQUARE], "b": [SQUARE, SQUARE]}
    with refuses(InputError, "2 sequences", "'b'", "--missing miss"):
        score({"a": [SQUARE]}, truth)
    scores = score({"a": [SQUARE]}, truth, "hotc2026")
    assert [item.figures.auc for item in scores.sequences] == [1.0, 0.0]
    assert scores.frame_pooled.auc == pytest.approx(1 / 3)


def test_a_prediction_without_area_overlaps_nothing_but_has_a_centre():
    item = one([[5, 5, 0, 0]], [SQUARE])
    assert (item.figures.auc, item.figures.dp20, item.missed) == (0.0, 1.0, 0)


@pytest.mark.parametrize(
    ("predictions", "truth", "facts"),
    [
        ({"a": [SQUARE] * 3}, {"a": [SQUARE] * 2}, ("2", "'a'", "found 3")),
        (
            {"a": [SQUARE]},
            {"a": [SQUARE] * 2},
            ("2", "'a'", "found 1", "--missing miss"),
        ),
        ({"balll": [SQUARE]}, {"ball": [SQUARE]}, ("'balll'", "did you mean 'ball'")),
        ({str(n): [SQUARE] for n in range(8)}, {"ball": [SQUARE]}, ("'0', '1', '2', '3', '4'", "3 more")),
        ({"a": [[1, 2, 3]]}, {"a": [SQUARE]}, ("'a'", "(frames, 4)", "(1, 3)")),
        ({"a": [SQUARE]}, {"a": SQUARE}, ("'a'", "(frames, 4)", "(4,)")),
        ({"a": [["x", "y", 1, 1]]}, {"a": [SQUARE]}, ("'a'", "(frames, 4)", "'x'")),
        ({}, {}, ("sequence", "none")),
    ],
)
def test_bad_input_gets_a_sentence(predictions, truth, facts):
    with refuses(InputError, facts):
        score(predictions, truth)


def test_unknown_names_offer_the_nearest():
    with refuses(ConfigError, "'lasott'", "did you mean 'lasot'"):
        get_protocol("lasott")
    with refuses(ConfigError, "invalid", "error, miss, skip", "'skipp'", "did you mean 'skip'"):
        one([SQUARE], [SQUARE], invalid="skipp")
    with refuses(ConfigError, "missing", "error, miss", "'skip'"):
        one([SQUARE], [SQUARE], missing="skip")


@pytest.mark.parametrize("alias", ["otb21", "pysot"])
def test_aliases(alias):
    assert get_protocol(alias) is PROTOCOLS["otb"]


# ---------------------------------------------------------------- properties and the result object

boxes = st.lists(st.tuples(quarter, quarter, st.integers(1, 60), st.integers(1, 60)), min_size=2, max_size=20)


@settings(max_examples=50, deadline=None)
@given(boxes, st.integers(-500, 500))
def test_shifting_both_changes_nothing(drawn, shift):
    truth = np.array(drawn, dtype=float)
    predicted = truth[::-1]
    moved = np.array([shift, -shift, 0, 0])
    assert one(predicted, truth, "lasot").figures == one(predicted + moved, truth + moved, "lasot").figures


@settings(max_examples=50, deadline=None)
@given(boxes)
def test_curves_are_monotone_shares(drawn):
    truth = np.array(drawn, dtype=float)
    item = one(np.roll(truth, 1, axis=0), truth, "lasot")
    assert (np.diff(item.success) <= 0).all()
    assert (np.diff(item.precision) >= 0).all()
    assert (np.diff(item.normalised_precision) >= 0).all()
    assert 0 <= min(item.success + item.precision) <= max(item.success + item.precision) <= 1


@pytest.mark.parametrize("name", sorted(PROTOCOLS))
def test_json_round_trip_states_every_switch(name):
    truth = {"a": [SQUARE] * 3, "b": [SQUARE] * 2}
    scores = score(truth, truth, name)
    text = json.dumps(scores.to_json(), allow_nan=False)
    read = Scores.from_json(json.loads(text))
    assert (read.auc, read.dp20, read.sequences) == (scores.auc, scores.dp20, scores.sequences)
    assert read.curve("success") == scores.curve("success")
    assert {"success_thresholds", "success_strict", "averaging", "first_frame", "invalid", "missing"} <= set(
        read.switches
    )
    assert name in read.description


def test_json_of_something_else():
    with refuses(InputError, "protocol", "auc"):
        Scores.from_json({"auc": 1})


def test_selection_and_lookup():
    scores = score({"a": [SQUARE], "b": [[0, 0, 10, 5]]}, {"a": [SQUARE], "b": [SQUARE]})
    assert scores.select(["b"]).auc == 0.5
    with refuses(InputError, "2", "'c'"):
        scores.of("c")


def test_the_headline_curve_averages_to_the_auc():
    rng = np.random.default_rng(0)
    truth = {str(n): rng.uniform(1, 40, (5 + n, 4)) for n in range(4)}
    scores = score({name: rows + 1 for name, rows in truth.items()}, truth)
    thresholds, shares = scores.curve("success")
    assert len(thresholds) == 50
    assert np.mean(shares) == pytest.approx(scores.auc)
    assert score(truth, truth, "got10k").curve("normalised_precision") == ((), ())


def test_truth_at_the_edge_may_overlap_nothing_but_keeps_its_distance():
    rule = replace(get_protocol("hot"), edge_truth_is_miss=True)
    truth = [[1, 1, 10, 10], [0, 1, 10, 10], [1, 0, 10, 10], [-2, 5, 10, 10]]
    item = one(truth, truth, rule)
    assert (item.figures.auc, item.figures.dp20, item.missed) == (0.25, 1.0, 0)
    assert "truth at the edge missed" in rule.description
