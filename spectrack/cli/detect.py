"""``spectrack detect``: regions of every frame that have a material's spectrum, or are rare."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from tyro.conf import Positional, arg

from spectrack.cli.console import ProgressBar, print_facts
from spectrack.cli.reading import Reading, Wanted
from spectrack.cli.recordings import extent_of
from spectrack.cli.settings import settings_of
from spectrack.errors import ConfigError
from spectrack.evidence.options import DetectOptions, MatchOptions
from spectrack.signs import counted

if TYPE_CHECKING:
    from spectrack.detection import Detection
    from spectrack.sequences.base import Sequence


@dataclass(frozen=True)
class Detect:
    """Find what has a spectrum, in every frame of a video and without a box.

    Writes regions.csv (frame, rank, box in cube pixels, score, area), map.png (the frame of the best region beside its
    scores) and summary.json (settings, versions) into --out, when all is done and not before.
    """

    EXAMPLES: ClassVar[str] = """examples:
  spectrack detect recordings/HSI --spectrum paint.csv --out found         a material, by its reflectance
  spectrack detect recordings/HSI --spectrum library.csv --spectrum-column leaf --light 30,12,8,8 --out found
  spectrack detect recordings/HSI --point 230,82 --frames 0:100:10 --out like    what is like the thing at a pixel
  spectrack detect recordings/HSI --anomaly --top 3 --out rare             what is rare in its frame"""

    sequence: Annotated[Path, Positional, arg(metavar="SEQUENCE")]
    """Folder of frames, or file with all: mosaic PNG, ENVI, .npy, .npz, .mat, .h5, .tif, .mp4, .avi, JPEG or PNG."""
    out: Annotated[Path, arg(metavar="DIR")]
    """Folder for the results; it must not exist or be empty."""
    anomaly: bool = False
    """Search for what is rare in its frame (RX) in place of a spectrum or a point."""
    wanted: Wanted = field(default_factory=Wanted)
    """What is searched for."""
    matching: MatchOptions = field(default_factory=MatchOptions)
    """What counts as a match."""
    searching: DetectOptions = field(default_factory=DetectOptions)
    """Where, and how many."""
    reading: Reading = field(default_factory=Reading)
    """How the frames are read."""

    def run(self) -> int:
        """Search, and say what was found."""
        given = {"--spectrum": self.wanted.spectrum, "--point": self.wanted.point, "--anomaly": self.anomaly or None}
        named = [name for name, value in given.items() if value is not None]
        if len(named) != 1:
            raise ConfigError(
                f"expected one of {', '.join(given)}, found {' and '.join(named) or 'none'}; say what to search for"
            )
        from spectrack.detection import record_detection
        from spectrack.files import check_folder

        inputs = (self.sequence, *([] if self.wanted.spectrum is None else [self.wanted.spectrum]))
        check_folder(self.out, self.searching.terms(inputs))
        spectrum, point = self.wanted.read_spectrum(), self.wanted.parse_point()
        sequence = self.reading.open(self.sequence)
        with ProgressBar() as bar:
            done = record_detection(
                sequence,
                self.out,
                spectrum=spectrum,
                point=point,
                matching=self.matching,
                options=self.searching,
                settings={"command": "detect", **settings_of(self)},
                inputs=inputs,
                on_frame=lambda done, total: bar.show("searching", done, total),
            )
        print_facts(_facts(sequence, done))
        return 0


def _facts(sequence: Sequence, done: Detection) -> list[tuple[str, str]]:
    count, searched = done.summary["regions"], counted(len(done.regions), "frame")
    matched = sum(bool(each) for each in done.regions.values())
    rows = [
        ("sequence", extent_of(sequence)),
        ("searched", f"{searched} for {done.summary['searched_for']}"),
        ("found", f"{counted(count, 'region')} in {matched} of {searched}"),
    ]
    best = done.regions[done.shown][:1]
    for region in best:
        box = ",".join(f"{value:g}" for value in region.box)
        rows.append(("best", f"{box} in frame {done.shown}, score {region.score:.2f}, {region.area} pixels"))
    if not best:
        rows.append(
            ("best", f"score {done.best:.2f} in frame {done.shown}, which is no match; lower --least to see it")
        )
    return [*rows, ("results", str(done.directory))]
