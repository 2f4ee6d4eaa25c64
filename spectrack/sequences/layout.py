"""Where things lie in a sequence folder: frames, truth, false-colour pictures, side file, and what folder names tell.

The field's data sets and their re-packed copies put the same things in many places: streams inside a sequence
(``car/HSI``, ``car/HSI-FalseColor``, ``car/RGB``), sequences inside a modality (``HSI-VIS/car`` with the truth in
``HSI-VIS-FalseColor/car``), an ``img`` or ``imgs`` folder beside the truth, redundant inner folders
(``park/img/park``), caches (``HSI-VIS-3D/car/0001.npy``). Names decide here; reading decides what is in a file.
"""

from __future__ import annotations

import difflib
import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from spectrack.errors import SequenceError, SequenceNotFoundError
from spectrack.files import number_key, resolved
from spectrack.sequences.frame_files import IMAGE_SUFFIXES, list_files
from spectrack.sequences.side_file import SIDE_FILE, SideFile, read_side_file

ENVI_DATA_SUFFIXES = frozenset({".raw", ".img", ".dat", ".bsq", ".bil", ".bip", ".bin"})
KINDS: dict[str, frozenset[str]] = {
    "image": IMAGE_SUFFIXES,
    "npy": frozenset({".npy"}),
    "npz": frozenset({".npz"}),
    "mat": frozenset({".mat"}),
    "hdf5": frozenset({".h5", ".hdf5", ".he5"}),
    "envi": frozenset({".hdr"}),
    "video": frozenset({".mp4", ".avi", ".mov", ".mkv", ".m4v", ".webm"}),
}
"""Suffixes of frame files by kind."""

_KIND_OF = {suffix: kind for kind, suffixes in KINDS.items() for suffix in suffixes}

TRUTH_NAMES = ("groundtruth_rect.txt", "groundtruth.txt", "gt.txt", "ir_label.json", "rgb_label.json")
ABSENCE_NAMES = ("absence.label", "full_occlusion.txt", "out_of_view.txt")
"""Files of GOT-10k and LaSOT with a flag a frame: 1 where the object is not there or not to be seen."""

COVER_NAMES = ("cover.label",)
"""GOT-10k's files with the share of the object that is seen, in eighths a frame."""

FIRST_BOX_NAMES = ("init_rect.txt", "init.txt")
DESCRIPTION_NAMES = ("description.txt",)
CONTAINERS = frozenset({"img", "imgs", "image", "images", "frame", "frames"})
_CAMERAS = {"vis": "vis16", "nir": "nir25", "rednir": "rednir15"}
_DEEPEST = 6
_LEVELS = 4
_APART = ("anno", "annos", "annotation", "annotations")


@dataclass(frozen=True)
class Layout:
    """What was found.

    Attributes:
        frames: folder of frame files, or the one file with all frames.
        name: name of the sequence, from its folder.
        truth: truth file, or None.
        first_box: file with the first box only, or None.
        absence: files with a flag a frame, 1 where the object is not there (`ABSENCE_NAMES`).
        cover: file with the share of the object that is seen a frame (`COVER_NAMES`), or None.
        description: file with the sequence's attributes in words, or None.
        pictures: folder of the data set's false-colour images, or None.
        side: what the ``sequence.json`` of these frames says; empty when there is none.
        fault: why a ``sequence.json`` says nothing, in a sentence, or None.
        camera: name of the sensor that a data set's folder names tell, or None.
        expects_mosaics: True inside a folder called HSI or HSI-...
    """

    frames: Path
    name: str
    truth: Path | None
    first_box: Path | None
    absence: tuple[Path, ...]
    cover: Path | None
    description: Path | None
    pictures: Path | None
    side: SideFile
    fault: str | None
    camera: str | None
    expects_mosaics: bool


def find_layout(path: Path, *, twin: Path | None = None) -> Layout:
    """Look around `path`, a sequence folder, one of its streams or a single file.

    Args:
        path: where to look.
        twin: the same sequence's folder in the false-colour stream, where it lies elsewhere than the names tell; truth,
            first box, attributes and pictures are looked for there too.

    Raises:
        SequenceNotFoundError: nothing there, or no frames in it.
        SequenceError: several sequences or streams to choose from.
    """
    if not path.exists():
        raise SequenceNotFoundError(f"expected a sequence at {path}, found nothing there; {_near(path)}")
    # Symbolic links stay as they are, but the names of the folders above are needed.
    path = Path(os.path.abspath(path))
    frames = path if path.is_file() else _descend(path)
    homes = list(_homes(frames))
    stream = next((folder for folder in _upwards(frames) if is_cube_stream(folder.name)), None)
    if twin is not None:
        twins = list(_homes(Path(os.path.abspath(twin))))
    else:
        twins = _false_colour_twin(frames, stream) if stream is not None else []
    searched = homes + twins
    side, fault = _side(homes, frames)
    if side.path is not None and side.frames_path is not None:
        # Folders written here hold the pictures beside the side file, whatever the frames' format.
        twins += [folder for folder in _folders(side.path.parent) if is_false_colour(folder.name)]
    pictures = next((folder for folder in twins if frame_kinds(folder).get("image")), None)
    single = frames.is_file() and not _is_only_one(frames)
    return Layout(
        frames=frames,
        name=_name(frames),
        truth=_named_truth(frames) or (None if single else _first_of(searched, TRUTH_NAMES) or _set_apart(homes[-1])),
        first_box=None if single else _first_of(searched, FIRST_BOX_NAMES),
        absence=() if single else tuple(file for name in ABSENCE_NAMES if (file := _first_of(homes, (name,)))),
        cover=None if single else _first_of(homes, COVER_NAMES),
        description=None if single else _first_of(searched, DESCRIPTION_NAMES),
        pictures=pictures,
        side=side,
        fault=fault,
        camera=_camera(frames),
        expects_mosaics=stream is not None,
    )


