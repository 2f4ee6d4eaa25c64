"""check_data: read data sets before somebody trains on them, and say in one sentence each what is wrong.

Frames are decoded one at a time and dropped; of a sequence nothing is kept but its length, its first box and a digest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spectrack.annotations.truth_files import read_truth
from spectrack.boxes import Box
from spectrack.datasets.check.duplicates import SequenceFingerprint, find_duplicates
from spectrack.datasets.check.findings import CheckReport, Finding, Severity, sorted_findings
from spectrack.datasets.check.frame_checks import (
    Depth,
    FrameTally,
    check_numbering,
    chosen_frames,
    list_images,
    report_tally,
    tally_images,
    tally_sequence,
)
from spectrack.datasets.check.length_checks import CheckedStream, check_lengths
from spectrack.datasets.check.truth_checks import check_truth
from spectrack.datasets.dataset import Dataset, DatasetEntry
from spectrack.datasets.facts import DatasetFacts, dataset_facts
from spectrack.datasets.opening import open_everything
from spectrack.datasets.sources import FolderSource
from spectrack.errors import ConfigError, SpectrackError
from spectrack.files.fingerprints import file_digest
from spectrack.sensors import SENSORS
from spectrack.sequences.base import Sequence
from spectrack.sequences.footage import ImageSequence
from spectrack.sequences.frame_files import LOSSY_SUFFIXES
from spectrack.sequences.layout import find_layout
from spectrack.sequences.mosaics import MosaicSequence
from spectrack.sequences.opening import open_sequence
from spectrack.sequences.triplets import are_triplets

Progress = Callable[[int, int | None, str], None]
"""Takes frames read, frames in all (None when unknown) and the sequence's label."""

DEPTHS: tuple[Depth, ...] = ("all", "some", "none")


def check_data(
    roots: Iterable[Path | str],
    *,
    name: str = "auto",
    frames: Depth = "all",
    origin: int | None = None,
    progress: Progress | None = None,
) -> CheckReport:
    """Check one or several data sets, and what they have in common.

    Args:
        roots: their folders; give a training and a test set together, or two years, to find sequences that are in both.
        name: the data set, as for `open_dataset`; ``auto`` finds out for each root.
        frames: decode ``all`` frames, ``some`` (five a sequence) or ``none``; files and annotations are read anyway.
        origin: index of the first pixel in files of boxes; None as the data set has it.
        progress: called after each frame.

    Returns:
        The report; its findings name the sequence and the file.

    Raises:
        SequenceNotFoundError: a root that does not exist or holds no sequences.
        ConfigError: unknown data set or depth.
    """
    if frames not in DEPTHS:
        raise ConfigError(f"expected which frames to read, found {frames!r}; one of: {', '.join(DEPTHS)}")
    datasets = [open_everything(name, root, origin=origin) for root in roots]
    if not datasets:
        raise ConfigError("expected a data set to check, found none; name its folder")
    return _Check(datasets, frames, progress).run()


