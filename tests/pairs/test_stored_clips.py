"""Pairs from video: the box follows the crop, conversion happens once, negatives come from elsewhere."""

import json
import logging
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from spectrack.errors import SequenceError
from spectrack.files.fingerprints import array_digest
from spectrack.pairs import clip_sources
from spectrack.pairs.augmentation import PhotometricConfig
from spectrack.pairs.clip_options import ClipConfig
from spectrack.pairs.clip_pairs import clip_pair
from spectrack.pairs.stored_clips import prepare_simulated
from spectrack.sequences.memory import MemorySequence
from spectrack.sequences.writers import write_sequence
from tests.fixtures.refusals import refuses

OPTIONS = {"scaling": "fixed(1000)", "rule": "thirds"}
CLEAN = PhotometricConfig(gain=0.0, channel_gain=0.0, blur_share=0.0, noise=1e-9)


def write_square(folder, *, frames=6, level=900, name="square", truth=True):
    """A bright square of 14 x 10 cube pixels that moves over a dark ground, written as .npy."""
    cubes = np.full((frames, 64, 80, 16), 40, np.uint16)
    boxes = np.array([(30 + 2 * i, 24 + i, 14, 10) for i in range(frames)], float)
    for cube, (x, y, w, h) in zip(cubes, boxes.astype(int), strict=True):
        cube[y : y + h, x : x + w] = level
    write_sequence(MemorySequence(cubes, name=name, truth=boxes if truth else None), folder, format="npy")
    return folder


def prepare_sequences(*arguments, **options):
    return clip_sources.prepare_sequences(*arguments, **options).clips


def bright_box(search):
    mask = search[:, :, 0] > search[:, :, 0].max() / 2
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])


def test_box_lies_on_the_target(tmp_path):
    clips = prepare_sequences(tmp_path / "cache", write_square(tmp_path / "video"), ClipConfig(frames=4), **OPTIONS)
    assert len(clips) == 1
    assert clips[0].images.shape == (4, 64, 80, 3)
    for seed in range(12):
        pair = clip_pair(np.random.default_rng(seed), clips, ClipConfig(search_shift_px=40.0), CLEAN)
        assert pair.positive
        # The square is magnified about four times, so its blurred edge is worth a crop pixel or two.
        np.testing.assert_allclose(bright_box(pair.search), pair.box, atol=2.5)
        x0, y0, x1, y1 = bright_box(pair.template)
        np.testing.assert_allclose(((x0 + x1) / 2, (y0 + y1) / 2), (63.5, 63.5), atol=8)


def test_frames_are_spread_over_the_sequence(tmp_path):
    (clip,) = prepare_sequences(
        tmp_path / "cache", write_square(tmp_path / "video", frames=10), ClipConfig(frames=4), **OPTIONS
    )
    np.testing.assert_array_equal(clip.truth[:, 0], (30, 36, 42, 48))
    (all_of_them,) = prepare_sequences(tmp_path / "cache", tmp_path / "video", ClipConfig(frames=99), **OPTIONS)
    assert len(all_of_them.images) == 10


def test_light_is_stored_as_a_square_root_and_comes_back_linear(tmp_path):
    (clip,) = prepare_sequences(tmp_path / "cache", write_square(tmp_path / "video"), ClipConfig(), **OPTIONS)
    # 900 of 1000, of a white of 1.5.
    assert clip.images[0].max() == round(255 * np.sqrt(0.9 / 1.5))
    levels = []
    for seed in range(60):
        pair = clip_pair(np.random.default_rng(seed), [clip], ClipConfig(), CLEAN)
        levels.append(pair.search.max() / 255)
    # The common exposure varies around what the tracker would show.
    assert np.median(levels) == pytest.approx(0.9, abs=0.12)


def converted(tmp_path, **changes):
    (clip,) = prepare_sequences(tmp_path / "cache", tmp_path / "video", ClipConfig(**changes), **OPTIONS)
    return clip, sorted((tmp_path / "cache").glob("*/images.npy"))


def test_conversion_happens_once_and_again_when_the_truth_changes(tmp_path, caplog):
    write_square(tmp_path / "video")
    _, (file,) = converted(tmp_path)
    before = file.stat().st_mtime_ns
    for frames in (tmp_path / "video").iterdir():
        os.utime(frames, ns=(7, 7))
    with caplog.at_level(logging.INFO):
        assert converted(tmp_path, search_shift_px=3.0)[1] == [file]
    assert "1 of 1 clips reused" in caplog.text
    assert file.stat().st_mtime_ns == before
    truth = tmp_path / "video" / "groundtruth_rect.txt"
    truth.write_text(truth.read_text().replace("14", "15", 1))
    clip, files = converted(tmp_path)
    assert len(files) == 2
    assert clip.truth[0, 2] == 15


def test_frames_that_were_replaced_are_converted_again(tmp_path):
    write_square(tmp_path / "video", level=900)
    first, _ = converted(tmp_path)
    shutil.rmtree(tmp_path / "video")
    write_square(tmp_path / "video", level=500)
    second, files = converted(tmp_path)
    assert len(files) == 2
    # The first clip, which somebody may still be reading, keeps its pixels.
    assert [int(clip.images.max()) for clip in (first, second)] == [
        round(255 * np.sqrt(level / 1500)) for level in (900, 500)
    ]


