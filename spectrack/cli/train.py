"""``spectrack train``: from a recipe to a weights file, resumable."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from tyro.conf import Positional, UseAppendAction, arg

from spectrack.cli.console import ProgressBar, print_facts
from spectrack.cli.settings import parse_settings
from spectrack.cli.weights import use_of
from spectrack.trackers.registry import recipe_files
from spectrack.training.options import TrainOptions

if TYPE_CHECKING:
    from spectrack.training.loop import Progress


@dataclass(frozen=True)
class Train:
    """Train a tracker's network by a recipe, or go on with a training that was interrupted.

    --out keeps the resolved recipe, a log (log.jsonl), the newest checkpoint and, at the end, the weights. The same
    command goes on where an interrupted one left off.
    """

    EXAMPLES: ClassVar[str] = """examples:
  spectrack train siamban-compact --out runs/siamban-compact                      rebuild the shipped weights
  spectrack train my-recipe.toml --out runs/mine --set pairs=20000 --set optimiser.learning_rate=1e-3
  spectrack train siamban-lite --out runs/mine --unlabelled videos/ --set start=siamban-lite --set pairs=8000"""

    recipe: Annotated[str, Positional, arg(metavar="|".join([*recipe_files(), "FILE"]))]
    """The name of a recipe that comes with a method, or a TOML file."""
    out: Annotated[Path, arg(metavar="DIR")]
    """Folder of the run."""
    set: Annotated[tuple[str, ...], UseAppendAction, arg(metavar="KEY=VALUE")] = ()
    """Another value for a key of the recipe."""
    unlabelled: Annotated[tuple[Path, ...], UseAppendAction, arg(metavar="DIR")] = ()
    """Your own video or folder of videos, without boxes: what can be followed forward and back in it joins in."""
    training: TrainOptions = field(default_factory=TrainOptions)
    """Where it runs."""

    def run(self) -> int:
        """Train with a bar that tells the time left."""
        with ProgressBar() as bar:
            bar.show("loading", 0, None)
            from spectrack.training.loop import train
            from spectrack.training.recipe import load_recipe
            from spectrack.weights.files import read_metadata

            settings = parse_settings(self.set)
            if self.unlabelled:
                settings["data.unlabelled.videos"] = list(map(str, self.unlabelled))
            recipe = load_recipe(self.recipe, settings)
            bar.show("rendering pictures and clips", 0, None)

            def report(progress: Progress) -> None:
                bar.show("training", progress.step, progress.steps, describe_progress(progress))

            weights = train(recipe, self.out, **asdict(self.training), on_progress=report)
        facts = [("recipe", f"{recipe.name}: {recipe.pairs} pairs"), ("weights", str(weights))]
        # The file's own figure: the last report came before the last validation.
        extra = read_metadata(weights).extra
        if "unlabelled" in extra:
            told = extra["unlabelled"]
            facts.append(("unlabelled", f"{told['kept']} of {told['starts']} starts kept, see unlabelled.json"))
        found = extra.get("validation_iou")
        if found is not None:
            facts.append(("validation", f"mean IoU {found:.3f} on pairs held out"))
        facts.append(("next", use_of(weights)))
        # Where several processes train, one of them speaks.
        if os.environ.get("RANK", "0") == "0":
            print_facts(facts)
        return 0


def describe_progress(progress: Progress) -> str:
    """Losses, validation and speed in a few words."""
    parts = [f"{name} {value:.3f}" for name, value in progress.losses.items()]
    if progress.validation_iou is not None:
        parts.append(f"IoU {progress.validation_iou:.3f}")
    return ", ".join([*parts, f"{progress.pairs_per_second:.0f} pairs/s"])
