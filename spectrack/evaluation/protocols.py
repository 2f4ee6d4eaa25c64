"""Scoring protocols: named, fixed ways to turn boxes into AUC and precision, and `score`, which applies one.

The field's tools differ in thresholds, strictness and averaging, which moves results by up to three points; a number
without its protocol means little. `hot` reproduces the published tables of hyperspectral tracking (the MATLAB toolkit
of the HOT challenge: 50 thresholds, ``>=``, mean over sequences, first frame counted, strict 20 px). `otb` follows the
OTB toolkit as pysot computes it, `lasot` is `otb` with LaSOT's rule for absent objects, `got10k` reports the mean
overlap of all frames after the first, `hotc2026` is `hot` with the challenge's rules for invalid truth and missing
rows. Normalised precision is LaSOT's; the others but `got10k` show it beside their own figures.

No protocol here overwrites the first prediction with the truth, as some tools do: it is scored as it was written.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spectrack.boxes import Boxes, is_box
from spectrack.errors import ConfigError, InputError, nearest_name
from spectrack.evaluation import metrics
from spectrack.evaluation.figures import Figure, Figures, Frames, headline_figure
from spectrack.evaluation.options import DEFAULT_PROTOCOL, Invalid, Missing, ScoringRules
from spectrack.evaluation.scores import Scores, SequenceScores, combine
from spectrack.signs import counted


def hot_thresholds() -> tuple[float, ...]:
    """0.02, 0.04, ..., 1.00 with MATLAB's rounding of ``0:0.02:1``, without the 0.

    MATLAB builds a colon range from both ends (first half k * 0.02, second half 1 - (50 - k) * 0.02), so that 0.58 is
    0.5800000000000001 there and a frame with an overlap of 29/50 does not reach it.
    """
    return tuple(k * 0.02 if k <= 25 else 1 - (50 - k) * 0.02 for k in range(1, 51))


@dataclass(frozen=True)
class Protocol:
    """One way to score.

    Attributes:
        name: what ``--protocol`` takes.
        success_thresholds: overlaps at which the success curve is taken.
        success_strict: count ``IoU > t`` when true, ``IoU >= t`` when false.
        auc_is_average_overlap: the headline is the mean IoU instead of the mean of the success curve.
        precision_thresholds: centre distances in px; empty for a protocol without precision.
        precision_strict: count ``distance < t`` when true, ``distance <= t`` when false.
        normalised_precision_thresholds: centre distances in units of the truth's size; empty for none. Counted with
            ``<=``.
        averaging: what the headline averages over, ``sequences`` or ``frames``.
        first_frame: whether the frame whose box was given counts.
        invalid: what a truth row without a positive, finite size does: ``error``, count as a ``miss``, or ``skip``.
        missing: what a frame without a finite predicted box does: stop (``error``) or count as a ``miss``.
        edge_truth_is_miss: a truth box with x <= 0 or y <= 0 overlaps nothing, while its distance counts, as in
            HyperTools.py of the HOT challenge (it costs 0.0002 of AUC on HOT2020).
    """

    name: str
    success_thresholds: tuple[float, ...]
    success_strict: bool
    precision_thresholds: tuple[float, ...]
    precision_strict: bool
    invalid: Invalid
    missing: Missing
    auc_is_average_overlap: bool = False
    normalised_precision_thresholds: tuple[float, ...] = ()
    averaging: Literal["sequences", "frames"] = "sequences"
    first_frame: bool = True
    edge_truth_is_miss: bool = False

    @property
    def headline(self) -> Figure:
        """What its success score is called, and how it is printed."""
        return headline_figure(auc_is_average_overlap=self.auc_is_average_overlap)

    @property
    def description(self) -> str:
        """The protocol in a few words, for figures and tables."""
        count, sign = len(self.success_thresholds), ">" if self.success_strict else "≥"
        means = "mean IoU" if self.auc_is_average_overlap else f"mean of {count} thresholds, IoU {sign} t"
        success = f"{self.headline.heading} = {means}"
        precision = f", distance {'<' if self.precision_strict else '≤'} t" if self.precision_thresholds else ""
        over = "all frames pooled" if self.averaging == "frames" else "mean over sequences"
        first = "" if self.first_frame else ", first frame left out"
        edge = ", truth at the edge missed" if self.edge_truth_is_miss else ""
        return f"{self.name}: {success}{precision}, {over}{first}{edge}"


_PIXELS = tuple(float(distance) for distance in range(51))
_TWENTIETHS = tuple(step * 0.05 for step in range(21))
_HUNDREDTHS = tuple(step / 100 for step in range(101))
_normalised = functools.partial(Protocol, normalised_precision_thresholds=_HUNDREDTHS[:51])
_pooled = functools.partial(Protocol, auc_is_average_overlap=True, averaging="frames", first_frame=False)

PROTOCOLS: dict[str, Protocol] = {
    protocol.name: protocol
    for protocol in (
        _normalised("hot", hot_thresholds(), False, _PIXELS, True, "error", "error"),
        _normalised("hotc2026", hot_thresholds(), False, _PIXELS, True, "skip", "miss"),
        _normalised("otb", _TWENTIETHS, True, _PIXELS, False, "miss", "error"),
        _normalised("lasot", _TWENTIETHS, True, _PIXELS, False, "skip", "error"),
        _pooled("got10k", _HUNDREDTHS, True, (), False, "skip", "error"),
    )
}

ALIASES = {"otb21": "otb", "pysot": "otb"}


def get_protocol(name: str) -> Protocol:
    """The protocol of that name or alias.

    Raises:
        ConfigError: unknown name; the nearest one is offered.

    Example:
        >>> get_protocol("pysot").name
        'otb'
    """
    protocol = PROTOCOLS.get(ALIASES.get(name, name))
    if protocol is None:
        raise ConfigError(f"expected a protocol, found {name!r}; {nearest_name(name, [*PROTOCOLS, *ALIASES])}")
    return protocol


def resolve_protocol(
    protocol: str | Protocol, *, invalid: Invalid | None = None, missing: Missing | None = None
) -> Protocol:
    """The protocol with other rules for invalid truth and missing predictions, where these are given.

    Raises:
        ConfigError: unknown protocol or rule.
    """
    rule = protocol if isinstance(protocol, Protocol) else get_protocol(protocol)
    _check_policy("invalid", invalid, ("error", "miss", "skip"))
    _check_policy("missing", missing, ("error", "miss"))
    return replace(rule, invalid=invalid or rule.invalid, missing=missing or rule.missing)


def chosen_protocol(rules: ScoringRules) -> Protocol:
    """The protocol that options name, with the other rules that they give.

    Raises:
        ConfigError: unknown protocol or rule.
    """
    return resolve_protocol(rules.protocol, invalid=rules.invalid, missing=rules.missing)


def score(
    predictions: Mapping[str, ArrayLike],
    truth: Mapping[str, ArrayLike],
    protocol: str | Protocol = DEFAULT_PROTOCOL,
    *,
    invalid: Invalid | None = None,
    missing: Missing | None = None,
) -> Scores:
    """Score predicted boxes against the truth.

    Args:
        predictions: sequence name to boxes (N, 4), one row a frame, the given first box included; a row of NaN, rows
            lacking at the end and a name lacking altogether are missing predictions.
        truth: sequence name to boxes (N, 4).
        protocol: a name of `PROTOCOLS`, an alias, or a protocol of your own.
        invalid: another rule for truth without a positive size than the protocol's.
        missing: another rule for missing predictions than the protocol's.

    Returns:
        Figures and curves per sequence, their mean, and the frame-pooled figures. A miss overlaps nothing and lies
        infinitely far away. A predicted box with a side that is not positive overlaps nothing; its centre counts.

    Raises:
        ConfigError: unknown protocol or rule.
        InputError: arrays that are not (N, 4), predictions for an unknown sequence, more predictions than frames, and
            invalid truth or missing predictions where the rule is ``error``.

    Example:
        >>> boxes = np.array([[0.0, 0, 10, 10], [1, 0, 10, 10]])
        >>> score({"walk": boxes}, {"walk": boxes}).auc
        1.0
    """
    rule = resolve_protocol(protocol, invalid=invalid, missing=missing)
    check_names(predictions, truth, rule)
    sequences = []
    for name, rows in truth.items():
        true_boxes = _as_rows(rows, f"truth of {name!r}")
        predicted = _fill(name, predictions.get(name), len(true_boxes), rule)
        if not rule.first_frame:
            true_boxes, predicted = true_boxes[1:], predicted[1:]
        sequences.append(_score_sequence(name, predicted, true_boxes, rule))
    return combine(rule.name, rule.description, asdict(rule), tuple(sequences))


def _score_sequence(name: str, predicted: Boxes, truth: Boxes, rule: Protocol) -> SequenceScores:
    first = 0 if rule.first_frame else 1
    bad_truth = ~is_box(truth)
    if bad_truth.any() and rule.invalid == "error":
        raise InputError(
            f"expected truth boxes with positive, finite sides in {name!r}, found {_rows(bad_truth, first)}; "
            "choose --invalid miss to count such frames as misses or --invalid skip to leave them out"
        )
    skipped = 0
    if rule.invalid == "skip":
        predicted, truth, skipped = predicted[~bad_truth], truth[~bad_truth], int(bad_truth.sum())
        bad_truth = np.zeros(len(truth), dtype=bool)
    if not len(truth):
        raise InputError(
            f"expected at least one frame to score in {name!r}, found none under the protocol {rule.name} "
            f"({skipped} skipped{'' if rule.first_frame else ', the first frame does not count'}); leave it out"
        )
    lacking = np.asarray(~np.isfinite(predicted).all(axis=1))
    if lacking.any() and rule.missing == "error":
        raise InputError(
            f"expected a finite predicted box for every frame of {name!r}, found NaN or infinity in "
            f"{_rows(lacking, first)}; choose --missing miss to count such frames as misses"
        )
    missed = bad_truth | lacking
    if missed.any():
        # Placeholders keep NaN out of the arithmetic; `_measure` overrides what is computed from them.
        predicted, truth = np.where(missed[:, None], 0.0, predicted), np.where(missed[:, None], 1.0, truth)
    return _measure(name, predicted, truth, missed, rule, skipped)


def _measure(
    name: str, predicted: Boxes, truth: Boxes, missed: NDArray[np.bool_], rule: Protocol, skipped: int
) -> SequenceScores:
    no_overlap = missed | (truth[:, :2] <= 0).any(axis=1) if rule.edge_truth_is_miss else missed
    overlap = np.where(no_overlap, 0.0, metrics.overlaps(predicted, truth))
    distance = relative = None
    precision = normalised = np.empty(0)
    if rule.precision_thresholds:
        distance = np.where(missed, np.inf, metrics.distances(predicted, truth))
        precision = metrics.share_below(distance, rule.precision_thresholds, strict=rule.precision_strict)
    if rule.normalised_precision_thresholds:
        relative = np.where(missed, np.inf, metrics.normalised_distances(predicted, truth))
        normalised = metrics.share_below(relative, rule.normalised_precision_thresholds, strict=False)
    success = metrics.share_above(overlap, rule.success_thresholds, strict=rule.success_strict)
    return SequenceScores(
        name=name,
        frames=len(truth),
        skipped=skipped,
        missed=int(missed.sum()),
        figures=Figures.of(
            Frames(
                rule.auc_is_average_overlap,
                rule.precision_strict,
                overlap,
                distance,
                relative,
                success,
                precision,
                normalised,
            )
        ),
        success=tuple(success.tolist()),
        precision=tuple(precision.tolist()),
        normalised_precision=tuple(normalised.tolist()),
    )


def _fill(name: str, rows: ArrayLike | None, frames: int, rule: Protocol) -> Boxes:
    """Predictions as (frames, 4), NaN where there is none."""
    if rows is None:
        return np.full((frames, 4), np.nan)
    boxes = _as_rows(rows, f"predictions of {name!r}")
    if len(boxes) > frames:
        raise InputError(
            f"expected {frames} predicted boxes for {name!r}, one per truth row, found {len(boxes)}; "
            "check that both belong to the same version of the sequence, or cut the predictions"
        )
    if len(boxes) < frames and rule.missing == "error":
        raise InputError(
            f"expected {frames} predicted boxes for {name!r}, one per truth row, found {len(boxes)}; "
            "track the whole sequence, cut the truth to the frames that exist, or choose --missing miss"
        )
    return np.concatenate([boxes, np.full((frames - len(boxes), 4), np.nan)])


def _as_rows(value: ArrayLike, what: str) -> Boxes:
    try:
        boxes = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"expected {what} as numbers of shape (frames, 4), found something else ({error}); give x,y,w,h rows"
        ) from error
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise InputError(f"expected {what} of shape (frames, 4), found {boxes.shape}; give one x,y,w,h row a frame")
    return boxes


def check_names(predictions: Collection[str], truth: Collection[str], rule: Protocol) -> None:
    """Refuse predictions for sequences without truth, and truth without predictions where the rule does.

    Raises:
        InputError: the message names the sequences.
    """
    extra = [name for name in predictions if name not in truth]
    if extra:
        raise InputError(
            f"expected predictions only for the {counted(len(truth), 'sequence')} with truth, "
            f"found {_some(extra)} besides; "
            f"remove them or add their truth ({nearest_name(extra[0], truth) if truth else 'no truth was given'})"
        )
    absent = [name for name in truth if name not in predictions]
    if absent and rule.missing == "error":
        raise InputError(
            f"expected predictions for {counted(len(truth), 'sequence')}, "
            f"found none for {_some(absent)}; track them, leave their "
            "truth out, or choose --missing miss to count their frames as misses"
        )


def _some(names: list[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:5])
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"


def _check_policy(kind: str, value: str | None, known: tuple[str, ...]) -> None:
    if value is not None and value not in known:
        raise ConfigError(f"expected {kind} among {', '.join(known)}, found {value!r}; {nearest_name(value, known)}")


def _rows(mask: NDArray[np.bool_], first: int) -> str:
    """Such as ``3 of 80 frames, first at index 12``."""
    return f"{mask.sum()} of {mask.size} frames, the first at frame {np.argmax(mask) + first} (counted from 0)"
