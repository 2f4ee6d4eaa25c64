"""False colour: three-channel images made from a cube by a named rule.

Every rule but `pca3` is linear and the same for all frames, so it can be applied to a crop alone; the metamers of the
simulator are metamers for one such rule. Channel order is R, G, B; red takes the longest wavelengths.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from spectrack.cube import Cube
from spectrack.errors import ConfigError, nearest_name

DEFAULT_RULE = "thirds"
"""Means over the long, middle and short thirds of the bands: works for every camera and needs no wavelengths."""

Encoding = Literal["linear", "display"]
"""What a network's pictures are: light, or light as files for the eye code it."""

DISPLAY_GAMMA = 2.2
"""Of pictures for the eye: sRGB's curve is within a hundredth of it."""

RULES = ("thirds", "cie", "triple(r,g,b)", "pca3")


def false_colour_matrix(
    rule: str, bands: int, *, wavelengths_nm: Sequence[float] | None = None, cube: Cube | None = None
) -> NDArray[np.float32]:
    """The (bands, 3) matrix M with ``image = cube @ M``.

    Args:
        rule: ``thirds``, ``cie``, ``triple(i,j,k)`` (bands counted from 0, in R, G, B order) or ``pca3``. A three-band
            cube is taken as an R, G, B image under ``thirds``.
        bands: number of bands.
        wavelengths_nm: band centres; ``cie`` needs them, ``thirds`` uses them to order the bands when given.
        cube: the frame whose principal components ``pca3`` takes.

    Raises:
        ConfigError: unknown rule, band out of range, or wavelengths that ``cie`` needs and does not have.
    """
    if rule == "thirds":
        return _thirds(bands, wavelengths_nm)
    if rule == "cie":
        return _cie(bands, wavelengths_nm)
    if rule == "pca3":
        if cube is None:
            raise ConfigError("expected a frame for the rule pca3, found none; use thirds where no frame is at hand")
        return _pca3(cube)
    match = re.fullmatch(r"triple\(\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*\)", rule)
    if match is None:
        raise ConfigError(f"expected a false-colour rule, found {rule!r}; {nearest_name(rule, RULES)}")
    return _triple(bands, [int(group) for group in match.groups()])


