"""Figures as files: the same twice, whole or not at all, whatever the names in them."""

import xml.etree.ElementTree as ElementTree

import pytest

from spectrack import figure_files
from spectrack.errors import ConfigError
from spectrack.figure_files import save_figure, save_pages
from spectrack.plots import draw_curve, draw_legend, new_figure, style_plot
from spectrack.signs import visible
from tests.fixtures.refusals import refuses


def example():
    figure, axes = new_figure(3, 2)
    draw_curve(axes, [0, 1], [1, 0], label="one")
    style_plot(axes, title="Title", x_label="distance (px)", y_label="share")
    draw_legend(axes)
    return figure


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_the_same_figure_gives_the_same_bytes(tmp_path, suffix):
    first, second = (save_figure(example(), tmp_path / f"{name}{suffix}").read_bytes() for name in "ab")
    assert first == second
    assert len(first) > 1000


def test_other_suffixes_are_refused(tmp_path):
    with refuses(ConfigError, ".png, .svg, .pdf", "'a.bmp'"):
        save_figure(example(), tmp_path / "a.bmp")
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_figure_leaves_the_old_file(tmp_path, monkeypatch):
    target = tmp_path / "a.png"
    target.write_bytes(b"old")
    figure = example()

    def fail(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(figure, "savefig", fail)
    with pytest.raises(KeyboardInterrupt):
        save_figure(figure, target)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a.png", b"old")]


def test_pages_of_one_pdf(tmp_path):
    path = tmp_path / "book.pdf"
    for _ in range(2):
        before = path.read_bytes() if path.exists() else None
        with save_pages(path) as add:
            for _ in range(3):
                add(example())
    assert path.read_bytes() == before
    assert before.count(b"/Type /Page ") == 3
    with pytest.raises(AttributeError), save_pages(tmp_path / "other.pdf") as add:
        add(None)
    assert [file.name for file in tmp_path.iterdir()] == ["book.pdf"]


HOSTILE = ["a\x1b[31m\x00b\x07", "$\\frac$ and $x", "<b>&\"'", "\udcff bytes", "\ufffe", "球 мяч كرة"]


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("suffix", [".svg", ".png", ".pdf"])
@pytest.mark.filterwarnings("error")
def test_any_name_can_be_drawn(tmp_path, name, suffix):
    figure, axes = new_figure(3, 2)
    draw_curve(axes, [0, 1], [1, 0], label=name)
    axes.set_xticks([0], [name])
    style_plot(axes, title=name, x_label="x", y_label="y")
    draw_legend(axes)
    path = save_figure(figure, tmp_path / f"a{suffix}")
    if suffix == ".svg":
        words = ElementTree.parse(path).getroot().itertext()
        assert sum(visible(name) in word for word in words) >= 3
    if suffix == ".pdf":
        with save_pages(tmp_path / "b.pdf") as save:
            save(figure)


def test_letters_without_a_glyph_are_told_once(tmp_path, caplog, recwarn, monkeypatch):
    monkeypatch.setattr(figure_files, "_fonts_of_other_scripts", lambda: ())
    figure_files._tell_of_boxes.cache_clear()
    for name in ("球球球", "車"):
        figure, axes = new_figure(3, 2)
        style_plot(axes, title=name, x_label="x", y_label="y")
        save_figure(figure, tmp_path / f"{name}.png")
    assert len(caplog.records) == 1
    assert not [warning for warning in recwarn if "Glyph" in str(warning.message)]
