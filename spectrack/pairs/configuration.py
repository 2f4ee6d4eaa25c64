"""What a recipe says about its training pairs, in one section."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import numpy as np

from spectrack.false_colour import DEFAULT_RULE, Encoding, false_colour_matrix
from spectrack.pairs.bank import BankConfig
from spectrack.pairs.clip_options import ClipConfig, ClipDataset
from spectrack.pairs.pseudo_tracks import UnlabelledConfig
from spectrack.pairs.spectral_pairs import SpectralConfig
from spectrack.pairs.synthesis import SynthesisConfig
from spectrack.scaling import DEFAULT_SCALING, Scaling
from spectrack.tables import Interval, require, require_choices, require_ranges

SYNTHETIC = ("pictures", "simulated")
"""Sources that are made and not read."""

UNLABELLED = "video without boxes"
"""Name of the source of pseudo-tracks."""


@dataclass(frozen=True)
class DataConfig:
    """Where pairs come from.

    Attributes:
        sources: any of ``pictures`` (sprites and regions from the bank), ``simulated`` (clips of the simulator), names
            of `datasets`, and paths of sequences, or of folders with sequences below them; all with truth. Relative
            paths start where the command runs.
        ratios: share of each source; equal shares when empty.
        datasets: parts of data sets that may be sources, by a name of one's own.
        photographs: folders of somebody's own photographs, which ``pictures`` then uses too, as surroundings, as
            targets and as what things are cut out of; relative paths start where the command runs.
        cutouts: folders of pictures with an alpha channel, which ``pictures`` then pastes like its sprites.
        scaling: how raw counts become network input; recorded with the weights.
        false_colour: rule of the three-band image; recorded with the weights.
        encoding: of that image: light (``linear``) or coded as for the eye (``display``), as starts expect that were
            trained on photographs; recorded with the weights.
        colour: what the image is made of: the cube, by the rule (``rule``), or, where a sequence has one for every
            frame, the data set's own picture (``dataset``); the tracker's option of this name must say the same.
        bank: what ``pictures`` draws from.
        synthesis: how ``pictures`` varies.
        clips: how ``simulated`` and sequences are sampled.
        spectral: how pairs with many bands vary, for the methods that see them.
        unlabelled: pairs from somebody's own video without boxes.
        workers: processes that make pairs.
    """

    sources: tuple[str, ...] = SYNTHETIC
    ratios: tuple[float, ...] = ()
    datasets: dict[str, ClipDataset] = field(default_factory=dict)
    photographs: tuple[str, ...] = ()
    cutouts: tuple[str, ...] = ()
    scaling: str = DEFAULT_SCALING
    false_colour: str = DEFAULT_RULE
    encoding: Encoding = "linear"
    colour: Literal["rule", "dataset"] = "rule"
    bank: BankConfig = field(default_factory=BankConfig)
    synthesis: SynthesisConfig = field(default_factory=SynthesisConfig)
    clips: ClipConfig = field(default_factory=ClipConfig)
    spectral: SpectralConfig = field(default_factory=SpectralConfig)
    unlabelled: UnlabelledConfig = field(default_factory=UnlabelledConfig)
    workers: Annotated[int, Interval("[0, 1024]")] = 2

    def __post_init__(self) -> None:
        require_choices(self)
        require(bool(self.sources), "sources", "at least one source", list(self.sources))
        require_ranges(self)
        ratios = self.ratios
        fits = not ratios or (len(ratios) == len(self.sources) and min(ratios) >= 0 and sum(ratios) > 0)
        require(fits, "ratios", f"one non-negative number for each of {len(self.sources)} sources", list(ratios))
        taken = [name for name in SYNTHETIC if name in self.datasets]
        require(not taken, "datasets", f"other names than {' and '.join(SYNTHETIC)}", taken)
        for name in ("photographs", "cutouts"):
            used = "pictures" in self.sources or not getattr(self, name)
            require(used, name, "no folder unless pictures is among the sources", list(getattr(self, name)))
        # Both end up in the weights file; a misspelt one must not come to light after an hour.
        Scaling.parse(self.scaling)
        false_colour_matrix(self.false_colour, 100, wavelengths_nm=list(range(400, 700, 3)), cube=np.zeros((1, 1, 100)))

    @property
    def names(self) -> tuple[str, ...]:
        """What all pairs come from: the sources, and `UNLABELLED` where there is such video."""
        return (*self.sources, UNLABELLED) if self.unlabelled.videos else self.sources

    @property
    def shares(self) -> tuple[float, ...]:
        """Share of each of `names`, of any sum."""
        ratios = self.ratios or (1.0,) * len(self.sources)
        share = self.unlabelled.share
        return (*ratios, sum(ratios) * share / (1 - share)) if self.unlabelled.videos else ratios

    @property
    def places(self) -> tuple[Path, ...]:
        """Files and folders that pairs are read from."""
        read = [name for name in self.sources if name not in SYNTHETIC]
        named = [self.datasets[name].root if name in self.datasets else name for name in read]
        own = (*self.photographs, *self.cutouts, *self.unlabelled.videos)
        return tuple(Path(place) for place in (*named, *own) if place)
