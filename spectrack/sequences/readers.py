"""Which reader fits what was found: the table of formats, and the detection behind open_sequence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from spectrack.errors import ConfigError, SequenceError, SequenceNotFoundError, nearest_name
from spectrack.files import number_key
from spectrack.sensors import SENSORS
from spectrack.sequences.array_files import ArraySource, Members, npz_members, open_npy, open_npz, open_tiff
from spectrack.sequences.arrays import ArrayFolderSequence, ArraySequence
from spectrack.sequences.axes import infer_axes
from spectrack.sequences.base import Sequence
from spectrack.sequences.envi import EnviSequence, find_header, header_beside
from spectrack.sequences.footage import ImageSequence, read_footage
from spectrack.sequences.frame_files import LOSSY_SUFFIXES, TIFF_SUFFIXES, check_tiff_upright, read_image
from spectrack.sequences.hdf5_files import open_hdf5
from spectrack.sequences.layout import ENVI_DATA_SUFFIXES, frame_kinds, kind_of
from spectrack.sequences.matlab_files import mat_members, open_mat
from spectrack.sequences.mosaics import (
    MosaicPattern,
    MosaicSequence,
    check_mosaic,
    pattern_of_block,
    pattern_of_pixels,
    undecided_pattern,
)
from spectrack.sequences.requests import Request
from spectrack.sequences.triplets import TripletSequence, are_triplets
from spectrack.sequences.videos import VideoSequence, holds_counts


@dataclass(frozen=True)
class Reader:
    """How one format is read.

    Attributes:
        open: opens what was found.
        takes: which of the options ``sensor``, ``axes``, ``variable`` and ``no_data`` mean something to it.
    """

    open: Callable[[Request], Sequence]
    takes: frozenset[str] = frozenset()


def open_format(name: str, request: Request) -> Sequence:
    """Open with the reader of a format, a key of `FORMATS`.

    Raises:
        ConfigError: an option was given that the format cannot follow, and would have to ignore.
        SequenceError: the frames cannot be read.
    """
    reader = FORMATS[name]
    given = {"axes": request.axes, "variable": request.variable, "no_data": request.no_data}
    options = [option for option, value in given.items() if value is not None] + ["sensor"] * request.sensor_given
    if request.pattern is not None and request.layout.frames.is_file():
        raise ConfigError(
            f"expected a folder of frames to choose from, found the file {request.layout.frames}; leave out "
            "pattern=... (--pattern)"
        )
    for option in options:
        if option not in reader.takes:
            raise does_not_apply(option, name, request)
    return reader.open(request)


def does_not_apply(option: str, name: str, request: Request) -> ConfigError:
    """The refusal of an option that a format cannot follow."""
    takers = ", ".join(sorted(other for other, reader in FORMATS.items() if option in reader.takes))
    words = f"{option}=... (--{option.replace('_', '-')})"
    return ConfigError(
        f"expected an option that applies to the {name} in {request.layout.frames}, found {words}, "
        f"which is for {takers}; leave it out, or name another format"
    )


def detect_format(request: Request, given: str | None) -> str:
    """The key of `FORMATS` to read with.

    Args:
        request: what was found.
        given: the caller's choice, which wins; "simulated" means that the side file names the format.

    Raises:
        SequenceError: frames of several kinds, or of none.
    """
    side = request.layout.side
    if given is not None and given != "simulated":
        return given
    if given == "simulated" and side.format is None:
        raise SequenceError(
            f"expected a sequence.json that names its format in {request.layout.frames}, found none; "
            "open the folder that was written, or leave the format out"
        )
    if side.format is not None:
        if side.format in FORMATS and side.format != "simulated":
            return side.format
        request.faults.append(
            f"expected a format in {side.path}, found {side.format[:40]!r}; {nearest_name(side.format, FORMATS)}"
        )
    frames = request.layout.frames
    return _format_of_file(request) if frames.is_file() else _format_of_folder(request)


def _format_of_file(request: Request) -> str:
    path = request.layout.frames
    suffix = path.suffix.lower()
    if suffix in ENVI_DATA_SUFFIXES:
        return "envi"
    kind = kind_of(path)
    if kind is None and header_beside(path) is not None:
        return "envi"  # data files have any suffix, or none
    if kind is None:
        raise SequenceError(
            f"expected a sequence, found the file {path} of unknown type; formats: {', '.join(sorted(FORMATS))}"
        )
    if kind != "image":
        return kind
    if suffix in TIFF_SUFFIXES and len(open_tiff(path).shape) > 2:
        return "tiff"
    raise SequenceError(f"expected a folder of frames, found the single image {path}; name its folder {path.parent}")


def _format_of_folder(request: Request) -> str:
    folder = request.layout.frames
    kinds = request.kinds
    if not kinds:
        raise SequenceNotFoundError(f"expected frames in {folder}, found none; name the folder that holds them")
    if len(kinds) > 1:
        found = ", ".join(f"{len(files)} {kind}" for kind, files in kinds.items())
        raise SequenceError(
            f"expected frame files of one kind in {folder}, found {found}; name one with format=... (--format)"
        )
    kind = next(iter(kinds))
    return _format_of_images(kinds[kind], request) if kind == "image" else kind


def _format_of_images(files: list[Path], request: Request) -> str:
    if are_triplets(files):
        return "triplets"
    first = files[0]
    if first.suffix.lower() in TIFF_SUFFIXES:
        source = open_tiff(first)
        if len(source.shape) > 2 and not (source.dtype == "u1" and source.shape[2] in (3, 4)):
            return "tiff"
    if request.layout.expects_mosaics or request.sensor_given:
        return "hotc"
    image = read_image(first)
    if image.ndim == 3 or (image.dtype == "u1" and first.suffix.lower() in LOSSY_SUFFIXES):
        return "images"
    if image.dtype == "u1":
        raise SequenceError(
            f"expected 16-bit mosaics or 8-bit colour footage in {request.layout.frames}, found 8-bit grey images; "
            "export the raw 16-bit mosaics, or read grey footage with format='images' (--format images)"
        )
    return "hotc"


def _open_mosaics(request: Request) -> Sequence:
    files = request.files("image")
    return MosaicSequence(files, _pattern(files, request), name=request.layout.name)


def _pattern(files: list[Path], request: Request) -> MosaicPattern:
    """The mosaic pattern: from the sensor, the side file, the layout, the pixels; in this order, or not at all."""
    layout, told = request.layout, _told_pattern(request)
    if told is not None:
        return told
    mosaic = read_image(files[0])
    check_mosaic(mosaic, files[0])
    if layout.pictures is not None:
        # The twin stream has the size of the cubes, so the ratio of the two is the block.
        height, width = read_footage(frame_kinds(layout.pictures)["image"][0]).shape[:2]
        block = next((block for block in (4, 5) if mosaic.shape == (height * block, width * block)), None)
        if block is not None:
            return pattern_of_block(mosaic, block)
    pattern = pattern_of_pixels(mosaic)
    if pattern is not None:
        return pattern
    if layout.frames.name.lower() == "imgs" and files[0].suffix.lower() in TIFF_SUFFIXES:
        return MosaicPattern.of_sensor(SENSORS["nir25"])  # IMEC25 as published
    raise undecided_pattern(layout.frames)


def _told_pattern(request: Request) -> MosaicPattern | None:
    """The mosaic pattern that the caller, the side file or the names of the folders tell, in this order."""
    side = request.layout.side
    if request.sensor_given and request.sensor is not None:
        return MosaicPattern.of_sensor(request.sensor)
    if side.block is not None:
        bands = side.bands or side.block**2
        if bands > side.block**2:
            raise SequenceError(
                f"expected at most {side.block**2} bands, block {side.block}, in {side.path}, found {bands}; correct it"
            )
        return MosaicPattern(side.block, bands, side.sensor)
    if request.sensor is not None:
        return MosaicPattern.of_sensor(request.sensor)
    return None if request.layout.camera is None else MosaicPattern.of_sensor(SENSORS[request.layout.camera])


def _open_video(request: Request) -> Sequence:
    path, name = _only(request.files("video"), request), request.layout.name
    if not holds_counts(path):
        if request.sensor_given:
            raise does_not_apply("sensor", "colour video", request)
        return VideoSequence(path, name=name)
    pattern = _told_pattern(request)
    if pattern is None:
        raise undecided_pattern(path)
    return VideoSequence(path, pattern=pattern, name=name)


def _open_envi(request: Request) -> Sequence:
    frames = request.layout.frames
    headers = [find_header(frames)] if frames.is_file() else request.files("envi")
    data = frames if frames.is_file() and headers != [frames] else None
    side = request.layout.side
    return EnviSequence(headers, data=data, frames=side.frames, no_data=request.told_no_data, name=request.layout.name)


def _arrays(kind: str, open_source: Callable[[Path, str | None], ArraySource]) -> Callable[[Request], Sequence]:
    def open_arrays(request: Request) -> Sequence:
        files = request.files("image" if kind == "tiff" else kind)
        check_tiff_upright(files[0])
        pattern = (
            MosaicPattern.of_sensor(request.sensor) if request.sensor is not None and request.sensor.block else None
        )
        axes, evidence = request.axes or request.layout.side.axes, request.evidence()
        no_data, name = request.told_no_data, request.layout.name
        variables: list[str | None] = [request.variable] * len(files)
        list_members = {"npz": npz_members, "mat": mat_members}.get(kind)
        if list_members and len(files) == 1 and request.variable is None and request.only is None:
            members = _frame_members(list_members(files[0]))
            files, variables = (files * len(members), members) if members else (files, variables)
        if len(files) > 1 or request.only is not None:
            return ArrayFolderSequence(
                files,
                open_source,
                variables=variables,
                axes=axes,
                evidence=evidence,
                pattern=pattern,
                no_data=no_data,
                name=name,
            )
        source = open_source(files[0], request.variable)
        order = axes or source.axes or infer_axes(source.shape, evidence, one_frame=False, where=source.where)
        return ArraySequence(source, order, pattern=pattern, no_data=no_data, name=name)

    return open_arrays


def _frame_members(members: Members) -> list[str | None]:
    """Names of the arrays of a file that holds one numbered array a frame, in order; else none."""
    cubes = [name for name, (shape, _) in members.items() if len(shape) == 3 and name[-1:].isdigit()]
    stacked = any(len(shape) == 4 for shape, _ in members.values())
    one_series = len({name.rstrip("0123456789") for name in cubes}) == 1
    return [*sorted(cubes, key=number_key)] if len(cubes) > 1 and not stacked and one_series else []


def _only(files: list[Path], request: Request) -> Path:
    if len(files) > 1:
        raise SequenceError(
            f"expected one video in {request.layout.frames}, found {len(files)}; name one, such as {files[0]}"
        )
    return files[0]


def _never(request: Request) -> Sequence:
    raise ConfigError(
        "expected a format of frame files, found 'simulated'; it stands for the one that sequence.json names"
    )


_OF_CUBES = frozenset({"sensor"})
_OF_ARRAYS = frozenset({"sensor", "axes", "no_data"})
_OF_VARIABLES = _OF_ARRAYS | {"variable"}

FORMATS: dict[str, Reader] = {
    "envi": Reader(_open_envi, frozenset({"sensor", "no_data"})),
    "hdf5": Reader(_arrays("hdf5", open_hdf5), _OF_VARIABLES),
    "hotc": Reader(_open_mosaics, _OF_CUBES),
    "images": Reader(lambda request: ImageSequence(request.files("image"), name=request.layout.name)),
    "mat": Reader(_arrays("mat", open_mat), _OF_VARIABLES),
    "npy": Reader(_arrays("npy", open_npy), _OF_ARRAYS),
    "npz": Reader(_arrays("npz", open_npz), _OF_VARIABLES),
    "simulated": Reader(_never),
    "tiff": Reader(_arrays("tiff", open_tiff), _OF_ARRAYS),
    "triplets": Reader(lambda request: TripletSequence(request.files("image"), name=request.layout.name), _OF_CUBES),
    "video": Reader(_open_video, _OF_CUBES),  # of mosaics: colour refuses it there
}
"""Reader of each format name; "simulated" is resolved to another by `detect_format`."""
