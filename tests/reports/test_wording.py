"""The sentence at the head of a report: who leads, by how much, and whether that means anything."""

import pytest

from spectrack.evaluation.comparison import compare
from spectrack.evaluation.options import ScoringOptions
from spectrack.reports.wording import about_presets, about_protocol, about_runs, explain_words, lead


@pytest.fixture
def enough(monkeypatch):
    """Four sequences are enough."""
    monkeypatch.setattr("spectrack.evaluation.uncertainty.FEWEST_SEQUENCES", 4)


def test_one_tracker(made, enough):
    comparison = compare([made.run("d", "t", 0.0)])
    assert lead(comparison) == "t reaches an AUC of 1.000 (95% interval 1.000 to 1.000)."


def test_few_sequences_say_so_and_nothing_else(made):
    alone = lead(compare([made.run("d", "t", 0.0, labels=["car"])]))
    assert alone.startswith("t reaches an AUC of 1.000. 1 sequence is too few")
    text = lead(compare([made.run("a", "bad", 0.8), made.run("b", "good", 0.0)]))
    assert "4 sequences are too few" in text
    assert "holds" not in text
    assert "interval" not in text


def test_every_abbreviation_is_explained(made):
    comparison = compare([made.run("a", "t", 0.0)])
    words = dict(explain_words(comparison))
    assert {figure.heading for figure in comparison.shown} <= set(words)
    assert words["OCC"] == "occlusion"
    assert "CAM" not in words
    assert {"IoU", "lost", "lost flag", "confidence", "hidden"} <= set(words)


def test_a_clear_lead(made, enough):
    text = lead(compare([made.run("a", "bad", 0.8), made.run("b", "good", 0.0)], options=ScoringOptions(level=0.9)))
    assert text.startswith("good leads with an AUC of 1.000 (90% interval 1.000 to 1.000), 0.")
    assert "ahead of bad, a difference that holds on these sequences (interval +0." in text


def test_a_lead_that_says_little(made, enough):
    near, far = made.run("a", "near", 0.2), made.run("b", "far", 0.2)
    far.sequences["car"] = made.sequence("car", 0.0)
    far.sequences["forest$2$"] = made.sequence("forest$2$", 1.0)
    text = lead(compare([near, far]))
    assert "which these sequences cannot tell from no difference (interval −0." in text


def test_a_tie(made, enough):
    comparison = compare([made.run("a", "one", 0.0), made.run("b", "two", 0.0), made.run("c", "three", 0.5)])
    assert lead(comparison) == "one, two share the best AUC of 1.000 (95% interval 1.000 to 1.000)."


def test_every_switch_is_told(made):
    rows = dict(
        about_protocol(
            compare([made.run("d", "t", 0.1)], options=ScoringOptions("hot", "skip", "miss")).entrants[0].scores
        )
    )
    assert rows["success"] == "share of frames with IoU ≥ t, 50 thresholds from 0.02 to 1"
    assert rows["precision"] == "share of frames with a centre distance < t, 51 thresholds from 0 to 50 px"
    assert (rows["truth that is no box"], rows["frames without a prediction"]) == ("is skipped", "count as misses")
    rows = dict(about_protocol(compare([made.run("d", "t", 0.1)], options=ScoringOptions("got10k")).entrants[0].scores))
    assert "precision" not in rows
    assert (rows["headline averages over"], rows["first frame"]) == ("all frames", "is left out")


def test_facts_of_runs(made):
    comparison = compare([made.run("d", "t", 0.1), made.run("boxes/other", "Other", 0.1, info={})])
    (name, facts), (other, foreign) = about_runs(comparison)
    assert (name, other) == ("t", "Other")
    assert dict(facts) == {
        "method": "t",
        "weights": f"w.safetensors {made.hash_of('t')}",
        "seed": "3",
        "spectrack": "0.1.0 abc",
        "date": "2026-01-01",
    }
    assert foreign == [("boxes", "results of others, read from other"), ("weights", "not recorded")]


def test_a_preset_is_told_from_the_tracker_that_it_follows(made):
    """Own runs of the preset say what they are; results of the authors, under the same name, are the authors'."""
    comparison = compare([made.run("d", "mht", 0.1), made.run("boxes/mht", "authors", 0.1, info={})])
    (_, facts), (_, foreign) = about_runs(comparison)
    assert dict(facts)["method"] == "mht, in the manner of MHT, not its authors' tracker"
    assert "method" not in dict(foreign)
    assert about_presets(comparison) == ["mht is in the manner of MHT, not its authors' tracker."]
