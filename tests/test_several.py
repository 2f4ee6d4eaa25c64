"""Several targets of one video: the boxes of each are those of its own track, and frames are read once."""

import json

import numpy as np
import pytest

import spectrack
from spectrack.annotations.first_boxes import TargetStart, read_first_boxes
from spectrack.cli import main
from spectrack.cube import cube_to_mosaic
from spectrack.errors import BoxError, ConfigError, SequenceError
from spectrack.measuring.options import MeasureOptions
from spectrack.recording import record
from spectrack.runs.options import RecordOptions
from spectrack.sequences.base import Sequence
from spectrack.sequences.frames import MosaicFrame
from spectrack.sequences.memory import MemorySequence
from spectrack.sequences.shared import SharedFrame, SharedSequence
from spectrack.several import record_several
from tests.fixtures.refusals import refuses

HEIGHT, WIDTH, BANDS, FRAMES = 80, 128, 8, 7
SPEEDS = {"1": (3.0, 0.5), "2": (-2.5, 1.0), "9": (0.0, -1.5)}
STARTS = {"1": (15, 20, 14, 12), "2": (90, 20, 12, 12), "9": (60, 60, 10, 12)}


def place(name, frame):
    x, y, w, h = STARTS[name]
    return np.array([x + SPEEDS[name][0] * frame, y + SPEEDS[name][1] * frame, w, h])


@pytest.fixture(scope="module")
def clip():
    """Three squares of their own spectra; 2 and 9 fly about, 9 is first named in frame 2."""
    noise = np.random.default_rng(1)
    spectra = {name: 300 + 400 * np.roll(np.linspace(0, 1, BANDS), 3 * number) for number, name in enumerate(STARTS)}
    cubes = []
    for frame in range(FRAMES):
        light = 350 + 20 * noise.standard_normal((HEIGHT, WIDTH, BANDS))
        for name, spectrum in spectra.items():
            x, y, w, h = np.rint(place(name, frame)).astype(int)
            light[y : y + h, x : x + w] = spectrum + 10 * noise.standard_normal((h, w, BANDS))
        cubes.append(np.rint(np.clip(light, 0, 1023)).astype(np.uint16))
    return MemorySequence(cubes, name="three", wavelengths_nm=np.linspace(460, 610, BANDS))


def starts():
    return [TargetStart(name, 2 if name == "9" else 0, place(name, 2 if name == "9" else 0)) for name in STARTS]


@pytest.mark.parametrize("name", ["cf", "siamban", "bcrnet", "ssfnet"])
def test_boxes_are_those_of_each_target_alone(clip, tmp_path, name):
    profile = {} if name == "cf" else {"profile": "compact", "precision": "fp32", "evidence": "prior"}

    def make():
        return spectrack.load_tracker(name, **profile)

    together = record_several(clip, make, starts(), tmp_path / "all").targets
    for target, start in zip(together, starts(), strict=True):
        alone = record(clip, make(), tmp_path / target.identity, box=start.box, start=start.frame)
        assert np.array_equal(target.boxes, alone.boxes, equal_nan=True)
        assert np.array_equal(target.frames.score, alone.frames.score, equal_nan=True)
        assert target.frames.state == alone.frames.state


class Counted(Sequence):
    """A sequence of mosaics that counts what is asked of it."""

    def __init__(self, cubes):
        self.mosaics = [cube_to_mosaic(cube, 4) for cube in cubes]
        self.height, self.width, self.bands = cubes[0].shape
        self.read = 0
        self.pixels = np.zeros((self.height, self.width), int)

    def __len__(self):
        return len(self.mosaics)

    def frame(self, i):
        self.read += 1
        counted, frame = self, MosaicFrame(self.mosaics[i], 4, self.bands)
        inner = frame.window

        def window(x0, y0, x1, y1):
            counted.pixels[y0:y1, x0:x1] += 1
            return inner(x0, y0, x1, y1)

        frame.window = window
        return frame


