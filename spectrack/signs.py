"""Signs in text that other people chose (names of folders, attributes, labels), and what a console can show of them.

Control characters would move a terminal's cursor or rename its window, make XML ill-formed and turn the order of a line
around. They are written as their number, as Python writes them.
"""

from __future__ import annotations

import codecs
import html
import re
import sys
from typing import TextIO

_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufeff\ufffe\uffff]"
)
"""Control characters but tab and line feed, marks of direction, half characters (bytes of a name that are no text)."""

_PLAIN = {"≥": ">=", "≤": "<=", "−": "-", "–": "-", "—": "-", "×": "x", "±": "+-", "µ": "u", "μ": "u", "…": "..."}
_PLAIN |= {"’": "'", "“": '"', "”": '"', "•": "*", "→": "->", "Δ": "difference", "√": "sqrt", "─": "-", "━": "="}
"""What the program's own signs become where they cannot be shown."""

_REPLACING = "spectrack-plain"


def visible(text: str) -> str:
    r"""Text with every control character as its number.

    Example:
        >>> visible("a\x1b[31mred")
        'a\\x1b[31mred'
    """
    return _UNSEEN.sub(lambda match: match.group().encode("unicode_escape").decode("ascii"), text)


def counted(number: int, noun: str) -> str:
    """A number of things in words.

    Example:
        >>> counted(1, "sequence"), counted(3, "frame")
        ('1 sequence', '3 frames')
    """
    return f"{number} {noun}{'' if number == 1 else 's'}"


def html_text(text: str) -> str:
    r"""Text as it stands between tags and in attributes of HTML and XML.

    Example:
        >>> html_text("<b> & \x07")
        '&lt;b&gt; &amp; \\x07'
    """
    return html.escape(visible(text))


def replace_unknown(*streams: TextIO) -> None:
    """Let text streams write a plain spelling, or a number, for signs that their encoding lacks, instead of failing.

    A console that is redirected has another encoding than it shows (Windows), or that of no language at all (ASCII).
    """
    for stream in streams:
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors=_REPLACING)


def _plain(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    unknown = error.object[error.start : error.end]
    known = [_PLAIN.get(sign) or sign.encode("ascii", "backslashreplace").decode("ascii") for sign in unknown]
    return "".join(known), error.end


codecs.register_error(_REPLACING, _plain)


def replace_unknown_on_console() -> None:
    """`replace_unknown` for standard output and standard error."""
    replace_unknown(sys.stdout, sys.stderr)


def size_text(size: float) -> str:
    """A number of bytes in the unit that fits it.

    Example:
        >>> size_text(268), size_text(268_435_456), size_text(2**60)
        ('268 bytes', '268.4 MB', '1152921504.6 GB')
    """
    if size < 1000:
        return f"{size:.0f} bytes"
    power = min(3, (len(str(int(size))) - 1) // 3)
    return f"{size / 1000**power:.1f} {('kB', 'MB', 'GB')[power - 1]}"
