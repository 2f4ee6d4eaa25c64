"""Damage to the bytes of a valid file: inserted, cut, repeated, swapped or random, at a few places.

Not a benchmark itself: what `robustness.py` and the tests of readers of foreign files do to their examples.
"""

from __future__ import annotations

import re

import numpy as np

# fmt: off
TOKENS = (
    b"\x00", b"\xff\xfe", b"1e308", b"-1", b"99999999999999999999", b"nan", b"-inf", b"{", b"}", b"[",
    b"]", b"=", b",,", b"\r", b"\n\n", b"../../", b"\\", b"\xc2\xb5", b"", b"<", b"/>", b"&a;", b'"', b"'",
    b"_", b"1e9", b"0", b"null", b"true", b"{}", b"[]", b"PK\x03\x04", b"\xef\xbb\xbf", b"9" * 400,
    b"[" * 300, b"0x10", b"1_0", b"\xd9\xa1", b"%s", b"\x1b[2J", b"\xe2\x80\xae", b"\x80", b"\xed\xa0\x80",
    b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff\xff\xff\xff\x7f", b"inf", b">", b"ID,x,y,width,height\n",
    b"<a>" * 50, b"[" * 200, b"1000000000000", b"<!DOCTYPE a>", b"-0", b" ", b"e", b"../..",
)
"""What is inserted into bytes of any kind."""

VALUES = (
    b"-1", b"0", b"1e308", b"-1e400", b"nan", b"inf", b"0.5", b"1000000", b"99999999999999999999",
    b"9" * 5000, b"", b"null", b"true", b"[]", b"{}", b"[[1]]", b'"a"', b'"1"', b"x", b"1,2", b"\xd9\xa1",
    b"1_0", b"../a", b"2**31", b"Infinity",
)
"""What takes the place of a number or a word in a text."""
# fmt: on


def pick(rng: np.random.Generator, choices):
    """One of a sequence; unlike Generator.choice, as it is."""
    return choices[int(rng.integers(len(choices)))]


def odd_values(data: bytes, rng: np.random.Generator) -> bytes:
    """Another number or word in one or two places, so that the structure holds and the content does not."""
    for _ in range(rng.integers(1, 3)):
        places = list(re.finditer(rb'-?[0-9][0-9.e]*|"[a-z_]+"|true|false', data))
        if places:
            place = pick(rng, places)
            data = data[: place.start()] + pick(rng, VALUES) + data[place.end() :]
    return data


def damaged(data: bytes, rng: np.random.Generator, *, head: int | None = None) -> bytes:
    """Bytes changed at one to three places, among the first `head` where that is given."""
    for _ in range(rng.integers(1, 4)):
        reach = len(data) if head is None else min(head, len(data))
        at = int(rng.integers(0, reach + 1))
        end = min(reach, at + int(rng.integers(0, 24)))
        token = pick(rng, TOKENS)
        data = [
            data[:at] + token + data[at:],
            data[:at] + token + data[at + len(token) :],
            data[:at] + data[end:],
            data[:at] + data[at:end] * 4 + data[end:],
            data[:at],
            data[:at] + bytes(rng.integers(0, 256, end - at, dtype=np.uint8)) + data[end:],
            data[:at] + bytes([data[at] ^ (1 << int(rng.integers(8)))] if at < len(data) else []) + data[at + 1 :],
        ][rng.integers(7)]
    return data
