"""``spectrack track``: one object through one video, into a folder of results."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, cast

from tyro.conf import Positional, UseAppendAction, arg

from spectrack.cli.console import ProgressBar, print_facts
from spectrack.cli.reading import Reading, Wanted, mosaic_block
from spectrack.cli.recordings import describe_recording
from spectrack.cli.settings import parse_settings, settings_of
from spectrack.errors import BoxError, ConfigError, InputError
from spectrack.evidence.options import MatchOptions
from spectrack.live.options import LiveOptions
from spectrack.runs.options import RecordOptions
from spectrack.sources.options import FolderOptions, RawOptions
from spectrack.trackers.options import NetworkOptions
from spectrack.trackers.registry import DEFAULT_METHOD, tracker_words

if TYPE_CHECKING:
    from spectrack.annotations.first_boxes import Coordinates
    from spectrack.boxes import Box
    from spectrack.files import FileTerms
    from spectrack.recording import Recording
    from spectrack.sequences.base import Sequence
    from spectrack.trackers.base import Tracker


@dataclass(frozen=True)
class Track:
    """Track one object through one video, or through what a camera gives now.

    Writes boxes.txt (x,y,w,h a frame, in cube pixels), frames.csv (score and times a frame) and summary.json (figures,
    settings, versions) into --out, when all is done and not before. Where truth boxes are known, the track is scored.
    With --source each box is sent on as soon as it is found, and --out may be left out.
    """

    EXAMPLES: ClassVar[str] = """examples:
  spectrack track HOTC/test/ball/HSI --out runs/ball --overlay          first box and truth from the data set
  spectrack track recordings/HSI --sensor vis16 --box 214,61,30,42 --out runs/car
  spectrack track cubes.npy --axes thwb --box-from box.txt --out runs/cubes
  spectrack track recordings/HSI --box-from cvat.zip --box-track 2 --box-drawn-on mosaic --out runs/car
  spectrack track recordings/HSI --boxes-from boats.csv --out runs/boats   several targets at once
  spectrack track recordings/HSI --out runs/car --view    draw the box in the browser
  spectrack track recordings/HSI --box 214,61,30,42 --measure --scale 0.35mm --mask png --out runs/car
  spectrack track street.mp4 --box 120,80,64,40 --out runs/street       ordinary colour video
  spectrack track recordings/HSI --spectrum paint.csv --out runs/found     start on a material
  spectrack track recordings/HSI --point 230,82 --out runs/car   start on the thing at a pixel
  spectrack track --source rtsp://10.0.0.7/live --box 120,80,64,40    each box as a line of JSON
  spectrack track --source camera/ --sensor vis16 --box 214,61,30,42 --out runs/now    frames that are being written
  spectrack track --source 0 --view               draw the box in the browser, and look on"""

    sequence: Annotated[Path | None, Positional, arg(metavar="SEQUENCE")] = None
    """Folder of frames, or file with all: mosaic PNG, ENVI, .npy, .npz, .mat, .h5, .tif, .mp4, .avi, JPEG or PNG."""
    out: Annotated[Path | None, arg(metavar="DIR")] = None
    """Folder for the results; it must not exist or be empty."""
    box: Annotated[str | None, arg(metavar="X,Y,W,H")] = None
    """The object in the first frame, in cube pixels (mosaic pixels divided by the block); else --box-from, --spectrum,
    --point or the first truth box."""
    box_from: Annotated[Path | None, arg(metavar="FILE")] = None
    """File with that box: rows of x,y,w,h, or what CVAT, MOT, COCO, VOC, labelme, Label Studio or YOLO programs export.
    """
    box_track: Annotated[str | None, arg(metavar="NAME")] = None
    """Which object of that file, by number or label, where it holds several."""
    box_drawn_on: Annotated[str, arg(metavar="cube|mosaic|rgb")] = "cube"
    """The picture its pixels belong to: one of the cube's size, the raw mosaic, or an RGB picture of another size."""
    boxes_from: Annotated[Path | None, arg(metavar="FILE")] = None
    """File with the first boxes of several targets: MOT rows, a CSV headed id,x,y,w,h, JSON by name, or what CVAT and
    others export; all are tracked at once, into mot.txt."""
    tracker: Annotated[str, arg(metavar="|".join(tracker_words()))] = DEFAULT_METHOD
    """Which method tracks, or a preset in the manner of a related system, such as see-net."""
    weights: Annotated[str | None, arg(metavar="NAME|FILE")] = None
    """Other weights than the shipped ones; see `spectrack weights list`."""
    set: Annotated[tuple[str, ...], UseAppendAction, arg(metavar="KEY=VALUE")] = ()
    """Another value for a parameter of the tracker, such as --set size_rate=0.2."""
    view: bool = False
    """Draw the first box in the browser, track there, correct and save into --out; with --source look on, and draw the
    box where none is given; needs the extra `viewer`."""
    rerun: Annotated[Path | None, arg(metavar="FILE")] = None
    """Write pictures, boxes, scores and spectra as an .rrd file for Rerun's viewer too; needs the extra `rerun`."""
    truth: Annotated[Path | None, arg(metavar="FILE")] = None
    """Truth boxes to score against; by default those beside the frames."""
    reading: Reading = field(default_factory=Reading)
    """How the frames are read."""
    wanted: Wanted = field(default_factory=Wanted)
    """What to start on in place of a box."""
    matching: MatchOptions = field(default_factory=MatchOptions)
    """What counts as that."""
    network: NetworkOptions = field(default_factory=NetworkOptions)
    """How its network runs."""
    recording: RecordOptions = field(default_factory=RecordOptions)
    """What is written."""
    live: LiveOptions = field(default_factory=LiveOptions)
    """Frames that come by themselves."""
    folder: FolderOptions = field(default_factory=FolderOptions)
    """A folder that grows, as source."""
    raw: RawOptions = field(default_factory=RawOptions)
    """Standard input, as source."""

    def run(self) -> int:
        """Track and print what came of it."""
        if self.live.source is not None:
            return self._track_source(self.live.source)
        from spectrack.files import check_folder
        from spectrack.recording import record

        place, out = self._places()
        inputs = (place, *self.inputs)
        if self.boxes_from is not None:
            return self._track_several(self.boxes_from, place, out, inputs)
        check_folder(out, self.recording.terms(inputs))
        rerun = self._rerun_terms(inputs)
        sequence = self.reading.open(place, self.truth)
        if self.view or self._may_draw(sequence):
            return self._draw(sequence, place, out, inputs)
        with ProgressBar() as bar:
            start, box, how = self._start(sequence, bar)
            bar.show("loading the tracker", 0, None)
            recording = record(
                sequence,
                self.load(),
                out,
                box=box,
                start=start,
                options=self.recording,
                settings=self.settings(),
                inputs=inputs,
                on_progress=bar.show,
            )
            if rerun is not None:
                bar.show("writing for Rerun", 0, None)
                self._write_rerun(rerun, sequence, recording)
        facts = describe_recording(sequence, recording)
        if self.rerun is not None:
            facts.append(("Rerun", str(self.rerun)))
        print_facts([*facts[:2], *([("started", how)] if how else []), *facts[2:]])
        return 0

    def _track_several(self, file: Path, place: Path, out: Path, inputs: tuple[Path, ...]) -> int:
        """Track all targets of a file."""
        from spectrack.cli.several import SeveralTrack, track_several

        others = {
            "--box": self.box,
            "--box-from": self.box_from,
            "--box-track": self.box_track,
            "--spectrum": self.wanted.spectrum,
            "--point": self.wanted.point,
            "--view": self.view or None,
            "--rerun": self.rerun,
            "--truth": self.truth,
        }
        given = [name for name, value in others.items() if value is not None]
        if given:
            remedy = "score mot.txt with spectrack evaluate --several" if given == ["--truth"] else "leave it out"
            raise ConfigError(f"expected --boxes-from alone to start from, found {given[0]} beside it; {remedy}")
        command = SeveralTrack(
            place, file, out, self.box_drawn_on, self.reading, self.recording, inputs, self.settings(), self.load
        )
        return track_several(command)

    def _rerun_terms(self, inputs: tuple[Path, ...]) -> FileTerms | None:
        """On which the file for Rerun is written, if one is.

        Raises:
            ConfigError: it is there and not ours, or is called otherwise.
            MissingExtraError: the package is not installed.
        """
        if self.rerun is None:
            return None
        from spectrack.adapters.rerun_files import check_extra
        from spectrack.files import FileTerms, check_file

        if self.view:
            raise ConfigError("expected --view or --rerun, found both; save on the page, or leave --view out")
        if self.rerun.suffix.lower() != ".rrd":
            raise ConfigError(f"expected a file NAME.rrd for --rerun, found {self.rerun}; name one")
        check_extra()
        terms = FileTerms("rerun", overwrite=self.recording.overwrite, inputs=inputs)
        check_file(self.rerun, terms)
        return terms

    def _write_rerun(self, terms: FileTerms, sequence: Sequence, recording: Recording) -> None:
        from spectrack.adapters.rerun_files import write_rerun
        from spectrack.files import write_file

        truth = None if sequence.truth_fault is not None else sequence.truth
        with write_file(self.rerun or Path(), terms) as file:
            write_rerun(file, sequence, recording.boxes, truth=truth, frames=recording.frames)

    @property
    def inputs(self) -> tuple[Path, ...]:
        """What is read besides the frames."""
        weights = None if self.weights is None else Path(self.weights)
        read = (self.truth, self.box_from, self.boxes_from, self.wanted.spectrum, self.reading.calibration, weights)
        return tuple(path for path in read if path is not None)

    def settings(self) -> dict[str, Any]:
        """What a summary remembers of the command; of sources nothing where there is none."""
        of_sources = () if self.live.source is not None else map(settings_of, (self.live, self.folder, self.raw))
        left_out = {name for options in of_sources for name in options}
        return {"command": "track"} | {key: value for key, value in settings_of(self).items() if key not in left_out}

    def _track_source(self, source: str) -> int:
        """Track in what comes, in place of a sequence."""
        from spectrack.cli.track_source import SourceTrack, track_source
        from spectrack.sources.opening import SourceOptions

        if self.sequence is not None:
            raise ConfigError(
                f"expected a SEQUENCE or --source, found both ({self.sequence} and {source}); leave one out"
            )
        refused = {
            "--truth": self.truth,
            "--rerun": self.rerun,
            "--boxes-from": self.boxes_from,
        }
        for name, value in refused.items():
            if value is not None:
                raise ConfigError(
                    f"expected a SEQUENCE for {name}, found --source, whose frames are not kept; leave it out"
                )
        boxed = self.box is not None or self.box_from is not None
        return track_source(
            SourceTrack(
                source,
                self.live,
                SourceOptions(self.reading.options(), self.folder, self.raw),
                self.wanted,
                self.matching,
                self.recording,
                self.out,
                self.inputs,
                self.settings(),
                self.load,
                self.given_box if boxed else None,
                self.tracker if self.view else None,
            )
        )

    def load(self) -> Tracker:
        """The tracker that is asked for."""
        from spectrack.trackers.loading import load_tracker

        options = {**asdict(self.network), **self._tracker_options()}
        return load_tracker(self.tracker, weights=self.weights, **options)

    def _places(self) -> tuple[Path, Path]:
        """Where the frames are, and where the results go.

        Raises:
            ConfigError: one is not named, or something means nothing without a source.
        """
        if (self.live, self.folder, self.raw) != (LiveOptions(), FolderOptions(), RawOptions()):
            raise ConfigError(
                "expected --source beside --send, --policy and other options of sources, found none; name the source"
            )
        if self.sequence is None:
            raise ConfigError("expected a SEQUENCE or --source to track in, found neither; see spectrack track --help")
        if self.out is None:
            raise ConfigError("expected --out, the folder for the results, found none; name a new one")
        return self.sequence, self.out

    def _may_draw(self, sequence: Sequence) -> bool:
        """Whether nothing says where the object is, and somebody sits at a display who can."""
        told = (self.box, self.box_from, self.wanted.spectrum, self.wanted.point)
        if any(way is not None for way in told) or sequence.first_box is not None:
            return False
        from spectrack.viewer.serving import has_display, has_extra

        return has_display() and sys.stdout.isatty() and has_extra()

    def _draw(self, sequence: Sequence, place: Path, out: Path, inputs: tuple[Path, ...]) -> int:
        """Let the box be drawn, and all else be done, on the viewer's page."""
        if self.recording.measuring.wanted:
            raise ConfigError(
                "expected a first box beside --measure, --parquet and --mask, found one to be drawn; give --box, since "
                "the viewer does not measure"
            )
        from spectrack.cli.view import tell_address
        from spectrack.viewer.options import ViewOptions
        from spectrack.viewer.serving import check_extra, serve

        check_extra()
        if self.wanted.spectrum is not None or self.wanted.point is not None:
            raise ConfigError("expected --view, or a spectrum or point to find a box by, found both; give one of them")
        from spectrack.viewer.opened import Item, Opened
        from spectrack.viewer.viewing import Saving, Tracking, Viewing

        first, out = self.given_box(sequence), out.absolute()
        if first is None and sequence.truth_fault is None:
            first = sequence.first_box
        self._tracker_options()  # refused before a page is opened
        item = Item(sequence.name, lambda: self.reading.open(place, self.truth), place=place)
        tracking = Tracking(
            lambda name, profile: self.load(),
            only=self.tracker,
            settings=self.settings(),
            box=first,
        )
        viewing = Viewing(Opened((item,), {}), Saving(out.parent, out.name, self.recording, inputs), tracking)
        serve(viewing, ViewOptions(), tell_address)
        if not viewing.live.recordings:
            raise InputError(f"expected a track saved into {out}, found the page closed; press Save, or give --box")
        print_facts(describe_recording(sequence, viewing.live.recordings[-1]))
        return 0

    def _start(self, sequence: Sequence, bar: ProgressBar) -> tuple[int, Box, str]:
        """The frame to start in, the box there, and how it was found, where nobody gave it."""
        from spectrack.recording import first_box

        spectrum, point = self.wanted.read_spectrum(), self.wanted.parse_point()
        if spectrum is None and point is None:
            return 0, first_box(sequence, self.given_box(sequence)), ""
        if self.box is not None or self.box_from is not None:
            raise ConfigError("expected a box, or a spectrum or point to find it by, found both; give one of them")
        from spectrack.evidence.finding import find_first

        def searching(done: int, total: int) -> None:
            bar.show("searching", done, total)

        start, region = find_first(sequence, spectrum=spectrum, point=point, options=self.matching, on_frame=searching)
        before = "; the frames before have no box" if start else ""
        box = ",".join(f"{value:g}" for value in region.box)
        return start, region.box, f"in frame {start} at {box}, score {region.score:.2f}{before}"

    def given_box(self, sequence: Sequence) -> Box | None:
        """The box of --box or --box-from, in pixels of this sequence, or None.

        Raises:
            ConfigError: both, or what belongs to one beside the other.
            BoxError: no box.
        """
        if self.box is not None and self.box_from is not None:
            raise ConfigError("expected --box or --box-from, found both; give one of them")
        if self.box_from is None and (self.box_track is not None or self.box_drawn_on != "cube"):
            raise ConfigError("expected --box-from beside --box-track and --box-drawn-on, found none; give a file")
        if self.box_from is not None:
            from spectrack.annotations.first_boxes import read_first_box
            from spectrack.boxes import from_zero

            box = read_first_box(
                self.box_from,
                width=sequence.width,
                height=sequence.height,
                track=self.box_track,
                coordinates=cast("Coordinates", self.box_drawn_on),  # checked where it is applied
                block=mosaic_block(sequence) if self.box_drawn_on == "mosaic" else 1,
            )
            start: Box = from_zero(box[None], self.reading.origin)[0]
            return start
        return None if self.box is None else parse_box(self.box)

    def _tracker_options(self) -> dict[str, Any]:
        options = parse_settings(self.set)
        taken = [key for key in options if key in settings_of(self)]
        if taken:
            raise ConfigError(f"expected a parameter of the tracker in --set, found {taken[0]!r}; use --{taken[0]}")
        return options


def parse_box(text: str) -> Box:
    """Four numbers separated by commas or spaces as a box.

    Raises:
        BoxError: not four numbers, or a box without area.
    """
    from spectrack.boxes import as_box

    try:
        numbers = [float(part) for part in text.replace(",", " ").split()]
    except ValueError:
        numbers = []
    if len(numbers) != 4:
        raise BoxError(f"expected a box of four numbers x,y,w,h, found {text!r}; give for example --box 214,61,30,42")
    return as_box(numbers)
