"""What every script here does alike: take its arguments, and write a record with the command that repeats it.

Not a benchmark itself. A script says in `arguments` what it takes and in `main` what it does; both are tested.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
from pathlib import Path

from spectrack.files import write_json
from spectrack.provenance import provenance

SHARED = Path(os.environ.get("SPECTRACK_SHARED", "../shared")) / "data"
"""Where development clips lie that are not in this repository."""


class Parser(argparse.ArgumentParser):
    """Takes lists with commas or with spaces, as the program's own commands do."""

    def parse_known_args(self, args=None, namespace=None):
        lists = {name for action in self._actions if action.nargs in ("*", "+") for name in action.option_strings}
        words, option = [], ""
        for word in sys.argv[1:] if args is None else args:
            option = word if word.startswith("--") else option
            # A setting's value may hold commas, and so may a name in words.
            split = option in lists and word != option and not set("= ") & set(word)
            words += [part for part in word.split(",") if part] if split else [word]
        return super().parse_known_args(words, namespace)


def new_parser(document, *, weights=False, out="JSON file for the record; without it nothing is written"):
    """A parser with the arguments that every script has.

    Args:
        document: the script's docstring; shown as help, and its first sentence is stored with the record.
        weights: whether the script takes a weights file.
        out: what --out names.
    """
    parser = Parser(description=document, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument("--out", type=Path, help=out)
    parser.add_argument("--note", help="what else a reader of the record should know, such as other work beside it")
    if weights:
        parser.add_argument("--weights", help="weights file or name; by default the shipped ones")
    return parser


def read_json(path, meant, keys):
    """What a record or table holds under `keys`; ends with a sentence where it is not `meant`."""
    try:
        record = json.loads(Path(path).read_text(encoding="utf-8"))
        return {key: record[key] for key in keys}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SystemExit(f"expected {meant} in {path}, found {error!r}; make it first") from error


def write_record(parser, options, contents):
    """Write `contents` to --out with what was measured, the command, all settings and the provenance.

    Args:
        parser: of `new_parser`.
        options: what it has read.
        contents: JSON values.
    """
    if options.out is None:
        return
    settings = {name: value for name, value in vars(options).items() if name not in ("out", "note")}
    record = {
        "what": parser.description.split("\n\n")[0].replace("\n", " "),
        "command": command(),
        "settings": json.loads(json.dumps(settings, default=str)),
        "note": options.note,
    }
    write_json(options.out, record | contents | {"provenance": provenance()})


def command():
    """The command that was typed, without where its record goes and what was noted."""
    aside = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    aside.add_argument("--out")
    aside.add_argument("--note")
    script, *typed = sys.argv
    return f"python benchmarks/{Path(script).name} {shlex.join(aside.parse_known_args(typed)[1])}".rstrip()
