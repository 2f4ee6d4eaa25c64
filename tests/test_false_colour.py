"""False colour: the matrix of every rule by hand or by an independent reference, and the display step."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectrack.errors import ConfigError
from spectrack.false_colour import apply_matrix, cie_colour_matching, false_colour_matrix, to_display
from spectrack.sensors import SENSORS
from tests.fixtures.refusals import refuses


def test_thirds_by_hand():
    matrix = false_colour_matrix("thirds", 7)
    # Seven bands split 3, 2, 2; the shortest third is blue, the longest red.
    expected = np.zeros((7, 3))
    expected[0:3, 2], expected[3:5, 1], expected[5:7, 0] = 1 / 3, 1 / 2, 1 / 2
    np.testing.assert_allclose(matrix, expected, atol=1e-7)


@given(st.integers(1, 40))
def test_thirds_are_means(bands):
    matrix = false_colour_matrix("thirds", bands)
    assert matrix.shape == (bands, 3)
    np.testing.assert_allclose(matrix.sum(axis=0), 1, atol=1e-6)


def test_thirds_follow_the_wavelengths_when_they_are_known():
    descending = [700.0 - 10 * i for i in range(9)]
    np.testing.assert_array_equal(
        false_colour_matrix("thirds", 9, wavelengths_nm=descending), false_colour_matrix("thirds", 9)[::-1]
    )


def test_three_bands_are_red_green_blue_already():
    np.testing.assert_array_equal(false_colour_matrix("thirds", 3), np.eye(3))


def test_triples_choose_bands_in_red_green_blue_order():
    cube = np.arange(2 * 2 * 5).reshape(2, 2, 5)
    image = apply_matrix(cube, false_colour_matrix("triple( 4, 0,2 )", 5))
    np.testing.assert_array_equal(image, cube[:, :, [4, 0, 2]])


@pytest.mark.parametrize(
    ("rule", "bands", "wavelengths", "facts"),
    [
        ("third", 16, None, ("'third'", "did you mean 'thirds'")),
        ("triple(1,2)", 16, None, ("'triple(1,2)'", "did you mean 'triple(r,g,b)'")),
        ("triple(1,2,16)", 16, None, ("16", "triple(1, 2, 16)")),
        ("cie", 16, None, ("nm", "cie", "thirds")),
        ("cie", 16, [500.0], ("nm", "cie", "thirds")),
        (
            "cie",
            3,
            [800.0, 850.0, 900.0],
            ("400", "700 nm", "cie", "800 to 900 nm"),
        ),
        ("pca3", 16, None, ("pca3", "thirds")),
    ],
)
def test_rules_that_cannot_be_applied(rule, bands, wavelengths, facts):
    with refuses(ConfigError, facts):
        false_colour_matrix(rule, bands, wavelengths_nm=wavelengths)


def test_colour_matching_functions_against_the_cie_table():
    # CIE 1931 2-degree observer, published table values at 450, 555 and 600 nm; the fit is good to about 0.03.
    table = {450: (0.3362, 0.0380, 1.7721), 555: (0.5121, 1.0000, 0.0057), 600: (1.0622, 0.6310, 0.0008)}
    for wavelength, expected in table.items():
        np.testing.assert_allclose(cie_colour_matching(np.array([float(wavelength)]))[0], expected, atol=0.04)


def test_cie_shows_an_equal_energy_white_as_nearly_white_and_single_bands_in_their_hue():
    centres = [400.0 + 10 * i for i in range(31)]
    matrix = false_colour_matrix("cie", 31, wavelengths_nm=centres)
    white = np.ones(31) @ matrix
    # Illuminant E in sRGB, (1.205, 0.948, 0.909), from the same published matrix.
    np.testing.assert_allclose(white, [1.2048, 0.9483, 0.9088], atol=0.002)
    assert matrix[centres.index(460.0)].argmax() == 2
    assert matrix[centres.index(540.0)].argmax() == 1
    assert matrix[centres.index(620.0)].argmax() == 0
    assert false_colour_matrix("cie", 16, wavelengths_nm=SENSORS["vis16"].centres_nm).shape == (16, 3)


def test_principal_components_against_an_svd():
    cube = np.random.default_rng(0).normal(size=(12, 13, 6)) * [5, 4, 3, 0.1, 0.1, 0.1]
    matrix = false_colour_matrix("pca3", 6, cube=cube)
    flat = cube.reshape(-1, 6) - cube.reshape(-1, 6).mean(axis=0)
    _, _, rows = np.linalg.svd(flat, full_matrices=False)
    np.testing.assert_allclose(np.abs(matrix.T), np.abs(rows[:3]), atol=1e-5)
    assert (matrix.sum(axis=0) >= 0).all()


def test_two_bands_are_blue_and_red_and_one_is_grey():
    np.testing.assert_array_equal(false_colour_matrix("thirds", 2), [[0, 0.5, 1], [1, 0.5, 0]])
    np.testing.assert_array_equal(false_colour_matrix("thirds", 1), [[1, 1, 1]])
    assert false_colour_matrix("pca3", 2, cube=np.random.default_rng(0).normal(size=(4, 5, 2))).shape == (2, 3)


def test_rules_are_linear_so_a_crop_equals_the_crop_of_the_image():
    cube = np.random.default_rng(0).integers(0, 1000, (9, 11, 16)).astype(np.uint16)
    matrix = false_colour_matrix("thirds", 16)
    image = apply_matrix(cube, matrix)
    assert image.dtype == np.float32
    np.testing.assert_allclose(apply_matrix(cube[2:7, 3:8], matrix), image[2:7, 3:8], rtol=1e-6)
    np.testing.assert_allclose(image, np.einsum("hwb,bc->hwc", cube, matrix), rtol=1e-5)


def test_display_by_hand():
    image = np.array([[[0.0, 0.5, 1.0], [2.0, -1.0, 0.25]]], np.float32)
    # 255 * v ** (1 / 2.2) at white 1: 0.5 -> 186, 0.25 -> 136; beyond the ends it is clipped.
    assert to_display(image, white=1.0).tolist() == [[[0, 186, 255], [255, 0, 136]]]
    assert to_display(np.zeros((2, 2, 3), np.float32)).max() == 0
    assert to_display(np.full((2, 2, 3), 7, np.float32)).min() == 255
