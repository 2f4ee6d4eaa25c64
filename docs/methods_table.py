"""Writes the README's table of methods from their descriptors, by ``python docs/methods_table.py``."""

from pathlib import Path

from spectrack.trackers.method import Method
from spectrack.trackers.registry import list_methods
from spectrack.weights.index import weights_name

PAGE = Path(__file__).resolve().parents[1] / "README.md"
BEGIN, END = "<!-- methods:begin (python docs/methods_table.py) -->\n", "<!-- methods:end -->"


def weights_of(method: Method) -> str:
    """Where the weights of each profile come from, in words."""
    told = []
    for profile, origins in method.profiles.items():
        ways = {
            "shipped": "shipped",
            "recipe": f"`spectrack train {weights_name(method.name, profile)}`",
            "import": "a published checkpoint by `spectrack weights import`",
        }
        told.append(f"`{profile}`: {', '.join(ways[origin] for origin in origins)}")
    return "; ".join(told) or "needs none"


def methods_table() -> str:
    """One row for each method of this package, as Markdown."""
    own = [item for item in list_methods() if item.folder is not None and item.folder.is_relative_to(PAGE.parent)]
    rows = [f"| `{item.name}` | {item.label}: {item.summary} | {item.source} | {weights_of(item)} |\n" for item in own]
    return "".join(["| tracker | what it does | source | weights |\n", "| --- | --- | --- | --- |\n", *rows])


def with_table(text: str) -> str:
    """The README's text with the table between its markers."""
    before, _, rest = text.partition(BEGIN)
    return before + BEGIN + methods_table() + END + rest.partition(END)[2]


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
