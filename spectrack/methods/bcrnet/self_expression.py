"""Self-expression: every band as a non-negative combination of the others, solved exactly instead of learned.

Source: BCR-Net (Remote Sensing 17(22), 2025, 3689) section 3.2, eq. (1): min over W of ||X - W X||_F^2 with W >= 0 and
diag(W) = 0, where X (bands, pixels) is the unfolded crop. Stated by the paper: objective and constraints. This
project's: the solver. It works on the Gram matrix, so its cost does not grow with the pixels; it is the yardstick of
the learned module in `band_importance` and, as the composer `self_expression`, needs no training.
"""

from __future__ import annotations

import torch
from torch import Tensor

from spectrack.errors import InputError

_SMALLEST = 1e-12
_CHOSEN = 1e-3
"""A coefficient above this, in bands of unit length, is taken for non-zero when pivoting starts."""
_FEASIBLE, _RIDGE = 1e-10, 1e-11
_ROUNDS, _CHANCES = 60, 3


def gram_matrix(cube: Tensor) -> Tensor:
    """G = X X^T / pixels of each crop.

    Args:
        cube: (N, C, H, W), scaled or raw counts.

    Returns:
        (N, C, C) float32 (float64 for a float64 cube), symmetric.
    """
    kind = torch.float64 if cube.dtype == torch.float64 else torch.float32
    # bfloat16 products would lose the thousandths that bands differ by.
    with torch.autocast(cube.device.type, enabled=False):
        pixels = cube.to(kind).flatten(2)
        return pixels @ pixels.transpose(1, 2) / pixels.shape[2]


def reconstruction_error(gram: Tensor, matrix: Tensor) -> Tensor:
    """||X - W X||_F^2 / ||X||_F^2 per crop, from the Gram matrix: tr((I - W) G (I - W)^T) / tr(G).

    Args:
        gram: (N, C, C) of `gram_matrix`.
        matrix: (N, C, C) or (C, C) coefficients W; carries gradient.

    Returns:
        (N,); 0 for a crop without light.

    Example:
        >>> gram = torch.eye(3)[None]
        >>> reconstruction_error(gram, torch.zeros(1, 3, 3)).tolist()
        [1.0]
    """
    with torch.autocast(gram.device.type, enabled=False):
        rest = torch.eye(gram.shape[-1], dtype=gram.dtype, device=gram.device) - matrix.to(gram.dtype)
        error = ((rest @ gram) * rest).sum(dim=(-2, -1))
    return error / gram.diagonal(dim1=-2, dim2=-1).sum(-1).clamp(min=_SMALLEST)


def mean_of_others(bands: int) -> Tensor:
    """(C, C) with 1 / (C - 1) off the diagonal: each band as the mean of the others, where the learned W starts."""
    return (1.0 - torch.eye(bands)) / (bands - 1)


def solve_self_expression(
    gram: Tensor, *, start: Tensor | None = None, iterations: int = 30, exact: bool = True
) -> Tensor:
    """The W of eq. (1): accelerated projected gradient steps, then the exact solution on the bands they chose.

    W <- P(V - (V G - G) / L), L = largest eigenvalue of G, P = clip at 0 and clear the diagonal, V the extrapolated
    iterate (Nesterov); the momentum starts again whenever it points uphill (O'Donoghue and Candes, 2015). Bands are
    brought to unit length first, which changes no minimiser (rows of W are separate problems). Neighbouring bands are
    so alike that the last digits would take tens of thousands of steps; block principal pivoting (Kim and Park, 2011)
    finds them in a few linear systems.

    Args:
        gram: (N, C, C) symmetric, as `gram_matrix` returns; solved in float64.
        start: (N, C, C) to begin from, such as the solution of the frame before; the mean of the others by default.
        iterations: gradient steps.
        exact: finish by pivoting; without it W is the plain result of the gradient steps.

    Returns:
        (N, C, C) in the type of `gram`; >= 0; exactly zero on the diagonal and in rows and columns of lightless bands.

    Raises:
        InputError: not a batch of square matrices of at least two bands, or values that are not finite.

    Example:
        >>> bands = torch.tensor([[1.0, 0.0, 1.0, 2.0], [0.0, 1.0, 1.0, 1.0], [1.0, 1.0, 2.0, 3.0]])
        >>> solve_self_expression((bands @ bands.T)[None])[0, 2].round(decimals=3).tolist()
        [1.0, 1.0, 0.0]
    """
    if gram.ndim != 3 or gram.shape[1] != gram.shape[2] or gram.shape[1] < 2:
        raise InputError(
            f"expected Gram matrices (N, 2 or more bands, bands), found {tuple(gram.shape)}; try gram_matrix"
        )
    if not bool(torch.isfinite(gram).all()):
        raise InputError("expected finite Gram matrices, found NaN or infinity; mask or repair the cube")
    length = gram.diagonal(dim1=1, dim2=2).double().clamp(min=0).sqrt()
    dark = length <= _SMALLEST * length.amax(dim=1, keepdim=True).clamp(min=_SMALLEST)
    length = torch.where(dark, torch.ones_like(length), length)
    ratio = length[:, :, None] / length[:, None, :]
    bands = gram.shape[1]
    seen = ~dark
    allowed = seen[:, :, None] & seen[:, None, :] & ~torch.eye(bands, dtype=torch.bool, device=gram.device)
    # In unit bands row i reads: min over v >= 0 of v R v / 2 - r_i v; R the cosines, W_ij = v_ij length_i / length_j.
    cosines = gram.double() / (length[:, :, None] * length[:, None, :]) * (seen[:, :, None] & seen[:, None, :])
    begin = mean_of_others(bands).to(cosines) if start is None else start.double() / ratio
    solution = _descend(cosines, begin.clamp(min=0) * allowed, allowed, iterations)
    if exact:
        pivoted = _pivot(cosines, solution > _CHOSEN, allowed)
        better = _row_objective(cosines, pivoted) < _row_objective(cosines, solution)
        solution = torch.where(better, pivoted, solution)
    return (solution * ratio).to(gram.dtype)


