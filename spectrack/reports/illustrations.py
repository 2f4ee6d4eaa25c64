"""All figures of a report: which there are, what they show in words, and their files (PDF and SVG)."""

from __future__ import annotations

import functools
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from spectrack.errors import SpectrackError
from spectrack.evaluation.analysis import Analysis
from spectrack.evaluation.comparison import Comparison, Highlight
from spectrack.evaluation.figures import CALIBRATION_ERROR
from spectrack.evaluation.robustness import LOST_BELOW
from spectrack.figure_files import save_figure, save_pages
from spectrack.reports.attribute_figures import FEWEST_SPOKES, draw_bars, draw_radar
from spectrack.reports.band_figures import draw_importance, draw_spectra, has_importance, has_spectra
from spectrack.reports.confidence import draw_calibration, draw_reliability
from spectrack.reports.curves import CURVES, draw_curves
from spectrack.reports.speed import draw_speed
from spectrack.reports.strip_figures import draw_strip
from spectrack.reports.strip_frames import StripFrame
from spectrack.reports.timelines import draw_timeline

if TYPE_CHECKING:
    from matplotlib.figure import Figure

OnProgress = Callable[[str, int, int | None], None]
"""Told what is being done, steps done, and steps in all."""

_CURVE_SIZE_IN = (5.0, 4.4)


@dataclass(frozen=True)
class Plan:
    """A figure to draw.

    Attributes:
        stem: path below the folder of figures, without suffix.
        alt: what the figure shows, for people who do not see it.
        caption: how to read it.
        draw: makes the figure.
        book: a PDF with a page for each figure of that kind, such as ``timelines``; by default a PDF of its own.
    """

    stem: str
    alt: str
    caption: str
    draw: Callable[[], Figure]
    book: str = ""


@dataclass(frozen=True)
class Illustration:
    """A figure that was drawn.

    Attributes:
        stem: see `Plan`.
        alt: see `Plan`.
        caption: see `Plan`.
        svg: its SVG file's text.
        pdf: path of its PDF below the folder of figures, with the page where it is one of several.
    """

    stem: str
    alt: str
    caption: str
    svg: str
    pdf: str


def file_stem(label: str) -> str:
    """A label as part of a file name that every system takes.

    Example:
        >>> file_stem("ball&mirror9"), file_stem("../a b")
        ('ball&mirror9', '_a_b')
    """
    return re.sub(r"[^\w.&+-]", "_", label).lstrip(".") or "_"


def plan_figures(
    comparison: Comparison, highlights: Sequence[Highlight], strips: Mapping[str, list[StripFrame]]
) -> tuple[list[Plan], list[str]]:
    """Every figure that the comparison gives, and sentences about what is left out.

    Args:
        comparison: the trackers.
        highlights: sequences with a film strip.
        strips: their frames, where there are pictures.
    """
    plans, remarks = [*_curve_plans(comparison), *_speed_plans(comparison), *_confidence_plans(comparison)], []
    found, words = _attribute_plans(comparison)
    plans += found
    remarks += words
    for highlight in highlights:
        if highlight.label in strips:
            plans.append(_strip_plan(comparison, highlight, strips[highlight.label]))
    evidenced = 0
    for label in comparison.labels:
        plans.append(_timeline_plan(comparison, label))
        found, words = _evidence_plans(comparison, label)
        plans += found
        remarks += words
        evidenced += len(found)
    if not evidenced:
        remarks.append("Band importance and spectra are left out: no run stored them.")
    return plans, remarks


def draw_figures(plans: Sequence[Plan], folder: Path, on_progress: OnProgress | None = None) -> dict[str, Illustration]:
    """Draw every plan, write PDF and SVG below `folder`, and give the illustrations by stem."""
    import matplotlib

    done: dict[str, Illustration] = {}
    pages: dict[str, int] = {}
    books: dict[str, Callable[[Figure], None]] = {}
    # Names are text, never formulas.
    with ExitStack() as stack:
        stack.enter_context(matplotlib.rc_context({"text.parse_math": False}))
        for number, plan in enumerate(plans):
            if on_progress is not None:
                on_progress("drawing figures", number, len(plans))
            figure = plan.draw()
            path = save_figure(figure, folder / f"{plan.stem}.svg")
            if plan.book:
                if plan.book not in books:
                    books[plan.book] = stack.enter_context(save_pages(folder / f"{plan.book}.pdf"))
                books[plan.book](figure)
                pages[plan.book] = pages.get(plan.book, 0) + 1
                pdf = f"{plan.book}.pdf#page={pages[plan.book]}"
            else:
                pdf = save_figure(figure, folder / f"{plan.stem}.pdf").relative_to(folder).as_posix()
            done[plan.stem] = Illustration(plan.stem, plan.alt, plan.caption, path.read_text(encoding="utf-8"), pdf)
    return done


def _curve_plans(comparison: Comparison) -> list[Plan]:
    named = {entrant.name: entrant.scores for entrant in comparison.entrants}
    colours = {entrant.name: entrant.index for entrant in comparison.entrants}
    note = "\n".join(comparison.notes)
    plans = []
    for kind, about in CURVES.items():
        if not comparison.entrants[0].scores.switches[f"{kind}_thresholds"]:
            continue
        values = ", ".join(f"{name} {scores.figures[about.figure]:.3f}" for name, scores in named.items())
        alt = f"{about.title} curves, share of frames over the {about.x_label}; {values}"
        draw = functools.partial(draw_curves, named, kind, colours=colours, note=note, size_in=_CURVE_SIZE_IN)
        plans.append(Plan(kind.replace("_", "-"), alt, about.caption, draw))
    return plans


