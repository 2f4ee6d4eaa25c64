"""Names that other people chose, into tables as HTML, CSV, LaTeX and Markdown, and through whole reports.

Read back by the formats' own parsers: no tag, formula, command or control sign comes out of a name.
"""

from __future__ import annotations

import csv
import io
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
from damage import pick

from hostile.judging import Kind, Trial, demand
from spectrack.evaluation.uncertainty import Interval
from spectrack.reports.table_formats import to_csv, to_html, to_latex, to_markdown
from spectrack.reports.tables import Column, Table

PARTS = (
    *(
        "<script>alert(1)</script>",
        "</td>",
        "<img src=x onerror=alert(1)>",
        '"',
        "'",
        "`",
        "javascript:alert(1)",
        "&lt;",
    ),
    *(
        "&#60;",
        "]]>",
        "<!--",
        "-->",
        "=1+2",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "|",
        "\\",
        "\\input{/etc/passwd}",
    ),
    *(
        "}\\end{tabular}",
        "$x^2$",
        "%",
        "#",
        "_",
        "^",
        "~",
        "&",
        "{",
        "}",
        "\x1b[2J",
        "\x07",
        "\u202e",
        "\0",
        "\ufeff",
        "\u200b",
    ),
    *(
        "\ud800",
        "\U0001f600",
        "e\u0301",
        "[b]",
        "[/b]",
        "**",
        "a" * 300,
        "",
        " ",
        "球",
        "\x85",
        "\u2028",
        "\ufffe",
        "<",
        ">",
        "＝1+2",
    ),
)
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\ufffe]")
TAGS = frozenset(
    ["div", "table", "caption", "span", "thead", "tbody", "tfoot", "tr", "th", "td", "strong", "a", "abbr"]
)


class Parsed(HTMLParser):
    """Tags, attributes and text of a page."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes, self.text = set(), set(), ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data):
        self.text += data

    def handle_comment(self, data):
        self.tags.add("a comment")


def name_of(rng):
    return "".join(pick(rng, PARTS) for _ in range(rng.integers(1, 5)))


def make(folder: Path, rng: np.random.Generator) -> Trial:
    """A table with such names in every place that takes text."""
    names = [name_of(rng) for _ in range(8)]
    columns = (
        Column(names[0]),
        Column(names[1], 3, "high", note=names[2], meaning=names[3]),
        Column("n", words={"a": names[4]}),
    )
    number = pick(rng, (0.5, float("nan"), float("inf"), -1e300, 3, None, Interval(0.5, 0.1, 0.9, 0.95, 3), names[5]))
    table = Table("scores", names[7], columns, ((names[5], number, 1), (names[6], None, 2)), trackers=(0, 1))
    return lambda: check(table, names)


def check(table, names):
    page = to_html(table, links=lambda name: f"#{name}")
    parsed = Parsed(page)
    demand(parsed.tags <= TAGS, f"tags {parsed.tags - TAGS}")
    demand(
        not any(name.startswith("on") or name == "src" for name in parsed.attributes), f"attributes {parsed.attributes}"
    )
    text, latex, markdown = to_csv(table), to_latex(table), to_markdown(table)
    for written in (page, text, latex, markdown):
        demand(not CONTROL.search(written.replace("\r\n", "\n")), f"control sign in {written[:200]!r}")
        written.encode("utf-8")
    rows = list(csv.reader(io.StringIO(text)))
    demand(len(rows) == 1 + len(table.rows), f"{len(rows)} rows of CSV")
    demand(len({len(row) for row in rows}) == 1, "rows of CSV of different lengths")
    demand(
        not any(cell[:1] in "=+@\t\r" and cell[:1] and not is_number(cell) for row in rows for cell in row),
        f"formula in {rows}",
    )
    demand(latex.count(r"\begin{tabular}") == latex.count(r"\end{tabular}") == 1, f"LaTeX {latex!r}")
    demand(len(latex.splitlines()) == 12 + len(table.rows), f"lines of LaTeX {latex!r}")
    demand(not re.search(r"\\input|\\write", latex), f"command in {latex!r}")
    demand(len(markdown.splitlines()) == 4 + len(table.rows), f"lines of Markdown {markdown!r}")


def is_number(cell):
    try:
        float(cell)
    except ValueError:
        return False
    return True


NAMES = Kind(make, 5500)
