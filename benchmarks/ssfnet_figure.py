"""Draw what SSF-Net sees on a TWIN sequence: false colour, spectral angle and scores of one search region.

    python benchmarks/ssfnet_figure.py --weights ssfnet-compact --out docs/methods/ssf-net-twins.png

The frame is, unless one is named, the first in which the score of the false-colour branch is higher on a twin than on
the target while the fused score is highest on the target; failing that, the one in which the angle tells most. The
search region is kept on the last truth.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from benchmark import new_parser
from twins import twin_frames

from spectrack import load_tracker, plots
from spectrack.false_colour import DEFAULT_RULE, apply_matrix, false_colour_matrix, to_display
from spectrack.figure_files import save_figure
from spectrack.grid import SEARCH_SIZE_PX, STRIDE_PX, grid_points_px
from spectrack.simulation.suite import open_suite_sequence
from spectrack.trackers.crop import Colouring, cut

TWIN_COLOUR = plots.TRACK_COLOURS[3]


def best_on(frame, key, sign=1.0):
    """Largest value of a map on the target and on its best twin."""
    values = sign * frame.evidence[key]
    return values[frame.target.points].max(), max(values[twin.points].max() for twin in frame.twins)


def choose(frames):
    """The first frame in which false colour fails and the fused prediction does not, else the one with the clearest
    angle.
    """
    frames = [frame for frame in frames if "angle" in frame.evidence]
    if not frames:
        raise SystemExit(
            "expected frames with target, twin and an angle map, found none; name another sequence or weights with SAAM"
        )
    for frame in frames:
        target, rival = best_on(frame, "rgb_scores")
        fused, fused_rival = best_on(frame, "scores")
        angle, rival_angle = best_on(frame, "angle", -1.0)
        if target < rival and fused > fused_rival and angle > rival_angle:
            return frame
    return max(frames, key=lambda frame: np.subtract(*best_on(frame, "angle", -1.0)))


def crop_of(sequence, frame):
    """(255, 255, 3) uint8: the search region as the false-colour branch sees it, brightened for the eye."""
    matrix = false_colour_matrix(DEFAULT_RULE, sequence.bands, wavelengths_nm=sequence.wavelengths_nm)
    window = frame.evidence["search_window"]
    fill = apply_matrix(sequence[frame.index][::8, ::8], matrix).mean(axis=(0, 1))
    return to_display(cut(sequence.frame(frame.index), window, SEARCH_SIZE_PX, Colouring(matrix), fill))


def draw(sequence, frame, path):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11.0, 3.3), layout="constrained", facecolor="white")
    panels = figure.subplots(1, 4)
    low, high = grid_points_px()[[0, -1]] + (-STRIDE_PX / 2, STRIDE_PX / 2)
    maps = (
        ("false colour", None, None, ""),
        ("RGB branch alone", "rgb_scores", "viridis", "score"),
        ("spectral angle", "angle", "viridis_r", "radians"),
        ("fused prediction", "scores", "viridis", "score"),
    )
    picture = crop_of(sequence, frame)
    for panel, (title, key, colours, unit) in zip(panels, maps, strict=True):
        panel.imshow(picture, extent=(0, SEARCH_SIZE_PX, SEARCH_SIZE_PX, 0), cmap=None)
        if key is not None:
            image = panel.imshow(
                frame.evidence[key], extent=(low, high, high, low), cmap=colours, interpolation="nearest"
            )
            figure.colorbar(image, ax=panel, shrink=0.75, label=unit)
        plots.draw_box(panel, frame.target.box, plots.TRUTH_COLOUR)
        for twin in frame.twins:
            plots.draw_box(panel, twin.box, TWIN_COLOUR)
        panel.set_title(title, fontsize=10, color=plots.TEXT_COLOUR)
        panel.set(xlim=(0, SEARCH_SIZE_PX), ylim=(SEARCH_SIZE_PX, 0), xticks=[], yticks=[])
    plots.draw_note(
        figure, f"{sequence.name}, frame {frame.index}: search region with the target (blue) and its twins (vermilion)"
    )
    save_figure(figure, path, dpi=110)


def arguments():
    parser = new_parser(__doc__, weights=True, out=".png, .svg or .pdf")
    parser.set_defaults(out=Path("docs/methods/ssf-net-twins.png"))
    parser.add_argument("--sequence", default="twin-crowd-vis16")
    parser.add_argument("--frame", type=int, help="number of the frame")
    return parser


def main():
    options = arguments().parse_args()
    sequence = open_suite_sequence(options.sequence)
    tracker = load_tracker("ssfnet", weights=options.weights, precision="fp32", device="cpu")
    frames = list(twin_frames(sequence, tracker, frames=None if options.frame is None else [options.frame]))
    frame = choose(frames)
    draw(sequence, frame, options.out)
    for name, key, sign in (("RGB branch", "rgb_scores", 1.0), ("angle", "angle", -1.0), ("fused", "scores", 1.0)):
        target, rival = (sign * value for value in best_on(frame, key, sign))
        print(f"frame {frame.index}, {name}: target {target:.3f}, best twin {rival:.3f}")


if __name__ == "__main__":
    main()
