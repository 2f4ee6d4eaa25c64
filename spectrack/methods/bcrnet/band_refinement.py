"""Refinement of the band matrix: one learned step from the pooled correlation to the coefficients of self-expression.

Source: BCR-Net (Remote Sensing 17(22), 2025, 3689) section 3.2.3, eq. (9) and (10): W0 = softplus(g g^T),
W = S0(relu(W0 - phi(W0))), S0 clears the diagonal. Stated by the paper: pooled correlation through Softplus, a single
step, a lightweight MLP with one update per element, non-negativity by activation, diagonal suppression. Restored: the
outer product, minus, ReLU. This project's: every form of phi below and how it starts.

Start: g is near 0.5, W near 1 / (C - 1), the mean of the other bands; at g = 0 the product has no gradient (a saddle).
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from spectrack.methods.bcrnet.self_expression import mean_of_others

START_POOLED = 0.5
"""g of every band at the start."""

START_CORRELATION = float(functional.softplus(torch.tensor(START_POOLED**2)))
"""W0 off the diagonal at the start, softplus(0.25) = 0.826."""

NOMINAL_SPACING_NM = 10.0
"""Between neighbouring bands where their centres are unknown; snapshot cameras have 8 to 12."""


def pooled_correlation(pooled: Tensor) -> Tensor:
    """Eq. (9): softplus(g g^T), with a zero diagonal.

    Args:
        pooled: (N, C, M), M = 1 in the paper; with more maps a band the product is their mean.

    Returns:
        (N, C, C), symmetric, above 0 off the diagonal.
    """
    return clear_diagonal(functional.softplus(pooled @ pooled.transpose(1, 2) / pooled.shape[2]))


def clear_diagonal(matrix: Tensor) -> Tensor:
    """S0 of eq. (10): the diagonal of (..., C, C) set to zero exactly."""
    return matrix.masked_fill(torch.eye(matrix.shape[-1], device=matrix.device).bool(), 0.0)


class PairwiseRefinement(nn.Module):
    """phi of the shared form: one small network looks at every ordered pair of bands, so any number of bands will do.

    It sees both pooled features, W0 and how far apart the bands are, in nm and counted in bands, and gives one update:

        phi = (1 - s / 0.826) W0 - (s + n) mlp(pair),   s = 1 / (C - 1),   n = exp(1 - bands apart)

    so W = relu(s W0 / 0.826 + (s + n) mlp). W starts at the mean of the others for every C, and W0 keeps a gradient.
    A neighbour's coefficient is near 1/2 for any C, a far band's near 1 / C: n gives both a step of their own size.

    Args:
        pooled_maps: M, pooled values per band.
        hidden: width of the two hidden layers.
        likeness: also show it how alike the two bands are in this crop.
        first: whether it takes W0, which is large, or the W of a step before, which it leaves as it is but for the mlp.
    """

    def __init__(self, pooled_maps: int = 1, hidden: int = 32, *, likeness: bool = False, first: bool = True) -> None:
        super().__init__()
        self.first = first
        self.own = nn.Linear(pooled_maps, hidden)
        self.other = nn.Linear(pooled_maps, hidden, bias=False)
        self.correlation = nn.Linear(1, hidden, bias=False)
        self.distance = nn.Linear(_DISTANCE_FEATURES, hidden, bias=False)
        self.likeness = nn.Linear(_LIKENESS_FEATURES, hidden, bias=False) if likeness else None
        self.layers = nn.Sequential(nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, 1))
        _start_small(self.layers[-1])

    def forward(
        self, initial: Tensor, pooled: Tensor, wavelengths_nm: Tensor | None = None, cosines: Tensor | None = None
    ) -> Tensor:
        """The update phi.

        Args:
            initial: W0, (N, C, C).
            pooled: g, (N, C, M).
            wavelengths_nm: (C,) rising band centres, or None when unknown.
            cosines: (N, C, C) of the bands as vectors of pixels; used with `likeness` only.

        Returns:
            (N, C, C).
        """
        bands = initial.shape[-1]
        distance = _distance_features(bands, wavelengths_nm, initial.device)
        # A linear layer of the concatenated pair, written as a sum over its parts: no (C, C, features) tensor is built.
        seen = self.own(pooled).unsqueeze(2) + self.other(pooled).unsqueeze(1) + self.correlation(initial.unsqueeze(3))
        if self.likeness is not None and cosines is not None:
            seen = seen + self.likeness(_likeness_features(cosines))
        raw: Tensor = self.layers(seen + self.distance(distance)).squeeze(3)
        share = 1.0 / (bands - 1)
        update = (share + distance[..., _NEARNESS]) * raw
        return (1.0 - share / START_CORRELATION) * initial - update if self.first else -update


class FlatRefinement(nn.Module):
    """phi of the band-specific form: a perceptron C^2 -> 4 C -> C^2 on all entries of W0, which knows every position.

    Args:
        bands: C.
        first: see `PairwiseRefinement`; a later step starts at no update.
    """

    def __init__(self, bands: int, *, first: bool = True) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(bands**2, 4 * bands), nn.ReLU(), nn.Linear(4 * bands, bands**2))
        start = START_CORRELATION - mean_of_others(bands).flatten()
        _start_at(self.layers[-1], start if first else torch.zeros_like(start))

    def forward(
        self, initial: Tensor, pooled: Tensor, wavelengths_nm: Tensor | None = None, cosines: Tensor | None = None
    ) -> Tensor:
        """The update phi, (N, C, C), from W0 alone; the other arguments are those of `PairwiseRefinement`."""
        update: Tensor = self.layers(initial.flatten(1)).view_as(initial)
        return update

    def start_from(self, matrix: Tensor) -> None:
        """Start at a known W (C, C), such as the solution for the training crops' mean Gram matrix; floored at 1e-3.

        It is the W of the bands as the module sees them, of unit mean square where they are normalised.
        """
        _start_at(self.layers[-1], START_CORRELATION - matrix.detach().clamp(min=1e-3).flatten())


class RowRefinement(nn.Module):
    """phi row by row, C -> 2 C -> C, the same for all rows (an ablation).

    Rows of W0 are nearly multiples of each other, so a map shared by rows gives nearly the same row for every band and
    a ranking by rows that is the reverse of the one by use.

    Args:
        bands: C.
        first: see `PairwiseRefinement`; a later step starts at no update.
    """

    def __init__(self, bands: int, *, first: bool = True) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(bands, 2 * bands), nn.ReLU(), nn.Linear(2 * bands, bands))
        _start_at(self.layers[-1], torch.full((bands,), START_CORRELATION - 1.0 / (bands - 1) if first else 0.0))

    def forward(
        self, initial: Tensor, pooled: Tensor, wavelengths_nm: Tensor | None = None, cosines: Tensor | None = None
    ) -> Tensor:
        """The update phi, (N, C, C), from the rows of W0; the other arguments are those of `PairwiseRefinement`."""
        update: Tensor = self.layers(initial)
        return update


_DISTANCE_FEATURES = 8
_NEARNESS = 1
"""Which of them is exp(1 - bands apart)."""


def _distance_features(bands: int, wavelengths_nm: Tensor | None, device: torch.device) -> Tensor:
    """(C, C, 8), all in [-1, 1]: how near two bands are, counted in bands and in nm, which side the other lies on, and
    how near the band that is rebuilt is to either end of the spectrum, where it has neighbours on one side only.
    """
    index = torch.arange(bands, device=device, dtype=torch.float32)
    centres = index * NOMINAL_SPACING_NM if wavelengths_nm is None else wavelengths_nm.to(index)
    apart = (index[:, None] - index[None, :]).abs()
    apart_nm = (centres[:, None] - centres[None, :]).abs()
    features = [
        1.0 / (1.0 + apart),
        torch.exp(1.0 - apart),
        torch.exp(-apart_nm / 10.0),
        torch.exp(-apart_nm / 30.0),
        torch.exp(-apart_nm / 100.0),
        torch.sign(index[None, :] - index[:, None]) / (1.0 + apart),
        torch.exp(-index)[:, None].expand(bands, bands),
        torch.exp(-index).flip(0)[:, None].expand(bands, bands),
    ]
    return torch.stack(features, dim=2)


_LIKENESS_FEATURES = 4
_SMALLEST_DISTANCE = 0.01
"""Between bands of unit length; noise alone keeps bands farther apart."""


def _likeness_features(cosines: Tensor) -> Tensor:
    """(N, C, C, 4), about in [-1, 1]: distances of bands of unit length, alone and beside either band's nearest."""
    # Clamped before the root, whose gradient has no bound at 0.
    apart = (2.0 - 2.0 * cosines).clamp(min=_SMALLEST_DISTANCE**2).sqrt()
    others = apart.masked_fill(torch.eye(apart.shape[-1], device=apart.device).bool(), 2.0)
    nearest = others.amin(dim=2)
    size = apart.log() / 4.0
    own, other = nearest.log().unsqueeze(2) / 4.0, nearest.log().unsqueeze(1) / 4.0
    return torch.stack([2.0 * apart, own.expand_as(size), own - size, other - size], dim=3)


def _start_at(layer: nn.Module, bias: Tensor) -> None:
    """Zero weights and the given bias: the update is `bias` whatever comes in."""
    linear = cast(nn.Linear, layer)
    with torch.no_grad():
        linear.weight.zero_()
        linear.bias.copy_(bias)


def _start_small(layer: nn.Module) -> None:
    # Not zero: through the weights of the last layer the pooled features get their second gradient.
    linear = cast(nn.Linear, layer)
    nn.init.normal_(linear.weight, std=0.01)
    nn.init.zeros_(linear.bias)
