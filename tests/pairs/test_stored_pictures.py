"""A data set's own pictures are what networks see in training and in tracking alike, as light or as they are shown."""

import numpy as np
import pytest
import torch

from spectrack.errors import ConfigError, SequenceError
from spectrack.false_colour import apply_matrix, encode, false_colour_matrix, picture_light
from spectrack.methods.bcrnet.learner import BCRNetLearner
from spectrack.methods.siamban.learner import SiamBANLearner
from spectrack.methods.siamban.tracker import SiamBANOptions, SiamBANTracker
from spectrack.methods.ssfnet.tracker import SSFNetOptions, SSFNetTracker
from spectrack.networks.siamese import encoded
from spectrack.pairs.augmentation import PhotometricConfig
from spectrack.pairs.clip_options import ClipConfig
from spectrack.pairs.clip_pairs import clip_pair, cut_crops
from spectrack.pairs.spectral_batches import ClipPair, pack
from spectrack.pairs.spectral_cameras import known_camera
from spectrack.pairs.spectral_expansion import expand
from spectrack.pairs.stored_clips import ALL_BANDS, convert_sequence
from spectrack.sequences.memory import MemorySequence
from spectrack.tables import from_table
from spectrack.trackers.crop import CropWindow
from spectrack.trackers.loading import load_tracker
from spectrack.training.loop import train
from spectrack.training.recipe import Recipe
from spectrack.weights.files import read_metadata
from tests.fixtures.refusals import refuses
from tests.fixtures.tiny_networks import tiny_network, tiny_ssfnet

SCALING = "fixed(1000)"
CLEAN = PhotometricConfig(gain=0.0, channel_gain=0.0, blur_share=0.0, noise=1e-9, compression_share=0.0)
STILL = ClipConfig(template_shift_px=0, template_scale=0, search_shift_px=0, search_scale=0, negative_share=0)
BOX = np.array([30.0, 24, 14, 10])


def video(pictures=True):
    """A red square in two frames of 16 bands, which the data set's pictures show in blue."""
    cubes = np.full((2, 64, 80, 16), 200, np.uint16)
    cubes[:, 24:34, 30:44, 10:] = 900
    sequence = MemorySequence(cubes, name="square", truth=[BOX, BOX], sensor="vis16")
    shown = np.full((2, 64, 80, 3), 90, np.uint8)
    shown[:, 24:34, 30:44] = (40, 60, 220)
    if pictures:
        sequence._pictures = shown.__getitem__
    return sequence, cubes, shown


def clip_of(sequence, folder, rule, pictures="thirds"):
    return convert_sequence(folder, sequence, ClipConfig(), scaling=SCALING, rule=rule, pictures=pictures)[0]


def rule_mean(cube):
    return apply_matrix(cube / np.float32(1000), false_colour_matrix("thirds", 16)).mean()


def test_pictures_are_stored_as_they_are_beside_the_bands_or_in_their_place(tmp_path):
    sequence, cubes, shown = video()
    bands, colours = (clip_of(sequence, tmp_path, rule) for rule in (ALL_BANDS, "thirds"))
    assert bands.images.shape == (2, 64, 80, 16)
    for clip in (bands, colours):
        np.testing.assert_array_equal(clip.pictures, shown)
        assert clip.white * picture_light(shown[0]).mean() == pytest.approx(rule_mean(cubes[0]), rel=0.02)
    assert colours.images is colours.pictures
    assert clip_of(sequence, tmp_path, "thirds", pictures="").pictures is None
    assert clip_of(video(pictures=False)[0], tmp_path / "plain", "thirds").pictures is None
    sequence._pictures = lambda _: shown[0][:30]
    with refuses(SequenceError, "(64, 80, 3)", "square", "(30, 80, 3)", "data.colour"):
        clip_of(sequence, tmp_path / "other", ALL_BANDS)


@pytest.mark.parametrize("encoding", ["linear", "display"])
@pytest.mark.parametrize("own", [True, False])
def test_pairs_in_false_colour_hold_what_the_tracker_sees(tmp_path, encoding, own):
    """Up to the pair's own tone, which varies around it: the middle of the square, and the ground."""
    sequence, *_ = video()
    clip = clip_of(sequence, tmp_path, "thirds", pictures="thirds" if own else "")
    options = SiamBANOptions(colour="dataset" if own else "rule")
    tracker = SiamBANTracker(tiny_network(), options, scaling=SCALING, rule="thirds", encoding=encoding)
    tracker.init(sequence.pictured_frame(0), BOX)
    seen = tracker._crop(sequence.pictured_frame(0), CropWindow.around(BOX[:2] + BOX[2:] / 2, 24), 127)[0]
    pairs = [clip_pair(np.random.default_rng(seed), [clip], STILL, CLEAN, encoding) for seed in range(40)]
    for place in ((63, 63), (5, 5)):
        levels = np.median([pair.template[place] for pair in pairs], axis=0) / 255
        np.testing.assert_allclose(levels, np.clip(seen[:, *place].numpy(), 0, 1), atol=0.12)


