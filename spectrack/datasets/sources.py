"""What opens the sequences of a data set: folders (and archives) found by scanning."""

from __future__ import annotations

import shutil
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from spectrack.calibration.calibration import Calibration
from spectrack.datasets.scanning import FoundSequence, FrameFolder
from spectrack.datasets.zipped import checksums, extract_folder, make_scratch_folder
from spectrack.files.fingerprints import Ingredients, values_digest
from spectrack.sequences.base import Sequence
from spectrack.sequences.layout import Layout, find_layout
from spectrack.sequences.opening import Options, open_layout


@dataclass(frozen=True)
class FolderSource:
    """One stream of a sequence that was found by scanning.

    Attributes:
        found: the sequence with all its streams.
        stream: the one to open.
        sensor: camera of mosaics that no side file describes, or None to find out.
        wavelengths_nm: centres of the bands where no file tells them, or None.
        calibration: of the camera, or None for raw counts.
    """

    found: FoundSequence
    stream: str
    sensor: str | None = None
    wavelengths_nm: tuple[float, ...] | None = None
    origin: int = 0
    calibration: Calibration | None = None

    @property
    def frames(self) -> FrameFolder:
        """Where the frames of the stream lie."""
        return self.found.streams[self.stream]

    def open(self, label: str) -> Sequence:
        """Open the stream; a zipped one is copied to a scratch folder that goes when the sequence goes."""
        folders = self._folders()
        if not any(folder.archive for folder in folders.values()):
            return self._open(label, {stream: folder.path for stream, folder in folders.items()})
        scratch = make_scratch_folder()
        try:
            sequence = self._open(label, {stream: _unpacked(folder, scratch) for stream, folder in folders.items()})
        except BaseException:
            shutil.rmtree(scratch, ignore_errors=True)
            raise
        weakref.finalize(sequence, shutil.rmtree, scratch, ignore_errors=True)
        archived = self.archived()
        if archived is not None:
            sequence.copy_of = archived[0]  # the copies are new every time, what they are copied from is not
        return sequence

    def archived(self) -> tuple[Ingredients, str] | None:
        """The frames' files and a digest of the texts about them (truth, attributes), if all are in archives, left
        packed.

        Raises:
            SequenceError: a damaged archive.
        """
        found = []
        for folder in self._folders().values():
            if folder.archive is None:
                return None
            found += checksums(folder.archive, folder.member)
        texts = [file for file in found if file[0].lower().endswith(".txt")]
        calibrated = [] if self.calibration is None else [self.calibration.digest]
        frames = [*(file for file in found if file not in texts), *calibrated]
        return Ingredients(values=frames), values_digest(texts)

    @contextmanager
    def unpacked(self) -> Iterator[dict[str, Path]]:
        """Where the frames of every stream lie, zipped ones as a temporary copy that goes at the end.

        Raises:
            SequenceError: an archive is damaged or too large.
        """
        streams = self.found.streams
        if not any(folder.archive for folder in streams.values()):
            yield {stream: folder.path for stream, folder in streams.items()}
            return
        scratch = make_scratch_folder()
        try:
            yield {stream: _unpacked(folder, scratch) for stream, folder in streams.items()}
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def truth_files(self, places: dict[str, Path]) -> tuple[Path | None, Path | None]:
        """The truth file and the file with the first box only that count for the stream.

        Args:
            places: where the frames of the streams lie, see `unpacked`.
        """
        layout = find_layout(places[self.stream], twin=places.get("HSI-FalseColor") if self.stream == "HSI" else None)
        return self._truth(layout, places) or layout.truth, layout.first_box

    def _folders(self) -> dict[str, FrameFolder]:
        """The stream's folder and that of its false-colour or hyperspectral twin, with which it shares the truth."""
        wanted = {"HSI": ("HSI", "HSI-FalseColor"), "HSI-FalseColor": ("HSI-FalseColor", "HSI")}.get(
            self.stream, (self.stream,)
        )
        return {stream: self.found.streams[stream] for stream in wanted if stream in self.found.streams}

    def _open(self, label: str, places: dict[str, Path]) -> Sequence:
        path, twin = places[self.stream], places.get("HSI-FalseColor") if self.stream == "HSI" else None
        layout = find_layout(path, twin=twin)
        mosaics = self.stream == "HSI" and self.frames.kind == "image" and layout.side.path is None
        sensor = self.sensor if mosaics else None
        found = replace(layout, truth=self._truth(layout, places) or layout.truth)
        sequence = open_layout(
            found, Options(sensor=sensor, origin=self.origin, calibration=self.calibration), name=label
        )
        if (
            sequence.wavelengths_nm is None
            and self.wavelengths_nm is not None
            and len(self.wavelengths_nm) == sequence.bands
        ):
            sequence.wavelengths_nm = self.wavelengths_nm
        return sequence

    def _truth(self, layout: Layout, places: dict[str, Path]) -> Path | None:
        """A truth file that the stream's own layout does not lead to."""
        streams, twin = self.found.streams, "HSI-FalseColor"
        if self.stream == "HSI" and twin in streams and streams[twin].update and not self.frames.update:
            return find_layout(places[twin]).truth  # a corrected truth beside the pictures counts for the cubes too
        if self.stream == twin and "HSI" in places and layout.truth is None and layout.first_box is None:
            return find_layout(places["HSI"]).truth  # one frame of the cubes, one picture, the same pixels
        return None


def _unpacked(folder: FrameFolder, scratch: Path) -> Path:
    """Where the frames are after unpacking; the names of the folders above are kept, because they tell the camera."""
    if folder.archive is None:
        return folder.path
    top = scratch.joinpath(*folder.archive.parent.parts[1:][-3:], folder.archive.stem)
    top.mkdir(parents=True, exist_ok=True)
    extract_folder(folder.archive, folder.member, top)
    return top.joinpath(*folder.member.split("/")) if folder.member else top
