"""Runs the commands of command-line.md and puts what they print below them, by ``python docs/command_outputs.py``.

A test compares what the commands print with the page, but for what differs from machine to machine.
"""

import contextlib
import io
import os
import re
import shlex
import tempfile
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

from spectrack.cli import main

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "command-line.md"

QUICK = (
    "spectrack simulate --list",
    "spectrack ablate bcrnet --rows solvr --out runs/ablation",
    "spectrack train siamban-compact --out runs/short --set optimiser.learning_rat=1e-3",
    "spectrack weights list",
)
"""Commands that neither track nor render."""

PREPARATION = "spectrack simulate --scenario cam-rolling --sensor vis16 --frames 40 --seed 900010 --out clips/rolling"
"""What find-by-spectrum.md makes before it searches; the material's spectrum is made by the page's own code."""

_BLOCK = re.compile(r"(?<=^```text\n)(\$ .*?)(?=^```$)", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_OWN = re.compile(
    r"^(speed|Python|packages|device|threads|precision|engines|weights {2,}|video|free|\w+ folder) .*|^ {18}.*"
)
_MORE = "..."


def examples(page: str) -> Iterator[list[tuple[str, str]]]:
    """The commands of each block with what the page says that they print; blocks without any output are left out."""
    for block in _BLOCK.findall(page):
        parts = re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
        found = [tuple(part.split("\n", 1)) for part in parts]
        if any(printed for _, printed in found):
            yield [(command, printed) for command, printed in found]


def run(command: str, status: int) -> tuple[str, int]:
    """What a command prints in this folder, and its exit status."""
    if command == "echo $?":
        return f"{status}\n", status
    if command.startswith("cat "):
        return Path(command.removeprefix("cat ")).read_text(encoding="utf-8"), 0
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        status = main(shlex.split(command)[1:])
    text = printed.getvalue().replace(str(ROOT), "/home/you/spectrack-source").replace(str(Path.home()), "~")
    return "".join(f"{line.rstrip()}\n" for line in text.strip("\n").split("\n")), status


def compared(text: str) -> list[str]:
    """What has to be the same on every machine: no measured times, no decimals, no number format, no versions."""
    return [plain for line in text.split("\n") if (plain := _plain(line))]


def kept(said: str, printed: str) -> str:
    """What is printed, with the page's own lines where they differ in nothing but the machine."""
    if compared(said) == compared(printed):
        return said
    known = {_plain(line): line for line in said.split("\n") if _plain(line)}
    return "\n".join(known.get(_plain(line), line) for line in printed.split("\n"))


def _plain(line: str) -> str:
    found = _OWN.match(line)
    if found:
        return found.group(1) or ""
    return re.sub(r"\b(bf16|fp32)\b|\d+(\.\d+)+(e-\d+)?", "#", line.rstrip())


def produced(page: str, only: tuple[str, ...] = ()) -> Iterator[tuple[str, str, str]]:
    """Each command with what the page says and what it prints, in a folder of its own.

    Args:
        page: the page's text.
        only: these commands alone, which need nothing that others make.
    """
    wide = mock.patch.dict(os.environ, {"COLUMNS": "100", "NO_COLOR": "1"})
    quiet = mock.patch("spectrack.cli.console.SECONDS_BETWEEN_LINES", float("inf"))
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder), wide, quiet:
        if not only:
            run(f"{PREPARATION} --format npy", 0)
            find = (ROOT / "docs" / "find-by-spectrum.md").read_text(encoding="utf-8")
            exec(_CODE.search(find).group(1), {})  # the page's own code
        for block in examples(page):
            status = 0
            for command, said in block:
                if not only or command in only:
                    printed, status = run(command, status)
                    lines = said.rstrip("\n").split("\n")
                    if lines[-1] == _MORE:
                        printed = "\n".join([*printed.split("\n")[: len(lines) - 1], _MORE]) + "\n"
                    yield command, said, printed


if __name__ == "__main__":
    text = PAGE.read_text(encoding="utf-8")
    for name, old, new in produced(text):
        text = text.replace(f"$ {name}\n{old}", f"$ {name}\n{kept(old, new)}")
    PAGE.write_text(text, encoding="utf-8")
