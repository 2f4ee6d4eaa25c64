"""Frames of every format, type, byte order and compression; a third of the files damaged.

A whole file must give back the values that went in, whichever order, type and packing it has.
"""

from __future__ import annotations

import io
from pathlib import Path

import av
import cv2
import h5py
import numpy as np
import tifffile
from damage import damaged, odd_values, pick
from PIL import Image
from scipy.io import savemat

from hostile.judging import Kind, Trial, demand
from spectrack import open_sequence

DTYPES = (
    "u1",
    "<u2",
    ">u2",
    "<i2",
    ">i4",
    "<u4",
    "<f4",
    ">f4",
    "<f8",
    ">f8",
    "<i8",
    "<u8",
    "i1",
    "<f2",
    "?",
    "<c8",
    "O",
    "U3",
)
ENVI_TYPES = {
    1: "u1",
    2: "i2",
    3: "i4",
    4: "f4",
    5: "f8",
    6: "c8",
    9: "c16",
    12: "u2",
    13: "u4",
    14: "i8",
    15: "u8",
    7: "u1",
}
ODD_HEADER_LINES = (
    *("bbl = {1,0,1}", "data ignore value = -9999", "data ignore value = none", "wavelength units = Micrometers"),
    *("wavelength units = Unknown", "wavelength = {1,2}", "wavelength = {nan, inf, x}", "reflectance scale factor = 0"),
    *(
        "FILE TYPE = ENVI Standard",
        "map info = {UTM, 1, 1}",
        "default bands = {99, 0, -1}",
        "header offset = -4",
        "x = {",
    ),
    *(
        "samples = 3",
        "lines = 0",
        "bands = -1",
        "interleave = bxq",
        "byte order = 7",
        "data type = 99",
        "; comment",
        "=",
        "a",
    ),
    *(
        "data file = ../../etc/passwd",
        "compression = 1",
        "frames = 2",
        "sensor type = \x1b[2J",
        "description = {[/b]\n}}",
    ),
)


def make(folder: Path, rng: np.random.Generator) -> Trial:
    """One clip of one to three frames in any format, and reading it whole."""
    writer = pick(rng, WRITERS)
    place, expected, options = writer(folder, rng)
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    if rng.random() < 0.35 and files:
        expected, victim = None, pick(rng, files)
        data = victim.read_bytes()
        text = victim.suffix == ".hdr" and rng.random() < 0.7
        victim.write_bytes(odd_values(data, rng) if text else damaged(data, rng, head=pick(rng, (None, 128, 1024))))
    if rng.random() < 0.08:
        options |= {"format": pick(rng, ("hotc", "envi", "npy", "npz", "mat", "hdf5", "tiff", "images", "video"))}
    if rng.random() < 0.05:
        options |= {"sensor": pick(rng, ("vis16", "nir25", "rednir15"))}
    if rng.random() < 0.05:
        options |= {"no_data": pick(rng, (-9999.0, float("nan"), float("inf"), 0.0, 1e308))}
    return lambda: read_all(place, options, expected)


