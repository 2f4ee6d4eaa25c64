"""Film strip and overlay video of a tiny clip: content, format, flatness, refusals."""

import av
import numpy as np
import pytest

from spectrack.errors import ConfigError, InputError, MissingExtraError
from spectrack.plots import TRACK_COLOURS, TRUTH_COLOUR, rgb
from spectrack.reports import overlay
from spectrack.reports.overlay import write_overlay
from spectrack.reports.strip_figures import write_filmstrip
from spectrack.sequences.base import Sequence
from spectrack.sequences.frames import ArrayFrame
from tests.fixtures.refusals import refuses


class Grey(Sequence):
    """A clip of 45 x 31 pixels, a grey that brightens, with a box that walks; counts which frames are read."""

    def __init__(self, frames=6, height=31, width=45):
        self.name, self.height, self.width, self.bands, self.fps = "grey", height, width, 5, 12.5
        self._frames, self.shown = frames, []
        self.truth = np.array([[4.0 + k, 8, 12, 9] for k in range(frames)])

    def __len__(self):
        return self._frames

    def frame(self, i):
        self.shown.append(i)
        return ArrayFrame(np.full((self.height, self.width, 5), 40 + i, np.uint16))


def decode(path):
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = [frame.to_ndarray(format="rgb24").astype(int) for frame in container.decode(stream)]
        return stream.codec_context.name, stream.codec_context.pix_fmt, float(stream.average_rate), frames


def near(picture, colour, tolerance=60):
    return np.abs(picture - np.array(rgb(colour))).max(axis=2) < tolerance


def test_the_video_plays_in_a_browser(tmp_path):
    clip = Grey()
    path = write_overlay(tmp_path / "overlay.mp4", clip, clip.truth + 1, truth=clip.truth, scores=np.linspace(1, 0, 6))
    codec, pixels, rate, frames = decode(path)
    assert (codec, pixels, rate, len(frames)) == ("h264", "yuv420p", 12.5, 6)
    height, width = frames[0].shape[:2]
    assert height % 2 == width % 2 == 0
    assert width >= 640
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")  # the index comes first, so that playing starts at once
    assert [file.name for file in tmp_path.iterdir()] == ["overlay.mp4"]


def test_boxes_are_where_they_belong(tmp_path):
    clip = Grey(frames=2, height=60, width=80)
    box = np.array([[10.0, 20, 30, 25]] * 2)
    left = (640 - 80 * 4) // 2  # enlarged four times and centred above the strip
    for name, colour, arguments in (("track", TRACK_COLOURS[0], {}), ("truth", TRUTH_COLOUR, {"truth": box})):
        track = box if name == "track" else np.array([[70.0, 50, 8, 8]] * 2)
        picture = decode(write_overlay(tmp_path / f"{name}.mp4", clip, track, **arguments))[3][1][: 60 * 4]
        found = near(picture, colour)
        rows, columns = np.flatnonzero(found.any(axis=1)), np.flatnonzero(found.any(axis=0))
        assert np.allclose([columns[0] - left, columns[-1] - left, rows[0], rows[-1]], [40, 160, 80, 180], atol=4)


def test_the_score_bar_and_the_lost_sign(tmp_path):
    clip = Grey(frames=2, height=60, width=160)
    arguments = {"scores": [1.0, 0.1], "lost": [False, True]}
    first, second = decode(write_overlay(tmp_path / "a.mp4", clip, np.array([[70.0, 40, 8, 8]] * 2), **arguments))[3]
    bar = slice(240, None)
    assert near(first[bar], TRACK_COLOURS[0]).sum() > 3 * near(second[bar], TRACK_COLOURS[0]).sum() / 2
    corner = (slice(10, 38), slice(10, 74))
    assert near(second[corner], "#D55E00").mean() > 0.5
    assert near(first[corner], "#D55E00").mean() == 0


def test_frames_are_read_one_after_the_other(tmp_path):
    clip = Grey(frames=5)
    clip.false_colour(0)
    clip.shown.clear()
    write_overlay(tmp_path / "a.mp4", clip, clip.truth[:3])
    assert clip.shown == [0, 1, 2]


