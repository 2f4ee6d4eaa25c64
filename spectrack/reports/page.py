"""The report as one HTML page: style, script, figures and pictures inside it, nothing fetched, readable as text."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from urllib.parse import quote

from spectrack.annotations.attributes import ATTRIBUTE_NAMES
from spectrack.evaluation.comparison import Comparison, Highlight
from spectrack.evaluation.confidence import HIDDEN_WORDS
from spectrack.reports.illustrations import Illustration, file_stem
from spectrack.reports.inline_svg import inline_svg
from spectrack.reports.strip_figures import strip_html
from spectrack.reports.strip_frames import StripFrame
from spectrack.reports.table_formats import explained, swatch, to_html
from spectrack.reports.tables import Table
from spectrack.reports.wording import about_protocol, about_runs, explain_headline, explain_words, lead
from spectrack.signs import html_text

SECTIONS = {
    "summary": "Summary",
    "curves": "Curves",
    "attributes": "Attributes",
    "sizes": "Sizes",
    "highlights": "Highlights",
    "sequences": "Sequences",
    "timelines": "Timelines",
    "speed": "Speed",
    "losses": "Losses",
    "absences": "Coming back",
    "confidence": "Confidence",
    "words": "Words",
    "provenance": "Provenance",
}


@dataclass(frozen=True)
class PageContent:
    """What a page shows.

    Attributes:
        title: of the page.
        comparison: the trackers and their scores.
        tables: by stem.
        illustrations: by stem.
        highlights: sequences with pictures or timelines of their own.
        strips: frames by label, where there are pictures.
        remarks: sentences that a reader must know.
    """

    title: str
    comparison: Comparison
    tables: Mapping[str, Table]
    illustrations: Mapping[str, Illustration]
    highlights: Sequence[Highlight]
    strips: Mapping[str, list[StripFrame]]
    remarks: Sequence[str]


def make_page(content: PageContent) -> str:
    """The whole page as text."""
    files = resources.files("spectrack.reports")
    style, script = (files.joinpath(name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    writer = _Writer(content)
    sections = {name: part for name in SECTIONS if (part := getattr(writer, f"{name}_section")())}
    links = "".join(f'<li><a href="#{name}">{SECTIONS[name]}</a></li>' for name in sections)
    parts = [f'<section id="{name}">\n<h2>{SECTIONS[name]}</h2>\n{part}\n</section>' for name, part in sections.items()]
    # The policy lets the browser run this script and nothing else, and fetch nothing at all.
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    policy = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{html_text(content.title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
        f'{writer.head()}\n<nav aria-label="Sections"><ul>{links}</ul></nav>\n<main>\n'
        + "\n".join(parts)
        + f"\n</main>\n{writer.foot()}\n<script>{script}</script>\n</body>\n</html>\n"
    )


class _Writer:
    """Sections of the page; each method gives HTML, or nothing where there is nothing to show."""

    def __init__(self, content: PageContent) -> None:
        self._content, self._comparison = content, content.comparison
        self._figures = 0

    def head(self) -> str:
        comparison = self._comparison
        truth = '<li><span class="swatch struth" aria-hidden="true"></span>truth</li>'
        entries = [f"<li>{swatch(item.index)}{html_text(item.name)}</li>" for item in comparison.entrants]
        return (
            f"<header>\n<h1>{html_text(self._content.title)}</h1>\n"
            f'<p class="facts">{html_text("; ".join(comparison.notes))}</p>\n'
            f'<p class="lead">{html_text(lead(comparison))}</p>\n'
            f'<p class="facts">{html_text(explain_headline(comparison))} <a href="#words">All words</a></p>\n'
            f'<ul class="key" aria-label="Colours">{truth}{"".join(entries)}</ul>\n</header>'
        )

    def foot(self) -> str:
        from spectrack import __version__

        about = "The page holds everything it shows and asks no server for anything."
        return f"<footer>Made by spectrack {html_text(__version__)}. {about}</footer>"

    def summary_section(self) -> str:
        remarks = ""
        if self._content.remarks:
            items = "".join(f"<li>{html_text(remark)}</li>" for remark in self._content.remarks)
            remarks = f'<div class="remarks" role="note" aria-label="Remarks"><ul>{items}</ul></div>\n'
        pooled = f"<summary>Averaged over sequences and over frames</summary>{self._table('averaging')}"
        return f"{remarks}{self._table('summary')}\n<details>{pooled}</details>"

    def curves_section(self) -> str:
        return f'<div class="grid">{self._several(("success", "precision", "normalised-precision"))}</div>'

    def attributes_section(self) -> str:
        if "attributes" not in self._content.tables:
            return ""
        figures = self._several(("attribute-radar", "attribute-bars"))
        kind = "split" if "attribute-radar" in self._content.illustrations else "pair"
        table = f"<details><summary>As a table</summary>{self._table('attributes')}</details>"
        return f'<div class="{kind}">{figures}</div>\n{table}'

    def sizes_section(self) -> str:
        return self._table("sizes") if "sizes" in self._content.tables else ""

    def highlights_section(self) -> str:
        if not self._content.highlights:
            return ""
        about = "The sequences with the best and the worst mean score, and the one on which the trackers differ most."
        parts = [self._highlight(number, item) for number, item in enumerate(self._content.highlights)]
        return f'<p class="about">{about}</p>' + "\n".join(parts)

    def sequences_section(self) -> str:
        about = '<p class="about">A click on a heading sorts; a name leads to its timeline.</p>'
        return about + self._table("sequences", links=True)

    def timelines_section(self) -> str:
        about = (
            '<p class="about">Overlap with the truth in every frame. Bars below zero: a tracker says that it has lost '
            f"the target. Grey: the object is hidden ({HIDDEN_WORDS}). A cross: the tracker failed.</p>"
        )
        parts = []
        for label in self._comparison.labels:
            more = self._several(self._evidence_stems(label))
            folded = f"<details><summary>Bands and spectra</summary>{more}</details>" if more else ""
            timeline = self._several((f"timelines/{file_stem(label)}",))
            parts.append(
                f'<article id="sequence-{html_text(file_stem(label))}"><h3>{html_text(label)}</h3>'
                f"{self._tags(label)}{timeline}{folded}</article>"
            )
        return f'{about}<div class="pair">{"".join(parts)}</div>'

    def speed_section(self) -> str:
        figure = self._several(("speed",))
        return self._table("speed") + (f'<div class="narrow">{figure}</div>' if figure else "")

    def losses_section(self) -> str:
        return self._table("losses")

    def absences_section(self) -> str:
        return self._table("absences") if "absences" in self._content.tables else ""

    def confidence_section(self) -> str:
        if "confidence" not in self._content.tables:
            return ""
        return self._table("confidence") + f'<div class="narrow">{self._several(("confidence",))}</div>'

    def words_section(self) -> str:
        return f"<article>{_facts(explain_words(self._comparison))}</article>"

    def provenance_section(self) -> str:
        runs = "".join(
            f"<article><h3>{swatch(entrant.index)}{html_text(name)}</h3>{_facts(rows)}</article>"
            for entrant, (name, rows) in zip(self._comparison.entrants, about_runs(self._comparison), strict=True)
        )
        protocol = f"<article><h3>Protocol</h3>{_facts(about_protocol(self._comparison.scores))}</article>"
        return f'<div class="pair">{protocol}{runs}</div>'

    def _highlight(self, number: int, highlight: Highlight) -> str:
        strip = self._content.strips.get(highlight.label)
        pictures = "" if strip is None else strip_html(self._comparison, highlight, strip, prefix=f"strip{number}")
        stem = f"strips/{file_stem(highlight.label)}"
        drawn = self._content.illustrations.get(stem)
        files = "" if drawn is None else f'<p class="files">{_figure_links(drawn)}</p>'
        figures = self._several((f"timelines/{file_stem(highlight.label)}", *self._evidence_stems(highlight.label)))
        return (
            f"<article><h3>{html_text(highlight.label)}</h3>"
            f"{self._tags(highlight.label, highlight.reason)}{pictures}{files}"
            f'<div class="pair">{figures}</div></article>'
        )

    def _evidence_stems(self, label: str) -> list[str]:
        stem = file_stem(label)
        names = [f"bands/{stem}-{file_stem(entrant.name)}" for entrant in self._comparison.entrants]
        return [name for name in (*names, f"spectra/{stem}") if name in self._content.illustrations]

    def _several(self, stems: Iterable[str]) -> str:
        drawn = self._content.illustrations
        return "".join(self._figure(drawn[stem]) for stem in stems if stem in drawn)

    def _figure(self, illustration: Illustration) -> str:
        self._figures += 1
        drawing = inline_svg(illustration.svg, prefix=f"f{self._figures}", title=illustration.alt)
        caption = f"{html_text(illustration.caption)} {_figure_links(illustration)}".strip()
        return f'<figure><div class="drawing">{drawing}</div><figcaption>{caption}</figcaption></figure>'

    def _table(self, stem: str, *, links: bool = False) -> str:
        known = {label: f"#sequence-{quote(file_stem(label))}" for label in self._comparison.labels}
        table = to_html(self._content.tables[stem], links=known.get if links else None)
        forms = {"csv": "CSV", "md": "Markdown", "tex": "LaTeX"}
        files = [f'<a href="tables/{stem}.{suffix}">{name}</a>' for suffix, name in forms.items()]
        return f'{table}<p class="files">{" ".join(files)}</p>'

    def _tags(self, label: str, reason: str = "") -> str:
        words = self._comparison.attributes.get(label, ())
        tags = [f'<span class="tag reason">{html_text(reason)}</span>'] if reason else []
        tags += [f'<span class="tag">{explained(word, ATTRIBUTE_NAMES.get(word))}</span>' for word in words]
        return f'<p class="tags">{"".join(tags)}</p>' if tags else ""


def _figure_links(illustration: Illustration) -> str:
    pdf, svg = (quote(path, safe="/#=") for path in (illustration.pdf, f"{illustration.stem}.svg"))
    return f'<a href="figures/{pdf}">PDF</a> <a href="figures/{svg}">SVG</a>'


def _facts(rows: Iterable[tuple[str, str]]) -> str:
    told = [f"<dt>{html_text(name)}</dt><dd>{html_text(value)}</dd>" for name, value in rows]
    return f"<dl>{''.join(told)}</dl>"
