"""Text from elsewhere on consoles and in files: control characters shown, unknown signs replaced, nothing fails."""

import io
import xml.etree.ElementTree as ElementTree

import pytest

from spectrack.signs import html_text, replace_unknown, visible


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain text, 球 and é", "plain text, 球 and é"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("\x1b]0;owned\x07", r"\x1b]0;owned\x07"),
        ("a\rb\x00c\x7f\x9b", r"a\rb\x00c\x7f\x9b"),
        ("gpj.\u202etxt", r"gpj.\u202etxt"),
        ("bytes \udcff", r"bytes \udcff"),
        ("", ""),
    ],
)
def test_control_characters_become_visible(text, expected):
    assert visible(text) == expected
    visible(text).encode("utf-8")


@pytest.mark.parametrize("number", [*range(0x20), 0x7F, *range(0x80, 0xA0), 0xFFFE, 0xFFFF, 0xD800, 0xDFFF])
def test_text_for_html_is_well_formed_xml(number):
    text = f"<a title=\"b\">'{chr(number)}'&"
    parsed = ElementTree.fromstring(f'<x y="{html_text(text)}">{html_text(text)}</x>'.encode())
    assert parsed.text == visible(text)


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [
        ("ascii", r"IoU >= 0.5 - \u7403\xe9 +-1 difference"),
        ("latin-1", r"IoU >= 0.5 - \u7403é ±1 difference"),
        ("cp1252", r"IoU >= 0.5 – \u7403é ±1 difference"),
        ("gbk", r"IoU ≥ 0.5 – 球é ±1 Δ"),
        ("utf-8", "IoU ≥ 0.5 – 球é ±1 Δ"),
    ],
)
def test_streams_of_any_encoding(encoding, expected):
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding)
    replace_unknown(stream, io.StringIO())  # what cannot be told is left alone
    stream.write("IoU ≥ 0.5 – 球é ±1 Δ")
    stream.flush()
    assert raw.getvalue().decode(encoding) == expected
