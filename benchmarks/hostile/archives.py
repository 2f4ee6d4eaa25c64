"""Archives of data sets, arrays and labels: names that lead out, links, bombs, encryption, damage."""

from __future__ import annotations

import io
import stat
import zipfile
from functools import cache
from pathlib import Path

import numpy as np
from damage import damaged, pick

from hostile.annotations import readers
from hostile.judging import OUT, Kind, Trial, command, demand, state
from spectrack import open_dataset, open_sequence, read_first_box
from spectrack.datasets.zipped import extract_folder, list_members, read_text_member

MEMBERS = (
    *(
        "../x.txt",
        "/etc/x.txt",
        "C:/x.txt",
        "a\\..\\x.txt",
        "a/../../x.txt",
        "\x1b[2J.txt",
        "car/",
        "car/HSI/0001.png",
        "con",
    ),
    *(
        "car/groundtruth_rect.txt",
        "car/./x",
        "car//x",
        "a\0b",
        "x" * 300,
        "car/HSI/0002.png",
        "球/HSI/0001.png",
        ".",
        "",
        "..",
        "./..",
    ),
    *("annotations.xml", "__MACOSX/car/._0001.png", "labels.txt", "obj_train_data/0001.txt", "car/HSI/0001.png"),
)


@cache
def contents():
    """What members hold."""
    frame = io.BytesIO()
    np.save(frame, np.ones((4, 5, 16), np.uint16))
    tests = readers()
    return (
        b"",
        b"1,2,3,4\n",
        frame.getvalue(),
        tests.CVAT.encode(),
        tests.YOLO.encode(),
        bytes(3_000_000),
        tests.ENTITIES.encode(),
    )


def make(folder: Path, rng: np.random.Generator) -> Trial:
    """An archive and one of its readers."""
    path = folder / pick(rng, ("a.zip", "car.zip", "a.npz"))
    data = array_archive(rng) if path.suffix == ".npz" else archive(rng)
    path.write_bytes(damaged(data, rng) if rng.random() < 0.4 else data)
    if path.suffix == ".npz":
        return lambda: read_array(path)
    reader = pick(rng, (list_members, extract, extract, text, box, dataset, sequence, info))
    return lambda: reader(path)


def archive(rng):
    buffer = io.BytesIO()
    with zipfile.ZipFile(
        buffer, "w", pick(rng, (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))
    ) as file:
        for _ in range(rng.integers(0, 6)):
            member = zipfile.ZipInfo(pick(rng, MEMBERS), pick(rng, ((1980, 1, 1, 0, 0, 0), (2107, 12, 31, 23, 59, 59))))
            mode = pick(rng, (stat.S_IFREG, stat.S_IFREG, stat.S_IFREG, stat.S_IFLNK, stat.S_IFIFO, 0))
            member.external_attr = (mode | 0o644) << 16
            member.compress_type = file.compression
            file.writestr(member, pick(rng, contents()))
        file.comment = pick(rng, (b"", b"x" * 100))
    data = buffer.getvalue()
    if rng.random() < 0.1:  # flags of an encrypted member
        data = data.replace(b"PK\x03\x04\x14\x00\x00\x00", b"PK\x03\x04\x14\x00\x01\x00").replace(
            b"PK\x01\x02\x14\x03\x14\x00\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01\x00"
        )
    return data


def array_archive(rng):
    """An .npz whose header claims any shape, some of them far more than it holds."""
    shape = pick(
        rng,
        (
            "(2, 4, 4, 16)",
            "(1, 40000, 40000, 16)",
            "(10, 9999999, 9999999, 3)",
            "(0, 4, 4, 4)",
            "(2, 4, 4, 16",
            "4",
            "(4,)",
        ),
    )
    kind = pick(rng, ("<u2", "|O", "<f8", "<U9", "|V3", "x", "<u2,<u2"))
    text = (
        f"{{'descr': '{kind}', 'fortran_order': {pick(rng, ('False', 'True', '0', 'x'))}, 'shape': {shape}, }}".ljust(
            117
        )
        + "\n"
    )
    header = (
        b"\x93NUMPY"
        + pick(rng, (b"\x01\x00", b"\x02\x00", b"\x09\x00"))
        + len(text).to_bytes(2, "little")
        + text.encode()
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(
            pick(rng, ("cube.npy", "../cube.npy", "cube", "a/b.npy")),
            header + bytes(int(pick(rng, (0, 1024, 8_000_000)))),
        )
    return buffer.getvalue()


def read_array(path):
    cube = open_sequence(path)[0]
    demand(cube.ndim == 3 and cube.dtype.kind in "uif", f"{cube.shape} of {cube.dtype}")


def extract(path):
    """Nothing lands outside of the target, and nothing but files and folders in it."""
    target = path.parent / OUT
    target.mkdir()
    extract_folder(path, "", target)
    demand(
        all(len(digest) == 64 or int(digest, 8) == stat.S_IFDIR for digest in state(target).values()), "a link or pipe"
    )


def text(path):
    for folder, names in list_members(path).items():
        for name in names:
            read_text_member(path, f"{folder}/{name}" if folder else name)


def box(path):
    found = read_first_box(path, width=80, height=40)
    demand(np.isfinite(found).all() and (found[2:] > 0).all(), f"box {found}")


def dataset(path):
    for entry in open_dataset("folder", path.parent):
        entry.open()[0]


def sequence(path):
    open_sequence(path)[0]


def info(path):
    command("data", "info", path.parent)


ARCHIVES = Kind(make, 500, contents)