def test_every_pixel_is_de_interleaved_once_at_most():
    cubes = np.random.default_rng(0).integers(0, 999, (2, 100, 150, 16)).astype(np.uint16)
    source = Counted(list(cubes))
    shared = SharedSequence(source)
    for x0, y0, x1, y1 in ((0, 0, 20, 20), (10, 10, 90, 70), (130, 90, 150, 100), (0, 0, 150, 100)):
        assert np.array_equal(shared.frame(1).window(x0, y0, x1, y1), cubes[1, y0:y1, x0:x1])
    assert np.array_equal(shared.frame(1).whole(), cubes[1])
    assert np.array_equal(shared.frame(1).plane(3, 2), cubes[1, ::2, ::2, 3])
    assert source.read == 1
    assert source.pixels.max() == 2  # the pixel that told the kind of numbers
    assert (source.pixels == 2).sum() == 1
    window = shared.frame(1).window(0, 0, 5, 5)
    window[:] = 0
    assert shared.frame(1).whole()[:5, :5].any()


def test_a_corner_alone_is_read_alone():
    source = Counted([np.zeros((200, 200, 16), np.uint16)])
    SharedFrame(source.frame(0)).window(150, 150, 160, 160)
    assert (source.pixels > 0).sum() == 64 * 64


def test_the_folder(clip, tmp_path):
    options = RecordOptions(measuring=MeasureOptions(measure=True))
    done = record_several(clip, lambda: spectrack.load_tracker("cf"), starts(), tmp_path / "run", options=options)
    rows = [line.split(",") for line in (tmp_path / "run" / "mot.txt").read_text().splitlines()]
    assert [(row[0], row[1]) for row in rows[:4]] == [("1", "1"), ("1", "2"), ("2", "1"), ("2", "2")]
    assert {row[1] for row in rows} == {"1", "2", "9"}
    assert min(int(row[0]) for row in rows if row[1] == "9") == 3
    assert all(row[7:] == ["-1"] * 3 for row in rows)
    assert read_first_boxes(tmp_path / "run" / "mot.txt")[2].frame == 2
    assert sorted(entry.name for entry in (tmp_path / "run" / "targets").iterdir()) == ["1", "2", "9"]
    boxes = spectrack.read_boxes(tmp_path / "run" / "targets" / "2" / "boxes.txt")
    assert np.array_equal(boxes, done.targets[1].boxes)
    assert (tmp_path / "run" / "targets" / "9" / "measurements.csv").is_file()
    told = json.loads((tmp_path / "run" / "several.json").read_text())
    assert [item["name"] for item in told["targets"]] == ["1", "2", "9"]
    assert told["targets"][2]["first_frame"] == 2


def test_the_overlay_shows_every_target_in_a_colour_of_its_own(clip, tmp_path):
    options = RecordOptions(overlay=True)
    record_several(clip, lambda: spectrack.load_tracker("cf"), starts(), tmp_path / "run", options=options)
    video = spectrack.open_sequence(tmp_path / "run" / "overlay.mp4")
    assert len(video) == FRAMES
    scale = video.width // WIDTH
    for frame, names in ((0, ("1", "2")), (FRAMES - 1, ("1", "2", "9"))):
        inks = [
            _ink(video[frame], spectrack.read_boxes(tmp_path / "run" / "targets" / name / "boxes.txt")[frame], scale)
            for name in names
        ]
        apart = [np.abs(one - other).max() for number, one in enumerate(inks) for other in inks[:number]]
        assert min(apart) > 60


def _ink(picture, box, scale):
    """Mean colour of the left edge of a box."""
    x, y, _, h = np.rint(box * scale).astype(int)
    return picture[y + 8 : y + h - 8, x + 1 : x + 2].reshape(-1, 3).mean(axis=0)


def test_names_that_are_no_numbers_are_numbered(clip, tmp_path):
    named = [TargetStart(name, 0, place(number, 0)) for name, number in (("boat", "2"), ("car", "1"))]
    done = record_several(clip, lambda: spectrack.load_tracker("cf"), named, tmp_path / "run")
    assert [(target.identity, target.number) for target in done.targets] == [("boat", 1), ("car", 2)]


