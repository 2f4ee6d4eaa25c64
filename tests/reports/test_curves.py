"""Success and precision plots: what is written on them, and refusals."""

import numpy as np
import pytest

from spectrack.errors import InputError
from spectrack.evaluation.protocols import score
from spectrack.reports.curves import write_precision_plot, write_success_plot
from tests.fixtures.refusals import refuses


def scores_of(shift, protocol="hot"):
    truth = {"a": np.tile([10.0, 10, 20, 20], (5, 1)), "b": np.tile([5.0, 5, 9, 9], (3, 1))}
    return score({name: rows + np.array([shift, 0, 0, 0]) for name, rows in truth.items()}, truth, protocol)


def test_success_names_auc_and_protocol(tmp_path):
    good, bad = scores_of(1.0), scores_of(5.0)
    text = write_success_plot(tmp_path / "success.svg", {"bad": bad, "good": good}).read_text()
    assert f"good  AUC {good.auc:.3f}" in text
    assert text.index("good  AUC") < text.index("bad  AUC")
    assert "protocol hot: AUC = success score, the mean of the success curve; 50 thresholds t, IoU ≥ t" in text
    assert "distance" not in text
    assert "2 sequences, 8 frames" in text
    assert "overlap threshold (IoU)" in text


def test_precision_names_dp(tmp_path):
    scores = scores_of(1.0, "otb")
    text = write_precision_plot(tmp_path / "precision.svg", scores).read_text()
    assert "DP@20 1.000" in text
    assert "protocol otb: DP@20 = frames within 20 px of the centre; 51 thresholds t, distance ≤ t" in text
    assert "AUC" not in text
    assert "centre distance threshold (px)" in text


def test_png_for_one_tracker(tmp_path):
    path = write_success_plot(tmp_path / "success.png", scores_of(1.0, "got10k"))
    assert path.read_bytes().startswith(b"\x89PNG")


def test_many_trackers_have_different_lines(tmp_path):
    text = write_success_plot(tmp_path / "s.svg", {f"t{k:02d}": scores_of(k / 4) for k in range(9)}).read_text()
    assert text.count("stroke-dasharray") > 0


@pytest.mark.parametrize(
    ("write", "results", "facts"),
    [
        (write_success_plot, {}, ("scores", "none")),
        (write_success_plot, {"a": scores_of(0), "b": scores_of(0, "otb")}, "'b'"),
        (write_precision_plot, scores_of(0, "got10k"), ("got10k", "hot", "otb")),
    ],
)
def test_refusals(tmp_path, write, results, facts):
    with refuses(InputError, facts):
        write(tmp_path / "a.png", results)
    assert list(tmp_path.iterdir()) == []
