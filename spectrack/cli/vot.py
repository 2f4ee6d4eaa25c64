"""``spectrack vot``: trackers into a workspace of the VOT toolkit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from tyro.conf import Positional, arg

from spectrack.cli.console import print_facts
from spectrack.errors import ConfigError
from spectrack.trackers.registry import DEFAULT_METHOD, tracker_words


@dataclass(frozen=True)
class Vot:
    """Add trackers to a workspace of the VOT toolkit.

    Writes them into its trackers.ini; what stands there stays. The toolkit starts them and talks to them by TraX, which
    needs the package vot-trax: pip install 'spectrack[adapters]'.
    """

    EXAMPLES: ClassVar[str] = """examples:
  vot initialize vot2022/stb --workspace vot     the toolkit's own command makes the workspace
  spectrack vot vot --trackers siamban,ssfnet    trackers on its colour images
  spectrack vot vot --trackers bcrnet --spectral HSI     on spectral frames in a folder HSI beside each folder of images
  vot evaluate --workspace vot spectrack-siamban"""

    workspace: Annotated[Path, Positional, arg(metavar="WORKSPACE")]
    """Folder that `vot initialize` made."""
    trackers: Annotated[tuple[str, ...], arg(metavar=",".join(tracker_words()))] = (DEFAULT_METHOD,)
    """Which trackers; each appears as spectrack-NAME."""
    spectral: Annotated[str | None, arg(metavar="NAME")] = None
    """Name of the folder of spectral frames beside each folder of images, with the images' numbers and size."""

    def run(self) -> int:
        """Write the list and say how to go on."""
        from spectrack.adapters.vot_trax import write_trackers

        if not self.workspace.is_dir():
            raise ConfigError(
                f"expected a workspace of the VOT toolkit at {self.workspace}, found no folder; make it with vot "
                "initialize"
            )
        file = write_trackers(self.workspace, self.trackers, spectral=self.spectral)
        names = [f"spectrack-{name}" + ("" if self.spectral is None else "-spectral") for name in self.trackers]
        print_facts(
            [
                ("trackers", ", ".join(names)),
                ("written", str(file)),
                ("next", f"vot evaluate --workspace {self.workspace} {' '.join(names)}"),
            ]
        )
        return 0
