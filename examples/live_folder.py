"""Track while a camera writes frames into a folder: python examples/live_folder.py [FOLDER X,Y,W,H [--sensor vis16]].

Without a folder a camera of our own writes one: simulated mosaics, half a file first, as slow disks do.
"""

import argparse
import tempfile
import threading
import time
from pathlib import Path

import cv2

import spectrack
from spectrack.cube import cube_to_mosaic
from spectrack.sequences.opening import Options
from spectrack.sources.opening import SourceOptions
from spectrack.sources.options import FolderOptions


def film(folder: Path, frames: int) -> None:
    """Write mosaics one after the other, then a file called `end`."""
    video = spectrack.simulate("calm", "vis16", frames=frames, seed=5, height=64, width=96)
    for number in range(frames):
        data = cv2.imencode(".png", cube_to_mosaic(video[number], 4))[1].tobytes()
        file = folder / f"{number:06d}.png"
        file.write_bytes(data[: len(data) // 2])
        time.sleep(0.01)
        file.write_bytes(data)
    (folder / "end").touch()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("box", nargs="?", default="23,29,12,11")
    parser.add_argument("--sensor", default="vis16")
    parser.add_argument("--frames", type=int, default=20)
    options = parser.parse_args(arguments)

    with tempfile.TemporaryDirectory() as made:
        folder = options.folder or Path(made)
        if options.folder is None:
            threading.Thread(target=film, args=(folder, options.frames)).start()
        reading = SourceOptions(Options(sensor=options.sensor), FolderOptions(idle_s=5))
        source, tracked = spectrack.open_source(folder, reading), 0
        box = [float(part) for part in options.box.split(",")]
        for found in spectrack.track_live(source, spectrack.load_tracker("cf"), box):
            shown = ", ".join(f"{value:.1f}" for value in found.estimate.box)
            print(f"{found.captured.name}: box {shown}, {found.latency_ms:.0f} ms after it was written")
            tracked += 1
    return tracked


if __name__ == "__main__":
    main()
