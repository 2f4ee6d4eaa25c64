"""Sources of clips: any depth, data sets by name with several cameras, what cannot be read, how frames are paired."""

import logging
import shutil

import numpy as np
import pytest

from spectrack.errors import ConfigError, SequenceError, WeightsError
from spectrack.pairs.augmentation import PhotometricConfig
from spectrack.pairs.batches import build_sources
from spectrack.pairs.clip_options import ClipConfig, ClipDataset
from spectrack.pairs.clip_pairs import clip_pair, cut_pair
from spectrack.pairs.clip_sources import prepare_clips, prepare_sequences
from spectrack.pairs.configuration import DataConfig
from spectrack.pairs.spectral_batches import SpectralBatches, build_spectral_sources
from spectrack.sequences.memory import MemorySequence
from spectrack.sequences.writers import write_sequence
from spectrack.tables import from_table
from spectrack.training.loop import train
from tests.fixtures.refusals import refuses

OPTIONS = {"scaling": "fixed(1000)", "rule": "thirds"}
OPTIONS_OF_RECIPE = {"scaling": "fixed(1000)", "false_colour": "thirds"}


def write_video(folder, *, bands=16, frames=4, level=900, format="npy", sensor=None):
    """A bright square of 14 x 10 pixels, 2 px further right in every frame."""
    cubes = np.full((frames, 64, 80, bands), 40, np.uint16)
    boxes = np.array([(20 + 2 * index, 24, 14, 10) for index in range(frames)], float)
    for cube, (x, y, w, h) in zip(cubes, boxes.astype(int), strict=True):
        cube[y : y + h, x : x + w] = level
    write_sequence(MemorySequence(cubes, name=folder.name, truth=boxes, sensor=sensor), folder, format=format)
    return folder


def levels(clips):
    return [round(1500 * (int(clip.images[0].max()) / 255) ** 2, -2) for clip in clips]


def test_sequences_are_found_at_any_depth_in_the_order_of_their_paths(tmp_path):
    for level, place in ((300, "b/2019/rome/one"), (500, "a/two"), (700, "a/three"), (900, "c")):
        write_video(tmp_path / "videos" / place, level=level)
    (tmp_path / "videos" / "notes").mkdir()
    found = prepare_sequences(tmp_path / "cache", tmp_path / "videos", ClipConfig(), **OPTIONS)
    assert levels(found.clips) == [700, 500, 300, 900]
    assert found.left_out == {}


@pytest.fixture
def broken(tmp_path):
    """Four sequences: one whole, one without truth, one with a frame cut short, one that is nothing but damage."""
    videos = tmp_path / "videos"
    for name in ("whole", "blind", "cut", "torn"):
        write_video(videos / name, format="envi" if name == "cut" else "npy")
    for truth in videos.glob("blind/**/groundtruth_rect.txt"):
        truth.unlink()
    frames = sorted(path for path in (videos / "cut").rglob("*") if path.stat().st_size > 10_000)
    frames[-1].write_bytes(frames[-1].read_bytes()[:5000])
    for file in videos.glob("torn/**/*.npy"):
        file.write_bytes(b"no array")
    return videos


def test_what_cannot_be_read_is_counted_and_named_and_refused(broken, tmp_path):
    """Before anything is converted as far as opening tells, afterwards the rest."""
    with refuses(SequenceError, "4 sequences", broken, "found 2", "blind, torn", "data.clips.unreadable"):
        prepare_sequences(tmp_path / "cache", broken, ClipConfig(), **OPTIONS)
    assert not (tmp_path / "cache").exists()
    for name in ("blind", "torn"):
        shutil.rmtree(broken / name)
    with refuses(SequenceError, "2 sequences", "found 1", "cut", "data.clips.unreadable"):
        prepare_sequences(tmp_path / "cache", broken, ClipConfig(), **OPTIONS)


