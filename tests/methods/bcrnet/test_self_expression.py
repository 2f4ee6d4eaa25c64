"""The solver of eq. (1) against SciPy's non-negative least squares, its optimality conditions, and the error by
pixels.
"""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import nnls

from spectrack.errors import InputError
from spectrack.methods.bcrnet.self_expression import (
    gram_matrix,
    mean_of_others,
    reconstruction_error,
    solve_self_expression,
)
from tests.fixtures.refusals import refuses


def mixed_cube(crops=1, bands=16, side=24, seed=0, noise=0.01, materials=5):
    """(crops, bands, side, side) float64: smooth mixtures of a few smooth spectra, with noise."""
    generator = torch.Generator().manual_seed(seed)
    place = torch.linspace(0, 1, bands, dtype=torch.float64)
    middles = torch.rand(materials, 1, generator=generator, dtype=torch.float64)
    spectra = 0.1 + torch.exp(-((place - middles) ** 2) / 0.1) * torch.rand(
        materials, 1, generator=generator, dtype=torch.float64
    )
    coarse = torch.rand(crops, materials, 6, 6, generator=generator, dtype=torch.float64)
    shares = torch.nn.functional.interpolate(coarse, size=(side, side), mode="bilinear", align_corners=False)
    cube = torch.einsum("nmhw,mc->nchw", shares, spectra)
    return (cube * (1 + noise * torch.randn(cube.shape, generator=generator, dtype=torch.float64))).clamp(min=0)


def by_scipy(gram):
    """One non-negative least-squares problem a band, on a square root of the Gram matrix."""
    bands = len(gram)
    root = np.linalg.cholesky(gram.numpy() + 1e-14 * np.eye(bands)).T
    matrix = np.zeros((bands, bands))
    for i in range(bands):
        others = [j for j in range(bands) if j != i]
        matrix[i, others] = nnls(root[:, others], root[:, i])[0]
    return torch.from_numpy(matrix)


@settings(max_examples=15, deadline=None)
@given(
    bands=st.integers(2, 20), seed=st.integers(0, 1000), materials=st.integers(2, 5), brightness=st.floats(1e-4, 1e4)
)
def test_solver_agrees_with_scipy(bands, seed, materials, brightness):
    gram = gram_matrix(mixed_cube(bands=bands, seed=seed, materials=materials) * brightness)
    torch.testing.assert_close(solve_self_expression(gram)[0], by_scipy(gram[0] / brightness**2), rtol=0, atol=1e-5)


@pytest.mark.parametrize("bands", [3, 16, 25, 40])
def test_constraints_hold_exactly_and_optimality_conditions_nearly(bands):
    gram = gram_matrix(mixed_cube(crops=3, bands=bands, seed=bands))
    matrix = solve_self_expression(gram)
    assert float(matrix.min()) == 0
    assert bool((matrix.diagonal(dim1=1, dim2=2) == 0).all())
    slope = (matrix @ gram - gram) / gram.amax()
    off_diagonal = ~torch.eye(bands, dtype=torch.bool)
    # Non-zero coefficients sit where the slope is flat, zero ones where it rises.
    assert float((slope * (matrix > 0)).abs().max()) < 1e-8
    assert float(slope[:, off_diagonal].min()) > -1e-8


def test_gradient_steps_alone_approach_the_solution():
    gram = gram_matrix(mixed_cube(seed=3))
    best = reconstruction_error(gram, solve_self_expression(gram))
    errors = [
        float(reconstruction_error(gram, solve_self_expression(gram, iterations=n, exact=False)))
        for n in (10, 100, 1000)
    ]
    assert errors[0] > errors[1] > errors[2] >= float(best)
    assert errors[2] < 1.5 * float(best)


def test_pivoting_alone_finds_it_from_any_start():
    gram = gram_matrix(mixed_cube(seed=4))
    expected = solve_self_expression(gram)
    for start in (
        torch.zeros_like(gram),
        torch.ones_like(gram),
        solve_self_expression(gram_matrix(mixed_cube(seed=5))),
    ):
        torch.testing.assert_close(solve_self_expression(gram, start=start, iterations=0), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("matrix", ["solution", "mean", "random"])
def test_error_is_the_one_over_pixels(matrix):
    cube = mixed_cube(crops=2, bands=7)
    gram = gram_matrix(cube)
    coefficients = {
        "solution": solve_self_expression(gram),
        "mean": mean_of_others(7).double().expand(2, -1, -1),
        "random": torch.rand(2, 7, 7, dtype=torch.float64),
    }[matrix]
    pixels = cube.flatten(2)
    expected = (pixels - coefficients @ pixels).square().sum((1, 2)) / pixels.square().sum((1, 2))
    torch.testing.assert_close(reconstruction_error(gram, coefficients), expected)


def test_no_coefficients_leave_everything_and_no_light_leaves_nothing():
    gram = gram_matrix(mixed_cube(bands=4))
    assert float(reconstruction_error(gram, torch.zeros(1, 4, 4))) == pytest.approx(1.0)
    assert float(reconstruction_error(torch.zeros(1, 4, 4), torch.ones(1, 4, 4))) == 0.0


def test_band_without_light_has_an_empty_row_and_column():
    cube = mixed_cube(bands=6)
    cube[:, 2] = 0
    matrix = solve_self_expression(gram_matrix(cube))[0]
    assert float(matrix[2].abs().sum() + matrix[:, 2].abs().sum()) == 0
    others = [0, 1, 3, 4, 5]
    torch.testing.assert_close(
        matrix[others][:, others], solve_self_expression(gram_matrix(cube[:, others]))[0], rtol=0, atol=1e-6
    )


@pytest.mark.parametrize("value", [0.0, 0.7])
def test_constant_cubes_have_a_solution(value):
    gram = gram_matrix(torch.full((1, 5, 8, 8), value, dtype=torch.float64))
    matrix = solve_self_expression(gram)
    assert bool(torch.isfinite(matrix).all())
    assert float(reconstruction_error(gram, matrix)) < 1e-9


@pytest.mark.parametrize("shape", [(4, 4), (1, 4, 5), (1, 1, 1)])
def test_refuses_what_is_no_gram_matrix(shape):
    with refuses(InputError, "Gram", str(shape)):
        solve_self_expression(torch.zeros(shape))


def test_refuses_what_is_not_finite():
    with refuses(InputError, "Gram", "NaN"):
        solve_self_expression(torch.full((1, 3, 3), torch.nan))


def test_gram_matrix_keeps_thousandths_under_autocast():
    cube = mixed_cube(bands=4).float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = gram_matrix(cube)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.double(), gram_matrix(cube.double()), rtol=1e-5, atol=1e-6)
