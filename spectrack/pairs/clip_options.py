"""What a recipe says about video: which data sets, how their sequences are sampled and cut into pairs.

Apart from `stored_clips`, whose code is part of the name of what it stores: how pairs are cut must not store it anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from spectrack.datasets.options import DatasetPart
from spectrack.sensors import SENSORS
from spectrack.simulation.scenarios import SCENARIOS
from spectrack.tables import Interval, Seed, Share, require, require_choice, require_choices, require_ranges


@dataclass(frozen=True)
class ClipConfig:
    """How sequences are sampled.

    Attributes:
        count: simulated clips to render.
        frames: frames kept of each sequence, evenly spread.
        spacing: simulated frames between two that are kept.
        scenarios: of the simulated clips; when empty all, or in false colour those without metamers, because a tracker
            that sees three bands cannot learn from what three bands do not show.
        sensors: of the simulated clips.
        height: of the simulated clips, cube pixels.
        width: of the simulated clips, cube pixels.
        seed: first seed of the simulated clips; the frozen suite uses others.
        max_gap: frames of the sequence between those of a positive pair, at most; 0 for any number (SiamBAN: 100).
        template_shift_px: largest shift of the target in the template crop.
        template_scale: largest relative change of the template crop's size.
        search_shift_px: largest shift of the target in the search crop.
        search_scale: standard deviation of the log of the target's size in the search crop.
        negative_share: share of pairs whose search crop comes from another sequence.
        minimum_visibility: frames that show less of the target are not used.
        unreadable: ``refuse`` a source with sequences that cannot be read, or ``skip`` those; named they are anyway.
    """

    count: Annotated[int, Interval("[1, 1000000]")] = 180
    frames: Annotated[int, Interval("[1, 1000000000]")] = 10
    spacing: Annotated[int, Interval("[1, 100000]")] = 6
    scenarios: tuple[str, ...] = ()
    sensors: tuple[str, ...] = ("vis16", "nir25", "rednir15")
    height: Annotated[int, Interval("[32, 16384]")] = 240
    width: Annotated[int, Interval("[32, 16384]")] = 320
    seed: Seed = 100_000
    max_gap: Annotated[int, Interval("[0, 1000000000]")] = 0
    template_shift_px: Annotated[float, Interval("[0, 127]")] = 4.0
    template_scale: Annotated[float, Interval("[0, 1)")] = 0.05
    search_shift_px: Annotated[float, Interval("[0, 127]")] = 64.0
    search_scale: Share = 0.12
    negative_share: Share = 0.1
    minimum_visibility: Share = 0.3
    unreadable: Literal["refuse", "skip"] = "refuse"

    def __post_init__(self) -> None:
        require_choices(self)
        require_ranges(self)
        for name in self.scenarios:
            require_choice("scenarios", SCENARIOS, name)
        require(bool(self.sensors), "sensors", "at least one sensor", list(self.sensors))
        for name in self.sensors:
            require_choice("sensors", SENSORS, name)


@dataclass(frozen=True)
class ClipDataset(DatasetPart):
    """Sequences of a data set as a source of pairs; the words of `spectrack.datasets.open_dataset`.

    Attributes:
        name: of the data set; ``auto`` finds out which of them the folder holds.
        root: its folder, or any above the sequences; empty for a data set that lies in none.
    """

    name: str = "auto"
    root: str = ""

    def __post_init__(self) -> None:
        frozen = "a data set to train on (simulated is the suite that tests; the source simulated is not)"
        require(self.name != "simulated", "name", frozen, self.name)