def read_all(place, options, expected):
    """Open, read every frame whole and in a window, and hold them against what went in."""
    sequence = open_sequence(place, **options)
    demand(len(sequence) > 0, "no frames")
    for index in {0, len(sequence) - 1, len(sequence) // 2}:
        cube = sequence[index]
        demand(cube.ndim == 3 and min(cube.shape) > 0, f"a cube of {cube.shape}")
        demand(cube.shape == (sequence.height, sequence.width, sequence.bands), f"{cube.shape} is not what was said")
        demand(cube.dtype.kind in "uif" and cube.dtype.isnative, f"a cube of {cube.dtype}")
        height, width = cube.shape[:2]
        window = (width // 3, height // 4, width // 3 + max(1, width // 2), height // 4 + max(1, height // 2))
        part = sequence.read(index, window=window)
        x0, y0, x1, y1 = window
        demand(np.array_equal(part, cube[y0:y1, x0:x1], equal_nan=True), f"window {window} is not that of the frame")
        if expected is not None and not options:
            demand(len(sequence) == len(expected), f"{len(sequence)} frames of {len(expected)}")
            demand(np.array_equal(cube, expected[index]), f"frame {index} has other values than the file")
    demand(sequence.false_colour(0).dtype == np.uint8, "a picture that is none")
    if sequence.wavelengths_nm is not None:
        demand(len(sequence.wavelengths_nm) == sequence.bands, "wavelengths of other bands")


def values(rng, dtype="<u2", frames=None, bands=None):
    """(frames, height, width, bands): any numbers of a type; small, and often with more bands than rows."""
    frames = int(rng.integers(1, 4)) if frames is None else frames
    bands = int(pick(rng, (1, 2, 3, 4, 5, 8, 15, 16, 25, 31))) if bands is None else bands
    least = pick(rng, (6, 2 * bands))
    shape = (frames, *(int(side) for side in least + rng.integers(0, 8, 2)), bands)
    return rng.integers(0, 120, shape).astype(dtype)


def npy(folder, rng):
    cubes = values(rng, pick(rng, DTYPES))
    order = pick(rng, ("C", "F"))
    pickled = cubes.dtype.kind == "O"
    plain = None if cubes.dtype.kind not in "uif" else cubes.astype(cubes.dtype.newbyteorder("="))
    if rng.random() < 0.5:
        for i, cube in enumerate(cubes):
            np.save(folder / f"{i:03d}.npy", np.asarray(cube, order=order), allow_pickle=pickled)
        clear = 4 <= cubes.shape[-1] <= min(cubes.shape[1:3]) // 2  # else the order of the axes is not plain
        return folder, plain if clear else None, {}
    np.save(folder / "cubes.npy", np.asarray(cubes, order=order), allow_pickle=pickled)
    return folder / "cubes.npy", None, {"axes": pick(rng, ("thwb", "thwb", "hwbt", "bhwt", "hwb", "xyzt", ""))}


def npz(folder, rng):
    cubes = values(rng, pick(rng, DTYPES))
    save = pick(rng, (np.savez, np.savez_compressed))
    named = {pick(rng, ("cube", "data", "x", "../a", "")): cubes}
    if rng.random() < 0.4:
        named["other"] = pick(
            rng, (np.arange(4), np.zeros((0, 3)), np.array("text"), cubes[0], np.array({"a": 1}, object))
        )
    save(folder / "a.npz", **named)
    return folder / "a.npz", None, {"axes": "thwb"} if rng.random() < 0.7 else {}


def mat(folder, rng):
    cubes = values(rng, pick(rng, ("u1", "<u2", "<f4", "<f8", "i2", "<c8", "?")))
    cells = np.empty((1, 2), object)
    cells[0, :] = [cubes, cubes]
    content = pick(rng, (cubes, cubes[0], {"inner": cubes}, cells, "text", np.zeros((0, 0))))
    named = {"cube": content} | ({"wavelength": np.arange(cubes.shape[-1])} if rng.random() < 0.4 else {})
    named |= {"cube2": cubes} if rng.random() < 0.2 else {}
    savemat(
        folder / "a.mat",
        named,
        do_compression=bool(rng.integers(2)),
        format=pick(rng, ("5", "5", "4")) if content is cubes[0] else "5",
    )
    variable = pick(
        rng, ({}, {}, {"variable": "cube"}, {"variable": "cube/inner"}, {"variable": "cube{1}"}, {"variable": "no"})
    )
    return folder / "a.mat", None, variable | ({"axes": "thwb"} if rng.random() < 0.5 else {})


def hdf5(folder, rng):
    cubes = values(rng, pick(rng, ("u1", "<u2", ">u2", "<f4", ">f8", "<i8", "<c8", "?", "<f2")))
    packing = pick(
        rng,
        ({}, {"compression": "gzip"}, {"compression": "lzf"}, {"chunks": True, "shuffle": True}, {"fletcher32": True}),
    )
    with h5py.File(folder / "a.h5", "w", libver=pick(rng, ("earliest", "latest"))) as file:
        data = file.create_dataset(pick(rng, ("cube", "a/b/c", "data")), data=cubes, **packing)
        data.attrs["_FillValue"] = pick(rng, (-9999, np.nan, "none", [1, 2]))
        if rng.random() < 0.2:
            file["link"] = pick(
                rng, (h5py.SoftLink("/nowhere"), h5py.SoftLink("/link"), h5py.ExternalLink("/etc/passwd", "/a"))
            )
        if rng.random() < 0.2:
            file.create_dataset("external", (4, 4, 4), "u1", external=[("/etc/passwd", 0, 64)])
        if rng.random() < 0.2:
            file.create_dataset("text", data=np.array([b"a", b"bc"]))
            file.create_dataset("ragged", (2,), h5py.vlen_dtype("i4"))
        if rng.random() < 0.2:
            file.create_dataset("compound", data=np.zeros((4, 4, 4), [("a", "i4"), ("b", "f4")]))
    variable = pick(
        rng, ({}, {}, {"variable": "cube"}, {"variable": "link"}, {"variable": "external"}, {"variable": "compound"})
    )
    return folder / "a.h5", None, variable | ({"axes": "thwb"} if rng.random() < 0.6 else {})


def tiff(folder, rng):
    cubes = values(rng, pick(rng, ("u1", "<u2", "<f4", "<i2", "<u4", "<f8", "<f2", "<c8")))
    options = {
        "byteorder": pick(rng, "<>"),
        "compression": pick(rng, (None, None, "zlib", "lzw", "zstd", "packbits")),
        "photometric": "minisblack",
        "planarconfig": pick(rng, ("contig", "separate", None)),
        "metadata": pick(rng, (None, {"axes": "TYXS"}, {"axes": "CYX"}, {"axes": "ZYX"})),
    } | pick(rng, ({}, {"tile": (16, 16)}, {"rowsperstrip": 1}, {"bigtiff": True}, {"predictor": True}))
    for i, cube in enumerate(cubes):
        file = folder / f"{i:03d}.tif"
        data = pick(rng, (cube, cube.transpose(2, 0, 1), cube[..., 0]))
        try:
            tifffile.imwrite(file, data, **options)
        except Exception:  # this writer has no such combination
            tifffile.imwrite(file, data, photometric="minisblack")
        if rng.random() < 0.15:
            tifffile.imwrite(file, np.zeros((4, 4), "u1"), append=True)  # a thumbnail behind
    return pick(rng, (folder, folder / "000.tif")), None, {}


def envi(folder, rng):
    kind = pick(rng, list(ENVI_TYPES))
    cubes, order = values(rng, "u1"), int(rng.integers(2))
    dtype = np.dtype(ENVI_TYPES[kind]).newbyteorder("<>"[order])
    interleave = pick(rng, ("bsq", "bil", "bip", "BIP"))
    axes = {"bsq": (2, 0, 1), "bil": (0, 2, 1), "bip": (0, 1, 2)}[interleave.lower()]
    offset, odd = int(pick(rng, (0, 0, 7))), rng.random() < 0.5
    for i, cube in enumerate(cubes):
        raw = bytes(offset) + cube.transpose(axes).astype(dtype).tobytes()
        height, width, bands = cube.shape
        lines = [f"samples = {width}", f"lines = {height}", f"bands = {bands}", f"header offset = {offset}"]
        lines += [f"data type = {kind}", f"interleave = {interleave}", f"byte order = {order}"]
        if odd:
            lines = [line for line in lines if rng.random() < 0.95]
            lines += [pick(rng, ODD_HEADER_LINES) for _ in range(rng.integers(0, 3))]
        lines = [line.upper() for line in lines] if rng.random() < 0.1 else lines
        (folder / f"{i:03d}.hdr").write_bytes(pick(rng, ("\n", "\r\n")).join(["ENVI", *lines, ""]).encode())
        (folder / f"{i:03d}{pick(rng, ('.raw', '.raw', '.dat', '.img', '')) if odd else '.raw'}").write_bytes(raw)
    plain = None if odd or dtype.kind == "c" or kind == 7 else cubes.astype(dtype.newbyteorder("="))
    return pick(rng, (folder, folder, folder / "000.hdr")) if odd else folder, plain, {}


def pictures(folder, rng):
    suffix, mode = (
        pick(rng, (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".png")),
        pick(rng, ("L", "RGB", "RGBA", "P", "CMYK", "1", "I;16", "LA")),
    )
    shape = (int(rng.integers(1, 24)), int(rng.integers(1, 24)))
    for i in range(rng.integers(1, 4)):
        image = Image.fromarray(rng.integers(0, 255, (*shape, 3)).astype(np.uint8))
        exif = Image.Exif()
        exif[0x0112] = int(pick(rng, (1, 2, 3, 6, 8, 0, 99)))
        try:
            image = (
                Image.fromarray(rng.integers(0, 9999, shape).astype(np.uint16))
                if mode == "I;16"
                else image.convert(mode)
            )
            image.save(folder / f"{i:03d}{suffix}", exif=exif, progressive=True)
        except (OSError, ValueError):  # this format has no such pictures
            image.convert("RGB").save(folder / f"{i:03d}{suffix}")
        if rng.random() < 0.05:
            shape = (shape[0] + 1, shape[1])
    return folder, None, {}


def mosaics(folder, rng):
    block = int(pick(rng, (4, 5)))
    shape = (block * int(rng.integers(1, 9)), block * int(rng.integers(1, 9)))
    place = folder / pick(rng, ("HSI", "HSI-VIS", "car/HSI", "img"))
    place.mkdir(parents=True)
    for i in range(rng.integers(1, 4)):
        image = rng.integers(0, 1024, shape).astype(pick(rng, (np.uint16, np.uint16, np.uint8)))
        cv2.imwrite(str(place / f"{i:04d}.png"), image[: shape[0] - int(rng.random() < 0.1)])
    return (
        pick(rng, (folder, place)),
        None,
        {"sensor": pick(rng, ("vis16", "nir25", "rednir15"))} if rng.random() < 0.5 else {},
    )


def video(folder, rng):
    suffix, codec, pixels = pick(
        rng,
        (
            (".mp4", "mpeg4", "yuv420p"),
            (".avi", "mjpeg", "yuvj420p"),
            (".mkv", "ffv1", "gray16le"),
            (".mkv", "ffv1", "yuv420p10le"),
            (".mkv", "ffv1", "gray12le"),
            (".mov", "rawvideo", "rgb24"),
        ),
    )
    width, height = (
        int(rng.integers(8, 40)) // (2 if "420" in pixels else 1) * (2 if "420" in pixels else 1) for _ in range(2)
    )
    buffer = io.BytesIO()
    formats = {".mp4": "mp4", ".avi": "avi", ".mkv": "matroska", ".mov": "mov"}
    with av.open(buffer, "w", format=formats[suffix]) as container:
        stream = container.add_stream(codec, rate=int(pick(rng, (1, 25, 120))))
        stream.width, stream.height, stream.pix_fmt = max(width, 8), max(height, 8), pixels
        stream.codec_context.thread_count = 1
        for i in range(rng.integers(1, 5)):
            image = rng.integers(0, 255, (stream.height, stream.width, 3)).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(image, "rgb24").reformat(format=pixels)
            frame.pts = i if rng.random() < 0.9 else None
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    (folder / f"clip{suffix}").write_bytes(buffer.getvalue())
    return folder / f"clip{suffix}", None, {}


def noise(folder, rng):
    suffix = pick(
        rng,
        (
            ".png",
            ".npy",
            ".npz",
            ".mat",
            ".h5",
            ".hdr",
            ".tif",
            ".jpg",
            ".mp4",
            ".avi",
            ".raw",
            ".zip",
            ".nc",
            ".zarr",
            "",
        ),
    )
    start = pick(
        rng,
        (
            b"",
            b"\x93NUMPY\x01\x00",
            b"\x89HDF\r\n\x1a\n",
            b"II*\0",
            b"MM\0*",
            b"PK\x03\x04",
            b"MATLAB 5.0",
            b"\x89PNG\r\n\x1a\n",
        ),
    )
    (folder / f"a{suffix}").write_bytes(start + bytes(rng.integers(0, 256, rng.integers(0, 400), dtype=np.uint8)))
    return pick(rng, (folder, folder / f"a{suffix}")), None, {}


WRITERS = (npy, npz, mat, hdf5, tiff, envi, envi, pictures, mosaics, video, noise)

FRAMES = Kind(make, 4500)
