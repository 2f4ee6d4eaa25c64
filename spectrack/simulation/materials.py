"""Reflectances of things: measured patches, parametric families (leaf, skin, soil, water, paint), random sets of three.

The measured ones are the 24 ColorChecker patches in `materials.csv`, 400-780 nm. Beyond 780 nm they are **our
extrapolation**: the line through the last 40 nm goes on with a slope that dies away over 60 nm, clipped to [0.01,
0.97]. The parametric families follow the well-known features of their class; they imitate, they are not measurements.
"""

from __future__ import annotations

from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from spectrack.errors import ConfigError, nearest_name
from spectrack.simulation.narrow_features import FEATURES, coated, feature
from spectrack.spectra import WAVELENGTHS_NM, Spectrum, smooth_curves, smooth_reflectances

Endmembers = NDArray[np.float64]
"""(3, 121) reflectances of a surface's three materials; their sum is at most 1: abundances in [0, 1] are physical."""

ENDMEMBER_KINDS = ("primaries", "measured", "vegetation", "paints")
"""Kinds that `random_endmembers` draws from unless it is told one."""

NARROW = "narrow"
"""A further kind: things with narrow features, see `narrow_features`."""


@cache
def read_table(file_name: str) -> tuple[Spectrum, dict[str, Spectrum]]:
    """A spectral table shipped with the package: wavelengths in nm, and a column by name (both as stored)."""
    text = resources.files("spectrack.simulation").joinpath(file_name).read_text(encoding="utf-8")
    header, *rows = [line for line in text.splitlines() if line and not line.startswith("#")]
    values = np.array([[float(cell) for cell in row.split(",")] for row in rows])
    return values[:, 0], {name: values[:, 1 + index] for index, name in enumerate(header.split(",")[1:])}


@cache
def measured_reflectances() -> dict[str, Spectrum]:
    """The 24 measured patches by name, each (121,), extended to 1000 nm as the module says.

    Source: N. Ohta, The Basis of Color Reproduction Engineering, 1997, as tabulated in colour-science (BSD-3-Clause).
    """
    wavelengths, table = read_table("materials.csv")
    return {name: _extended(wavelengths, values) for name, values in table.items()}


def measured(name: str) -> Spectrum:
    """One measured patch, (121,).

    Raises:
        ConfigError: unknown patch; the nearest name is offered.
    """
    table = measured_reflectances()
    if name not in table:
        raise ConfigError(f"expected a measured material, found {name!r}; {nearest_name(name, table)}")
    return table[name]


def leaf(rng: np.random.Generator) -> Spectrum:
    """Leaf: green peak at 550 nm, chlorophyll well at 675, red edge at 715, bright near infrared, water dip at 970."""
    w = WAVELENGTHS_NM
    green = rng.uniform(0.04, 0.14) * _bell(w, rng.uniform(545, 560), 35)
    autumn = rng.uniform(0.0, 0.12) * _step(w, 600, 25) * (1 - 0.6 * _bell(w, 675, 18))
    plateau = (
        rng.uniform(0.3, 0.55) * _step(w, rng.uniform(705, 725), 11) * (1 - rng.uniform(0.02, 0.12) * _bell(w, 970, 25))
    )
    return np.asarray(rng.uniform(0.02, 0.05) + green + autumn + plateau)


def skin(rng: np.random.Generator) -> Spectrum:
    """Human skin: melanin slope, the haemoglobin W at 542 and 577 nm, flat beyond 700 nm."""
    w = WAVELENGTHS_NM
    depth = rng.uniform(0.05, 0.2)
    blood = 1 - depth * (_bell(w, 420, 20) + _bell(w, 542, 13) + _bell(w, 577, 11))
    return np.asarray(rng.uniform(0.3, 0.75) * (0.35 + 0.65 * _step(w, rng.uniform(560, 620), 55)) * blood)


def soil(rng: np.random.Generator) -> Spectrum:
    """Soil, wood, sand: rising with wavelength and bending over, with a shallow iron band at 870 nm."""
    w = (WAVELENGTHS_NM - 400) / 600
    return np.asarray(
        rng.uniform(0.15, 0.6) * (0.2 + 0.8 * w ** rng.uniform(0.4, 1.0)) * (1 - 0.1 * _bell(WAVELENGTHS_NM, 870, 50))
    )


def water(rng: np.random.Generator) -> Spectrum:
    """Water and wet things: dim, falling from the blue or green on, almost black in the near infrared."""
    return np.asarray(0.01 + rng.uniform(0.04, 0.15) * (1 - _step(WAVELENGTHS_NM, rng.uniform(520, 620), 40)))


def paint(rng: np.random.Generator) -> Spectrum:
    """Paint, cloth or plastic: one or two smooth absorption edges; most dyes are transparent: bright beyond 800 nm."""
    w = WAVELENGTHS_NM
    pigment = smooth_reflectances(rng, 1, length_nm=rng.uniform(35, 70), contrast=rng.uniform(0.8, 2.2))[0]
    base = rng.uniform(0.3, 0.9)
    clearing = _step(w, rng.uniform(680, 850), 30) * rng.uniform(0.0, 1.0)
    return np.asarray(np.clip(pigment + (base - pigment) * clearing, 0.01, 0.97))


