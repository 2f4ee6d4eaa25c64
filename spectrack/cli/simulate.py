"""``spectrack simulate``: hyperspectral video with exact truth, written as files."""

from __future__ import annotations

import shlex
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from tyro.conf import arg

from spectrack.cli.console import ProgressBar, make_list, output, print_facts
from spectrack.cli.recordings import extent_of
from spectrack.errors import ConfigError
from spectrack.simulation.options import VideoOptions

if TYPE_CHECKING:
    from spectrack.simulation.scenario import Scenario


@dataclass(frozen=True)
class Simulate:
    """Render a hyperspectral video with exact truth.

    The same options give the same bytes on one machine. The folder holds the frames, groundtruth_rect.txt and
    sequence.json, and `spectrack track` reads it as it is.
    """

    EXAMPLES: ClassVar[str] = """examples:
  spectrack simulate --list
  spectrack simulate --scenario hidden --sensor vis16 --frames 100 --seed 7 --out clips/hidden
  spectrack simulate --scenario cam-grass --sensor nir25 --out clips/grass --format npy"""

    scenario: Annotated[str | None, arg(metavar="NAME")] = None
    """What happens in the video; --list shows all."""
    out: Annotated[Path | None, arg(metavar="DIR")] = None
    """Folder to write; it must not exist or be empty."""
    format: Annotated[str, arg(metavar="hotc|envi|npy")] = "hotc"
    """16-bit mosaic PNG files, ENVI files, or one .npy file."""
    false_colour: bool = False
    """Write a false-colour JPEG a frame beside the cubes."""
    list: bool = False
    """Show the scenarios and leave."""
    video: VideoOptions = field(default_factory=VideoOptions)
    """How long, how large and of what it is."""

    def run(self) -> int:
        """Write the video, or list the scenarios."""
        from spectrack.simulation.scenarios import ALL_SCENARIOS

        if self.list:
            output().print(make_list((scenario.name, _describe(scenario)) for scenario in ALL_SCENARIOS.values()))
            return 0
        if self.scenario is None or self.out is None:
            needed = {"--scenario": self.scenario, "--out": self.out}
            missing = " and ".join(name for name, value in needed.items() if value is None)
            raise ConfigError(f"expected {missing}, found none; try --scenario hidden --out clips/hidden, or --list")
        from spectrack.sequences.writers import write_sequence
        from spectrack.simulation.video import simulate

        video = simulate(self.scenario, **asdict(self.video))
        with ProgressBar() as bar:
            bar.show(f"rendering {len(video)} frames", 0, None)
            folder = write_sequence(video, self.out, format=self.format, false_colour=self.false_colour)
        facts = [
            ("video", extent_of(video)),
            ("attributes", " ".join(video.attributes) or "none"),
            ("folder", str(folder)),
            ("next", f"spectrack track {shlex.quote(str(folder))} --out runs/{video.name} --overlay"),
        ]
        print_facts(facts)
        return 0


def _describe(scenario: Scenario) -> str:
    """What makes a scenario hard, read off its settings."""
    metamers = scenario.spectra == "metamers"
    seen = "another spectrum, the same in false colour" if metamers else "other colours"
    camouflaged = "camouflaged: looks like its background in colour, differs in spectrum alone"
    hides = camouflaged if metamers else "patterned like its background, in other colours"
    found = (
        (scenario.worth is not None, _worth_words(scenario)),
        (scenario.camouflage and scenario.worth is None, hides),
        (scenario.twins > 0, f"{scenario.twins} twins of its shape in {seen}"),
        (scenario.size_px[1] <= 16, "small"),
        (scenario.leaps > 0, "leaps"),
        (scenario.leaves, "leaves the frame and comes back"),
        (scenario.occluders > 0, "passes behind things"),
        (scenario.absence == "behind", "long behind a screen, comes out elsewhere"),
        (scenario.absence == "away", "long out of the frame, comes back elsewhere"),
        (scenario.lookalikes > 0, f"{scenario.lookalikes} look-alikes in {seen} that stay"),
        (scenario.size_ratio >= 1.4, f"size changes up to {scenario.size_ratio:g} times"),
        (scenario.roll_rate > 0, "turns in the image"),
        (scenario.yaw_rate > 0 or scenario.tilt >= 0.4, "turns towards and away"),
        (scenario.bend > 0 or scenario.swing > 0, "deforms"),
        (scenario.pan_px > 0, "moving camera"),
        (scenario.shutter >= 0.6 or scenario.defocus_px > 0, "blur"),
        (scenario.dimming < 1 or scenario.warming or scenario.shadow > 0, "changing light"),
        (scenario.decoys > 0, "things in its colours around"),
        (scenario.passers > 0, "other moving things"),
    )
    return "; ".join(words for holds, words in found if holds) or "slow and steady"


def _worth_words(scenario: Scenario) -> str:
    """What makes bands of unequal worth, or that they are alike."""
    if scenario.worth is None:
        return ""
    words = {
        "feature": ("a target that differs from its ground in few bands", "the same difference spread over all bands"),
        "camera": ("bands of unequal transmission and noise, one dead", "the same light in all bands alike"),
        "light": ("a lamp with lines", "the same light without lines"),
        "glare": ("a veil of stray light in one line", "the same stray light in all bands"),
    }
    return words[scenario.worth.cause][0 if scenario.worth.uneven else 1]
