"""A table as CSV with every digit, as Markdown, as LaTeX (booktabs) and as HTML: names are escaped for each."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable

from spectrack.evaluation.uncertainty import Interval
from spectrack.reports.tables import Cell, Column, Table, number_of
from spectrack.signs import html_text, visible

DASH = "–"

_FORMULA_STARTS = frozenset("=+-@\t")

_MARKDOWN_SIGNS = re.compile(r"([\\`*_{}\[\]<>#|~$])")
_LATEX_SIGNS = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "Δ": r"$\Delta$",
    "≥": r"$\geq$",
    "≤": r"$\leq$",
    "±": r"$\pm$",
    "–": "--",
    "−": "$-$",
}


def to_csv(table: Table) -> str:
    """Comma-separated values with every digit; an interval is three columns: the value, its lower and its upper end.

    As UTF-8 without a byte-order mark; names that begin as a formula does are text.
    """
    wide = [place for place in range(len(table.columns)) if any(isinstance(row[place], Interval) for row in table.rows)]
    header: list[str] = []
    for place, column in enumerate(table.columns):
        header += [f"{_plain(column.heading)}{end}" for end in (("", " low", " high") if place in wide else ("",))]
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(header)
    for row in (*table.rows, *([table.footer] if table.footer else [])):
        cells: list[str] = []
        for place, cell in enumerate(row):
            if place in wide:
                ends = (cell.low, cell.high) if isinstance(cell, Interval) else (None, None)
                cells += [_exact(value) for value in (number_of(cell), *ends)]
            else:
                cells.append(_exact(cell))
        writer.writerow(cells)
    return stream.getvalue()


def to_markdown(table: Table) -> str:
    """A pipe table under its caption, the best numbers in bold."""
    rows = [[_markdown(column.title) for column in table.columns]]
    rows.append(["---" if _is_text(table, place) else "---:" for place in range(len(table.columns))])
    rows += _text_rows(table, _markdown, lambda text: f"**{text}**")
    if table.footer:
        rows.append([f"**{text}**" if text else "" for text in _texts(table, table.footer, _markdown)])
    return "\n".join([_markdown(table.caption), "", *(f"| {' | '.join(row)} |" for row in rows)]) + "\n"


def to_latex(table: Table) -> str:
    """A ``table`` environment that needs the packages booktabs and graphicx, the best numbers in bold."""
    align = "".join("l" if _is_text(table, place) else "r" for place in range(len(table.columns)))
    # \protected caption text holds no fragile command, so it needs no care beyond the escapes.
    lines = [
        r"% \usepackage{booktabs}",
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{_latex(table.caption)}}}",
        rf"\label{{tab:{table.stem}}}",
        rf"\begin{{tabular}}{{{align}}}",
        r"\toprule",
        " & ".join(_latex(column.title) for column in table.columns) + r" \\",
        r"\midrule",
    ]
    lines += [" & ".join(row) + r" \\" for row in _text_rows(table, _latex, lambda text: rf"\textbf{{{text}}}")]
    if table.footer:
        lines += [r"\midrule", " & ".join(_texts(table, table.footer, _latex)) + r" \\"]
    lines += [r"\bottomrule", r"\end{tabular}", r"\end{table}"]
    return "\n".join(lines) + "\n"


def to_html(table: Table, *, links: Callable[[str], str | None] | None = None) -> str:
    """A ``<table>`` with caption and scopes; every cell has the value that it sorts by in ``data-value``.

    Args:
        table: what to print.
        links: address for the name in a row's first cell, or None for no link.
    """
    best = table.best_cells()
    head = "".join(_html_heading(column, text=_is_text(table, place)) for place, column in enumerate(table.columns))
    body = []
    for number, row in enumerate(table.rows):
        cells = [
            _html_cell(table, number, place, best=(number, place) in best, links=links) for place in range(len(row))
        ]
        body.append(f"<tr>{''.join(cells)}</tr>")
    foot = ""
    if table.footer:
        texts = _texts(table, table.footer, html_text)
        kinds = ["" if _is_text(table, place) else ' class="number"' for place in range(len(texts))]
        rest = "".join(f"<td{kind}>{text}</td>" for kind, text in zip(kinds[1:], texts[1:], strict=True))
        foot = f'<tfoot><tr><th scope="row">{texts[0]}</th>{rest}</tr></tfoot>'
    empty = f'<tr><td colspan="{len(table.columns)}">none</td></tr>' if not body else ""
    return (
        f'<div class="scroll" role="region" aria-label="{html_text(table.caption)}" tabindex="0">'
        f'<table class="sortable" id="table-{html_text(table.stem)}">'
        f"<caption><span>{html_text(table.caption)}</span></caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(body)}{empty}</tbody>{foot}</table></div>"
    )


def explained(word: str, meaning: str | None) -> str:
    """A word whose meaning shows when somebody points at it; plain where there is none."""
    text = html_text(word)
    return f'<abbr title="{html_text(meaning)}">{text}</abbr>' if meaning else text


def swatch(tracker: int) -> str:
    """A spot of the tracker's colour, as the page's style sheet defines it."""
    return f'<span class="swatch s{tracker % 6}" aria-hidden="true"></span>'


def _html_heading(column: Column, *, text: bool) -> str:
    kind = "" if column.tracker is None else f' class="c{column.tracker % 6}"'
    heading = explained(column.title, column.meaning)
    return f'<th scope="col"{kind} data-sort="{"text" if text else "number"}">{heading}</th>'


def _html_cell(table: Table, number: int, place: int, *, best: bool, links: Callable[[str], str | None] | None) -> str:
    cell, column = table.rows[number][place], table.columns[place]
    value = number_of(cell)
    sort = html_text(str(cell or "") if value is None else repr(value))
    text = _html_interval(cell, column) if isinstance(cell, Interval) else _html_words(_print(cell, column), column)
    if best:
        text = f"<strong>{text}</strong>"
    if place == 0:
        address = links(str(cell)) if links is not None else None
        text = f'<a href="{html_text(address)}">{text}</a>' if address else text
        spot = swatch(table.trackers[number]) if table.trackers else ""
        return f'<th scope="row" data-value="{sort}">{spot}{text}</th>'
    kind = "" if _is_text(table, place) else ' class="number"'
    return f'<td{kind} data-value="{sort}">{text}</td>'


def _html_words(text: str, column: Column) -> str:
    if not column.words:
        return html_text(text)
    return " ".join(explained(word, column.words.get(word)) for word in text.split(" "))


def _html_interval(cell: Interval, column: Column) -> str:
    value, ends = _print_interval(cell, column)
    return f'{html_text(value)} <span class="ends">{html_text(ends)}</span>'


def _text_rows(table: Table, escape: Callable[[str], str], bold: Callable[[str], str]) -> list[list[str]]:
    best = table.best_cells()
    return [
        [bold(text) if (number, place) in best else text for place, text in enumerate(_texts(table, row, escape))]
        for number, row in enumerate(table.rows)
    ]


def _texts(table: Table, row: tuple[Cell, ...], escape: Callable[[str], str]) -> list[str]:
    return [escape(_print(cell, column)) for cell, column in zip(row, table.columns, strict=True)]


def _print(cell: Cell, column: Column) -> str:
    if cell is None:
        return DASH
    if isinstance(cell, Interval):
        return " ".join(_print_interval(cell, column))
    if isinstance(cell, str):
        return cell
    if column.digits is None:
        return str(cell)
    return f"{cell:{'+' if column.signed else ''}.{column.digits}f}".replace("-", "−")


def _print_interval(cell: Interval, column: Column) -> tuple[str, str]:
    form = f"{'+' if column.signed else ''}.{3 if column.digits is None else column.digits}f"
    value, low, high = (f"{number:{form}}".replace("-", "−") for number in (cell.estimate, cell.low, cell.high))
    return value, f"[{low}, {high}]"


def _is_text(table: Table, place: int) -> bool:
    cells = [row[place] for row in table.rows if row[place] is not None]
    return table.columns[place].digits is None and (not cells or any(isinstance(cell, str) for cell in cells))


def _exact(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, str):
        return _plain(cell)
    return repr(number_of(cell)) if isinstance(cell, float | Interval) else str(cell)


def _plain(text: str) -> str:
    """Text for a cell of a spreadsheet, which takes what begins like a formula for one: an apostrophe says text."""
    shown = visible(text)
    return f"'{shown}" if shown[:1] in _FORMULA_STARTS else shown


def _markdown(text: str) -> str:
    return _MARKDOWN_SIGNS.sub(r"\\\1", visible(text).replace("&", "&amp;")).replace("\n", " ")


def _latex(text: str) -> str:
    return "".join(_LATEX_SIGNS.get(sign, sign) for sign in visible(text)).replace("\n", " ")