def frame_kinds(folder: Path) -> dict[str, list[Path]]:
    """Frame files of a folder by kind (a key of `KINDS`), each sorted by number; empty kinds are left out."""
    found: dict[str, list[Path]] = {}
    for file in list_files(folder, _KIND_OF):
        found.setdefault(_KIND_OF[file.suffix.lower()], []).append(file)
    return {kind: found[kind] for kind in KINDS if kind in found}


def kind_of(file: Path) -> str | None:
    """The kind of a frame file (a key of `KINDS`) by its suffix, or None."""
    return _KIND_OF.get(file.suffix.lower())


def is_calibration(name: str) -> bool:
    """Whether a file is a dark or white reference, as Specim cameras keep them beside the cubes."""
    return name.lower().startswith(("darkref", "whiteref"))


def is_false_colour(name: str) -> bool:
    """Whether a folder name means false-colour pictures, in any of its spellings."""
    return "falsecolor" in name.lower() or "falsecolour" in name.lower()


def is_cube_stream(name: str) -> bool:
    """Whether a folder name means hyperspectral frames: HSI, HSI-VIS, HSIData, HSIJPG, ..."""
    return bool(re.match(r"hsi(data|jpg)?([-_ ]|$)", name.lower())) and not is_false_colour(name)


def _is_stream(name: str) -> bool:
    return is_cube_stream(name) or is_false_colour(name) or name.lower() in CONTAINERS or name.lower() == "rgb"


def _folders(folder: Path) -> list[Path]:
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if os.path.isdir(entry) and not entry.name.startswith((".", "__"))]
    return [folder / name for name in sorted(names, key=number_key)]


def _descend(given: Path) -> Path:
    folder = given
    for _ in range(_DEEPEST):
        if (folder / SIDE_FILE).is_file() and (recorded := _read_side(folder / SIDE_FILE)[0].frames_path) is not None:
            return recorded
        if frame_kinds(folder):
            return folder
        inner = _folders(folder)
        groups = (
            [sub for sub in inner if is_cube_stream(sub.name)],
            [sub for sub in inner if sub.name.lower() in CONTAINERS],
            [sub for sub in inner if is_false_colour(sub.name) or sub.name.lower() == "rgb"],
        )
        choice = next((group for group in groups if group), inner)
        if not choice:
            wanted = "PNG, TIFF, JPEG, .npy, .npz, .mat, HDF5, ENVI or video files"
            raise SequenceNotFoundError(
                f"expected frames ({wanted}) in {given}, found {_others(folder)}; name the folder that holds them, or "
                "convert what no reader here takes"
            )
        if len(choice) > 1:
            shown = ", ".join(sub.name for sub in choice[:6]) + (", ..." if len(choice) > 6 else "")
            raise SequenceError(
                f"expected one sequence in {folder}, found {len(choice)} folders to choose from ({shown}); name one, "
                f"such as {choice[0]}"
            )
        folder = choice[0]
    raise SequenceNotFoundError(
        f"expected frames within {_DEEPEST} folders below {given}, found none; name the folder that holds them"
    )


def _side(homes: list[Path], frames: Path) -> tuple[SideFile, str | None]:
    """The side file of these frames; one that records other frames (a stream beside these) says nothing here."""
    path = _first_of(homes, (SIDE_FILE,))
    if path is None:
        return SideFile(), None
    side, fault = _read_side(path)
    folder = frames.parent if frames.is_file() else frames
    if side.frames_path is None:
        others = is_false_colour(folder.name) or folder.name.lower() == "rgb"
        return SideFile() if others else side, fault
    return side if resolved(side.frames_path) == resolved(frames) else SideFile(), fault


def _read_side(path: Path) -> tuple[SideFile, str | None]:
    """A side file; an empty one, and why, where it cannot be used."""
    try:
        return read_side_file(path), None
    except SequenceError as error:
        return SideFile(), str(error)


def _upwards(frames: Path) -> Iterator[Path]:
    folder = frames.parent if frames.is_file() else frames
    for _ in range(_DEEPEST):
        yield folder
        folder = folder.parent


