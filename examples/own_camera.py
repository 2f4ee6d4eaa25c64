"""Track while frames come in from a camera of your own: python examples/own_camera.py [--frames N].

The camera here has a 4x4 mosaic: every pixel sees one of 16 bands. Replace `exposures` by your camera's own loop.
"""

import argparse
from collections.abc import Iterator

import numpy as np

import spectrack
from spectrack.sequences.frames import ArrayFrame

CENTRES = tuple(float(value) for value in np.linspace(460, 620, 16))
CAMERA = spectrack.Sensor("mine", bands=16, block=4, centres_nm=CENTRES, fwhm_nm=(12.0,) * 16, bit_depth=10)


def exposures(frames: int) -> Iterator[np.ndarray]:
    """Raw frames (height, width) as a mosaic sensor gives them; here from a simulated video."""
    video = spectrack.simulate("calm", "vis16", frames=frames, seed=5, height=96, width=128)
    for number in range(frames):
        cube = video[number]
        height, width, bands = cube.shape
        tiles = cube.reshape(height, width, CAMERA.block, bands // CAMERA.block)
        yield tiles.transpose(0, 2, 1, 3).reshape(height * CAMERA.block, width * CAMERA.block)


def to_cube(raw: np.ndarray) -> np.ndarray:
    """A cube (height / 4, width / 4, 16): the pixel in row r and column c of a tile is band 4 r + c."""
    block = CAMERA.block
    height, width = (side // block for side in raw.shape)
    tiles = raw[: height * block, : width * block].reshape(height, block, width, block)
    return np.ascontiguousarray(tiles.transpose(0, 2, 1, 3).reshape(height, width, CAMERA.bands))


def main(arguments: list[str] | None = None) -> list[spectrack.Estimate]:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=40)
    parser.add_argument("--tracker", default="cf", choices=spectrack.list_trackers())
    options = parser.parse_args(arguments)

    box = spectrack.simulate("calm", "vis16", frames=2, seed=5, height=96, width=128).truth[0]  # drawn by a person
    tracker, estimates = spectrack.load_tracker(options.tracker), []
    for number, raw in enumerate(exposures(options.frames)):
        frame = ArrayFrame(to_cube(raw))
        if number == 0:
            tracker.init(frame, box, wavelengths_nm=CAMERA.centres_nm)
            continue
        estimates.append(tracker.update(frame))
        if estimates[-1].lost:
            print(f"frame {number}: lost")
    print(f"{CAMERA.name}: {len(estimates)} frames tracked, last box {np.round(estimates[-1].box, 1).tolist()}")
    return estimates


if __name__ == "__main__":
    main()