@pytest.mark.parametrize(
    ("changed", "error", "fact"),
    [
        ([], ConfigError, "found 0"),
        ([TargetStart("a/b", 0, place("1", 0))], ConfigError, "'a/b'"),
        ([TargetStart("a", 0, place("1", 0)), TargetStart("A", 0, place("2", 0))], ConfigError, "'a'"),
        ([TargetStart("late", 7, place("1", 0))], BoxError, "frame 7"),
        ([TargetStart("away", 0, np.array([500.0, 0, 5, 5]))], BoxError, "target away"),
    ],
)
def test_starts_that_make_no_sense_are_refused(clip, tmp_path, changed, error, fact):
    with refuses(error, fact):
        record_several(clip, lambda: spectrack.load_tracker("cf"), changed, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("id,x,y,w,h\ncar,1,2,3,4\nboat,5,6,7,8\n", {"car": (0, [1, 2, 3, 4]), "boat": (0, [5, 6, 7, 8])}),
        ("frame;id;x;y;width;height\n3;7;1;2;3;4\n", {"7": (3, [1, 2, 3, 4])}),
        (
            '{"car": [1, 2, 3, 4], "boat": {"box": [5, 6, 7, 8], "frame": 2}}',
            {"car": (0, [1, 2, 3, 4]), "boat": (2, [5, 6, 7, 8])},
        ),
        ('[{"id": 4, "box": [1, 2, 3, 4]}]', {"4": (0, [1, 2, 3, 4])}),
        (
            "2,1,1,2,3,4,1,-1,-1,-1\n1,2,5,6,7,8,1,-1,-1,-1\n3,1,9,9,9,9,1,-1,-1,-1\n",
            {"1": (1, [1, 2, 3, 4]), "2": (0, [5, 6, 7, 8])},
        ),
    ],
)
def test_files_of_starts(tmp_path, text, found):
    (tmp_path / "starts").write_text(text)
    read = read_first_boxes(tmp_path / "starts")
    assert {start.identity: (start.frame, start.box.tolist()) for start in read} == found


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("1,2,3,4\n5,6,7,8\n", "rows of numbers alone"),
        ("id,x,y,w,h\ncar,1,2,3\n", "line 2"),
        ("id,x,y,w,h\ncar,1,2,3,4\ncar,1,2,3,4\n", "one twice"),
        ("id,x,y,w,h\ncar,1,2,3,wide\n", "'wide'"),
        ("id,x,y,w,h\n", "found none"),
        ('{"car": [1, 2, 3]}', "other JSON"),
        ('{"car": {"box": [1, 2, 3, 4], "frame": -1}}', "found -1"),
        ("", "an empty file"),
    ],
)
def test_files_without_identities_are_refused(tmp_path, text, fact):
    (tmp_path / "starts").write_text(text)
    with refuses(SequenceError, fact):
        read_first_boxes(tmp_path / "starts")


@pytest.fixture
def files(clip, tmp_path):
    spectrack.write_sequence(clip, tmp_path / "clip", format="npy")
    lines = [f"{name},{','.join(map(str, place(name, 0)))}" for name in ("1", "2")]
    (tmp_path / "boxes.csv").write_text("\n".join(["id,x,y,w,h", *lines]) + "\n")
    rows = [
        f"{frame + 1},{name},{','.join(map(str, place(name, frame)))},1,1,1"
        for frame in range(FRAMES)
        for name in ("1", "2")
    ]
    (tmp_path / "gt.txt").write_text("\n".join(rows) + "\n")
    return tmp_path


def test_the_command_line(files, capsys):
    words = ["track", str(files / "clip"), "--boxes-from", str(files / "boxes.csv"), "--tracker", "cf"]
    assert main([*words, "--out", str(files / "run")]) == 0
    printed = capsys.readouterr().out
    assert "a frame for 2 targets" in printed
    assert main([*words, "--out", str(files / "run"), "--overwrite"]) == 0
    pytest.importorskip("motmetrics", reason="the extra mot is not installed")
    capsys.readouterr()
    assert main(["evaluate", "--several", "--results", str(files / "run"), "--truth", str(files / "gt.txt")]) == 0
    assert "by motmetrics" in capsys.readouterr().out
    scores = json.loads((files / "run" / "scores-mot.json").read_text())
    assert scores["figures"]["mota"] == 1.0
    assert scores["figures"]["num_unique_objects"] == 2


@pytest.mark.parametrize(
    ("words", "fact"),
    [
        (["--box", "1,2,3,4"], "--box"),
        (["--truth", "gt.txt"], "--truth"),
        (["--view"], "--view"),
        (["--mask", "gif"], "'gif'"),
    ],
)
def test_what_does_not_go_together_is_refused(files, command_refuses, words, fact):
    words = [files / word if word == "gt.txt" else word for word in words]
    start = ["track", files / "clip", "--boxes-from", files / "boxes.csv", "--tracker", "cf", "--out", files / "run"]
    command_refuses([*start, *words], fact)
