"""Real footage that lies outside the repository: skipped, with the reason, where it is not there."""

import os
from pathlib import Path

import numpy as np
import pytest

from spectrack.sequences import open_sequence, write_sequence
from spectrack.sequences.mosaics import find_block

SHARED = Path(os.environ.get("SPECTRACK_SHARED", Path(__file__).resolve().parents[2].parent / "shared"))
KANGAROO, CROSSING = SHARED / "data" / "hotc_kangaroo", SHARED / "data" / "rgb_crossing"
_REMEDY = "set SPECTRACK_SHARED to the folder that holds data/"

needs_kangaroo = pytest.mark.skipif(not KANGAROO.is_dir(), reason=f"no HOTC clip at {KANGAROO}; {_REMEDY}")
needs_crossing = pytest.mark.skipif(not CROSSING.is_dir(), reason=f"no RGB clip at {CROSSING}; {_REMEDY}")


@needs_kangaroo
def test_a_hotc_sequence(caplog):
    sequence = open_sequence(KANGAROO)
    assert (sequence.name, len(sequence), sequence.width, sequence.height, sequence.bands) == (
        "hotc_kangaroo",
        10,
        385,
        206,
        16,
    )
    assert "has 441 rows for 10 frames" in caplog.text
    assert sequence.first_box.tolist() == [242, 130, 17, 47]
    cube = sequence[3]
    assert cube.dtype == np.uint16
    assert cube.max() < 512
    np.testing.assert_array_equal(sequence.read(3, (240, 120, 300, 190)), cube[120:190, 240:300])
    assert sequence.false_colour(3).shape == (206, 385, 3)


@needs_kangaroo
def test_the_pixels_alone_tell_its_pattern():
    import cv2

    for path in sorted((KANGAROO / "HSI").glob("*.png"))[::3]:
        assert find_block(cv2.imread(str(path), cv2.IMREAD_UNCHANGED)) == 4


@needs_kangaroo
def test_its_other_streams():
    false_colour, rgb = open_sequence(KANGAROO / "HSI-FalseColor"), open_sequence(KANGAROO / "RGB")
    assert (false_colour.is_rgb, false_colour.width, false_colour.truth[0].tolist()) == (True, 385, [242, 130, 17, 47])
    assert (rgb.is_rgb, rgb.width, rgb.truth[0].tolist()) == (True, 391, [259, 113, 19, 44])


@needs_kangaroo
def test_it_survives_conversion(tmp_path):
    sequence = open_sequence(KANGAROO)
    read = open_sequence(write_sequence(sequence, tmp_path / "out", format="hotc"))
    np.testing.assert_array_equal(read[9], sequence[9])
    np.testing.assert_array_equal(read.truth, sequence.truth)


@needs_crossing
def test_an_rgb_clip():
    sequence = open_sequence(CROSSING)
    assert (sequence.name, len(sequence), sequence.width, sequence.height, sequence.is_rgb) == (
        "rgb_crossing",
        120,
        360,
        240,
        True,
    )
    assert sequence.truth.shape == (120, 4)
    np.testing.assert_array_equal(sequence.false_colour(60), sequence[60])
