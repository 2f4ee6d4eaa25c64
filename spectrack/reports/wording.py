"""What a report says in words: the result in a sentence or two, and what stands behind each run."""

from __future__ import annotations

from typing import Any

from spectrack.annotations.attributes import ATTRIBUTE_NAMES
from spectrack.evaluation.analysis import Analysis
from spectrack.evaluation.comparison import Comparison
from spectrack.evaluation.confidence import HIDDEN_WORDS
from spectrack.evaluation.figures import CALIBRATION_ERROR, FAILED, FRAMES_PER_SECOND, LOST, MISSED
from spectrack.evaluation.scores import Scores
from spectrack.evaluation.uncertainty import FEWEST_SEQUENCES
from spectrack.reports.published import published
from spectrack.signs import counted
from spectrack.trackers.presets import label_of


def lead(comparison: Comparison) -> str:
    """The outcome: who leads, by how much, and whether the sequences at hand can tell."""
    ranked, name = comparison.ranked(), comparison.headline
    best = ranked[0]
    interval = best.intervals["auc"]
    value, caution = f"{interval.estimate:.3f}", ""
    if interval.few:
        are = f"{counted(interval.sequences, 'sequence')} {'is' if interval.sequences == 1 else 'are'}"
        caution = f" {are} too few to tell how it would be on others; {FEWEST_SEQUENCES} or more can."
    else:
        value += f" ({comparison.level:.0%} interval {interval.low:.3f} to {interval.high:.3f})"
    if len(ranked) == 1:
        return f"{best.name} reaches an {name} of {value}.{caution}"
    second = ranked[1]
    if best.scores.auc == second.scores.auc:
        names = ", ".join(item.name for item in ranked if item.scores.auc == best.scores.auc)
        return f"{names} share the best {name} of {value}.{caution}"
    difference = comparison.difference(best, second)
    ahead = f"{best.name} leads with an {name} of {value}, {difference.estimate:.3f} ahead of {second.name}"
    if interval.few:
        return f"{ahead}.{caution}"
    holds = "a difference that holds on these sequences"
    judged = holds if difference.low > 0 else "which these sequences cannot tell from no difference"
    ends = f"(interval {difference.low:+.3f} to {difference.high:+.3f})".replace("-", "−")
    return f"{ahead}, {judged} {ends}."


def explain_headline(comparison: Comparison) -> str:
    """What the score is that the lead names."""
    figure = comparison.shown[0]
    return f"{figure.heading}: {figure.words}, from 0 to 1; more is better."


def explain_words(comparison: Comparison) -> list[tuple[str, str]]:
    """Every abbreviation and term of art on the page with its meaning, in the order in which they appear."""
    figures = (*comparison.shown, LOST, FAILED, MISSED, FRAMES_PER_SECOND, CALIBRATION_ERROR)
    used = {word for words in comparison.attributes.values() for word in words}
    return [
        (
            "IoU",
            "intersection over union of a box and the true box: 0 where they do not meet, 1 where they are the same",
        ),
        *((figure.heading, figure.words) for figure in figures),
        ("lost flag", "set by the tracker itself in frames in which it believes that it no longer follows the target"),
        ("confidence", "the tracker's own score of a box, from 0 to 1"),
        ("hidden", HIDDEN_WORDS),
        *((word, meaning) for word, meaning in ATTRIBUTE_NAMES.items() if word in used),
        ("protocol", f"how boxes become scores; here {comparison.scores.description}"),
    ]


def about_runs(comparison: Comparison) -> list[tuple[str, list[tuple[str, str]]]]:
    """For each tracker its name and the facts with which its boxes can be made again."""
    return [(entrant.name, _facts(entrant)) for entrant in comparison.entrants]


def about_protocol(scores: Scores) -> list[tuple[str, str]]:
    """Every switch that determines the numbers, in words."""
    switches = scores.switches
    success = switches["success_thresholds"]
    rows = [
        ("name", scores.protocol),
        ("in short", scores.description),
        ("success", f"share of frames with IoU {'>' if switches['success_strict'] else '≥'} t, {_steps(success)}"),
    ]
    if switches["precision_thresholds"]:
        sign = "<" if switches["precision_strict"] else "≤"
        steps = _steps(switches["precision_thresholds"])
        rows.append(("precision", f"share of frames with a centre distance {sign} t, {steps} px"))
    if switches["normalised_precision_thresholds"]:
        steps = _steps(switches["normalised_precision_thresholds"])
        distances = f"the same with the distance in sizes of the truth box, ≤ t, {steps} (as LaSOT)"
        rows.append(("normalised precision", f"{distances}; the figure is the mean"))
    invalid = {"skip": "is skipped", "miss": "counts as a miss", "error": "is refused"}[switches["invalid"]]
    rows += [
        ("headline averages over", "all frames" if switches["averaging"] == "frames" else "sequences"),
        ("first frame", "counts" if switches["first_frame"] else "is left out"),
        ("truth that is no box", invalid),
        ("frames without a prediction", {"miss": "count as misses", "error": "are refused"}[switches["missing"]]),
    ]
    return rows


def _steps(values: list[float]) -> str:
    return f"{len(values)} thresholds from {values[0]:g} to {values[-1]:g}"


def about_presets(comparison: Comparison) -> list[str]:
    """A sentence for each entrant that is a preset: a name that is another paper's is not that paper's figure."""
    names = {entrant.name: label_of(entrant.run.recorded("tracker").get("name")) for entrant in comparison.entrants}
    return [f"{name} is {label}." for name, label in names.items() if label]


def _facts(entrant: Analysis) -> list[tuple[str, str]]:
    info = entrant.run.info
    if not info:
        boxes = f"results of others, read from {entrant.run.directory.name or '.'}"
        known = published(entrant.run)
        training = [] if known is None else [("trained on", known.trained_on), ("stated in", known.source)]
        return [("boxes", boxes), *training, ("weights", "not recorded")]
    tracker, origin, dataset = (_mapping(info.get(name)) for name in ("tracker", "provenance", "dataset"))
    weights = _mapping(tracker.get("weights")) | _mapping(info.get("weights"))
    changes = " with uncommitted changes" if origin.get("uncommitted_changes") else ""
    commit = str(origin.get("commit") or "")[:12] + changes
    python = f"Python {origin['python']}" if origin.get("python") else ""
    rows = [
        ("method", ", ".join(word for word in (tracker.get("name"), label_of(tracker.get("name"))) if word)),
        ("weights", _words(weights.get("file"), entrant.run.weights_hash) or "none"),
        ("dataset", _words(dataset.get("name"), dataset.get("split"), dataset.get("modality"))),
        ("options", ", ".join(f"{key}={value}" for key, value in _mapping(tracker.get("options")).items())),
        ("scaling", tracker.get("scaling")),
        ("seed", info.get("seed")),
        ("spectrack", _words(origin.get("spectrack"), commit)),
        ("system", _words(origin.get("system"), python)),
        ("date", origin.get("date")),
    ]
    return [(name, str(value)) for name, value in rows if value not in (None, "")]


def _words(*found: Any) -> str:
    return " ".join(str(word) for word in found if word)


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