def test_where_nothing_can_be_read_nothing_is_skipped(broken, tmp_path):
    shutil.rmtree(broken / "whole")
    for policy in ("refuse", "skip"):
        with refuses(SequenceError, "3 sequences", "mend them"):
            prepare_sequences(tmp_path / "cache", broken, ClipConfig(unreadable=policy), **OPTIONS)


def test_where_it_is_allowed_the_others_are_trained_on_and_what_is_left_out_is_told(
    broken, make, cache, tmp_path, caplog
):
    data = {"sources": ["pictures", str(broken)], "clips": {"unreadable": "skip"}, **OPTIONS_OF_RECIPE}
    recipe = make.recipe(pairs=2, validation_pairs=0)
    recipe = from_table(type(recipe), recipe.to_json() | {"data": recipe.to_json()["data"] | data}, "the recipe")
    with caplog.at_level(logging.WARNING):
        path = train(recipe, tmp_path / "run", cache=cache, device="cpu", jobs=1)
    told = (path.parent / "environment.json").read_text()
    for name in ("blind", "cut", "torn"):
        assert f"left out of {broken}: {name}, expected" in caplog.text
        assert f'"{name}": "expected' in told


def test_a_sequence_that_never_shows_its_target_is_named(tmp_path):
    for name in ("seen", "unseen"):
        write_video(tmp_path / "videos" / name)
    for truth in (tmp_path / "videos" / "unseen").rglob("groundtruth_rect.txt"):
        truth.write_text("500,500,5,5\n" * 4)
    found = prepare_sequences(tmp_path / "cache", tmp_path / "videos", ClipConfig(), **OPTIONS)
    assert len(found.clips) == 1
    assert list(found.left_out) == ["unseen"]


@pytest.fixture
def two_cameras(tmp_path):
    """A challenge's tree: sixteen bands and twenty-five, for training and for validation."""
    root = tmp_path / "HOT2023"
    for split, modality, sensor, bands in (
        ("training", "HSI-VIS", "vis16", 16),
        ("training", "HSI-NIR", "nir25", 25),
        ("validation", "HSI-VIS", "vis16", 16),
    ):
        for number in range(2):
            folder = root / split / modality / f"{split}{number}"
            write_video(folder, bands=bands, level=500 + 200 * number, sensor=sensor)
    return root


def test_two_cameras_of_a_data_set_share_batches_as_the_ratios_say(two_cameras, cache):
    part = {"name": "hotc2023", "root": str(two_cameras), "split": "train"}
    data = from_table(
        DataConfig,
        {
            "sources": ["vis", "nir"],
            "ratios": [0.75, 0.25],
            "datasets": {"vis": part | {"modality": "HSI-VIS"}, "nir": part | {"modality": "HSI-NIR"}},
            "scaling": "fixed(1000)",
        },
        "the recipe",
    )
    sources = build_spectral_sources(data, cache, jobs=1)
    assert [{name: len(clips) for name, clips in source.clips.items()} for source in sources] == [
        {"vis16": 2},
        {"nir25": 2},
    ]
    batches = SpectralBatches(sources, data, seed=1, batch=2)
    bands = [batches.camera(index).bands for index in range(400)]
    assert set(bands) == {16, 25}
    assert np.mean(np.array(bands) == 16) == pytest.approx(0.75, abs=0.06)
    batch = batches.finish(batches[bands.index(25)], lambda part: part)
    assert (batch.search.shape[1], batch.sensor) == (25, "nir25")


def test_a_data_set_is_a_source_of_false_colour_pairs_too(two_cameras, cache):
    datasets = {"all": ClipDataset(name="hotc2023", root=str(two_cameras), split="train")}
    data = DataConfig(sources=("all",), datasets=datasets, scaling="fixed(1000)")
    (source,) = build_sources(data, cache, jobs=1)
    pair = source(np.random.default_rng(0))
    assert (pair.template.shape, pair.search.shape) == ((127, 127, 3), (255, 255, 3))
    assert data.places == (two_cameras,)


