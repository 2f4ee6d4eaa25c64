"""A figure's SVG made part of a page, whose light or dark colours and font it follows, without foreign references.

Figures are drawn once, in the colours of `spectrack.plots` on white, and written as files. Inside the page the same
drawing takes its ink, paper and palette from the style sheet's variables, and leaves its small print to the page.
"""

from __future__ import annotations

import re

from spectrack.plots import GRID_COLOUR, NOTE, QUIET_COLOUR, TEXT_COLOUR, TRACK_COLOURS
from spectrack.signs import html_text

VARIABLES = {
    "#ffffff": "--paper",
    TEXT_COLOUR.lower(): "--ink",
    QUIET_COLOUR.lower(): "--quiet",
    GRID_COLOUR.lower(): "--grid",
    **{colour.lower(): f"--track-{index}" for index, colour in enumerate(TRACK_COLOURS)},
}
"""Colour in a figure to the variable of the page's style sheet."""

_SMALLEST_SCALE = 0.75
"""Pixels of the page that a point of the figure gets at least."""

_HEAD = re.compile(r"^.*?<svg\b[^>]*?viewBox=\"([^\"]*)\"[^>]*>", re.DOTALL)
_DROPPED = re.compile(r"<metadata>.*?</metadata>|<!--.*?-->|<defs>\s*<style.*?</style>\s*</defs>", re.DOTALL)
_NOTE = re.compile(rf'<g id="{NOTE}">.*?</g>', re.DOTALL)
_PLACE = re.compile(r"font-size: ([\d.]+)px.*?translate\([-\d.]+ ([\d.]+)\)", re.DOTALL)
_STYLE = re.compile(r"(?<=\bstyle=\")[^\"]*")
_COLOUR = re.compile(r"#[0-9a-f]{6}\b")
_IDENTIFIER = re.compile(r"\bid=\"([^\"]*)\"")
_REFERENCE = re.compile(r"(url\(#|href=\"#)([^)\"]*)")
_SHAPE = re.compile(r"(?<= )(d|x|y|x1|x2|y1|y2|width|height|transform|points)=\"([^\"]*)\"")
_LONG_NUMBER = re.compile(r"-?\d+\.\d{3,}")


def inline_svg(text: str, *, prefix: str, title: str) -> str:
    """The ``<svg>`` element for a page.

    Args:
        text: an SVG file as `spectrack.figure_files.save_figure` writes it.
        prefix: begins every identifier; unique in the page.
        title: what the figure shows, for people who do not see it.
    """
    text = _DROPPED.sub("", text)
    head = _HEAD.match(text)
    view = head.group(1) if head else "0 0 100 100"
    note = _NOTE.search(text)
    if note:
        text, view = _NOTE.sub("", text), _above(note.group(0), view)
    body = text[head.end() :].removesuffix("\n").removesuffix("</svg>") if head else ""
    body = body.replace("xlink:href", "href")
    used = {name for _, name in _REFERENCE.findall(body)}
    body = _IDENTIFIER.sub(lambda match: f'id="{prefix}-{match.group(1)}"' if match.group(1) in used else "", body)
    body = _REFERENCE.sub(lambda match: f"{match.group(1)}{prefix}-{match.group(2)}", body)
    body = _STYLE.sub(lambda match: _COLOUR.sub(_variable, match.group(0)), body)
    body = _SHAPE.sub(lambda match: f'{match.group(1)}="{_LONG_NUMBER.sub(_rounded, match.group(2))}"', body)
    body = re.sub(r"\s*\n\s*", "\n", body)
    # On a phone a wide figure scrolls rather than shrinks beyond reading.
    least = round(_SMALLEST_SCALE * float(view.split()[2]))
    return (
        f'<svg class="plot" style="min-width:{least}px" viewBox="{view}" role="img" aria-labelledby="{prefix}-title">'
        f'<title id="{prefix}-title">{html_text(title)}</title>{body}</svg>'
    )


def _above(note: str, view: str) -> str:
    """The part of a figure's field above its small print, which the page says once for all figures."""
    first = _PLACE.search(note)
    x, y, width, height = (float(number) for number in view.split())
    return f"{x:g} {y:g} {width:g} {height if first is None else float(first.group(2)) - float(first.group(1)):g}"


def _variable(match: re.Match[str]) -> str:
    name = VARIABLES.get(match.group(0))
    return match.group(0) if name is None else f"var({name})"


def _rounded(match: re.Match[str]) -> str:
    return f"{float(match.group(0)):.2f}".rstrip("0").rstrip(".")
