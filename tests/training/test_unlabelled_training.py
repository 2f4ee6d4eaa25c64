"""Training on video without boxes: followed by weights, kept in the cache, told in the run and in the weights."""

import json
import logging
import shutil

import av
import numpy as np
import pytest
import torch

from spectrack.errors import ConfigError
from spectrack.networks.siamese import SiameseConfig, SiameseNetwork
from spectrack.pairs.bank import BankConfig
from spectrack.pairs.batches import PairBatches, build_sources
from spectrack.pairs.clip_sources import sequences_at
from spectrack.pairs.configuration import UNLABELLED, DataConfig
from spectrack.pairs.pseudo_tracks import UnlabelledConfig
from spectrack.pairs.spectral_batches import SpectralBatches, build_spectral_sources
from spectrack.pairs.unlabelled import prepare_unlabelled
from spectrack.sequences.writers import write_sequence
from spectrack.tables import from_table, to_table
from spectrack.training.loop import train
from spectrack.weights.files import read_weights, save_weights
from tests.fixtures.moving_things import moving_things
from tests.fixtures.refusals import refuses
from tests.fixtures.tiny_training import SMALL_BANK

LENIENT = {
    "score": 0.0,
    "agreement": 0.0,
    "motion": 0.0,
    "stretches": 2,
    "stretch_frames": 8,
    "shortest": 4,
    "starts": 2,
}
"""Bounds that a network which nobody has trained passes too: what is kept follows nothing, but goes all the way."""