def apply_matrix(cube: NDArray[Any], matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    """(height, width, bands) @ (bands, 3) -> (height, width, 3) float32, in the cube's unit."""
    height, width, bands = cube.shape
    flat = np.ascontiguousarray(cube, dtype=np.float32).reshape(-1, bands)
    return (flat @ matrix).reshape(height, width, 3)


def to_display(image: NDArray[np.float32], *, white: float | None = None) -> NDArray[np.uint8]:
    """A false-colour image as 8-bit RGB for people to look at.

    Args:
        image: (height, width, 3), linear.
        white: the value shown as white; by default the image's 99.5th percentile.

    Returns:
        (height, width, 3) uint8, with a display gamma of 1/2.2.
    """
    if white is None:
        white = float(np.percentile(image, 99.5))
    scaled = np.clip(image / (white if white > 0 else 1.0), 0.0, 1.0)
    return np.asarray(np.round(scaled ** (1 / DISPLAY_GAMMA) * 255), dtype=np.uint8)


def encode(light: NDArray[np.float32], encoding: Encoding) -> NDArray[np.float32]:
    """Light in about [0, 1] as a network wants it: as it is, or clipped to [0, 1] and coded as for the eye."""
    if encoding == "linear":
        return light
    return np.asarray(np.clip(light, 0.0, 1.0) ** np.float32(1 / DISPLAY_GAMMA), dtype=np.float32)


def picture_light(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """A data set's own picture (..., 3), which is made for the eye, to light in [0, 1]."""
    return _LIGHT_OF_LEVEL[picture]


_LIGHT_OF_LEVEL = np.asarray((np.arange(256, dtype=np.float32) / 255.0) ** DISPLAY_GAMMA, dtype=np.float32)


def _thirds(bands: int, wavelengths_nm: Sequence[float] | None) -> NDArray[np.float32]:
    if bands == 3 and wavelengths_nm is None:
        return np.eye(3, dtype=np.float32)
    order = np.arange(bands) if wavelengths_nm is None else np.argsort(np.asarray(wavelengths_nm, float), kind="stable")
    matrix = np.zeros((bands, 3), dtype=np.float32)
    # Fewer bands than three are shared: the shortest is blue, the longest red, and their mean green.
    thirds = np.array_split(order, 3) if bands >= 3 else [order[:1], order, order[-1:]]
    for channel, members in zip((2, 1, 0), thirds, strict=True):
        matrix[members, channel] = 1.0 / len(members)
    return matrix


def _triple(bands: int, chosen: list[int]) -> NDArray[np.float32]:
    if max(chosen) >= bands:
        raise ConfigError(f"expected band indices below {bands}, found triple{tuple(chosen)}; bands count from 0")
    matrix = np.zeros((bands, 3), dtype=np.float32)
    matrix[chosen, [0, 1, 2]] = 1.0
    return matrix


def _cie(bands: int, wavelengths_nm: Sequence[float] | None) -> NDArray[np.float32]:
    if wavelengths_nm is None or len(wavelengths_nm) != bands:
        raise ConfigError(
            "expected band centres in nm for the rule cie, found none; use thirds, or store wavelengths with the data"
        )
    response = cie_colour_matching(np.asarray(wavelengths_nm, dtype=np.float64))
    if (response.sum(axis=0) <= 0.05).any():
        raise ConfigError(
            "expected bands between 400 and 700 nm for the rule cie, "
            f"found {min(wavelengths_nm):g} to {max(wavelengths_nm):g} nm; use thirds"
        )
    # XYZ of an equal-energy white is (1, 1, 1) after this, then the sRGB primaries (IEC 61966-2-1).
    xyz = response / response.sum(axis=0)
    to_srgb = np.array([[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]])
    return np.asarray(xyz @ to_srgb.T, dtype=np.float32)


def cie_colour_matching(wavelengths_nm: NDArray[np.float64]) -> NDArray[np.float64]:
    """CIE 1931 colour-matching functions, (n, 3) for x, y, z.

    Source: the multi-lobe fit of Wyman, Sloan and Shirley, JCGT 2(2), 2013, equation 4.
    """

    def lobe(centre: float, below: float, above: float) -> NDArray[np.float64]:
        distance = wavelengths_nm - centre
        return np.asarray(np.exp(-0.5 * (distance * np.where(distance < 0, below, above)) ** 2))

    x = 0.362 * lobe(442.0, 0.0624, 0.0374) + 1.056 * lobe(599.8, 0.0264, 0.0323) - 0.065 * lobe(501.1, 0.0490, 0.0382)
    y = 0.821 * lobe(568.8, 0.0213, 0.0247) + 0.286 * lobe(530.9, 0.0613, 0.0322)
    z = 1.217 * lobe(437.0, 0.0845, 0.0278) + 0.681 * lobe(459.0, 0.0385, 0.0725)
    return np.stack([x, y, z], axis=-1)


def _pca3(cube: Cube) -> NDArray[np.float32]:
    flat = np.asarray(cube, dtype=np.float64).reshape(-1, cube.shape[2])
    centred = flat - flat.mean(axis=0)
    _, vectors = np.linalg.eigh(centred.T @ centred / len(centred))
    leading = vectors[:, ::-1][:, :3]
    # A component's sign is arbitrary; the one with a positive sum makes the picture brighter where the cube is.
    signs = np.where(leading.sum(axis=0) < 0, -1.0, 1.0)
    missing = np.zeros((cube.shape[2], 3 - leading.shape[1]))  # of a cube of one or two bands
    return np.hstack([leading * signs, missing]).astype(np.float32)
