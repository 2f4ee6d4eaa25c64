"""Drawing primitives: palette, boxes, legends and notes, spread of frames."""

import itertools
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectrack.figure_files import save_figure
from spectrack.plots import (
    TRACK_COLOURS,
    TRUTH_COLOUR,
    draw_box,
    draw_curve,
    draw_image,
    draw_legend,
    draw_note,
    evenly_spread,
    new_figure,
    new_grid,
    new_panel,
    rgb,
    style_plot,
)

# Viénot, Brettel and Mollon 1999, on linear RGB: what people without red, green receptors see (blue left as it is).
DEUTERANOPIA = np.array([[0.29275, 0.70725, 0.0], [0.29275, 0.70725, 0.0], [-0.02234, 0.02234, 1.0]])
PROTANOPIA = np.array([[0.11238, 0.88762, 0.0], [0.11238, 0.88762, 0.0], [0.00401, -0.00401, 1.0]])


@pytest.mark.parametrize("seen_as", [np.eye(3), DEUTERANOPIA, PROTANOPIA])
def test_colours_stay_apart_for_colour_blind_readers(seen_as):
    colours = [
        np.clip(seen_as @ (np.array(rgb(colour)) / 255) ** 2.2, 0, 1) ** (1 / 2.2)
        for colour in (TRUTH_COLOUR, *TRACK_COLOURS)
    ]
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(colours, 2)) > 0.1
    # The two that share every picture must be far apart.
    assert np.linalg.norm(colours[0] - colours[1]) > 0.6


def test_boxes_lie_on_the_pixels_they_name(tmp_path):
    figure, (axes,) = new_grid(1, 1, cell_in=(1.0, 1.0), head_in=0.0, gap_in=0.0)
    draw_image(axes, np.zeros((10, 10, 3), np.uint8), interpolation="nearest")
    draw_box(axes, (2, 4, 5, 3), TRUTH_COLOUR)
    from matplotlib.image import imread

    picture = imread(save_figure(figure, tmp_path / "a.png", dpi=100))[..., :3]
    blue = np.abs(picture - np.array(rgb(TRUTH_COLOUR)) / 255).max(axis=2) < 0.2
    rows, columns = np.flatnonzero(blue.any(axis=1)), np.flatnonzero(blue.any(axis=0))
    # 100 pixels for 10: edges at 20, 70 (x) and 40, 70 (y), give or take half a line.
    assert np.allclose([columns[0], columns[-1], rows[0], rows[-1]], [20, 70, 40, 70], atol=2)


@given(st.integers(1, 500), st.integers(1, 20))
def test_spread_indices(count, wanted):
    chosen = evenly_spread(count, wanted)
    assert chosen == sorted(set(chosen))
    assert len(chosen) == min(count, wanted)
    assert chosen[0] == 0
    assert wanted == 1 or chosen[-1] == count - 1
    gaps = np.diff(chosen)
    assert len(gaps) == 0 or gaps.max() - gaps.min() <= 1


def test_importing_plots_does_not_import_matplotlib():
    code = (
        "import sys, spectrack.plots, spectrack.reports.overlay, spectrack.reports.strip_figures, "
        "spectrack.reports.curves; "
    )
    code += "print([name for name in ('matplotlib', 'av', 'PIL', 'cv2') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=None)
    assert "matplotlib" not in done.stdout
    assert "av'" not in done.stdout


def test_a_note_is_wrapped_at_the_figures_width():
    figure, _ = new_figure(3, 2)
    draw_note(figure, "word " * 40 + "\nlast")
    lines = figure.get_supxlabel().split("\n")
    assert lines[-1] == "last"
    assert len(lines) > 4
    assert max(len(line) for line in lines) < 50


@pytest.mark.parametrize("names", [["a", "b"], [f"a tracker with a long name {k}" for k in range(5)]])
def test_a_panel_grows_with_its_legend_and_note_and_keeps_the_plot(names):
    plain, _ = new_panel(4, 2, note="short")
    figure, axes = new_panel(4, 2, note="word " * 60, key=names)
    for index, name in enumerate(names):
        draw_curve(axes, [0, 1], [0, 1], label=name, index=index)
    style_plot(axes, title="t", x_label="x", y_label="y", key=names)
    assert figure.get_figheight() > plain.get_figheight()
    heights = [f.axes[0].get_position().height * f.get_figheight() for f in (plain, figure)]
    assert heights[0] == pytest.approx(heights[1])
    figure.draw_without_rendering()
    legend = axes.get_legend().get_window_extent()
    assert legend.y0 >= axes.get_window_extent().y1 - 1
    assert legend.x1 <= figure.bbox.x1
    assert axes.get_legend().get_texts()[0].get_text() == names[0]


def test_names_with_an_underscore_stay_in_the_legend():
    _, axes = new_figure(3, 2)
    draw_curve(axes, [0, 1], [0, 1], label="_mine")
    draw_legend(axes)
    assert [text.get_text().strip() for text in axes.get_legend().get_texts()] == ["_mine"]
