"""What can be chosen about measuring a target; nothing heavy is imported here."""

from __future__ import annotations

import re
from dataclasses import dataclass

from spectrack.errors import ConfigError
from spectrack.tables import require_choice

MEASUREMENTS, PARQUET, MASKS, COCO = "measurements.csv", "measurements.parquet", "masks", "masks.json"
"""What a folder of results holds besides."""

_SCALE = re.compile(r"\s*([0-9]+\.?[0-9]*(?:e-?[0-9]+)?|\.[0-9]+)\s*([^\W\d_]{0,12})\s*")


@dataclass(frozen=True)
class MeasureOptions:
    """What is measured of the target.

    Attributes:
        measure: Write measurements.csv: the target's mean spectrum and scatter, area and centre in every frame.
        parquet: The same as measurements.parquet too; needs the extra parquet.
        mask: Write the target's masks: png (a picture a frame, as bright as a pixel is the target's) or coco
            (masks.json with run lengths; needs the extra masks).
        scale: Size of a cube pixel in a unit of yours, such as 0.35mm, for centre and area in that unit too.
    """

    measure: bool = False
    parquet: bool = False
    mask: str | None = None
    scale: str | None = None

    def check(self) -> None:
        """Refuse what makes no sense.

        Raises:
            ConfigError: another kind of mask, a scale that is none, or one without a table.
        """
        if self.mask is not None:
            require_choice("mask", ("png", "coco"), self.mask)
        if self.scale is not None and not self.tables:
            raise ConfigError("expected --measure beside --scale, found none; add it")
        if self.scale is not None:
            parse_scale(self.scale)

    @property
    def tables(self) -> bool:
        """Whether anything is measured."""
        return self.measure or self.parquet

    @property
    def wanted(self) -> bool:
        """Whether the target is looked at at all."""
        return self.tables or self.mask is not None

    @property
    def names(self) -> tuple[str, ...]:
        """Files that are written for sure."""
        found = {MEASUREMENTS: self.tables, PARQUET: self.parquet, COCO: self.mask == "coco"}
        return tuple(name for name, written in found.items() if written)


@dataclass(frozen=True)
class Scale:
    """Size of a cube pixel.

    Attributes:
        size: in the unit.
        unit: such as mm.
    """

    size: float
    unit: str


def parse_scale(text: str) -> Scale:
    """A number and a unit.

    Raises:
        ConfigError: something else, or no size above 0.

    Example:
        >>> parse_scale("0.35mm"), parse_scale("2")
        (Scale(size=0.35, unit='mm'), Scale(size=2.0, unit='units'))
    """
    found = _SCALE.fullmatch(text)
    size = float(found.group(1)) if found is not None else 0.0
    if found is None or not 0 < size < float("inf"):
        raise ConfigError(
            f"expected the size of a cube pixel with its unit, found {text!r}; write for example --scale 0.35mm"
        )
    return Scale(size, found.group(2) or "units")