def test_clips_of_other_code_are_not_taken(tmp_path, monkeypatch):
    write_square(tmp_path / "video")
    converted(tmp_path)
    monkeypatch.setattr("spectrack.pairs.stored_clips.source_digest", lambda *parts: "another")
    assert len(converted(tmp_path)[1]) == 2


def test_frames_that_change_while_they_are_converted_are_refused(tmp_path, monkeypatch):
    write_square(tmp_path / "video")
    monkeypatch.setattr("spectrack.pairs.stored_clips.glance", lambda made_of: "another")
    with refuses(SequenceError, "square"):
        converted(tmp_path)
    monkeypatch.undo()
    assert len(converted(tmp_path)[1]) == 1


RENDERING = """
import sys
from pathlib import Path
from spectrack.pairs.clip_options import ClipConfig
from spectrack.pairs.stored_clips import prepare_simulated
from spectrack.files.fingerprints import array_digest
config = ClipConfig(count=2, frames=2, spacing=2, height=64, width=64, scenarios=("calm",), sensors=("vis16",))
clips = prepare_simulated(Path(sys.argv[1]), config, scaling="fixed(1000)", rule="thirds", jobs=1)
print(*(array_digest(clip.images) for clip in clips))
"""


def test_processes_that_render_the_same_clips_get_the_same_pixels(tmp_path):
    command = [sys.executable, "-c", RENDERING, str(tmp_path)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    found = [process.communicate(timeout=120)[0].split() for process in running]
    config = ClipConfig(count=2, frames=2, spacing=2, height=64, width=64, scenarios=("calm",), sensors=("vis16",))
    clips = prepare_simulated(tmp_path / "alone", config, **OPTIONS, jobs=1)
    assert found == [[array_digest(clip.images) for clip in clips]] * 2


def test_folder_of_sequences_also_with_equal_names(tmp_path):
    for number, level in enumerate((500, 900)):
        write_square(tmp_path / "videos" / f"take{number}", level=level, name="square")
    (tmp_path / "videos" / "notes").mkdir()
    clips = prepare_sequences(tmp_path / "cache", tmp_path / "videos", ClipConfig(), **OPTIONS)
    assert sorted(int(clip.images[0].max()) for clip in clips) == [
        round(255 * np.sqrt(level / 1500)) for level in (500, 900)
    ]


def test_negative_pairs_come_from_another_clip(tmp_path):
    for number, level in enumerate((400, 950)):
        write_square(tmp_path / "videos" / f"take{number}", level=level, name=f"take{number}")
    clips = prepare_sequences(tmp_path / "cache", tmp_path / "videos", ClipConfig(), **OPTIONS)
    for seed in range(10):
        pair = clip_pair(np.random.default_rng(seed), clips, ClipConfig(negative_share=1.0), CLEAN)
        assert not pair.positive
        assert abs(int(pair.template.max()) - int(pair.search.max())) > 40


def test_single_clip_has_no_negatives(tmp_path):
    clips = prepare_sequences(tmp_path / "cache", write_square(tmp_path / "video"), ClipConfig(), **OPTIONS)
    assert all(
        clip_pair(np.random.default_rng(seed), clips, ClipConfig(negative_share=1.0), CLEAN).positive
        for seed in range(4)
    )


def test_sequence_without_truth_is_refused(tmp_path):
    with refuses(SequenceError, "square", "groundtruth_rect.txt"):
        prepare_sequences(tmp_path / "cache", write_square(tmp_path / "video", truth=False), ClipConfig(), **OPTIONS)


def test_sequence_whose_target_is_never_seen_is_refused(tmp_path):
    write_square(tmp_path / "video")
    (tmp_path / "video" / "groundtruth_rect.txt").write_text("500,500,5,5\n" * 6)
    with refuses(SequenceError, "video", "none", "data.clips.minimum_visibility"):
        prepare_sequences(tmp_path / "cache", tmp_path / "video", ClipConfig(), **OPTIONS)


def test_folder_without_sequences_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises((SequenceError, FileNotFoundError)):
        prepare_sequences(tmp_path / "cache", tmp_path / "empty", ClipConfig(), **OPTIONS)


def test_simulated_clips_repeat_and_are_rendered_once(tmp_path):
    config = ClipConfig(count=2, frames=2, spacing=2, height=96, width=128, scenarios=("calm",), sensors=("vis16",))
    first = prepare_simulated(tmp_path / "a", config, **OPTIONS, jobs=1)
    second = prepare_simulated(tmp_path / "b", config, **OPTIONS, jobs=1)
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.images, other.images)
        np.testing.assert_array_equal(one.truth, other.truth)
    assert (first[0].images != first[1].images).any()
    (described, _) = sorted((tmp_path / "a").glob("*/*/clip.json"))
    assert len(json.loads(described.read_text())["truth"]) == 2
    before = described.stat().st_mtime_ns
    prepare_simulated(tmp_path / "a", config, **OPTIONS, jobs=1)
    assert described.stat().st_mtime_ns == before
