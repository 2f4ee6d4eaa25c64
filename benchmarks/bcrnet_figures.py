"""Draw the pictures of docs/methods/bcr-net.md: a real W, the ranking of the bands over a video, and the composites of
a frame.

A simulated video of a camouflaged target that neither training nor suite has seen, tracked from its first box.
`bcr-net-matrix.png` has BIMM's W of a search crop beside the exact solution, `bcr-net-ranking.png` the composite of
every band in every frame and the bands' importance, `bcr-net-composites.png` the crop in false colour, its composites
with their weights, and the score map of every branch.

    python benchmarks/bcrnet_figures.py --weights FILE --out docs/methods
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from band_importance import FIRST_SEED, Cutter, composite_of_band
from benchmark import new_parser
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from PIL import Image

from spectrack.false_colour import apply_matrix, false_colour_matrix
from spectrack.figure_files import save_figure
from spectrack.files import write_atomically
from spectrack.grid import SEARCH_SIZE_PX
from spectrack.methods.bcrnet.self_expression import gram_matrix, reconstruction_error, solve_self_expression
from spectrack.plots import (
    QUIET_COLOUR,
    TEXT_COLOUR,
    TRUTH_COLOUR,
    draw_box,
    draw_image,
    evenly_spread,
    new_grid,
    style_plot,
)
from spectrack.simulation.video import simulate
from spectrack.trackers.base import track
from spectrack.trackers.loading import load_tracker

SEED = FIRST_SEED + 500
COMPOSITE_COLOURS = ("#E5E5E5", "#003366", "#0072B2", "#56B4E9", "#009E73", "#E69F00", "#D55E00", "#CC79A7", "#882255")
"""Left over, then the composites from the first on."""

LARGEST_FILE_KB = 150


def follow(tracker, video):
    """Evidence of every frame but the first."""
    return [estimate.evidence for estimate in list(track(video, tracker))[1:]]


def band_ticks(axis, wavelengths, most=8):
    chosen = list(evenly_spread(len(wavelengths), most))
    axis.set_ticks(chosen, [f"{wavelengths[place]:.0f}" for place in chosen])


def draw_matrices(crop, evidence, title):
    """BIMM's W of a crop beside the exact solution, bands by wavelength."""
    gram = gram_matrix(crop.double())
    exact = solve_self_expression(gram)
    own = torch.from_numpy(evidence["self_expression"]).double()[None]
    order = np.argsort(evidence["wavelengths_nm"])
    names = evidence["wavelengths_nm"][order]
    figure = Figure(figsize=(8.4, 4.4), layout="constrained", facecolor="white")
    plots = figure.subplots(1, 2)
    top = float(np.quantile(exact.numpy(), 0.995))
    for axes, matrix, name in zip(plots, (own, exact), ("BIMM", "exact solution of the crop"), strict=True):
        error = float(reconstruction_error(gram, matrix)[0])
        image = axes.imshow(
            matrix[0].numpy()[np.ix_(order, order)], cmap="cividis", vmin=0, vmax=top, interpolation="nearest"
        )
        style_plot(
            axes, title_size=10.5, title=f"{name}   error {error:.4f}", x_label="rebuilt from (nm)", y_label="band (nm)"
        )
        axes.grid(visible=False)
        band_ticks(axes.xaxis, names)
        band_ticks(axes.yaxis, names)
    bar = figure.colorbar(image, ax=list(plots), shrink=0.9, extend="max")
    bar.ax.tick_params(labelsize=8, color=QUIET_COLOUR, labelcolor=TEXT_COLOUR)
    bar.outline.set_visible(False)
    figure.suptitle(title, fontsize=9, color=QUIET_COLOUR, x=0.01, ha="left")
    return figure


def draw_ranking(found, title):
    """In which composite every band is in every frame, and below how important it is."""
    importance = np.stack([evidence["band_importance"] for evidence in found])
    places = np.stack([composite_of_band(torch.from_numpy(row)[None]) for row in importance])
    names = found[0]["wavelengths_nm"]
    order = np.argsort(names)
    figure = Figure(figsize=(8.4, 5.4), layout="constrained", facecolor="white")
    upper, lower = figure.subplots(2, 1, sharex=True)
    last = int(places.max())
    options = {
        "aspect": "auto",
        "origin": "lower",
        "interpolation": "nearest",
        "extent": (0.5, len(found) + 0.5, -0.5, len(names) - 0.5),
    }
    ranked = upper.imshow(
        places.T[order], cmap=ListedColormap(COMPOSITE_COLOURS[: last + 2]), vmin=-1.5, vmax=last + 0.5, **options
    )
    valued = lower.imshow(importance.T[order], cmap="cividis", **options)
    legend = figure.colorbar(ranked, ax=upper, ticks=range(-1, last + 1))
    legend.ax.set_yticklabels(["left over", *(f"composite {number + 1}" for number in range(last + 1))])
    for axes, bar, name in (
        (upper, legend, "composite of every band"),
        (lower, figure.colorbar(valued, ax=lower), "importance"),
    ):
        style_plot(
            axes, title_size=10.5, title=name, x_label="frame" if axes is lower else "", y_label="wavelength (nm)"
        )
        axes.grid(visible=False)
        band_ticks(axes.yaxis, names[order])
        bar.ax.tick_params(labelsize=8, color=QUIET_COLOUR, labelcolor=TEXT_COLOUR)
        bar.outline.set_visible(False)
    figure.suptitle(title, fontsize=9, color=QUIET_COLOUR, x=0.01, ha="left")
    return figure


