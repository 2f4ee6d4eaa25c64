"""Writes the table of docs/related-systems.md from the presets, by ``python docs/presets_table.py``."""

from pathlib import Path

from spectrack.trackers.presets import Preset, presets
from spectrack.weights.index import weights_name

PAGE = Path(__file__).resolve().parent / "related-systems.md"
BEGIN, END = "<!-- presets:begin (python docs/presets_table.py) -->\n", "<!-- presets:end -->"


def _weights(one: Preset) -> str:
    shipped = f"`{weights_name(one.weights, 'lite')}`, shipped: " if one.weights else ""
    return f"; weights: {shipped}`{one.training}`" if one.training else ""


def presets_table() -> str:
    """One row for each preset, as Markdown."""
    rows = []
    for one in presets().values():
        options = ", ".join(f"`{name}={str(value).lower()}`" for name, value in one.options.items())
        of = f"`{one.method}` with {options}" + _weights(one)
        rows.append(f"| `{one.name}` | {one.system} | {one.follows} | {one.differs} | {of} | {one.source} |\n")
    head = "| preset | in the manner of | what of it is here | what differs | made of | source |\n"
    return head + "| --- | --- | --- | --- | --- | --- |\n" + "".join(rows)


def with_table(text: str) -> str:
    """The page's text with the table between its markers."""
    before, _, rest = text.partition(BEGIN)
    return before + BEGIN + presets_table() + END + rest.partition(END)[2]


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
