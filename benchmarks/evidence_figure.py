"""Draw what each detector makes of a camouflaged target, learnt on the first frame alone.

    python benchmarks/evidence_figure.py --out docs/evidence-maps.png

Under each map: how far the detector trusts itself on this target, 0 to 1.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from benchmark import new_parser

from spectrack import fit_detector, plots
from spectrack.evidence.detectors import DETECTORS
from spectrack.false_colour import DEFAULT_RULE, apply_matrix, false_colour_matrix, to_display
from spectrack.figure_files import save_figure
from spectrack.simulation.suite import open_suite_sequence

MARGIN = 45
"""Pixels shown around the true box."""


def draw(sequence, index, path):
    """Write the figure; returns the detectors by name."""
    from matplotlib.figure import Figure

    detectors = {
        name: fit_detector(name, sequence[0], sequence.truth[0], wavelengths_nm=sequence.wavelengths_nm)
        for name in DETECTORS
    }
    x, y, w, h = np.rint(sequence.truth[index]).astype(int)
    top, left = max(y - MARGIN, 0), max(x - MARGIN, 0)
    cube = sequence[index][top : y + h + MARGIN, left : x + w + MARGIN]
    box = x - left, y - top, w, h
    figure = Figure(figsize=(11.0, 2.6), layout="constrained", facecolor="white")
    panels = figure.subplots(1, 1 + len(detectors))
    matrix = false_colour_matrix(DEFAULT_RULE, sequence.bands, wavelengths_nm=sequence.wavelengths_nm)
    plots.draw_image(panels[0], to_display(apply_matrix(cube, matrix)))
    panels[0].set_title("false colour", fontsize=10, color=plots.TEXT_COLOUR)
    for panel, (name, detector) in zip(panels[1:], detectors.items(), strict=True):
        scores = detector.map(cube)
        low, high = np.percentile(scores, (2, 98))
        panel.imshow(scores, extent=(0, cube.shape[1], cube.shape[0], 0), cmap="viridis", vmin=low, vmax=high)
        panel.set(xticks=[], yticks=[])
        panel.set_title(name.replace("_", " "), fontsize=10, color=plots.TEXT_COLOUR)
        panel.set_xlabel(f"trust {detector.trust:.2f}", fontsize=10, color=plots.TEXT_COLOUR)
    for panel in panels:
        plots.draw_box(panel, box, plots.TRUTH_COLOUR, width=1.0)
    plots.draw_note(
        figure,
        f"{sequence.name}, frame {index}, learnt on frame 0: brighter is more like the target; the box is the truth",
    )
    save_figure(figure, path, dpi=80)
    return detectors


def arguments():
    parser = new_parser(__doc__, out=".png, .svg or .pdf")
    parser.set_defaults(out=Path("docs/evidence-maps.png"))
    parser.add_argument("--sequence", default="cam-grass-vis16")
    parser.add_argument("--frame", type=int, default=20, help="number of the frame")
    return parser


def main():
    options = arguments().parse_args()
    for name, detector in draw(open_suite_sequence(options.sequence), options.frame, options.out).items():
        print(f"{name}: trust {detector.trust:.2f}, threshold {detector.threshold:.3g}")


if __name__ == "__main__":
    main()
