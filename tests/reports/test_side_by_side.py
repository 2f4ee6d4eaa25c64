"""Tracks side by side: what is in the video and the strips, and how pictures are stretched."""

import av
import numpy as np

from spectrack.reports.side_by_side import Panel, mapped, stretched, write_strips, write_video
from spectrack.simulation.video import simulate


class Dull:
    """Two grey frames, the second darker."""

    def __len__(self):
        return 2

    def false_colour(self, index):
        picture = np.full((20, 30, 3), 120 - 20 * index, dtype=np.uint8)
        picture[5:10] += 10
        return picture


def test_contrast_is_that_of_the_whole_clip():
    paint = stretched(Dull())
    assert [int(paint(index).min()) for index in (0, 1)] == [170, 0]
    assert [int(paint(index).max()) for index in (0, 1)] == [255, 85]


def test_a_map_is_bright_on_the_target():
    class Detector:
        def map(self, cube):
            return cube

    class Clip:
        def __getitem__(self, index):
            scores = np.arange(100.0).reshape(10, 10) % 7
            scores[2:4, 2:4] = 50
            return scores

    picture = mapped(Clip(), Detector())(0).sum(axis=-1)
    assert picture[2:4, 2:4].min() > picture[5:].max()


def test_every_track_is_named_and_has_its_own_head(tmp_path):
    clip = simulate("calm", frames=2, seed=1, height=64, width=96)
    panels = [
        Panel("first", "one", stretched(clip), clip.truth, clip.truth, 0),
        Panel("map", "two", stretched(clip), None, clip.truth),
        Panel("first", "three", stretched(clip), clip.truth + 3, clip.truth, 6),
    ]
    text = write_strips(tmp_path / "strips.svg", panels, title="calm", frames=2).read_text(encoding="utf-8")
    assert all(words in text for words in ("calm", "first: one", "map: two", "first: three", "frame 1   IoU 1.00"))
    write_video(tmp_path / "tracks.mp4", panels, fps=10)
    with av.open(str(tmp_path / "tracks.mp4")) as video:
        pictures = [frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)]
    assert len(pictures) == 2
    height, width = (side // 2 for side in pictures[0].shape[:2])
    head = slice(24, 46)  # the line below the title
    below = pictures[0][height:]
    assert not np.array_equal(pictures[0][head, :width], below[head, :width])
    assert (below[:, width:].max(axis=-1) < 40).all()  # no fourth track
