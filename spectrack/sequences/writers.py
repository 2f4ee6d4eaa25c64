"""write_sequence: any sequence as a folder that open_sequence reads back identically.

The folder is written under a temporary name beside the target and renamed once complete: nothing is left half-written.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spectrack.annotations.text import write_boxes
from spectrack.cube import Cube, check_cube, cube_to_mosaic
from spectrack.errors import ConfigError, CubeError, SequenceError, SpectrackError, nearest_name
from spectrack.files import Terms, write_folder, write_json
from spectrack.files.arrays import create_array
from spectrack.sensors import SENSORS
from spectrack.sequences.base import Sequence
from spectrack.sequences.envi import DATA_TYPES
from spectrack.sequences.memory import MemorySequence
from spectrack.sequences.side_file import SIDE_FILE

TRUTH_FILE = "groundtruth_rect.txt"
FIRST_BOX_FILE = "init_rect.txt"
_PNG_COMPRESSION = 3
_JPEG_QUALITY = 95


def write_sequence(
    sequence: Sequence | Iterable[Cube],
    directory: str | os.PathLike[str],
    *,
    format: str = "hotc",
    block: int | None = None,
    false_colour: bool = False,
) -> Path:
    """Write frames, truth and side file.

    Args:
        sequence: what to write; plain cubes (height, width, bands) will do.
        directory: the folder to make; it must not exist or be empty.
        format: ``hotc``: 16-bit mosaic PNG files in ``HSI/``, as HOTC has them; ``envi``: a header and a
            band-sequential file a frame in ``frames/``; ``npy``: one ``frames.npy`` (frames, height, width, bands).
        block: side of the mosaic pattern for ``hotc``; None takes the sensor's, or the root of the number of bands.
        false_colour: write ``HSI-FalseColor/`` with a JPEG a frame beside it.

    Returns:
        The folder. It always holds a ``sequence.json``, and ``groundtruth_rect.txt`` (tabs; whole numbers without a
        point) where truth is known, in ``HSI/`` for ``hotc``.

    Raises:
        SequenceError: the folder cannot be written, or the truth is shorter than the video.
        CubeError: a frame that the format cannot hold, has another size, or has NaN.
        ConfigError: the folder is not empty, an unknown format, or no mosaic block that fits.
    """
    if format not in _WRITERS:
        raise ConfigError(f"expected a format to write, found {format!r}; {nearest_name(format, _WRITERS)}")
    source = sequence if isinstance(sequence, Sequence) else MemorySequence(sequence)
    target = Path(directory)
    try:
        with write_folder(target, Terms("sequence", once=True)) as staging:
            fill_folder(source, staging, format=format, block=block, false_colour=false_colour)
    except SpectrackError:
        raise  # some derive from OSError
    except OSError as error:
        raise SequenceError(
            f"expected to write to {target}, found: {error.strerror or error}; free space or name another folder"
        ) from error
    return target


def fill_folder(
    source: Sequence, folder: Path, *, format: str, block: int | None = None, false_colour: bool = False
) -> None:
    """Write frames, truth and side file into an empty folder that the caller has claimed; see `write_sequence`."""
    details = _details(source, format)
    if format == "hotc":
        details["block"] = _block(source, block)
    boxes, first_box = source.truth, source.first_box
    home = _WRITERS[format](source, folder, details)
    if boxes is not None:
        write_boxes(home / TRUTH_FILE, boxes, fmt=None, separator="\t")
    elif first_box is not None:
        write_boxes(home / FIRST_BOX_FILE, first_box[None], fmt=None, separator="\t")
    if false_colour:
        _write_pictures(source, folder / "HSI-FalseColor")
    write_json(folder / SIDE_FILE, {key: value for key, value in details.items() if value is not None})


def _details(sequence: Sequence, format: str) -> dict[str, Any]:
    """The content of the side file, None where nothing is known."""
    visibility = None if sequence.visibility is None else np.asarray(sequence.visibility, dtype=np.float64)
    if visibility is not None and not np.isfinite(visibility).all():
        raise SequenceError(
            f"expected a finite visibility for every frame of {sequence.name!r}, found NaN or infinity; repair it"
        )
    centres = sequence.wavelengths_nm
    details = {
        "name": sequence.name,
        "format": format,
        "frames": len(sequence),
        "frames_path": {"hotc": "HSI", "envi": "frames", "npy": "frames.npy"}[format],
        "axes": "thwb" if format == "npy" else None,
        "height": sequence.height,
        "width": sequence.width,
        "bands": sequence.bands,
        "sensor": sequence.sensor,
        "is_rgb": sequence.is_rgb or None,
        # What has no data is 0 in the frames, whatever it was in the file they came from.
        "no_data": None if sequence.no_data is None else 0.0,
        "unit": None if sequence.unit == "counts" else sequence.unit,
        "exposure_ms": sequence.exposure_ms,
        "gain_db": sequence.gain_db,
        "wavelengths_nm": None if centres is None else [float(value) for value in centres],
        "fps": float(sequence.fps),
        "attributes": list(sequence.attributes),
        "visibility": None if visibility is None else visibility.tolist(),
        "simulation": sequence.metadata or None,
    }
    try:
        json.dumps(details, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise SequenceError(
            f"expected metadata of {sequence.name!r} that JSON can hold, found: {error}; use numbers, text and lists"
        ) from error
    return details


def _block(sequence: Sequence, given: int | None) -> int:
    sensor = SENSORS.get(sequence.sensor or "")
    candidates = (given, sensor.block if sensor else None, getattr(sequence, "block", None))
    block = next((candidate for candidate in candidates if candidate is not None), None)
    if block is None:
        block = round(sequence.bands**0.5)
        if block * block != sequence.bands:
            raise ConfigError(
                "expected a square number of bands or a known mosaic for the format hotc, "
                f"found {sequence.bands} bands and no block; give block=..., or write npy or envi"
            )
    if block < 2 or sequence.bands > block * block:
        raise ConfigError(
            f"expected a mosaic block with room for {sequence.bands} bands, found block {block}; use a larger one"
        )
    return int(block)


def _write_mosaics(sequence: Sequence, folder: Path, details: dict[str, Any]) -> Path:
    import cv2

    home = folder / "HSI"
    home.mkdir()
    for number, cube in _numbered(sequence):
        if cube.dtype.kind not in "ui" or int(cube.min()) < 0 or int(cube.max()) > 65535:
            raise CubeError(
                "expected whole counts from 0 to 65535 for 16-bit mosaics, "
                f"found {cube.dtype} from {cube.min()} to {cube.max()} in frame {number}; write npy or envi instead"
            )
        mosaic = cube_to_mosaic(cube.astype(np.uint16, copy=False), details["block"])
        _save_image(home / f"{number}.png", mosaic, [cv2.IMWRITE_PNG_COMPRESSION, _PNG_COMPRESSION])
    return home


def _write_envi(sequence: Sequence, folder: Path, details: dict[str, Any]) -> Path:
    home = folder / "frames"
    home.mkdir()
    codes = {np.dtype(name): code for code, name in DATA_TYPES.items()}
    for number, cube in _numbered(sequence):
        if cube.dtype not in codes:
            known = ", ".join(dtype.name for dtype in codes)
            raise CubeError(
                f"expected a type that ENVI knows ({known}), found {cube.dtype} in frame {number}; write npy"
            )
        little = cube.transpose(2, 0, 1).astype(cube.dtype.newbyteorder("<"), copy=False)
        (home / f"{number}.raw").write_bytes(np.ascontiguousarray(little).tobytes())
        (home / f"{number}.hdr").write_text(
            _header(cube, codes[cube.dtype], details["wavelengths_nm"]), encoding="ascii", newline="\n"
        )
    return folder


def _write_npy(sequence: Sequence, folder: Path, details: dict[str, Any]) -> Path:
    shape = (len(sequence), sequence.height, sequence.width, sequence.bands)
    first = sequence[0]
    array = create_array(folder / "frames.npy", shape, first.dtype)
    for i, (_, cube) in enumerate(_numbered(sequence)):
        array[i] = cube
    array.flush()
    # The map must be closed before the folder can be renamed on every system.
    del array
    return folder


_Writer = Callable[[Sequence, Path, dict[str, Any]], Path]
_WRITERS: dict[str, _Writer] = {"envi": _write_envi, "hotc": _write_mosaics, "npy": _write_npy}


def _numbered(sequence: Sequence) -> Iterable[tuple[str, NDArray[Any]]]:
    """File number from 1 and cube of every frame, each checked against the first."""
    digits = max(4, len(str(len(sequence))))
    kind: np.dtype[Any] | None = None
    for i in range(len(sequence)):
        cube = sequence[i]
        check_cube(cube, name=f"frame {i} of {sequence.name!r}")
        kind = kind or cube.dtype
        shape = (sequence.height, sequence.width, sequence.bands)
        if cube.shape != shape or cube.dtype != kind:
            raise CubeError(
                f"expected frames of shape {shape} and type {kind}, found {cube.shape} of {cube.dtype} at frame {i} of "
                f"{sequence.name!r}; write frames of one size and type"
            )
        yield str(i + 1).zfill(digits), cube


def _write_pictures(sequence: Sequence, folder: Path) -> None:
    import cv2

    folder.mkdir()
    digits = max(4, len(str(len(sequence))))
    for i in range(len(sequence)):
        picture = np.ascontiguousarray(sequence.false_colour(i)[:, :, ::-1])
        _save_image(folder / f"{i + 1:0{digits}d}.jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])


def _save_image(path: Path, image: NDArray[Any], options: list[int]) -> None:
    import cv2

    done, data = cv2.imencode(path.suffix, image, options)
    if not done:
        raise SequenceError(
            f"expected to encode {path.name}, found a shape {image.shape} that OpenCV refuses; write npy instead"
        )
    path.write_bytes(data.tobytes())


def _header(cube: NDArray[Any], code: int, wavelengths_nm: list[float] | None) -> str:
    height, width, bands = cube.shape
    lines = ["ENVI", "description = {written by spectrack}"]
    lines += [f"samples = {width}", f"lines = {height}", f"bands = {bands}", "header offset = 0"]
    lines += ["file type = ENVI Standard", f"data type = {code}", "interleave = bsq", "byte order = 0"]
    if wavelengths_nm is not None:
        lines += ["wavelength units = Nanometers", "wavelength = {" + ", ".join(map(repr, wavelengths_nm)) + "}"]
    return "\n".join(lines) + "\n"