def test_the_same_video_twice(tmp_path):
    first, second = (
        write_overlay(tmp_path / f"{name}.mp4", Grey(), Grey().truth, truth=Grey().truth).read_bytes() for name in "ab"
    )
    assert first == second


def test_rows_without_truth_and_boxes_outside(tmp_path):
    clip = Grey(frames=3)
    truth = np.array([[4, 8, 12, 9], [0, 0, 0, 0], [np.nan] * 4])
    boxes = np.array([[4, 8, 12, 9], [-500, -500, 20, 20], [1e6, 1e6, 1e6, 1e6]])
    assert (
        len(
            decode(
                write_overlay(tmp_path / "a.mp4", clip, boxes, truth=truth, scores=[0.5, np.nan, 2.0], lost=[0, 1, 1])
            )[3]
        )
        == 3
    )
    write_filmstrip(tmp_path / "a.png", clip, boxes, truth=truth)


def test_an_interrupted_video_leaves_nothing(tmp_path):
    class Broken(Grey):
        def frame(self, i):
            if i == 2:
                raise KeyboardInterrupt
            return super().frame(i)

    with pytest.raises(KeyboardInterrupt):
        write_overlay(tmp_path / "a.mp4", Broken(), Grey().truth)
    assert list(tmp_path.iterdir()) == []


def test_another_encoder_or_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(overlay, "ENCODERS", ("no_such_encoder",))
    with refuses(MissingExtraError, "H.264", "PyAV", "pip install --upgrade av"):
        write_overlay(tmp_path / "a.mp4", Grey(), Grey().truth)
    monkeypatch.setattr(overlay, "ENCODERS", ("no_such_encoder", "libx264"))
    assert write_overlay(tmp_path / "a.mp4", Grey(), Grey().truth).exists()


@pytest.mark.parametrize(
    ("name", "arguments", "error", "facts"),
    [
        ("a.avi", {}, ConfigError, (".mp4", "'a.avi'")),
        ("a.mp4", {"fps": 0}, ConfigError, ("frame rate", "found 0")),
        ("a.mp4", {"boxes": np.zeros((7, 4))}, InputError, ("6 boxes", "'grey'", "found 7")),
        ("a.mp4", {"boxes": np.zeros((0, 4))}, InputError, ("(frames, 4)", "(0, 4)")),
        ("a.mp4", {"boxes": np.full((2, 4), np.nan)}, InputError, ("boxes", "NaN")),
        ("a.mp4", {"truth": np.ones((2, 4))}, InputError, ("(6, 4)", "(2, 4)")),
        ("a.mp4", {"scores": [0.5]}, InputError, ("6 scores", "(1,)")),
        ("a.mp4", {"lost": [[0]]}, InputError, ("6", "lost", "(1, 1)")),
    ],
)
def test_refusals(tmp_path, name, arguments, error, facts):
    clip = Grey()
    boxes = arguments.pop("boxes", clip.truth)
    with refuses(error, facts):
        write_overlay(tmp_path / name, clip, boxes, **arguments)
    assert list(tmp_path.iterdir()) == []


def test_the_filmstrip_names_frames_and_overlap(tmp_path):
    clip = Grey(frames=11)
    text = write_filmstrip(tmp_path / "strip.svg", clip, clip.truth, truth=clip.truth, frames=3).read_text()
    assert [f"frame {index}   IoU 1.00" in text for index in (0, 5, 10)] == [True] * 3
    assert text.count("<image") == 6
    assert ">grey<" in text
    assert "truth<" in text


def test_the_filmstrip_without_truth(tmp_path):
    clip = Grey(frames=2)
    text = write_filmstrip(tmp_path / "strip.svg", clip, clip.truth, frames=5).read_text()
    assert "IoU" not in text
    assert "truth<" not in text
    assert text.count("<image") == 4


def test_the_filmstrip_needs_a_frame(tmp_path):
    with refuses(InputError, "frame", "found 0"):
        write_filmstrip(tmp_path / "a.png", Grey(), Grey().truth, frames=0)