def _homes(frames: Path) -> Iterator[Path]:
    """Folders of this sequence alone: that of the frames, and those above it as long as the inner one is a stream."""
    for folder in _upwards(frames):
        yield folder
        parent = folder.parent
        if folder.name.lower() == "rgb" and any(is_cube_stream(sibling.name) for sibling in _folders(parent)):
            return  # the truth beside it is in the pixels of the cubes, not of this camera
        if (
            not _is_stream(folder.name)
            and folder.name != parent.name
            and not (_is_stream(parent.name) and folder.name == parent.parent.name)
        ):
            return


def _false_colour_twin(frames: Path, stream: Path) -> list[Path]:
    """Folders of the false-colour stream that belong to the same sequence, innermost first."""
    twins = [
        folder
        for folder in _folders(stream.parent)
        if is_false_colour(folder.name) and _same_modality(stream.name, folder.name)
    ]
    folder = frames.parent if frames.is_file() else frames
    inside = folder.relative_to(stream).parts
    # The shortest name first: HSI-VIS-FalseColor before HSI-VIS-FalseColor_25.
    for twin in sorted(twins, key=lambda sibling: (len(sibling.name), sibling.name)):
        visited, place = [] if inside else [twin], twin
        for part in inside:
            if (place / part).is_dir():
                place = place / part
                visited.append(place)
        if inside and not visited:
            continue
        while not frame_kinds(place) and len(deeper := _folders(place)) == 1:
            place = deeper[0]
            visited.append(place)
        return visited[::-1]
    return []


def _same_modality(stream: str, twin: str) -> bool:
    def modality(name: str) -> str:
        return re.sub(r"[-_ ]*(false[-_ ]?colou?r.*|3d.*|data|jpg)$", "", name.lower())

    return modality(twin) in ("", "hsi" if modality(stream) == "hsi" else modality(stream))


def _camera(frames: Path) -> str | None:
    for folder in _upwards(frames):
        match = re.match(r"hsi[-_](vis|nir|rednir)([-_ ]|$)", folder.name.lower())
        if match and not is_false_colour(folder.name):
            return _CAMERAS[match.group(1)]
    return None


def _name(frames: Path) -> str:
    if frames.is_file() and not _is_generic(frames.stem):
        return frames.stem
    for folder in _upwards(frames):
        if not _is_stream(folder.name) and folder.name:
            return folder.name
    return frames.stem


def _is_generic(stem: str) -> bool:
    return _is_stream(stem) or stem.lower() in {"cube", "cubes", "data", "video", "sequence", "mosaic", "mosaics"}


def _is_only_one(file: Path) -> bool:
    """Whether truth beside a file can mean it: there is no other file of its kind."""
    return len(list_files(file.parent, {file.suffix.lower()})) == 1


def _named_truth(frames: Path) -> Path | None:
    """The truth beside a single file of all frames that is called as it, as Anti-UAV has it; else None."""
    named = frames.with_suffix(".json")
    return named if frames.is_file() and named.is_file() and named.name != SIDE_FILE else None


def _set_apart(home: Path) -> Path | None:
    """The truth of a sequence in a data set that keeps it in a tree of its own, or beside the sequence's folder.

    ``frames/car`` and ``anno/car.txt`` (TrackingNet), ``sequences/car`` and ``annotations/car.txt`` (VisDrone),
    ``data_seq/UAV123/car`` and ``anno/UAV123/car.txt`` (UAV123), ``30/car`` and ``30/car.txt`` (NfS).
    """
    beside = home.with_name(f"{home.name}.txt")
    if beside.is_file():
        return beside
    for level in range(1, min(_LEVELS, len(home.parts) - 1)):
        top, below = home.parents[level], home.relative_to(home.parents[level]).parts[1:]
        for word in _APART:
            file = top.joinpath(word, *below[:-1], f"{below[-1]}.txt")
            if file.is_file():
                return file
    return None


def _first_of(folders: list[Path], names: tuple[str, ...]) -> Path | None:
    for folder in folders:
        present = {entry.name.lower(): entry for entry in folder.iterdir() if entry.is_file()}
        for name in names:
            if name in present:
                return present[name]
    return None


def _others(folder: Path) -> str:
    """What lies in a folder without frames, by suffix: pictures of a kind that is not read should be noticed."""
    visible = (entry for entry in folder.iterdir() if entry.is_file() and not entry.name.startswith("."))
    counts = Counter(entry.suffix.lower()[:12] or "without suffix" for entry in visible)
    return ", ".join(f"{count} {suffix}" for suffix, count in counts.most_common(3)) or "none"


def _near(path: Path) -> str:
    try:
        names = [entry.name for entry in path.parent.iterdir()]
    except OSError:
        return f"the folder {path.parent} does not exist or cannot be read either: check the path"
    close = difflib.get_close_matches(path.name, names, n=1, cutoff=0.6)
    return f"did you mean {path.parent / close[0]}?" if close else "check the path"