@pytest.mark.parametrize("encoding", ["linear", "display"])
def test_spectral_pairs_hold_what_the_tracker_sees(tmp_path, encoding):
    sequence, *_ = video()
    clip = clip_of(sequence, tmp_path, ALL_BANDS)
    plain = clip_of(video(pictures=False)[0], tmp_path / "plain", ALL_BANDS)
    camera = known_camera("vis16", "thirds")
    cuts = [cut_crops(np.random.default_rng(3), [one], STILL) for one in (plain, clip)]
    batch = expand(pack([ClipPair(cut, np.ones((2, 16))) for cut in cuts], camera, encoding))
    for number, (frames, colour) in enumerate(((video(False)[0], "rule"), (sequence, "dataset"))):
        options = SSFNetOptions(colour=colour)
        tracker = SSFNetTracker(tiny_ssfnet(), options, scaling=SCALING, rule="thirds", encoding=encoding)
        frame = frames.pictured_frame(0)
        tracker.init(frame, BOX)
        crop = tracker._crop(frame, CropWindow.around(BOX[:2] + BOX[2:] / 2, 24), 127)
        cube, colours = tracker._modalities(crop)
        # Borders differ: what is stored is resized in its code, what is tracked in its light.
        for found, seen in ((batch.template[number], cube[0]), (batch.template_colour[number], colours[0])):
            assert float((found - seen).abs().mean()) < 0.02
            np.testing.assert_allclose(found[:, 63, 63], seen[:, 63, 63], atol=0.03)
    # The square is red by the rule and blue in the picture.
    red, blue = (batch.template_colour[:, channel, 63, 63] for channel in (0, 2))
    assert red[0] > 1.5 * blue[0]
    assert blue[1] > 1.5 * red[1]


def test_gains_of_the_light_reach_pictures(tmp_path):
    clip = clip_of(video()[0], tmp_path, ALL_BANDS)
    camera = known_camera("vis16", "thirds")
    gains = np.ones((2, 16))
    gains[1, 10:] = 0.5
    pair = ClipPair(cut_crops(np.random.default_rng(3), [clip], STILL), gains)
    found = pair.picture_gains(camera.colour) / clip.white
    np.testing.assert_allclose(found[0], 1)
    assert found[1, 0] < found[1, 2] == pytest.approx(1)


def test_encoding_goes_from_recipe_to_weights_to_tracker(make, cache, tmp_path):
    recipe = make.recipe(pairs=2, validation_pairs=0, data__encoding="display")
    path = train(recipe, tmp_path / "run", cache=cache, device="cpu", jobs=1)
    assert read_metadata(path).encoding == "display"
    assert load_tracker("siamban", weights=path, precision="fp32", device="cpu").encoding == "display"


def test_a_training_on_what_the_tracker_will_not_see_is_refused(make):
    recipe = make.recipe(data__colour="dataset")
    with refuses(ConfigError, "colour", "dataset", "rule"):
        SiamBANLearner(recipe)
    both = make.recipe(data__colour="dataset", online={"colour": "dataset"})
    assert SiamBANLearner(both).recipe.online.colour == "dataset"
    values = make.recipe().to_json() | {"method": "bcrnet"}
    data = values["data"] | {"encoding": "display"}
    other = {key: value for key, value in values.items() if key not in ("network", "loss", "online")}
    with refuses(ConfigError, "data.encoding", "linear", "bcrnet", "display"):
        BCRNetLearner(from_table(Recipe, other | {"data": data}, "the test"))


def test_encoding_is_the_same_for_arrays_and_tensors():
    light = np.array([-0.1, 0.0, 0.2, 1.0, 1.4], np.float32)
    for encoding in ("linear", "display"):
        np.testing.assert_allclose(
            encoded(torch.from_numpy(light), encoding).numpy(), encode(light, encoding), atol=1e-6
        )
    assert encode(light, "linear") is light
    np.testing.assert_allclose(encode(light, "display")[2], 0.2 ** (1 / 2.2))