def draw_composites(crop, evidence, target, title):
    """False colour and composites of a crop, each branch's score map below its composite.

    Args:
        crop: (1, bands, 255, 255) scaled.
        evidence: of the frame.
        target: true box in crop pixels.
        title: small print.
    """
    cube, names = crop[0].permute(1, 2, 0).numpy(), evidence["wavelengths_nm"]
    matrix = false_colour_matrix("thirds", cube.shape[2], wavelengths_nm=names)
    composites = evidence["composites"]
    figure, plots = new_grid(len(composites) + 1, 2, cell_in=(1.5, 1.5), head_in=0.62)
    bright = max(float(np.percentile(cube, 99.5)), 1e-6)
    colour = apply_matrix(cube, matrix)
    pictures = [
        colour / max(float(np.percentile(colour, 99.5)), 1e-6),
        *(cube[..., bands] / bright for bands in composites),
    ]
    heads = ["false colour"]
    for bands, weight in zip(composites, evidence["branch_weights"], strict=True):
        heads.append(f"w = {weight:.2f}\n" + ", ".join(f"{names[band]:.0f}" for band in bands) + " nm")
    for axes, picture, head in zip(plots[: len(pictures)], pictures, heads, strict=True):
        draw_image(axes, (255 * np.clip(picture, 0, 1)).astype(np.uint8))
        draw_box(axes, target, TRUTH_COLOUR, width=1.2)
        axes.set_title(head, fontsize=7.5, color=TEXT_COLOUR, pad=2)
    for axes, scores in zip(plots[len(pictures) :], [evidence["scores"], *evidence["branch_scores"]], strict=True):
        axes.imshow(scores, cmap="cividis", vmin=0, vmax=1, extent=(27.5, 227.5, 227.5, 27.5), interpolation="nearest")
        axes.set_xlim(0, SEARCH_SIZE_PX)
        axes.set_ylim(SEARCH_SIZE_PX, 0)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_visible(False)
    figure.text(0.01, 0.99, title, fontsize=8, color=QUIET_COLOUR, va="top")
    return figure


def arguments():
    parser = new_parser(__doc__, weights=True, out="folder for the pictures")
    parser.set_defaults(out=Path("docs/methods"))
    parser.add_argument("--scenario", default="cam-grass")
    parser.add_argument("--sensor", default="vis16")
    parser.add_argument("--frames", type=int, default=60)
    return parser


def main():
    options = arguments().parse_args()
    tracker = load_tracker("bcrnet", weights=options.weights, precision="fp32", device="cpu")
    video = simulate(options.scenario, options.sensor, frames=options.frames, seed=SEED)
    found = follow(tracker, video)
    middle = len(found) // 2
    evidence = found[middle]
    crop = Cutter(tracker.scaling, video)(middle + 1, evidence["search_window"], SEARCH_SIZE_PX)
    target = evidence["search_window"].to_crop(video.truth[middle + 1], SEARCH_SIZE_PX)
    weights = tracker.identity.get("file", "unnamed weights")
    note = f"{weights}, simulated {options.scenario}, {options.sensor}, seed {SEED}"
    note_of_frame = f"{note}, frame {middle + 1}"
    pictures = {
        "matrix": draw_matrices(crop, evidence, note_of_frame),
        "ranking": draw_ranking(found, note),
        "composites": draw_composites(
            crop, evidence, target, f"{note_of_frame}; below: fused score map, then each branch's"
        ),
    }
    for name, figure in pictures.items():
        path = save_figure(figure, options.out / f"bcr-net-{name}.png", dpi=100)
        with write_atomically(path) as smaller, Image.open(path) as picture:
            # A palette of 256 colours makes pictures of noisy crops three times smaller.
            picture.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(smaller, format="PNG", optimize=True)
        size = path.stat().st_size / 1000
        print(f"{path}: {size:.0f} kB" + (f", more than {LARGEST_FILE_KB} kB" if size > LARGEST_FILE_KB else ""))


if __name__ == "__main__":
    main()