@pytest.mark.parametrize(
    ("source", "datasets", "facts"),
    [
        ("viss", {"vis": ClipDataset(root="x")}, ("'viss'", "did you mean 'vis'")),
        ("vis", {"vis": ClipDataset(name="hotc2033", root="x")}, ("'hotc2033'", "did you mean 'hotc2023'")),
        ("vis", {"vis": ClipDataset(name="hotc2023")}, ("hotc2023", "--root")),
    ],
)
def test_a_source_that_is_none_gets_a_sentence(tmp_path, source, datasets, facts):
    with refuses(ConfigError, facts):
        prepare_clips(source, tmp_path, ClipConfig(), **OPTIONS, datasets=datasets)


def test_the_frozen_suite_is_no_source():
    with refuses(ConfigError, "datasets.suite.name", "simulated"):
        from_table(DataConfig, {"datasets": {"suite": {"name": "simulated"}}}, "the recipe")
    with refuses(ConfigError, "datasets", "pictures"):
        DataConfig(datasets={"pictures": ClipDataset(root="x")})


@pytest.mark.parametrize(("gap", "most"), [(0, 19), (3, 3), (1, 1)])
def test_the_frames_of_a_pair_are_no_further_apart_than_the_recipe_says(tmp_path, gap, most):
    """Every frame of the video has a grey level of its own, which the crops show."""
    cubes = np.stack([np.full((64, 80, 16), 100 + 40 * index, np.uint16) for index in range(20)])
    video = MemorySequence(cubes, name="levels", truth=[(30, 24, 14, 10)] * 20)
    write_sequence(video, tmp_path / "video", format="npy")
    config = ClipConfig(frames=10, max_gap=gap)  # every second frame is kept, and the last
    (clip,) = prepare_sequences(tmp_path / "cache", tmp_path / "video", config, **OPTIONS).clips
    assert clip.frames.tolist() == [0, 2, 4, 6, 8, 11, 13, 15, 17, 19]
    gaps = set()
    for seed in range(200):
        pair = cut_pair(np.random.default_rng(seed), [clip], config)
        first, second = (
            round(((crop[60, 60, 0] / 255) ** 2 * 1500 - 100) / 40) for crop in (pair.template, pair.search)
        )
        gaps.add(abs(first - second))
    assert max(gaps) <= most
    assert max(gaps) >= most - 1


def test_the_template_is_shaken_as_far_as_the_recipe_says(tmp_path):
    write_video(tmp_path / "video")
    (clip,) = prepare_sequences(tmp_path / "cache", tmp_path / "video", ClipConfig(), **OPTIONS).clips

    def centres(**changes):
        config, look = ClipConfig(**changes), PhotometricConfig()
        pairs = [clip_pair(np.random.default_rng(seed), [clip], config, look) for seed in range(40)]
        boxes = np.array([pair.template_box for pair in pairs])
        return np.abs((boxes[:, :2] + boxes[:, 2:]) / 2 - 63.5).max(), np.ptp(boxes[:, 2] - boxes[:, 0])

    still, usual, wild = (
        centres(template_shift_px=shift, template_scale=scale)
        for shift, scale in ((0.0, 0.0), (4.0, 0.05), (20.0, 0.3))
    )
    assert still[0] < 1.5 < usual[0] < 6.0 < wild[0]
    assert still[1] < usual[1] < wild[1]


def test_what_is_no_source_or_start_is_refused_before_anything_is_made(make, tmp_path):
    recipe = make.recipe(pairs=2, validation_pairs=0)
    data = recipe.to_json()["data"] | {"sources": ["pictures", str(tmp_path / "nothing")]}
    missing = from_table(type(recipe), recipe.to_json() | {"data": data}, "the recipe")
    with refuses(ConfigError, "nothing", "where nothing lies"):
        train(missing, tmp_path / "run", cache=tmp_path / "cache", device="cpu", jobs=1)
    with refuses(WeightsError, "gone.safetensors"):
        train(make.recipe(start=str(tmp_path / "gone.safetensors")), tmp_path / "run", cache=tmp_path / "cache")
    assert list(tmp_path.iterdir()) == []
