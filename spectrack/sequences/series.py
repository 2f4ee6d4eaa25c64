"""Whether the frame files of a folder are one video: several series of names in one folder are told apart, not joined.

Two cameras' pictures (``a_0001.png``, ``b_0001.png``), masks beside the frames (``0001_mask.png``), a frame saved twice
(``0001.png``, ``0001.jpg``) and a picture that is no frame (``mean.png``) would all be read as frames.
"""

from __future__ import annotations

import fnmatch
import re
from collections import defaultdict
from pathlib import Path

from spectrack.errors import SequenceError

_SAME_SUFFIX = {".jpeg": ".jpg", ".tiff": ".tif"}
_MOST_CAMERAS = 16
_MOSTLY = 0.5
_JOKERS = (("[0-9]+", "*"), ("[0-9]", "?"), ("[0-9]", "[0-9]"))

Form = tuple[str, ...]
"""A name without its numbers: what stands before, between and behind them, and the suffix."""


def check_one_series(files: list[Path]) -> None:
    """Refuse frame files that are not one series of numbered names.

    Names that share nothing but their kind, such as words, pass: any order of them is as good.

    Raises:
        SequenceError: several series, or a number that two files have.
    """
    numbered: dict[tuple[Form, tuple[int, ...]], Path] = {}
    forms: dict[Form, list[Path]] = defaultdict(list)
    for file in files:
        form, numbers = _parts(file)
        if numbers and (form, numbers) in numbered:
            first = numbered[form, numbers].name
            raise SequenceError(
                f"expected one file a frame in {file.parent}, found {first} and {file.name}; remove one of them"
            )
        numbered[form, numbers] = file
        forms[form].append(file)
    if len(forms) > 1 and max(map(len, forms.values())) > 1:
        raise _several(list(forms.values()), files)
    if len(forms) == 1:
        cameras = _cameras(numbered)
        if cameras:
            raise _several(cameras, files)


def form_of(file: Path) -> Form:
    """A file's name without its numbers."""
    return _parts(file)[0]


def matching(files: list[Path], pattern: str | None) -> list[Path]:
    """The files whose names match a pattern with ``*``, ``?`` and ``[...]``; all without one."""
    return files if pattern is None else [file for file in files if fnmatch.fnmatchcase(file.name, pattern)]


def _parts(file: Path) -> tuple[Form, tuple[int, ...]]:
    words = re.split(r"([0-9]+)", file.stem.lower())
    suffix = file.suffix.lower()
    return (*words[0::2], _SAME_SUFFIX.get(suffix, suffix)), tuple(int(word[:18]) for word in words[1::2])


def _cameras(numbered: dict[tuple[Form, tuple[int, ...]], Path]) -> list[list[Path]]:
    """The series inside names of one form: one number of few values, behind a word, beside which all others recur."""
    names = list(numbered.items())
    (form, first), _ = names[0]
    found: list[dict[int, dict[tuple[int, ...], Path]]] = []
    for column in range(len(first)):
        # Numbers behind no word are dates and times, which recur by themselves.
        if not re.search(r"[^\W\d_][-_ ]?$", form[column]):
            continue
        series: dict[int, dict[tuple[int, ...], Path]] = defaultdict(dict)
        for (_, numbers), file in names:
            series[numbers[column]][numbers[:column] + numbers[column + 1 :]] = file
        others = [set(files) for files in series.values()]
        smallest = min(map(len, others))
        if 2 <= len(series) <= _MOST_CAMERAS and smallest > 1 and len(set.intersection(*others)) > _MOSTLY * smallest:
            found.append(series)
    fewest = min(found, key=len, default={})
    return [list(files.values()) for files in fewest.values()]


def _several(series: list[list[Path]], files: list[Path]) -> SequenceError:
    longest = sorted(series, key=len, reverse=True)
    shown = ", ".join(names[0].name + (f" and {len(names) - 1} more" if names[1:] else "") for names in longest[:3])
    more = ", ..." if len(series) > 3 else ""
    pattern = next((found for names in longest if names[1:] and (found := _pattern_of(names, files))), None)
    example = f"such as --pattern '{pattern}'" if pattern else "with * and ? for what differs"
    return SequenceError(
        f"expected one video in {files[0].parent}, found {len(series)} series of names ({shown}{more}); "
        f"choose one with pattern=... ({example}), or take all as one with --pattern '*'"
    )


def _pattern_of(wanted: list[Path], files: list[Path]) -> str | None:
    """A pattern that matches these files and no others, or None."""
    name = wanted[0].name
    stem, suffix = wanted[0].stem, wanted[0].suffix
    last = re.sub(r"[0-9]+(?=[^0-9]*$)", "*", stem) + suffix
    candidates = [last, *(re.sub(digits, joker, stem) + suffix for digits, joker in _JOKERS)]
    safe = not any(letter in name for letter in "*?[]'")
    return next((one for one in candidates if safe and matching(files, one) == wanted), None)