def _descend(cosines: Tensor, begin: Tensor, allowed: Tensor, iterations: int) -> Tensor:
    """Nesterov's iteration with a restart per row; all (N, C, C)."""
    step = 1.0 / torch.linalg.eigvalsh(cosines)[:, -1].clamp(min=_SMALLEST)[:, None, None]
    current, ahead = begin, begin
    momentum = torch.ones_like(begin[:, :, :1])
    for _ in range(iterations):
        following = torch.baddbmm(ahead + step * cosines, ahead, step * cosines, alpha=-1.0).clamp_(min=0) * allowed
        change = following - current
        # Where the step taken and the momentum disagree, the momentum of that row is dropped.
        uphill = ((ahead - following) * change).sum(dim=2, keepdim=True) > 0
        grown = ((1.0 + (1.0 + 4.0 * momentum**2).sqrt()) / 2.0).masked_fill(uphill, 1.0)
        share = ((momentum - 1.0) / grown).masked_fill(uphill, 0.0)
        momentum = grown
        ahead, current = following + share * change, following
    return current


def _pivot(cosines: Tensor, free: Tensor, allowed: Tensor) -> Tensor:
    """Block principal pivoting from a first guess of the non-zero entries; (N, C, C), clipped at 0."""
    bands = cosines.shape[1]
    identity = torch.eye(bands, dtype=cosines.dtype, device=cosines.device)
    free = free & allowed
    fewest = torch.full_like(cosines[:, :, 0], bands + 1)
    chances = torch.full_like(fewest, _CHANCES)
    solution = torch.zeros_like(cosines)
    for _ in range(_ROUNDS):
        kept = free.to(cosines)
        # Row i solves R v = r_i on its free entries; the others are tied to 0 by a unit diagonal.
        system = (
            cosines.unsqueeze(1) * kept.unsqueeze(3) * kept.unsqueeze(2)
            + torch.diag_embed(1.0 - kept)
            + _RIDGE * identity
        )
        solution = torch.linalg.solve(system, (cosines * kept).unsqueeze(3)).squeeze(3)
        slope = solution @ cosines - cosines
        wrong = allowed & torch.where(free, solution < -_FEASIBLE, slope < -_FEASIBLE)
        count = wrong.sum(dim=2).to(fewest)
        if not bool(count.any()):
            break
        improved = count < fewest
        chances = torch.where(improved, torch.full_like(chances, _CHANCES), chances - 1)
        fewest = torch.minimum(fewest, count)
        # Exchanging all wrong entries may cycle; exchanging only the last one of a row never does.
        last = wrong & (wrong.flip(2).cumsum(2).flip(2) == 1)
        free = free ^ torch.where((chances >= 0).unsqueeze(2), wrong, last)
    return solution.clamp(min=0) * allowed


def _row_objective(cosines: Tensor, solution: Tensor) -> Tensor:
    """(N, C, 1): v R v / 2 - r_i v of each row."""
    return ((0.5 * solution @ cosines - cosines) * solution).sum(dim=2, keepdim=True)
