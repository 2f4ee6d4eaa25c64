"""``spectrack view``: a sequence, or runs on it, in the browser; tracking there while one looks on."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar

from tyro.conf import Positional, arg

from spectrack.cli.console import PlainConsole, output, print_facts
from spectrack.cli.reading import Reading
from spectrack.tables import to_table
from spectrack.trackers.options import NetworkOptions
from spectrack.viewer.options import ViewOptions


@dataclass(frozen=True)
class View:
    """Look at a sequence or at runs in the browser, and track there.

    Opens a page on this machine alone, at an address that nobody can guess: false colour, single bands and spectra;
    draw the first box with the mouse, press Track, correct it in any frame, and save what `spectrack track` would
    write. Of runs it shows all tracks in the colours of the report, with overlap, score and lost frames over time.
    Without a place it shows a simulated clip. Needs the extra: pip install 'spectrack[viewer]'.
    """

    EXAMPLES: ClassVar[str] = """examples:
  spectrack view recordings/HSI                  look at a sequence, draw a box, track
  spectrack view demo_output                     what `spectrack demo` tracked
  spectrack view runs/hotc                       all trackers of a benchmark
  spectrack view runs/car-cf runs/car-siamban recordings/HSI    two tracks on these frames"""

    places: Annotated[tuple[Path, ...], Positional, arg(metavar="[SEQUENCE|RUN]")] = ()
    """A sequence, as `spectrack track` reads it; runs, recordings and benchmarks; or runs and their sequence."""
    out: Annotated[Path, arg(metavar="DIR")] = Path("runs")
    """Folder for tracks that are saved on the page, a folder each."""
    reading: Reading = field(default_factory=Reading)
    """How the sequence is read."""
    network: NetworkOptions = field(default_factory=NetworkOptions)
    """How networks run."""
    viewing: ViewOptions = field(default_factory=ViewOptions)
    """How the page is served."""

    def run(self) -> int:
        """Serve the page until it is closed."""
        from spectrack.viewer.serving import check_extra, serve

        check_extra()
        from spectrack.trackers.base import Tracker
        from spectrack.trackers.loading import load_tracker
        from spectrack.viewer.opened import open_example, open_places
        from spectrack.viewer.viewing import Saving, Tracking, Viewing

        def make(name: str, profile: str | None) -> Tracker:
            options = asdict(self.network)
            return load_tracker(name, **options | ({} if profile is None else {"profile": profile}))

        opened = open_places(self.places, self.reading.open) if self.places else open_example()
        settings = {"command": "view", **to_table(self.reading), **to_table(self.network)}
        viewing = Viewing(opened, Saving(self.out), Tracking(make, settings=settings))
        serve(viewing, self.viewing, tell_address)
        saved = [str(recording.directory) for recording in viewing.live.recordings]
        if saved:
            print_facts(
                [*(("saved", place) for place in saved), ("next", f"spectrack report {saved[-1]} --out report")]
            )
        return 0


def tell_address(
    address: str,
    console: PlainConsole | None = None,
    end: str = "Ends with Ctrl-C, or a minute after the page was closed.",
) -> None:
    """Say where the page is and how it ends."""
    console = console or output()
    print_facts([("page", address)], console)
    console.print(end, soft_wrap=True)
