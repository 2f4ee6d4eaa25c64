"""Scalings: parsing, the numbers each gives, and what they do to the shape of spectra."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectrack.errors import ConfigError
from spectrack.scaling import DEFAULT_SCALING, Gain, Scaling
from tests.fixtures.refusals import refuses

CUBE = np.random.default_rng(0).integers(10, 1000, (20, 30, 5)).astype(np.uint16)
GAIN_ONLY = ["none", "frame_max", "first_frame_max", "first_frame_percentile(99.9)", "fixed(1023)"]


@pytest.mark.parametrize(
    ("text", "name", "parameters"),
    [
        ("none", "none", ()),
        (" first_frame_percentile ( 99 ) ", "first_frame_percentile", (99.0,)),
        ("first_frame_percentile", "first_frame_percentile", (99.9,)),
        ("fixed(4095)", "fixed", (4095.0,)),
        ("percentile(2, 98)", "percentile", (2.0, 98.0)),
        (DEFAULT_SCALING, "first_frame_percentile", (99.9,)),
    ],
)
def test_parsing(text, name, parameters):
    scaling = Scaling.parse(text)
    assert (scaling.name, scaling.parameters) == (name, parameters)
    assert Scaling.parse(str(scaling)) == scaling


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("frame_maxx", ("'frame_maxx'", "did you mean 'frame_max'")),
        ("", ("''", "band_minmax")),
        ("fixed(0)", ("1", "'fixed(0)'", "fixed(1023)")),
        ("fixed(a)", ("1", "'fixed(a)'", "fixed(1023)")),
        ("fixed(1,2)", ("1", "'fixed(1,2)'", "fixed(1023)")),
        ("fixed(inf)", ("1", "'fixed(inf)'", "fixed(1023)")),
        ("none(1)", ("0", "'none(1)'", "none")),
        ("percentile(99, 1)", ("2", "'percentile(99, 1)'", "percentile(1, 99)")),
        ("first_frame_percentile(101)", ("1", "'first_frame_percentile(101)'", "first_frame_percentile(99.9)")),
    ],
)
def test_unusable_scalings(text, facts):
    with refuses(ConfigError, facts):
        Scaling.parse(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("none", CUBE),
        ("frame_max", CUBE / CUBE.max()),
        ("first_frame_max", CUBE / CUBE.max()),
        ("first_frame_percentile(99.9)", CUBE / np.percentile(CUBE, 99.9)),
        ("fixed(1023)", CUBE / 1023),
        ("frame_minmax", (CUBE - CUBE.min()) / (CUBE.max() - CUBE.min())),
        ("percentile(1, 99)", (CUBE - np.percentile(CUBE, 1)) / (np.percentile(CUBE, 99) - np.percentile(CUBE, 1))),
        ("band_minmax", (CUBE - CUBE.min((0, 1))) / (CUBE.max((0, 1)) - CUBE.min((0, 1)).astype(float))),
    ],
)
def test_each_gives_its_numbers(text, expected):
    scaled = Scaling.parse(text).fit(CUBE).apply(CUBE)
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scaled, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("text", [*GAIN_ONLY, "frame_minmax", "percentile(1, 99)", "band_minmax"])
def test_black_stays_finite_and_raw_values_stay_untouched(text):
    black = np.zeros((4, 4, 3), np.uint16)
    assert not Scaling.parse(text).fit(black).apply(black).any()
    before = CUBE.copy()
    Scaling.parse(text).fit(CUBE).apply(CUBE)
    np.testing.assert_array_equal(CUBE, before)


@given(st.sampled_from(GAIN_ONLY), st.integers(0, 100))
def test_gain_only_scalings_keep_the_shape_of_spectra(text, seed):
    cube = np.random.default_rng(seed).integers(1, 1000, (4, 4, 6)).astype(np.uint16)
    scaled = Scaling.parse(text).fit(cube).apply(cube)
    unit = [values / np.linalg.norm(values, axis=-1, keepdims=True) for values in (cube.astype(float), scaled)]
    np.testing.assert_allclose(unit[0], unit[1], atol=1e-6)


def test_band_scaling_changes_the_shape_of_spectra():
    scaled = Scaling.parse("band_minmax").fit(CUBE).apply(CUBE)
    ratios = scaled[..., 0] / np.maximum(scaled[..., 1], 1e-6)
    assert np.ptp(ratios - CUBE[..., 0] / CUBE[..., 1]) > 0.1


def test_which_scalings_are_fitted_on_every_frame():
    names = [
        "none",
        "frame_max",
        "first_frame_max",
        "first_frame_percentile",
        "fixed",
        "frame_minmax",
        "percentile",
        "band_minmax",
    ]
    assert [Scaling.parse(name).every_frame for name in names] == [False, True, False, False, False, True, True, True]


def test_percentiles_of_large_frames_are_sampled_closely():
    large = np.random.default_rng(0).gamma(2, 100, (300, 400, 16)).astype(np.float32)
    gain = Scaling.parse("first_frame_percentile(99.9)").fit(large).gain[0]
    assert 1 / gain == pytest.approx(np.percentile(large, 99.9), rel=0.01)


def test_a_crop_is_scaled_like_the_frame():
    gain = Gain.uniform(0.5, 5)
    np.testing.assert_array_equal(gain.apply(CUBE)[3:9, 4:8], gain.apply(CUBE[3:9, 4:8]))


@pytest.mark.parametrize(
    "text", ["frame_max", "first_frame_percentile", "frame_minmax", "band_minmax", "percentile(1,99)"]
)
def test_values_beyond_float32_are_left_to_the_crop_without_a_warning(text):
    cube = np.full((20, 30, 4), 1e300)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gain = Scaling.parse(text).fit(cube)
    assert gain.gain.shape == (4,)