class _Check:
    """One run over all sequences of all roots."""

    def __init__(self, datasets: list[Dataset], depth: Depth, progress: Progress | None) -> None:
        self._datasets, self._depth, self._progress = datasets, depth, progress
        self._findings: list[Finding] = []
        self._prints: list[SequenceFingerprint] = []
        self._told: set[tuple[str, str, str]] = set()
        self._done, self._label = 0, ""
        self._total = _total_frames(datasets, depth)

    def run(self) -> CheckReport:
        for dataset in self._datasets:
            facts = dataset_facts(dataset.name)
            for problem in dataset.problems:
                self._findings.append(Finding("archive", "error", "", str(dataset.root), problem))
            streams = _expected_streams(dataset)
            for entry in dataset:
                self._label = entry.label
                self._check_entry(dataset, entry, facts, streams[entry.key.split, entry.key.modality])
        self._findings.extend(find_duplicates(self._prints))
        roots = tuple(dataset.root for dataset in self._datasets if dataset.root is not None)
        return CheckReport(roots, sum(map(len, self._datasets)), self._done, sorted_findings(self._findings))

    def _check_entry(self, dataset: Dataset, entry: DatasetEntry, facts: DatasetFacts, expected: set[str]) -> None:
        source = entry.source
        if not isinstance(source, FolderSource):
            raise ConfigError(
                f"expected sequences in files, found {entry.label}; check a data set that lies in a folder"
            )
        place = _place(source)
        for stream in sorted(expected - set(source.found.streams)):
            text = f"expected the stream {stream} of {entry.key.name} as in the rest, found no frames; copy that stream"
            self._report("missing-frames", "error", place, text)
        if not source.found.streams:
            return
        try:
            with source.unpacked() as places:
                self._check_streams(dataset, entry, facts, source, places)
        except (SpectrackError, OSError) as error:
            zipped = any(folder.archive for folder in source.found.streams.values())
            self._report("archive" if zipped else "cannot-open", "error", place, str(error))

    def _check_streams(
        self, dataset: Dataset, entry: DatasetEntry, facts: DatasetFacts, source: FolderSource, places: dict[str, Path]
    ) -> None:
        checked = {stream: self._check_frames(stream, places[stream], source, facts) for stream in places}
        main = checked[source.stream]
        check_lengths(entry, facts, checked, places, self._report)
        box = self._check_annotations(source, places, checked)
        root = dataset.root.name if dataset.root is not None else dataset.name
        part = "/".join(word for word in (root, entry.key.split) if word)
        start = None if box is None else tuple(box.tolist())
        self._prints.append(
            SequenceFingerprint(entry.label, entry.key, part, str(_place(source)), main.frames, start, main.digest)
        )

    def _check_frames(self, stream: str, folder: Path, source: FolderSource, facts: DatasetFacts) -> CheckedStream:
        camera = SENSORS.get((source.sensor or facts.sensor(source.found.modality) or "") if stream == "HSI" else "")
        kind = source.found.streams[stream].kind
        try:
            described = camera is None or kind != "image" or find_layout(folder).side.path is not None
            sequence = open_sequence(folder, sensor=None if described else camera, truth=np.zeros((0, 4)))
            failure = None
        except SpectrackError as error:
            sequence, failure = None, str(error)
        if kind != "image" or (sequence is not None and not isinstance(sequence, _IMAGES)):
            if sequence is None:
                self._report("cannot-open", "error", folder, failure or "")
                return CheckedStream(None, None, None, "")
            tally = tally_sequence(sequence, self._depth, where=folder, step=self._step)
            files = [folder] if folder.is_file() else []
            size: tuple[int, int] | None = (sequence.height, sequence.width)
        else:
            files = list_images(folder)
            mosaics = isinstance(sequence, MosaicSequence) or (
                sequence is None and stream == "HSI" and not _is_lossy(files)
            )
            block = camera.block if camera is not None else getattr(sequence, "block", None)
            bands = camera.bands if camera is not None else sequence.bands if sequence is not None and mosaics else None
            if files and not are_triplets(files):
                check_numbering(files, folder, self._report, from_one=facts.name.startswith("hotc"))
            tally = tally_images(files, self._depth, mosaics=mosaics, block=block, bands=bands, step=self._step)
            size = _cube_size(tally, block if mosaics else 1, sequence)
        report_tally(tally, folder, self._report)
        if failure is not None and not tally.faults:
            self._report("cannot-open", "error", folder, failure)
        for fault in () if sequence is None else sequence.faults:
            self._report("side-file", "error", folder, fault)
        visibility = None if sequence is None else sequence.visibility
        return CheckedStream(tally.count, size, visibility, _digest(files[0]) if files else "")

    def _check_annotations(
        self, source: FolderSource, places: dict[str, Path], checked: dict[str, CheckedStream]
    ) -> NDArray[np.float64] | None:
        """Check the annotations of every stream that has its own; the first box of the main stream."""
        start: Box | None = None
        read: set[Path | None] = set()
        for stream in sorted(places, key=lambda name: name != source.stream):
            truth, first_box = FolderSource(source.found, stream).truth_files(places)
            if stream != source.stream and ({truth, first_box} <= {None} or truth in read):
                continue  # pictures share the truth of the cubes; most copies leave the other camera without boxes
            result, home = checked[stream], places[stream]
            frames, size, visibility = result.frames, result.size, result.visibility
            box = check_truth(
                truth,
                first_box,
                frames=frames,
                size=size,
                visibility=visibility,
                report=self._report,
                home=home,
                origin=source.origin,
            )
            start = box if stream == source.stream else start
            if stream == "HSI-FalseColor" and truth is not None and read - {None}:
                self._compare_truth(truth, next(path for path in read if path is not None))
            read.add(truth)
        return start

    def _compare_truth(self, truth: Path, other: Path) -> None:
        try:
            same = np.array_equal(read_truth(truth).boxes, read_truth(other).boxes)
        except SpectrackError:
            return  # said already
        if not same:
            text = f"expected the boxes of {other} in {truth}, because pictures and cubes share their pixels, "
            self._report(
                "truth-differs", "warning", truth, text + "found others; keep the corrected one in both places"
            )

    def _report(self, code: str, severity: Severity, place: Path, text: str) -> None:
        if (self._label, code, text) not in self._told:  # one cause may stop several streams
            self._told.add((self._label, code, text))
            self._findings.append(Finding(code, severity, self._label, str(place), text))

    def _step(self) -> None:
        self._done += 1
        if self._progress is not None:
            self._progress(self._done, self._total, self._label)


_IMAGES = (MosaicSequence, ImageSequence)


def _total_frames(datasets: list[Dataset], depth: Depth) -> int | None:
    counts = [
        folder.frames
        for dataset in datasets
        for entry in dataset
        if isinstance(entry.source, FolderSource)
        for folder in entry.source.found.streams.values()
    ]
    return None if None in counts else sum(len(chosen_frames(count or 0, depth)) for count in counts)


def _expected_streams(dataset: Dataset) -> dict[tuple[str, str], set[str]]:
    """Streams that the sequences of a split and modality should have; one that lacks them has lost files."""
    groups: dict[tuple[str, str], list[set[str]]] = {}
    for entry in dataset:
        streams = set(entry.source.found.streams) if isinstance(entry.source, FolderSource) else set()
        groups.setdefault((entry.key.split, entry.key.modality), []).append(streams)
    expected = {}
    for part, members in groups.items():
        there = set().union(*members)
        # One sequence with cubes is enough to miss the others'; the other streams are often left out on purpose.
        often = {stream for stream in there if 2 * sum(stream in member for member in members) > len(members)}
        expected[part] = often | (there & {"HSI"}) or {"HSI"}
    return expected


def _place(source: FolderSource) -> Path:
    found = source.found
    if source.stream in found.streams:
        folder = found.streams[source.stream]
        return folder.archive or folder.path
    return found.texts[0][2] if found.texts else Path(found.name)


def _cube_size(tally: FrameTally, block: int | None, sequence: Sequence | None) -> tuple[int, int] | None:
    if tally.shape is not None and block is not None:
        return tally.shape[0] // block, tally.shape[1] // block
    return None if sequence is None else (sequence.height, sequence.width)


def _is_lossy(files: list[Path]) -> bool:
    return bool(files) and files[0].suffix.lower() in LOSSY_SUFFIXES


def _digest(file: Path) -> str:
    try:
        return file_digest(file) if 0 < file.stat().st_size < 2**28 else ""
    except OSError:
        return ""