@pytest.fixture(autouse=True)
def _never_lost():
    """What random weights follow would be called lost, for good reason."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("spectrack.trackers.self_assessment.LOST_BELOW_PROBABILITY", -1.0)
        yield


@pytest.fixture(scope="module")
def followers(tmp_path_factory):
    """Weights of a tiny network that nobody has trained."""
    torch.manual_seed(0)
    config = from_table(SiameseConfig, {"backbone": {"widths": [8, 8, 8], "dilations": [1]}}, "the network")
    path = tmp_path_factory.mktemp("weights") / "followers.safetensors"
    described = {"method": "siamban", "profile": "compact", "config": to_table(config), "recipe": "none, random"}
    save_weights(path, SiameseNetwork(config).eval().state_dict(), described)
    return path


@pytest.fixture
def options(followers, unlabelled_video):
    """The section of the recipe."""
    return {**LENIENT, "videos": [str(unlabelled_video)], "weights": str(followers)}


@pytest.fixture
def run(make, cache, tmp_path):
    def start(name="run", *, stop_after=None, **changes):
        recipe = make.recipe(**changes)
        return train(recipe, tmp_path / name, cache=cache, device="cpu", jobs=1, stop_after=stop_after)

    return start


def test_a_run_tells_what_was_kept_and_its_weights_too(run, options, caplog):
    with caplog.at_level(logging.INFO):
        weights = run(data__unlabelled=options)
    assert "4 of 4 starts kept in 1 video without boxes" in caplog.text
    report = json.loads((weights.parent / "unlabelled.json").read_text())
    (video,) = report["videos"]
    assert (video["video"], video["starts"], video["kept"], video["left_out"]) == ("things", 4, 4, {})
    assert [track["first"] for track in video["tracks"]] == [0, 0, 32, 32]
    assert all(track["frames"] == 8 for track in video["tracks"])
    assert report["frames"] == 32
    assert report["options"]["starts"] == 2
    metadata = read_weights(weights)[1]
    assert metadata.data == f"pictures, {UNLABELLED}"
    told = metadata.extra["unlabelled"]
    assert (told["kept"], told["starts"], told["share"], told["weights"]["file"]) == (
        4,
        4,
        0.3,
        "followers.safetensors",
    )
    assert str(weights.parent) not in json.dumps(told)
    assert UNLABELLED in json.loads((weights.parent / "environment.json").read_text())["data"]


def test_resumed_run_ends_in_the_same_bytes(run, options):
    whole = run("whole", data__unlabelled=options)
    run("parts", data__unlabelled=options, stop_after=3)
    assert run("parts", data__unlabelled=options).read_bytes() == whole.read_bytes()


def test_tracks_are_found_once_and_known_by_video_weights_and_bounds(options, tmp_path, followers, caplog, monkeypatch):
    def prepare(**changes):
        config = UnlabelledConfig(**{**options, "videos": tuple(options["videos"]), **changes})
        return prepare_unlabelled(tmp_path / "cache", config, scaling="none", rule="thirds", colours="thirds")

    first = prepare()
    monkeypatch.setattr("spectrack.pairs.unlabelled.load_tracker", lambda *_, **__: pytest.fail("followed again"))
    with caplog.at_level(logging.INFO):
        again = prepare(share=0.7)
    assert "tracks of things reused" in caplog.text
    assert [clip.key for clip in again.clips] == [clip.key for clip in first.clips]
    monkeypatch.undo()
    keys = {first.clips[0].key, prepare(seed=2).clips[0].key, prepare(agreement=0.01).clips[0].key}
    other = tmp_path / "other.safetensors"
    state, metadata = read_weights(followers)
    save_weights(other, {name: tensor * 1.5 for name, tensor in state.items()}, metadata)
    keys.add(prepare(weights=str(other)).clips[0].key)
    video, _ = moving_things(seed=5)
    shutil.rmtree(tmp_path / "videos" / "things")
    write_sequence(video, tmp_path / "videos" / "things", format="npy")
    keys.add(prepare().clips[0].key)
    assert len(keys) == 5


def test_clips_are_the_frames_of_the_tracks(options, tmp_path):
    config = UnlabelledConfig(**{**options, "videos": tuple(options["videos"]), "frames": 3})
    found = prepare_unlabelled(tmp_path, config, scaling="fixed(255)", rule="thirds", colours="thirds")
    assert [clip.usable.tolist() for clip in found.clips] == [[0, 1, 2], [0, 1, 2], [3, 4, 5], [3, 4, 5]]
    assert found.clips[0].images.shape[0] == 6
    assert all((clip.truth[clip.usable, 2:] > 0).all() for clip in found.clips)
    assert (found.clips[0].truth[3:] == 0).all()


def test_a_folder_of_video_files(tmp_path):
    """Several in one folder, which is no sequence of its own; other files there are passed over."""
    for seed in (1, 2):
        video, _ = moving_things(frames=6, seed=seed)
        with av.open(str(tmp_path / f"take{seed}.mp4"), "w") as container:
            stream = container.add_stream("mpeg4", rate=25)
            stream.width, stream.height, stream.pix_fmt = video.width, video.height, "yuv420p"
            for cube in video:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(cube), format="rgb24")))
            container.mux(stream.encode())
    (tmp_path / "notes.txt").write_text("filmed on Monday")
    found = sequences_at(tmp_path, files=True)
    assert [(sequence.name, len(sequence)) for sequence in found] == [("take1", 6), ("take2", 6)]


def test_nothing_kept_is_refused_with_the_reasons(options, tmp_path):
    config = UnlabelledConfig(**{**options, "videos": tuple(options["videos"]), "motion": 50.0})
    with refuses(ConfigError, "0 of 4 starts kept", "4 hardly moved", "data.unlabelled.score", options["videos"][0]):
        prepare_unlabelled(tmp_path, config, scaling="none", rule="thirds", colours="thirds")


@pytest.mark.parametrize("start", ["", "efficientnet-lite0"])
def test_without_weights_that_follow_there_is_a_sentence(run, options, start):
    with refuses(ConfigError, options["videos"][0], f"{start!r}", "none called tiny", "data.unlabelled.weights"):
        run(start=start, data__unlabelled={**options, "weights": ""})


def test_the_start_s_weights_follow(run, options, followers):
    weights = run(start=str(followers), data__unlabelled={**options, "weights": ""})
    assert read_weights(weights)[1].extra["unlabelled"]["weights"]["file"] == followers.name


def test_shares_of_the_sources():
    data = DataConfig(sources=("pictures", "simulated"), ratios=(3.0, 1.0))
    assert (data.names, data.shares) == (("pictures", "simulated"), (3.0, 1.0))
    data = DataConfig(unlabelled=UnlabelledConfig(videos=("a",), share=0.4))
    shares = np.array(data.shares) / sum(data.shares)
    np.testing.assert_allclose(shares, (0.3, 0.3, 0.4))
    assert data.names == ("pictures", "simulated", UNLABELLED)


def test_pairs_of_one_video_are_never_called_empty(options, make, cache):
    """Its other tracks may show the target at another time."""
    recipe = make.recipe(data__unlabelled={**options, "share": 0.99}, data__clips={"negative_share": 1.0})
    batch = PairBatches(build_sources(recipe.data, cache, jobs=1)[1:], (), seed=1, batch=8)[0]
    assert batch.positive.all()


def test_cubes_too(followers, tmp_path, cache):
    """Nine bands, followed in false colour, stored with all bands beside drawn pairs."""
    video, _ = moving_things(bands=9)
    write_sequence(video, tmp_path / "cubes", format="npy")
    unlabelled = UnlabelledConfig(**LENIENT, videos=(str(tmp_path / "cubes"),), weights=str(followers), share=0.5)
    data = DataConfig(sources=("pictures",), bank=BankConfig(**SMALL_BANK), unlabelled=unlabelled, workers=0)
    sources = build_spectral_sources(data, cache, jobs=1)
    batches = SpectralBatches(sources, data, seed=1, batch=2)
    bands = {batches.finish(batches[index], lambda tensor: tensor).search.shape[1] for index in range(6)}
    assert 9 in bands
