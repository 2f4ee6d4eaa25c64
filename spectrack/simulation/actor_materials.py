"""What the actors of a scene are made of: ordinary materials, metamers of the ground, and those of twins."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from spectrack.simulation.band_worth import Coat, CoatRoom, even_coat, narrow_coat
from spectrack.simulation.materials import Endmembers, random_endmembers
from spectrack.simulation.scenario import BandWorth
from spectrack.simulation.scene import Background
from spectrack.simulation.setting import Setting
from spectrack.simulation.surfaces import Abundances, Surface, crop, make_abundances, two_tone
from spectrack.spectra import metamers

_TEXTURE_PX = 144

COAT_ANGLE = (0.12, 0.16)
"""Spectral angle of a coat to the ground in radians; those of camouflage by metamers are 0.15 to 0.35."""

_COLOUR_SHARE = 0.5
"""Contrast of an even coat in false colour over its angle, where no narrow coat says how much."""


class ActorMaterials:
    """Materials for the actors: ordinary colours that differ from their surroundings, or metamers that do not."""

    def __init__(self, setting: Setting, response: NDArray[np.float64], background: Background) -> None:
        self.setting, self.response, self.background = setting, response, background

    def target_surfaces(self, size: NDArray[np.float64]) -> list[Surface]:
        """The target's surfaces: the background's own picture under camouflage, else pictures of its own."""
        setting, scenario = self.setting, self.setting.scenario
        rng, materials = setting.stream("target pictures"), setting.stream("target materials")
        ground = self.background.surfaces[0]
        if not scenario.camouflage:
            return self._with_materials(rng, materials, ground)
        pictures = [crop(rng, ground.abundances, max(8, round(1.5 * float(size[0])))) for _ in range(2)]
        if scenario.worth is not None:
            new = self.coat(scenario.worth).endmembers
        elif scenario.spectra == "metamers":
            new = self._metamer(materials, ground, [self.background.surfaces[1].endmembers])
        else:
            new = self._distinct(materials, ground)
        return [Surface(picture, new) for picture in pictures]

    def twin_surfaces(self, target: Sequence[Surface]) -> list[list[Surface]]:
        """For each twin, the target's pictures in other materials: the ground's, where the target wears a coat."""
        setting, scenario = self.setting, self.setting.scenario
        if scenario.worth is not None:
            bare = self.background.surfaces[0].endmembers
            return [[surface.with_endmembers(bare) for surface in target] for _ in range(scenario.twins)]
        rng = setting.stream("twin materials")
        made: list[list[Endmembers]] = [[] for _ in target]
        for _ in range(scenario.twins + scenario.lookalikes):
            for known, surface in zip(made, target, strict=True):
                known.append(
                    self._metamer(rng, surface, known)
                    if scenario.spectra == "metamers"
                    else self._distinct(rng, surface)
                )
        return [
            [surface.with_endmembers(made[i][twin]) for i, surface in enumerate(target)]
            for twin in range(scenario.twins + scenario.lookalikes)
        ]

    def coat(self, worth: BandWorth) -> Coat:
        """What the target wears over the ground's materials: the same angle to it in few bands, or in all alike.

        The even coat's contrast in false colour is that of the narrow one, so that it does not tell the halves apart.
        """
        setting, ground = self.setting, self.background.surfaces[0].endmembers
        rng = setting.stream("coat")
        room = CoatRoom(ground, self.response, setting.colour_matrix, float(rng.uniform(*COAT_ANGLE)))
        contrast = _COLOUR_SHARE * room.angle
        if worth.cause == "feature":
            narrow = narrow_coat(room, worth.sources, rng)
            if worth.uneven:
                return narrow
            contrast = narrow.colour_contrast
        return even_coat(room, contrast, setting.stream("even coat"))

    def ordinary(self, rng: np.random.Generator) -> list[Surface]:
        """Surfaces of something else in the scene."""
        return self._with_materials(rng, rng, None, kind="narrow" if self.setting.scenario.worth is not None else None)

    def _with_materials(
        self,
        rng: np.random.Generator,
        materials: np.random.Generator,
        unlike: Surface | None,
        kind: str | None = None,
    ) -> list[Surface]:
        if rng.random() < 0.6:
            pictures = [two_tone(rng, _TEXTURE_PX) for _ in range(3)]
        else:
            picture = make_abundances(rng, _TEXTURE_PX, _TEXTURE_PX, textures=self.setting.textures)
            pictures = [picture, *(crop(rng, picture, _TEXTURE_PX // 2) for _ in range(2))]
        surfaces = []
        for index, part in enumerate(pictures):
            draft = Surface(part, random_endmembers(materials, kind))
            surfaces.append(
                draft if index or unlike is None else draft.with_endmembers(self._distinct(materials, unlike, part))
            )
        return surfaces

    def _metamer(self, rng: np.random.Generator, surface: Surface, unlike: list[Endmembers]) -> Endmembers:
        """Materials of the surface's false colour at a spectral angle that a noisy pixel shows and nature offers."""
        angle, colour = float(rng.uniform(0.15, 0.35)), self.setting.colour_matrix
        return metamers(
            surface.endmembers, self.response, colour, rng, minimum_angle=0.1, wanted_angle=angle, unlike=unlike
        )

    def _distinct(self, rng: np.random.Generator, unlike: Surface, picture: Abundances | None = None) -> Endmembers:
        """Materials well away in false colour, for that picture, from another surface: second best of sixteen drawn."""
        colours = self.response @ self.setting.colour_matrix
        reference = np.log(unlike.abundances.mean(axis=(0, 1)) @ unlike.endmembers @ colours + 1e-6)
        mean = (unlike.abundances if picture is None else picture).mean(axis=(0, 1))
        drawn = [random_endmembers(rng) * np.exp(rng.uniform(-0.9, 0.25)) for _ in range(16)]
        distance = [float(np.linalg.norm(np.log(mean @ members @ colours + 1e-6) - reference)) for members in drawn]
        return np.asarray(drawn[int(np.argsort(distance)[-2])])
