"""The filter's solver against dense linear algebra, what is read off a response, and the alignment of sizes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectrack.methods.correlation_filter.filter import (
    ScaleAlignment,
    TranslationFilter,
    centred_mask,
    place_of_peak,
    respond,
    sidelobe_ratio,
    solve,
    taper,
    to_frequencies,
    to_maps,
    vertex,
    wanted_response,
)

SIZE, CELLS = 8, 64


def dense_correlation(channel):
    """The matrix that maps a filter to its circular correlation with the channel: row x holds the channel moved by
    x.
    """
    rows = [np.roll(channel, (-y, -x), axis=(0, 1)).ravel() for y in range(SIZE) for x in range(SIZE)]
    return np.array(rows, dtype=np.float64)


def tiny_case(seed, channels=1):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(channels, SIZE, SIZE)).astype(np.float32)
    mask = np.zeros((SIZE, SIZE), np.float32)
    mask[2:6, 3:6] = 1
    return features, mask, to_maps(wanted_response(SIZE, 1.0), SIZE)


def dense_solution(channel, wanted, mask, ridge):
    chosen = mask.ravel() > 0
    matrix = dense_correlation(channel)[:, chosen]
    found = np.linalg.solve(matrix.T @ matrix + ridge * np.eye(chosen.sum()), matrix.T @ wanted.ravel())
    full = np.zeros(SIZE * SIZE)
    full[chosen] = found
    return full.reshape(SIZE, SIZE)


def ridge_of(features, regularisation):
    return regularisation * np.mean(np.abs(np.fft.rfft2(features)) ** 2)


def test_without_a_mask_it_is_the_closed_form():
    features, _, wanted = tiny_case(0)
    ones = np.ones((SIZE, SIZE), np.float32)
    found = to_maps(solve(to_frequencies(features), to_frequencies(wanted), ones, regularisation=0.1), SIZE)[0]
    expected = dense_solution(features[0], wanted, ones, ridge_of(features, 0.1))
    np.testing.assert_allclose(found, expected, atol=2e-5)


@pytest.mark.parametrize("seed", range(4))
def test_with_a_mask_it_converges_to_the_constrained_least_squares(seed):
    features, mask, wanted = tiny_case(seed, channels=2)
    options = {"regularisation": 0.05, "penalty": 0.5, "growth": 1.0, "iterations": 400}
    found = to_maps(solve(to_frequencies(features), to_frequencies(wanted), mask, **options), SIZE)
    for channel, one in zip(features, found, strict=True):
        np.testing.assert_allclose(one, dense_solution(channel, wanted, mask, ridge_of(features, 0.05)), atol=2e-4)


def test_four_iterations_are_near_enough():
    features, mask, wanted = tiny_case(5)
    found = to_maps(solve(to_frequencies(features), to_frequencies(wanted), mask), SIZE)[0]
    best = dense_solution(features[0], wanted, mask, ridge_of(features, 0.004))
    matrix = dense_correlation(features[0])

    def error(filter):
        return np.sum((matrix @ filter.ravel() - wanted.ravel()) ** 2)

    cut = (
        mask
        * to_maps(
            to_frequencies(features) * np.conj(to_frequencies(wanted)) / (np.abs(to_frequencies(features)) ** 2 + 0.3),
            SIZE,
        )[0]
    )
    assert error(best) <= error(found) < error(best) + 0.5 * (error(cut) - error(best))


@given(st.integers(0, 1000))
def test_the_filter_is_zero_outside_the_mask(seed):
    features, mask, wanted = tiny_case(seed, channels=3)
    found = to_maps(solve(to_frequencies(features), to_frequencies(wanted), mask), SIZE)
    np.testing.assert_allclose(found * (1 - mask), 0, atol=1e-6 * np.abs(found).max() + 1e-9)


@pytest.mark.parametrize("hold", [0.0, 0.3, 1e4])
def test_a_filter_is_held_near_the_one_before(hold):
    """Against the dense problem with the term added; a strong hold leaves the filter as it was."""
    features, mask, wanted = tiny_case(5)
    previous = mask * np.random.default_rng(6).normal(size=(1, SIZE, SIZE)).astype(np.float32)
    found = solve(
        to_frequencies(features),
        to_frequencies(wanted),
        mask,
        previous=to_frequencies(previous),
        temporal=hold,
        regularisation=0.1,
        iterations=60,
        growth=1.2,
    )
    chosen = mask.ravel() > 0
    matrix = dense_correlation(features[0])[:, chosen]
    ridge, weight = ridge_of(features, 0.1), ridge_of(features, hold)
    normal = matrix.T @ matrix + (ridge + weight) * np.eye(chosen.sum())
    right = matrix.T @ wanted.ravel() + weight * previous.ravel()[chosen]
    np.testing.assert_allclose(to_maps(found, SIZE)[0].ravel()[chosen], np.linalg.solve(normal, right), atol=2e-3)


@given(st.floats(1e-3, 1e3))
def test_the_unit_of_the_features_does_not_matter(unit):
    features, mask, wanted = tiny_case(7, channels=2)
    weights = np.full(2, 0.5, np.float32)
    responses = []
    for scale in (1.0, unit):
        scaled = to_frequencies((features * np.float32(scale)).astype(np.float32))
        responses.append(respond(solve(scaled, to_frequencies(wanted), mask), scaled, weights, SIZE))
    np.testing.assert_allclose(responses[1], responses[0], atol=1e-4)


def test_energy_is_the_same_in_places_and_frequencies():
    features, mask, wanted = tiny_case(9)
    filters = solve(to_frequencies(features), to_frequencies(wanted), mask)
    error = respond(filters, to_frequencies(features), np.ones(1, np.float32), SIZE) - np.fft.fftshift(wanted)
    full = np.conj(np.fft.fft2(to_maps(filters, SIZE)[0])) * np.fft.fft2(features[0]) - np.fft.fft2(wanted)
    assert np.sum(error**2) == pytest.approx(np.sum(np.abs(full) ** 2) / SIZE**2, rel=1e-4)


def smooth_picture(size, shift, seed=0):
    """Band-limited noise on a torus, moved by (x, y) cells, also by parts of one."""
    rng = np.random.default_rng(seed)
    spectrum = np.fft.fft2(rng.normal(size=(size, size)))
    y, x = np.meshgrid(np.fft.fftfreq(size), np.fft.fftfreq(size), indexing="ij")
    spectrum *= np.exp(-0.5 * (np.hypot(y, x) / 0.12) ** 2) * np.exp(-2j * np.pi * (x * shift[0] + y * shift[1]))
    picture = np.fft.ifft2(spectrum).real
    return (picture / picture.std()).astype(np.float32)


@given(st.floats(-8, 8), st.floats(-8, 8), st.integers(0, 50))
def test_the_peak_stands_where_the_picture_moved_to(x, y, seed):
    size = 32
    filters = solve(
        to_frequencies(smooth_picture(size, (0, 0), seed)[None]),
        wanted_response(size, 1.3),
        np.ones((size, size), np.float32),
    )
    response = respond(filters, to_frequencies(smooth_picture(size, (x, y), seed)[None]), np.ones(1, np.float32), size)
    peak = np.unravel_index(int(np.argmax(response)), response.shape)
    row, column = place_of_peak(response, peak)
    assert (column - size / 2, row - size / 2) == pytest.approx((x, y), abs=0.1)


def test_wanted_response_is_shifted_with_the_target():
    wanted = to_maps(wanted_response(16, 1.2, (3.0, -2.0)), 16)
    assert np.unravel_index(int(np.argmax(wanted)), wanted.shape) == (14, 3)
    assert wanted.max() == pytest.approx(1, abs=1e-6)


def test_sidelobe_ratio_by_hand():
    response = np.zeros((32, 32), np.float32)
    response[::2] = 0.2
    response[10, 12] = 1.0
    # Outside the 11 x 11 cells around the peak even rows are 0.2 and odd ones 0: 16 x 32 less 5 or 6 rows of 11.
    beside = np.delete(
        np.repeat(np.where(np.arange(32) % 2 == 0, 0.2, 0.0)[:, None], 32, axis=1).ravel(),
        [row * 32 + column for row in range(5, 16) for column in range(7, 18)],
    )
    assert sidelobe_ratio(response, (10, 12)) == pytest.approx((1 - beside.mean()) / beside.std(), rel=1e-4)
    assert sidelobe_ratio(np.zeros((32, 32), np.float32), (0, 0)) == 0


def test_peak_at_the_border_wraps_around():
    response = to_maps(wanted_response(16, 2.0, (0.3, -0.2)), 16)
    assert place_of_peak(response, (0, 0)) == pytest.approx((-0.2, 0.3), abs=0.03)


def test_vertex_by_hand():
    # y = 5 - (x - 0.25)^2 at -1, 0, 1
    assert vertex(5 - 1.5625, 5 - 0.0625, 5 - 0.5625) == pytest.approx(0.25)
    assert vertex(1.0, 1.0, 1.0) == 0
    assert vertex(2.0, 1.0, 2.0) == 0


def test_taper_is_a_window():
    window = taper(16)
    assert window.shape == (16, 16)
    assert window.min() > 0
    np.testing.assert_allclose(window, window.T)


def test_filter_learnt_beside_the_middle_answers_there():
    rng = np.random.default_rng(8)
    channels = np.stack([np.cumsum(rng.normal(size=(CELLS, CELLS)), axis=axis) for axis in (0, 1)]).astype(np.float32)
    channels -= channels.mean(axis=(1, 2), keepdims=True)
    filter = TranslationFilter(CELLS)
    assert (filter.respond(filter.prepare(channels)) == 0).all()
    place = np.array([37.0, 29.0])
    features = filter.prepare(channels)
    filter.learn(features, place, np.ones((CELLS, CELLS), np.float32), 1.0)
    response = filter.respond(features)
    row, column = np.unravel_index(int(np.argmax(response)), response.shape)
    assert (column, row) == (37, 29)


def test_mask_stands_in_the_middle_and_falls_back_to_the_box():
    belief = np.zeros((CELLS, CELLS), np.float32)
    belief[20:28, 40:52] = 1
    sides, place = np.array([12.0, 8.0]), np.array([46.0, 24.0])
    mask = centred_mask(belief, place, sides, trusted=True)
    np.testing.assert_array_equal(np.flatnonzero(mask.any(axis=0)), np.arange(26, 38))
    np.testing.assert_array_equal(np.flatnonzero(mask.any(axis=1)), np.arange(28, 36))
    box = centred_mask(np.zeros_like(belief), place, sides, trusted=True)
    np.testing.assert_array_equal(box, centred_mask(belief, place, sides, trusted=False))
    assert box.sum() >= 12 * 8


@pytest.mark.parametrize("growth", [0.9, 0.94, 1.0, 1.05, 1.1])
def test_alignment_measures_a_zoom(growth):
    def picture(zoom):
        y, x = (np.mgrid[:CELLS, :CELLS] + 0.5 - CELLS / 2) / zoom
        inside = 1 / (1 + np.exp(2 * (np.maximum(np.abs(x) / 10, np.abs(y) / 8) - 1) * 8))
        return np.stack([inside, inside * np.sin(x * 0.6), inside * np.cos(y * 0.7)], axis=2).astype(np.float32)

    sides, middle, scale = np.array([20.0, 16.0]), np.array([CELLS / 2, CELLS / 2]), ScaleAlignment()
    assert scale.growth(picture(1.0), middle, sides) == 1.0
    scale.learn(picture(1.0), middle, sides, 1.0)
    assert scale.growth(picture(growth), middle, sides) == pytest.approx(growth, abs=0.012)
    # A middle that is off by a cell does not pass for growth.
    assert scale.growth(picture(growth), middle + np.array([1.0, -0.7]), sides) == pytest.approx(growth, abs=0.02)


def test_taper_keeps_the_middle():
    assert taper(CELLS)[CELLS // 2, CELLS // 2] > 0.99
