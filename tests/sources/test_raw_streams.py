"""Raw frames on a pipe: every layout, pieces of any size, an end in the middle, and options that do not fit."""

import os
import threading

import numpy as np
import pytest

from spectrack.cube import cube_to_mosaic
from spectrack.errors import ConfigError, SequenceError
from spectrack.sources.options import RawOptions
from spectrack.sources.raw_streams import RawSource
from tests.fixtures.refusals import refuses

CUBES = np.random.default_rng(0).integers(0, 1000, (4, 6, 8, 16), np.uint16)
SIZE = {"raw_size": "8x6", "raw_bands": 16}


class Pipe:
    """Bytes written to a pipe in pieces, by a thread."""

    def __init__(self, data, piece=700):
        reading, self._writing = os.pipe()
        self.stream = os.fdopen(reading, "rb", buffering=0)
        self._thread = threading.Thread(target=self._write, args=(data, piece))
        self._thread.start()

    def _write(self, data, piece):
        with os.fdopen(self._writing, "wb", buffering=0) as file:
            for start in range(0, len(data), piece):
                file.write(data[start : start + piece])

    def frames(self, options, **words):
        source = RawSource(self.stream, options, **words)
        found = [captured.frame.whole() for captured in source.frames()]
        self._thread.join()
        self.stream.close()
        return source, found


@pytest.mark.parametrize(("axes", "order"), [(None, (0, 1, 2, 3)), ("bhw", (0, 3, 1, 2)), ("hbw", (0, 1, 3, 2))])
@pytest.mark.parametrize("kind", ["uint16", ">u2", "float32"])
def test_cubes_of_every_layout(axes, order, kind):
    data = CUBES.transpose(order).astype(kind).tobytes()
    _, found = Pipe(data).frames(RawOptions(**SIZE, raw_type=kind), axes=axes)
    np.testing.assert_array_equal(found, CUBES)
    assert found[0].dtype.isnative


def test_mosaics():
    data = b"".join(cube_to_mosaic(cube, 4).tobytes() for cube in CUBES)
    source, found = Pipe(data).frames(RawOptions(raw_size="32x24"), sensor="vis16")
    np.testing.assert_array_equal(found, CUBES)
    assert (source.bands, source.block, source.sensor) == (16, 4, "vis16")


def test_colour_of_another_program():
    source, found = Pipe(bytes(range(48)) * 2).frames(RawOptions(raw_size="4,4", raw_bands=3, raw_type="uint8"))
    assert source.is_rgb
    assert len(found) == 2


def test_an_end_in_the_middle_leaves_the_part_out(caplog):
    _, found = Pipe(CUBES.tobytes()[:-10]).frames(RawOptions(**SIZE))
    assert len(found) == 3
    assert "1526 bytes" in caplog.text


def test_too_little_for_one_frame_is_refused():
    with refuses(SequenceError, "1536 bytes", "found 100"):
        Pipe(bytes(100)).frames(RawOptions(**SIZE))


def test_it_may_be_closed_while_nobody_writes():
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb", buffering=0) as stream:
        source = RawSource(stream, RawOptions(**SIZE))
        threading.Timer(0.05, source.close).start()
        assert list(source.frames()) == []
    os.close(writing)


@pytest.mark.parametrize(
    ("options", "words", "kind", "fact"),
    [
        ({}, {}, ConfigError, "found none"),
        ({"raw_size": "8"}, {}, ConfigError, "'8'"),
        ({"raw_size": "8x6"}, {}, ConfigError, "found neither"),
        ({"raw_size": "8x6", "raw_bands": 0}, {}, ConfigError, "found 0"),
        ({**SIZE, "raw_type": "bytes"}, {}, SequenceError, "type |S0"),
        ({**SIZE, "raw_type": "u17"}, {}, ConfigError, "'u17'"),
        (SIZE, {"sensor": "nir25"}, ConfigError, "--raw-bands 16"),
        (SIZE, {"axes": "thw"}, ConfigError, "'thw'"),
        ({"raw_size": "30x24"}, {"sensor": "vis16"}, SequenceError, "30 x 24"),
        ({"raw_size": "900000x900000", "raw_bands": 9}, {}, ConfigError, "1 GiB"),
    ],
)
def test_options_that_do_not_fit(options, words, kind, fact, tmp_path):
    with (tmp_path / "empty").open("w+b") as stream, refuses(kind, fact):
        RawSource(stream, RawOptions(**options), **words)