def narrow(rng: np.random.Generator) -> Spectrum:
    """A thing with a narrow feature: glass with rare earths, a dye, something wet, a pigment that mirrors one line."""
    body = (paint, soil, leaf)[int(rng.integers(3))](rng)
    profile = feature(FEATURES[int(rng.integers(len(FEATURES)))])
    return np.asarray(np.clip(coated(body, profile, float(rng.uniform(0.5, 1.5))), 0.01, 0.97))


def random_endmembers(rng: np.random.Generator, kind: str | None = None) -> Endmembers:
    """Three materials whose mixtures make a surface from a picture: red, green and blue abundances in, spectra out.

    Args:
        rng: the only source of randomness.
        kind: ``primaries`` (a smooth split of the spectrum, so a grey picture gives a nearly grey surface and a
            coloured one keeps its hues), ``measured`` (three measured patches), ``vegetation`` (leaf, soil, and one of
            anything), ``paints``; None draws one of these, mostly primaries. ``narrow``: things with narrow features.

    Returns:
        (3, 121), non-negative, with a sum of at most 0.75: the rest is room for metamers.
    """
    chosen = str(rng.choice(ENDMEMBER_KINDS, p=(0.55, 0.15, 0.15, 0.15))) if kind is None else kind
    if chosen == "primaries":
        return _primaries(rng)
    if chosen == "measured":
        table = list(measured_reflectances().values())
        members = np.stack([table[index] for index in rng.choice(len(table), 3, replace=False)])
    elif chosen == "vegetation":
        other = (skin, water, paint, soil)[int(rng.integers(4))]
        members = np.stack([soil(rng), leaf(rng), other(rng)])
    elif chosen == "paints":
        members = np.stack([paint(rng) for _ in range(3)])
    elif chosen == NARROW:
        members = np.stack([narrow(rng) for _ in range(3)])
    else:
        known = (*ENDMEMBER_KINDS, NARROW)
        raise ConfigError(f"expected a kind of materials, found {chosen!r}; {nearest_name(chosen, known)}")
    # Long-wave materials first, so the red of a picture stays on the red side in false colour.
    order = np.argsort(-(members @ WAVELENGTHS_NM) / members.sum(axis=1))
    return np.asarray(_limited(members[order], 0.75))


def _primaries(rng: np.random.Generator) -> Endmembers:
    """A smooth partition of the spectrum (softmax of bumps plus smooth noise) times a smooth grey of 0.45 to 0.7.

    That grey mixtures stay grey and three smooth primaries span the colours is the idea of Mallett and Yuksel, EGSR
    2019; random ones, here over the infrared as well, make every surface's spectra different under the same picture.
    """
    w = WAVELENGTHS_NM
    centres = np.array([rng.uniform(600, 640), rng.uniform(530, 555), rng.uniform(440, 470)])[:, None]
    bumps = -(((w[None, :] - centres) / 60.0) ** 2)
    # Beyond the visible the primaries lose their order: there, noise alone decides.
    visible = 1.0 - _step(w, 690, 25)
    score = 1.6 * np.maximum(bumps, -3.0) * visible + rng.uniform(0.3, 0.9) * smooth_curves(rng, 3, rng.uniform(40, 90))
    share = np.exp(score - score.max(axis=0))
    share /= share.sum(axis=0)
    grey = rng.uniform(0.45, 0.65) * np.exp(0.12 * smooth_curves(rng, 1, 90.0)[0])
    return np.asarray(_limited(share * grey, 0.75))


def _limited(members: Endmembers, total: float) -> Endmembers:
    return np.asarray(members * min(1.0, total / float(members.sum(axis=0).max())))


def _extended(wavelengths_nm: Spectrum, values: Spectrum) -> Spectrum:
    tail = wavelengths_nm >= wavelengths_nm[-1] - 40
    slope, _ = np.polyfit(wavelengths_nm[tail], values[tail], 1)
    beyond = np.maximum(WAVELENGTHS_NM - wavelengths_nm[-1], 0.0)
    inside = np.interp(WAVELENGTHS_NM, wavelengths_nm, values)
    return np.asarray(np.clip(inside + slope * 60.0 * (1 - np.exp(-beyond / 60.0)), 0.01, 0.97))


def _bell(wavelengths_nm: Spectrum, centre_nm: float, width_nm: float) -> Spectrum:
    return np.asarray(np.exp(-0.5 * ((wavelengths_nm - centre_nm) / width_nm) ** 2))


def _step(wavelengths_nm: Spectrum, centre_nm: float, width_nm: float) -> Spectrum:
    return np.asarray(1.0 / (1.0 + np.exp(-(wavelengths_nm - centre_nm) / width_nm)))