def _speed_plans(comparison: Comparison) -> list[Plan]:
    speeds = {entrant.name: entrant.speed for entrant in comparison.entrants}
    timed = {name: speed.frames_per_second for name, speed in speeds.items() if speed.frames_per_second is not None}
    if len(timed) < 2:
        return []
    told = ", ".join(
        f"{entrant.name} {entrant.scores.auc:.3f} at {timed[entrant.name]:.0f} frames/s"
        for entrant in comparison.entrants
        if entrant.name in timed
    )
    caption = "Right is faster, up is better. Speeds compare only where the machine is the same."
    draw = functools.partial(draw_speed, comparison)
    return [Plan("speed", f"{comparison.headline} against speed: {told}", caption, draw)]


def _confidence_plans(comparison: Comparison) -> list[Plan]:
    known = [entrant.name for entrant in comparison.entrants if entrant.reliability is not None]
    if not known:
        return []
    caption = (
        "Frames by the tracker's own confidence, larger points for more frames. Where confidence can be relied on, "
        "boxes overlap more the surer the tracker is: the line rises to the right."
    )
    draw = functools.partial(draw_reliability, comparison)
    plans = [Plan("confidence", f"Mean overlap by confidence: {', '.join(known)}", caption, draw)]
    errors = {entrant.name: entrant.calibration.error for entrant in comparison.entrants if entrant.calibration}
    if errors:
        told = ", ".join(f"{name} {CALIBRATION_ERROR.text(error)}" for name, error in errors.items())
        caption = (
            f"Frames by the stated probability that the box is on target (IoU of at least {LOST_BELOW}), larger points "
            "for more frames. On the diagonal the stated probability comes true; below it the tracker is too sure."
        )
        draw = functools.partial(draw_calibration, comparison)
        plans.append(Plan("calibration", f"{CALIBRATION_ERROR.words}: {told}", caption, draw))
    return plans


def _attribute_plans(comparison: Comparison) -> tuple[list[Plan], list[str]]:
    found = comparison.entrants[0].attributes
    if not found:
        return [], ["Attributes are left out: no sequence names any."]
    words = ", ".join(found)
    bars = functools.partial(draw_bars, comparison)
    caption = f"Bars with {comparison.level:.0%} bootstrap intervals over sequences, their number in brackets."
    alone = [word for word, item in found.items() if item.sequences == 1]
    if alone:
        caption += f" Pale, without an interval: one sequence alone ({', '.join(alone)})."
    plans = [Plan("attribute-bars", f"{comparison.headline} by attribute as bars: {words}", caption, bars)]
    if len(found) < FEWEST_SPOKES:
        why = f"it takes {FEWEST_SPOKES} attributes, and the sequences carry {len(found)}"
        return plans, [f"The attribute radar is left out: {why}."]
    radar = functools.partial(draw_radar, comparison)
    caption = "One spoke an attribute, the number of sequences in brackets; further out is better."
    alt = f"{comparison.headline} by attribute as a radar: {words}"
    return [Plan("attribute-radar", alt, caption, radar), *plans], []


def _strip_plan(comparison: Comparison, highlight: Highlight, strip: list[StripFrame]) -> Plan:
    scores = ", ".join(comparison.shown[0].text(value) for value in comparison.auc(highlight.label))
    title = f"{highlight.label} ({highlight.reason}, {comparison.headline} {scores})"
    names, note = [entrant.name for entrant in comparison.entrants], "; ".join(comparison.notes)
    draw = functools.partial(draw_strip, strip, title=title, names=names, note=note)
    return Plan(f"strips/{file_stem(highlight.label)}", f"Film strip of {highlight.label}", "", draw)


def _timeline_plan(comparison: Comparison, label: str) -> Plan:
    alt = f"Overlap with the truth in every frame of {label}; {', '.join(comparison.legend(label))}"
    draw = functools.partial(draw_timeline, comparison, label)
    return Plan(f"timelines/{file_stem(label)}", alt, "", draw, "timelines")


def _evidence_plans(comparison: Comparison, label: str) -> tuple[list[Plan], list[str]]:
    plans, remarks = [], []
    spectra: Mapping[str, NDArray[Any]] | None = None
    for entrant in comparison.entrants:
        try:
            evidence = entrant.run.evidence(label)
        except (SpectrackError, OSError, ValueError, zipfile.BadZipFile) as error:
            remarks.append(f"The evidence of {entrant.name} for {label} is left out: {error}.")
            continue
        if has_importance(evidence):
            plans.append(_importance_plan(entrant, label, evidence))
        if spectra is None and has_spectra(evidence):
            spectra = evidence
    if spectra is not None:
        alt = f"Mean spectra of the target and of its surroundings in {label}"
        caption = (
            "Light inside the box and in a ring around it, by band: a thin line a frame, a thick one for their mean. "
            "The angle tells how far the shapes of the two means differ; at 0° they are the same but for brightness."
        )
        draw = functools.partial(draw_spectra, label, spectra)
        plans.append(Plan(f"spectra/{file_stem(label)}", alt, caption, draw, "spectra"))
    return plans, remarks


def _importance_plan(entrant: Analysis, label: str, evidence: Mapping[str, NDArray[Any]]) -> Plan:
    alt = f"Importance of each band in every frame of {label} by {entrant.name}"
    draw = functools.partial(draw_importance, entrant, label, evidence)
    caption = "How much the tracker made of each band, as it gave it itself; bright is much."
    return Plan(f"bands/{file_stem(label)}-{file_stem(entrant.name)}", alt, caption, draw, "bands")
