"""Track one object through a folder of frames: python examples/own_folder.py [FOLDER X,Y,W,H] [--out FILE]."""

import argparse
from pathlib import Path

import spectrack


def clip_of(folder: Path) -> spectrack.Sequence:
    """A clip for those who have none: three seconds of simulated video, written as a camera would and read back."""
    video = spectrack.simulate("tumbling", "vis16", frames=40, seed=3, height=120, width=160)
    return spectrack.open_sequence(spectrack.write_sequence(video, folder))


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, help="mosaic PNG, ENVI, .npy, .mat, HDF5, TIFF, video, ...")
    parser.add_argument("box", nargs="?", help="the object in the first frame, x,y,w,h in pixels of the cube")
    parser.add_argument("--tracker", default="siamban", choices=spectrack.list_trackers())
    parser.add_argument("--out", type=Path, default=Path("boxes.txt"))
    options = parser.parse_args(arguments)

    sequence = spectrack.open_sequence(options.folder) if options.folder else clip_of(options.out.parent / "clip")
    box = [float(number) for number in options.box.split(",")] if options.box else sequence.first_box
    print(f"{sequence.name}: {len(sequence)} frames of {sequence.width} x {sequence.height}, {sequence.bands} bands")

    tracker = spectrack.load_tracker(options.tracker)
    boxes, lost = [], 0
    for number, estimate in enumerate(spectrack.track(sequence, tracker, box)):
        boxes.append(estimate.box)
        lost += estimate.lost
        if number % 10 == 0:
            place = ", ".join(f"{value:.1f}" for value in estimate.box)
            print(f"frame {number}: {place}, on target with probability {estimate.probability:.2f}")
    spectrack.write_boxes(options.out, boxes)
    print(f"{len(boxes)} boxes in {options.out}, lost in {lost} frames by the tracker's own account")
    if sequence.truth is not None:
        print(f"mean overlap with the truth: {spectrack.iou(boxes, sequence.truth).mean():.2f}")


if __name__ == "__main__":
    main()
