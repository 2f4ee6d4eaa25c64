"""What a weights file says about itself: method, size, expected input, origin and licence.

Every field has one meaning for the whole project; the tracker refuses weights whose metadata do not fit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from spectrack.errors import ConfigError, WeightsError, nearest_name
from spectrack.false_colour import Encoding
from spectrack.scaling import DEFAULT_SCALING, InputRange, Scaling
from spectrack.tables import from_table, to_table

IMPORTED_LICENCE = "as the imported file"
"""Of weights whose file does not say what their makers allow."""


@dataclass(frozen=True)
class WeightsMetadata:
    """What a weights file says about itself.

    Attributes:
        method: any method's name, or ``backbone``: the start of a training, not a tracker. Whoever loads weights checks
            that they are the wanted ones.
        profile: size of the network, in the method's own words.
        bands: band count the weights were made for; None when any number from three on will do.
        scaling: how raw counts become network input, as `Scaling.parse` reads it.
        false_colour: rule that makes the three-band image; None when the method makes its own composites.
        encoding: whether that image is light (``linear``, also of files that do not say it) or coded as for the eye
            (``display``), as the photographs are that backbones are pretrained on.
        input_range: what the backbone was trained on; images in [0, 1] go into the network in any case.
        config: arguments that build the network.
        parameters: number of learned values; counted when saved as 0.
        recipe: name of the training recipe.
        data: what it was trained on, in words.
        seed: of the training; None when unknown.
        package_version: of spectrack at the time of writing; filled in when empty.
        licence: of the weights, an SPDX name where there is one.
        source: file or address of imported weights, with what was changed on the way.
        extra: anything else that JSON can hold (validation figures, online parameters, ...); under ``start``, what
            `as_start` says of the weights that these were trained from.
    """

    method: str
    profile: str
    bands: int | None = None
    scaling: str = DEFAULT_SCALING
    false_colour: str | None = None
    encoding: Encoding = "linear"
    input_range: str = "unit"
    config: dict[str, Any] = field(default_factory=dict)
    parameters: int = 0
    recipe: str | None = None
    data: str | None = None
    seed: int | None = None
    package_version: str = ""
    licence: str = "Apache-2.0"
    source: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, value in (("method", self.method), ("profile", self.profile)):
            if not value:
                raise WeightsError(f"expected the name of a {name} in the weights' metadata, found {value!r}; name it")
        if self.encoding not in get_args(Encoding):
            raise WeightsError(
                f"expected a known encoding in the weights' metadata, found {self.encoding!r}; "
                f"{nearest_name(str(self.encoding), get_args(Encoding))}"
            )
        if self.input_range not in get_args(InputRange):
            raise WeightsError(
                f"expected a known input_range in the weights' metadata, found {self.input_range!r}; "
                f"{nearest_name(str(self.input_range), get_args(InputRange))}"
            )
        if self.bands is not None and self.bands < 1:
            raise WeightsError(
                f"expected a positive band count or null in weights' metadata, found {self.bands!r}; mend the metadata"
            )
        try:
            Scaling.parse(str(self.scaling))
        except ConfigError as error:
            raise WeightsError(f"expected a known scaling in the weights' metadata: {error}") from error

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> WeightsMetadata:
        """Metadata from a plain mapping.

        Raises:
            WeightsError: a key that is missing or unknown (the nearest is offered), or a value out of range.
        """
        return from_table(cls, values, "the weights' metadata", error=WeightsError)

    def to_mapping(self) -> dict[str, Any]:
        """The same as plain values."""
        return to_table(self)

    def as_start(self, name: str) -> dict[str, Any]:
        """Credit that goes along with all weights trained from these: whoever uses those uses these as well.

        Args:
            name: by which the training knows them.

        Returns:
            Their name, source and licence, and under ``start`` the same of those that they were trained from.
        """
        credit = {"weights": name, "source": self.source, "licence": self.licence}
        return credit | ({"start": self.extra["start"]} if "start" in self.extra else {})
