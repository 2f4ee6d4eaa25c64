"""Annotation text: every dialect, the sentence for every fault, and round trips."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectrack.annotations.attributes import abbreviate, read_attributes
from spectrack.errors import BoxError, SequenceError
from spectrack.sequences import read_boxes, read_first_box, write_boxes
from tests.fixtures.refusals import refuses

EXPECTED = [[1.0, 2.0, 30.0, 40.0], [1.5, 2.0, 31.0, 40.0]]


@pytest.mark.parametrize(
    "text",
    [
        "1,2,30,40\n1.5,2,31,40\n",
        "1\t2\t30\t40\t\n1.5\t2\t31\t40\t\n",
        "1 2 30 40\n1.5 2 31 40",
        "1;2;30;40;\n1.5;2;31;40;\n",
        " 1,  2 ,30, 40 \n\t1.5, 2, 31, 40,\n",
        "1\t2\t30\t40\t\r\n1.5\t2\t31\t40\t\r\n\r\n\r\n",
        "\ufeff1,2,30,40\n1.5,2,31,40\n",
        "1,2,30,40\r1.5,2,31,40\r",
        "1.000000000000000000e+00 2.000000000000000000e+00 3.000000000000000000e+01 4.000000000000000000e+01\n1.5e0 2 "
        "31 40\n",
        "1,2,31,2,31,42,1,42\n1.5,2,32.5,2,32.5,42,1.5,42\n",
        "31,42,1,42,1,2,31,2\n32.5 42 1.5 42 1.5 2 32.5 2\n",
        "+1,2.,30,4.0E1\n1.5,+2,31,40\n\n   \n",
    ],
    ids=[
        "comma",
        "hotc",
        "space",
        "semicolon",
        "padded",
        "crlf",
        "bom",
        "cr",
        "savetxt",
        "polygon",
        "polygon2",
        "signs",
    ],
)
def test_every_dialect_gives_the_same_boxes(tmp_path, text):
    path = tmp_path / "boxes.txt"
    path.write_bytes(text.encode("utf-8"))
    boxes = read_boxes(path)
    assert boxes.dtype == np.float64
    assert boxes.tolist() == EXPECTED
    assert read_first_box(path).tolist() == EXPECTED[0]


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        (
            "1,2,30,40\n1,2,x,40\n",
            ("boxes.txt", "line 2", "'x'"),
        ),
        ("1,2,30\n", ("line 1", "3 numbers")),
        ("1\n", ("line 1", "1 number")),
        ("\n\n1,2,3,4,5\n", ("line 3", "5 numbers")),
        ("1,2,30,1e400\n", ("line 1", "'1 2 30 1e400'")),
        ("1,2,30,1e9\n", ("line 1", "'1 2 30 1e9'")),
        ("1,2,30,inf\n", ("line 1", "'inf'")),
        ("1,2,nan,40\n", ("line 1", "'1 2 nan 40'")),
        ("1_0,2,3,4\n", ("line 1", "'1_0'")),
        ("١,2,3,4\n", ("line 1", "'١'")),
        ("", ("boxes.txt", "no row")),
        ("\n \n", ("boxes.txt", "no row")),
        ("1,2,3,4\0\n", ("boxes.txt", "binary")),
        ("1," * 5000, ("line 1", "found 10000")),
        ("x,y,w,h\n1,2,3,4\n", ("line 1", "'x'")),
    ],
)
def test_a_bad_line_is_named(tmp_path, text, facts):
    path = tmp_path / "boxes.txt"
    path.write_text(text, encoding="utf-8")
    with refuses(SequenceError, facts):
        read_boxes(path)


def test_files_that_are_no_text(tmp_path):
    path = tmp_path / "boxes.txt"
    path.write_bytes(b"\xff\xfe1\x00,\x00")
    with refuses(SequenceError, "boxes.txt", "undecodable"):
        read_boxes(path)
    with refuses(SequenceError, "missing.txt"):
        read_boxes(tmp_path / "missing.txt")
    with refuses(SequenceError, tmp_path):
        read_boxes(tmp_path)
    with path.open("wb") as handle:
        handle.truncate(65 * 2**20)  # sparse: costs no disk
    with refuses(SequenceError, "boxes.txt", "64 MiB", "68157440 bytes"):
        read_boxes(path)


def test_a_row_of_nan_is_an_absent_object(tmp_path):
    path = tmp_path / "boxes.txt"
    path.write_text("5,6,7,8\nNaN,NaN,NaN,NaN\n")
    assert read_boxes(path).tolist() == [[5, 6, 7, 8], [0, 0, 0, 0]]
    assert read_boxes(path, origin=1).tolist() == [[4, 5, 7, 8], [0, 0, 0, 0]]


def test_the_first_box_is_read_without_the_rest(tmp_path):
    path = tmp_path / "boxes.txt"
    path.write_text("5,6,7,8\nrubbish\n")
    assert read_first_box(path).tolist() == [5, 6, 7, 8]
    path.write_text("5,6,0,8\n")
    with refuses(BoxError, "(5, 6, 0, 8)"):
        read_first_box(path)
    path.write_text("\n")
    with refuses(SequenceError, "boxes.txt", "no row"):
        read_first_box(path)


def test_hotc_dialect_prints_whole_numbers_as_such(tmp_path):
    path = tmp_path / "sub" / "boxes.txt"
    write_boxes(path, [[1, 2, 30, 40], [1.25, 2, 30, 40]], separator="\t")
    assert path.read_bytes() == b"1\t2\t30\t40\n1.2500\t2\t30\t40\n"
    write_boxes(path, [[1, 2, 30, 40.123456]], fmt="%.2f")
    assert path.read_text() == "1,2,30,40.12\n"


@pytest.mark.parametrize(
    ("boxes", "facts"),
    [
        ([1, 2, 3, 4], ("(frames, 4)", "(4,)")),
        ([[1, 2, 3]], ("(frames, 4)", "(1, 3)")),
        ([[1, 2, 3, 4], [1, np.nan, 3, 4]], ("NaN", "frame 1")),
    ],
)
def test_writing_bad_boxes_leaves_no_file(tmp_path, boxes, facts):
    with refuses(SequenceError, facts):
        write_boxes(tmp_path / "boxes.txt", boxes)
    assert list(tmp_path.iterdir()) == []


coordinate = st.floats(-1e6, 1e6, allow_nan=False)


@given(
    st.lists(st.lists(coordinate, min_size=4, max_size=4), min_size=1, max_size=5),
    st.sampled_from([",", "\t", " ", ";", ", "]),
)
def test_what_is_written_in_full_is_read_back_exactly(tmp_path_factory, boxes, separator):
    path = tmp_path_factory.mktemp("boxes") / "boxes.txt"
    write_boxes(path, boxes, fmt=None, separator=separator)
    np.testing.assert_array_equal(read_boxes(path), np.array(boxes))


def test_attributes_come_in_words_or_short(tmp_path):
    path = tmp_path / "description.txt"
    path.write_bytes("\ufeffOcclusion\r\nscale variation, Out-of-View\nSV\nSimilar 0bject\n\n".encode())
    assert read_attributes(path) == ("OCC", "SV", "OV", "Similar 0bject")
    assert abbreviate("Background Clutters") == "BC"
    path.write_bytes(b"\xff\xfe\x00")
    with refuses(SequenceError, "description.txt"):
        read_attributes(path)
    path.write_bytes(b"a\0b")
    with refuses(SequenceError, "description.txt", "3 bytes"):
        read_attributes(path)
