"""``spectrack track --source``: one object through what comes in now, each box sent on as soon as it is found."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from spectrack.boxes import Box
from spectrack.cli.console import PlainConsole, ProgressBar, errors, output, print_facts
from spectrack.cli.reading import Wanted
from spectrack.cli.recordings import describe_measured
from spectrack.cli.view import tell_address
from spectrack.errors import BoxError, ConfigError, InputError, StoppedError
from spectrack.evidence.finding import find_first
from spectrack.evidence.options import MatchOptions
from spectrack.files import check_folder
from spectrack.live.options import LiveOptions
from spectrack.live.recording import LiveCount, check_options, record_live
from spectrack.live.sending import STANDARD_OUTPUT, open_sender
from spectrack.live.tracking import FindBox, LiveEstimate
from spectrack.recording import first_box
from spectrack.runs.options import RecordOptions
from spectrack.sequences.base import Sequence
from spectrack.signs import counted
from spectrack.sources.base import FrameSource, Policy, check_policy
from spectrack.sources.opening import SourceOptions, open_source
from spectrack.sources.videos import shown_address
from spectrack.trackers.base import Tracker
from spectrack.viewer.serving import check_extra, serving_beside

_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


@dataclass(frozen=True)
class SourceTrack:
    """What `spectrack track --source` is told.

    Attributes:
        place: the source, as it was typed.
        live: where boxes go, and what is dropped.
        options: how frames are read.
        wanted: what to start on in place of a box.
        matching: what counts as that.
        recording: what is written.
        out: folder for the results, or None.
        inputs: files that are read besides.
        settings: what the summary remembers.
        load: gives the tracker.
        box: gives the box in the first frame; None where none is given.
        view: name of the tracker for the page where somebody looks on; None where nobody does.
    """

    place: str
    live: LiveOptions
    options: SourceOptions
    wanted: Wanted
    matching: MatchOptions
    recording: RecordOptions
    out: Path | None
    inputs: tuple[Path, ...]
    settings: dict[str, Any]
    load: Callable[[], Tracker]
    box: Callable[[Sequence], Box | None] | None
    view: str | None = None

    @property
    def says_where(self) -> bool:
        """Whether it is said where the target is, or how it is found."""
        return any(way is not None for way in (self.box, self.wanted.spectrum, self.wanted.point))


def track_source(told: SourceTrack) -> int:
    """Track and send, until the source ends or somebody stops it; then say what came of it."""
    check_options(told.recording, told.out)
    if told.out is None and told.recording.overwrite:
        raise ConfigError("expected --out beside --overwrite, found none; name the folder")
    if told.view is not None:
        check_extra()
    live, given = told.live, _box_finder(told)
    policy = None if live.policy is None else check_policy(live.policy)
    if told.out is not None:
        check_folder(told.out, told.recording.terms(told.inputs, live=True))
    places = live.send or (STANDARD_OUTPUT,)
    console = errors() if STANDARD_OUTPUT in places else output()
    try:
        print_facts(_follow(told, places, policy, given, console), console)
    except StoppedError as error:
        console.print(f"spectrack: {error}", soft_wrap=True)
    return 0


def _follow(
    told: SourceTrack, places: Iterable[str], policy: Policy | None, given: FindBox, console: PlainConsole
) -> list[tuple[str, str]]:
    """Track and send, to the end; what came of it, as rows of name and value."""
    shown = {"source": shown_address(told.place), "send": [shown_address(place) for place in told.live.send]}
    with ExitStack() as stack:
        senders = [stack.enter_context(closing(open_sender(place))) for place in places]
        tracker = told.load()
        stopped = stack.enter_context(_stopping_on_signals())
        find, look = stack.enter_context(_looking_on(told, stopped, given, console))
        waiting = partial(_tell_waiting, told.place)
        source = open_source(told.place, told.options, on_waiting=waiting, is_over=stopped.is_set)
        bar = None if STANDARD_OUTPUT in places else stack.enter_context(ProgressBar())

        def show(found: LiveEstimate, count: LiveCount) -> None:
            look(found)
            if bar is not None:
                bar.show("tracking", count.tracked, None, f"dropped {count.dropped}, {found.latency_ms:.0f} ms")

        count = record_live(
            source,
            tracker,
            told.out,
            find,
            policy=policy,
            waiting=told.live.waiting,
            is_over=stopped.is_set,
            senders=senders,
            options=told.recording,
            settings=told.settings | shown,
            inputs=told.inputs,
            on_estimate=show,
        )
    return describe(source, tracker, count)


def describe(source: FrameSource, tracker: Tracker, count: LiveCount) -> list[tuple[str, str]]:
    """What a track in a source gave, as rows of name and value."""
    latency = count.latency.to_json()
    size = f"{source.width} x {source.height} pixels, {source.bands} bands"
    rows = [
        ("source", f"{source.name}: {size}"),
        ("tracker", tracker.name),
        ("frames", f"{count.tracked} tracked, {count.dropped} dropped; {count.reason}"),
        ("lost", f"{count.lost} of {counted(count.tracked, 'frame')} by the tracker's own account"),
    ]
    if latency["p50"] is not None:
        rows.append(("latency", f"p50 {latency['p50']:.1f} ms, p99 {latency['p99']:.1f} ms from capture to box"))
    if count.measured is not None:
        rows.append(("measured", describe_measured(count.measured)))
    return rows if count.directory is None else [*rows, ("results", str(count.directory))]


@contextmanager
def _looking_on(
    told: SourceTrack, stopped: threading.Event, given: FindBox, console: PlainConsole
) -> Iterator[tuple[FindBox, Callable[[LiveEstimate], None]]]:
    """What finds the first box and what takes each estimate, with a page on which somebody looks on where one may."""
    if told.view is None:
        yield given, lambda found: None
        return
    from spectrack.viewer.live import sentence
    from spectrack.viewer.watched import WatchedSource, WatchedTrack

    track = WatchedTrack(shown_address(told.place), stopped, given if told.says_where else None)
    end = "Ends with the source, Ctrl-C, or Stop on the page; the page may be closed and opened again."
    with serving_beside(WatchedSource(told.view, track), lambda address: tell_address(address, console, end)):
        try:
            yield track.find, track.take
        except BaseException as error:
            track.end(sentence(error))
            raise
        track.end()


def _tell_waiting(place: str) -> None:
    errors().print(f"spectrack: waiting for frames in {place}; Ctrl-C ends", soft_wrap=True)


def _box_finder(told: SourceTrack) -> FindBox:
    """Gives the target's box in a frame, where it is said; a spectrum is looked for in every frame until it is found.

    Raises:
        BoxError: nothing tells where the target is.
        ConfigError: several things do.
    """
    given = told.box
    spectrum, point = told.wanted.read_spectrum(), told.wanted.parse_point()
    if not told.says_where and told.view is None:
        raise BoxError(
            "expected --box, --box-from, --spectrum or --point to start on in a source, found none; give one of them, "
            "or draw the box with --view"
        )
    if given is not None and (spectrum is not None or point is not None):
        raise ConfigError("expected a box, or a spectrum or point to find it by, found both; give one of them")

    def find(glimpse: Sequence) -> Box | None:
        if given is not None:
            return first_box(glimpse, given(glimpse))
        try:
            return find_first(glimpse, spectrum=spectrum, point=point, options=told.matching)[1].box
        except InputError as error:
            if type(error) is not InputError or point is not None:
                raise
            return None  # nothing like the spectrum in this frame

    return find


@contextmanager
def _stopping_on_signals() -> Iterator[threading.Event]:
    """An event that Ctrl-C sets, which is the ordinary end; a second one interrupts."""
    stopped, former = threading.Event(), dict[int, Any]()

    def stop(number: int, frame: FrameType | None) -> None:
        if stopped.is_set():
            raise KeyboardInterrupt
        stopped.set()

    for name in _SIGNALS:
        number = getattr(signal, name, None)
        in_main = threading.current_thread() is threading.main_thread()
        if in_main and number is not None and signal.getsignal(number) != signal.SIG_IGN:
            former[number] = signal.signal(number, stop)
    try:
        yield stopped
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
