"""What one viewer shows and may do: the sequences and runs that were opened, the live track, where it is saved."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from spectrack.boxes import as_box
from spectrack.errors import ConfigError, InputError, SpectrackError
from spectrack.plots import TRACK_COLOURS
from spectrack.recording import Recording
from spectrack.runs.layout import is_file_name
from spectrack.runs.options import RecordOptions
from spectrack.signs import visible
from spectrack.trackers.base import Tracker
from spectrack.trackers.loading import load_tracker
from spectrack.trackers.registry import DEFAULT_METHOD, find_method, list_methods
from spectrack.viewer.footage import Footage
from spectrack.viewer.live import Assignment, LiveTrack, sentence
from spectrack.viewer.opened import Item, Opened
from spectrack.viewer.shown import Shown, describe_frames, describe_methods, understood
from spectrack.viewer.shown_evidence import MAPS
from spectrack.viewer.tracks import describe_style, describe_track, describe_truth, importance_rows, usable_truth

_KEPT_SEQUENCES = 2
"""Sequences that stay open for looking at; two pages may look at different ones."""


@dataclass(frozen=True)
class Saving:
    """Where tracks that are made in the viewer are saved.

    Attributes:
        folder: each becomes a folder in it.
        name: the only name that one may have; None where it is chosen on the page.
        options: what is written.
        inputs: what else a track is made from.
    """

    folder: Path
    name: str | None = None
    options: RecordOptions = field(default_factory=RecordOptions)
    inputs: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Tracking:
    """What tracks in the viewer.

    Attributes:
        make: a fresh tracker by name and profile.
        only: the one tracker that is offered; None for all.
        settings: what is remembered of how a track was made, beside box and tracker.
        box: shown in the first frame for a start.
    """

    make: Callable[[str, str | None], Tracker] = lambda name, profile: load_tracker(name, profile=profile)
    only: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    box: Any = None


class Viewing(Shown):
    """The state behind the pages of a viewer of sequences and runs.

    Args:
        opened: what to show.
        saving: where tracks go.
        tracking: what tracks.
    """

    live: LiveTrack

    def __init__(self, opened: Opened, saving: Saving, tracking: Tracking | None = None) -> None:
        super().__init__()
        self.opened, self.saving, self.tracking = opened, saving, tracking or Tracking()
        self._lock = threading.Lock()
        self._footage: OrderedDict[int, Footage] = OrderedDict()
        self.live = LiveTrack(lambda item: opened.items[item].open(), self.tracking.make, self._settings)

    @property
    def is_done(self) -> bool:
        """Whether the one track that this was opened for is saved."""
        return self.saving.name is not None and bool(self.live.saved_to)

    def about(self) -> dict[str, Any]:
        """What there is to choose from."""
        opened, saving, only = self.opened, self.saving, self.tracking.only
        styles = {name: describe_style(place) for place, name in enumerate(opened.runs)}
        methods = [find_method(only)] if only else list_methods()
        return {
            "sequences": [visible(item.label) for item in opened.items],
            "runs": [{"name": visible(name), **style} for name, style in styles.items()],
            "maps": MAPS,
            "palette": TRACK_COLOURS,
            "live": describe_style(len(styles)),
            "trackers": describe_methods(methods, profiles=not only),
            "tracker": only or DEFAULT_METHOD,
            "folder": visible(str(saving.folder)),
            "name": None if saving.name is None else visible(saving.name),
            "overlay": saving.options.overlay,
            "box": None if self.tracking.box is None else np.asarray(self.tracking.box).tolist(),
        }

    def footage(self, number: int) -> Footage:
        """A sequence for looking at, opened when it is first asked for.

        Raises:
            SpectrackError: no such sequence, or its frames cannot be read.
        """
        item = self._item(number)
        with self._lock:
            if number not in self._footage:
                self._footage[number] = Footage(item.open())
                while len(self._footage) > _KEPT_SEQUENCES:
                    self._footage.popitem(last=False)
            self._footage.move_to_end(number)
            return self._footage[number]

    def describe(self, number: int) -> dict[str, Any]:
        """A sequence with truth and tracks; where its frames cannot be read, the tracks alone and why."""
        item, sequence, fault, rules = self._item(number), None, None, []
        try:
            footage = self.footage(number)
            sequence, rules = footage.sequence, footage.rules()
        except (SpectrackError, OSError) as error:
            fault = visible(sentence(error))
        kept = {name: run.sequences[item.names[name]] for name, run in item.runs.items()}
        truth = next((track.truth for track in kept.values() if track.truth is not None), None)
        visibility = next((track.visibility for track in kept.values() if track.visibility is not None), None)
        if truth is None and sequence is not None:
            truth, visibility = usable_truth(sequence), sequence.visibility
        return {
            "name": visible(item.label),
            "frames": len(sequence) if sequence is not None else max(len(track.boxes) for track in kept.values()),
            "fault": fault,
            "rules": rules,
            **({} if sequence is None else describe_frames(sequence)),
            "truth": None if truth is None else describe_truth(truth, visibility),
            "tracks": {visible(name): describe_track(track, truth) for name, track in kept.items()},
        }

    def importance(self, number: int, place: int) -> dict[str, Any]:
        """Importance of bands in every frame, as one run kept it."""
        item = self._item(number)
        names = list(self.opened.runs)
        name = names[place] if 0 <= place < len(names) else ""
        if name not in item.runs:
            raise InputError(f"expected a run with a track of {item.label}, found number {place}; choose another")
        return {"rows": importance_rows(item.runs[name].evidence(item.names[name]))}

    def start(self, wanted: Mapping[str, Any]) -> None:
        """Track as a page asks for it.

        Raises:
            InputError: words or numbers that mean nothing.
            SpectrackError: see `LiveTrack.start`.
        """
        with understood():
            item, frame, tracker = int(wanted["sequence"]), int(wanted["frame"]), str(wanted["tracker"])
            box, profile = as_box(wanted["box"]), wanted.get("profile") or None
        self._item(item)
        if self.tracking.only not in (None, tracker):
            raise InputError(f"expected tracker {self.tracking.only}, found {tracker!r}; start the viewer without it")
        find_method(tracker).profile(None if profile is None else str(profile))
        self.live.start(Assignment(item, tracker, None if profile is None else str(profile), frame, box))

    def save(self, name: str, *, overlay: bool) -> Recording:
        """Save the live track under a name in the folder for tracks.

        Raises:
            InputError: a name that is no file's.
            ConfigError: a name that is taken; and see `LiveTrack.save`.
        """
        name = self.saving.name or name.strip()
        if not is_file_name(name):
            raise InputError(
                f"expected a name for the folder, found {name!r}; write one without / \\ : or a dot in front"
            )
        folder = self.saving.folder / name
        if self.saving.name is None and folder.is_dir() and any(folder.iterdir()):
            raise ConfigError(
                f"expected a name that is not taken in {self.saving.folder}, found {name!r}; write another name"
            )
        options = replace(self.saving.options, overlay=overlay)
        place = self._item(self.live.status().get("item", 0)).place
        inputs = (*self.saving.inputs, *([] if place is None else [place]))
        return self.live.save(folder, options, inputs)

    def close(self) -> None:
        """See `Shown.close`; nobody looks on any more."""
        self.live.stop()

    def _settings(self, assignment: Assignment) -> dict[str, Any]:
        found = {"command": "view"} | dict(self.tracking.settings)
        item = self.opened.items[assignment.item]
        if item.place is not None:
            found["sequence"] = str(item.place)
        found |= {"box": ",".join(f"{value:.17g}" for value in assignment.box), "tracker": assignment.tracker}
        return found | ({} if assignment.profile is None else {"profile": assignment.profile})

    def _item(self, number: int) -> Item:
        if not 0 <= number < len(self.opened.items):
            raise InputError(f"expected a sequence below {len(self.opened.items)}, found {number}; load the page again")
        return self.opened.items[number]
