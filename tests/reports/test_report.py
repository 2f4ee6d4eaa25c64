"""A whole report: the page is sound HTML that fetches nothing, its files are there, and what cannot be shown is
told.
"""

import csv
import dataclasses
import html.parser
import io
import re
from urllib.parse import unquote

import numpy as np
import pytest

from spectrack.errors import ConfigError, InputError
from spectrack.evaluation.comparison import compare
from spectrack.evaluation.options import ScoringOptions
from spectrack.evaluation.protocols import score
from spectrack.figure_files import save_figure
from spectrack.files import MANIFEST
from spectrack.plots import new_figure
from spectrack.reports.confidence import _draw_bins
from spectrack.reports.illustrations import plan_figures
from spectrack.reports.inline_svg import inline_svg
from spectrack.reports.options import ReportOptions
from spectrack.reports.report import write_report
from spectrack.reports.speed import draw_speed
from tests.fixtures.refusals import refuses

VOID = {"meta", "image", "rect", "use", "path", "br", "img", "input", "link"}


class Page(html.parser.HTMLParser):
    """Every element with its attributes, the text inside each kind, and faults of nesting."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.texts, self.stack, self.faults = [], {}, [], []
        self.feed(text)
        self.faults += [f"{tag} is not closed" for tag in self.stack]

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes), tuple(self.stack)))
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes), tuple(self.stack)))

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        if not self.stack or self.stack.pop() != tag:
            self.faults.append(f"{tag} closes another element")

    def handle_data(self, data):
        if self.stack:
            self.texts.setdefault(self.stack[-1], []).append(data)

    def all(self, *tags):
        return [attributes for tag, attributes, _ in self.elements if tag in tags]


@pytest.fixture(scope="module")
def written(two_runs, made, tmp_path_factory):
    options = ReportOptions(title='"><img src=x onerror=alert(1)> & more')
    return write_report(two_runs, tmp_path_factory.mktemp("report") / "out", options=options, pictures=made.picture)


@pytest.fixture(scope="module")
def text(written):
    return written.page.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(text):
    return Page(text)


def test_page_is_well_formed(page):
    assert page.faults == []
    identifiers = [about["id"] for _, about, _ in page.elements if "id" in about]
    assert len(identifiers) == len(set(identifiers)) > 20
    assert page.all("html")[0]["lang"] == "en"
    assert [tag for tag, _, _ in page.elements if tag in ("h1", "h2")][:3] == ["h1", "h2", "h2"]


def test_page_fetches_nothing(page, text):
    assert page.all("link", "iframe", "object", "embed", "base", "form") == []
    assert [about for about in page.all("script") if about] == []
    for tag, about, _ in page.elements:
        for name in ("src", "href", "xlink:href", "srcset", "action", "data", "poster"):
            value = about.get(name, "")
            assert re.match(r"$|#|data:image/|figures/|tables/", value), (tag, name, value[:60])
    assert not re.search(r"https?://|@import|url\((?!#)", text)
    policy = next(
        about["content"] for about in page.all("meta") if about.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy.startswith("default-src 'none'; img-src data:;")


def test_names_cannot_run_as_script(page):
    assert len(page.all("script")) == 1
    assert page.all("img") == []
    assert [about for _, about, _ in page.elements for name in about if name.startswith("on")] == []
    assert any("<script>alert('x')</script> & $b$" in words for words in page.texts["li"])
    assert page.texts["h1"] == ['"><img src=x onerror=alert(1)> & more']


def test_every_picture_is_described(page):
    known = {about["id"] for _, about, _ in page.elements if "id" in about}
    drawings = page.all("svg")
    assert len(drawings) > 15
    for about in drawings:
        assert about["role"] == "img"
        assert about["aria-labelledby"] in known
    titles = [about for tag, about, stack in page.elements if tag == "title" and "svg" in stack]
    assert len(titles) == len(drawings)
    assert any(
        "frame 0 in false colour; overlap with the truth: good_one 1.00" in words for words in page.texts["title"]
    )


def test_tables_are_accessible(page):
    assert len(page.all("table")) == len(page.all("caption")) == 8
    assert all(about.get("scope") in ("col", "row") for about in page.all("th"))
    assert all("tabindex" in about for about in page.all("div") if about.get("class") == "scroll")


def test_links_lead_somewhere(page, written):
    known = {about["id"] for _, about, _ in page.elements if "id" in about}
    targets = {about["href"] for about in page.all("a", "use")}
    inside = {target[1:] for target in targets if target.startswith("#")}
    assert {unquote(name) for name in inside} <= known
    assert {"sequence-car", "sequence-ball&mirror9"} <= {unquote(name) for name in inside}
    for target in targets - {f"#{name}" for name in inside}:
        assert (written.page.parent / unquote(target.split("#")[0])).is_file(), target
    assert any("spectra.pdf#page=1" in target for target in targets)


def test_numbers_on_the_page_are_the_boxes(page, made, two_runs):
    shown = " ".join(page.texts["td"] + page.texts["strong"])
    for run in two_runs:
        scores = score(
            {label: item.boxes for label, item in run.sequences.items()},
            {label: made.truth_of(label) for label in made.LABELS},
        )
        for item in scores.sequences:
            assert f"{item.figures.auc:.3f}" in shown
    best = score(
        {label: two_runs[0].sequences[label].boxes for label in made.LABELS},
        {label: made.truth_of(label) for label in made.LABELS},
    )
    assert any(f"good_one leads with an AUC of {best.auc:.3f}, " in words for words in page.texts["p"])


def test_files_beside_the_page(written, made):
    folder = written.page.parent
    assert sorted(path.name for path in folder.iterdir()) == ["figures", "report.html", MANIFEST, "tables"]
    stems = (
        "success",
        "precision",
        "normalised-precision",
        "attribute-radar",
        "attribute-bars",
        "confidence",
        "speed",
        "strips/car",
    )
    for stem in stems:
        assert (folder / "figures" / f"{stem}.pdf").read_bytes().startswith(b"%PDF"), stem
    drawings = list((folder / "figures").rglob("*.svg"))
    assert {path.stem for path in (folder / "figures" / "timelines").iterdir()} == {
        "ball&mirror9",
        "_under_scored",
        "car",
        "forest_2_",
    }
    for drawing in drawings:
        text = drawing.read_text(encoding="utf-8")
        scored = drawing.parent.name not in ("spectra", "bands")  # where scores have no part
        assert ("protocol hot" in text) == scored, drawing
        assert (f"good_one: weights {made.hash_of('good_one')[:8]}" in text) == scored, drawing
        # Names are text, and what is no name has no markup.
        assert not re.search(r"\\math|\\times|mathdefault", text), drawing
    assert (folder / "figures" / "timelines.pdf").read_bytes().count(b"/Type /Page ") == 4
    rows = list(csv.DictReader(io.StringIO((folder / "tables" / "summary.csv").read_text(encoding="utf-8"))))
    assert [float(row["AUC"]) for row in rows] == [entrant.scores.auc for entrant in written.comparison.entrants]
    assert {path.suffix for path in (folder / "tables").iterdir()} == {".csv", ".md", ".tex"}


def test_protocol_and_weights_are_said_once(page, text, made):
    assert sum("protocol hot" in words for words in page.texts["p"]) == 1
    drawings = re.findall(r'<svg class="plot".*?</svg>', text, re.DOTALL)
    assert not any("protocol hot" in drawing for drawing in drawings)


def test_abbreviations_are_explained_where_they_stand(page):
    explained = {about["title"] for about in page.all("abbr")}
    assert {"success score, the mean of the success curve", "occlusion"} <= explained
    assert "words" in [about.get("id") for about in page.all("section")]


def test_speeds_far_apart_are_numbers_on_the_axis(made, tmp_path):
    slow = made.run(tmp_path / "a", "slow", 0.1, milliseconds={"reading": np.full(made.FRAMES, 450.0)})
    fast = made.run(tmp_path / "b", "fast", 0.1, milliseconds={"reading": np.full(made.FRAMES, 4.0)})
    drawing = save_figure(draw_speed(compare([slow, fast])), tmp_path / "speed.svg")
    texts = re.findall(r"<text[^>]*>(.*?)</text>", drawing.read_text(encoding="utf-8"))
    assert {"10", "100"} <= set(texts)
    assert not [text for text in texts if "$" in text or "\\" in text]


def test_one_sequence_alone_is_told_under_the_bars(page):
    assert any("one sequence alone (BC, IV, SV)" in words for words in page.texts["figcaption"])


def test_a_curve_through_two_points_is_points():
    figure, axes = new_figure(2, 2)
    _draw_bins(axes, [0.1, 0.9], [0.2, 0.8], [9, 9], "two", 0)
    _draw_bins(axes, [0.1, 0.5, 0.9, 1.0], [0.2, 0.4, 0.8, 0.9], [9, 9, 9, 1], "three", 1)
    assert [line.get_linestyle() for line in axes.lines] == ["None", "-"]
    assert figure is axes.figure


def test_page_is_small(text):
    assert len(text.encode()) < 2**20


def test_page_follows_light_and_dark(text):
    assert "prefers-color-scheme: dark" in text
    assert "var(--ink)" in text
    inline = re.findall(r'<svg class="plot".*?</svg>', text, re.DOTALL)
    assert len(inline) > 8
    fixed = {
        colour
        for drawing in inline
        for style in re.findall(r'style="([^"]*)"', drawing)
        for colour in re.findall(r"#[0-9a-f]{6}", style)
    }
    assert fixed == set()


def test_what_is_missing_is_told(made, tmp_path):
    run = made.run(
        tmp_path / "run", "alone", 0.2, labels=["_under_scored"], info={}, milliseconds={}, score=None, lost=None
    )
    report = write_report([run], tmp_path / "out", remarks=["Said by the caller."])
    assert report.remarks == (
        "Said by the caller.",
        "Film strips are left out: the frames of the dataset were not at hand.",
        "Attributes are left out: no sequence names any.",
        "Band importance and spectra are left out: no run stored them.",
    )
    page = Page(report.page.read_text(encoding="utf-8"))
    assert page.faults == []
    assert all(remark in page.texts["li"] for remark in report.remarks)
    assert not (tmp_path / "out" / "figures" / "strips").exists()
    assert "speed" not in {path.stem for path in (tmp_path / "out" / "figures").iterdir()}
    assert "attributes" not in [about.get("id") for about in page.all("section")]


def test_pictures_that_fail_leave_only_their_strip_out(made, two_runs):
    def failing(label, index):
        if label == "car":
            raise InputError("expected a frame, found none; copy it")
        return made.picture(label, index)[..., 0] if label == "forest$2$" else made.picture(label, index)

    from spectrack.reports.strip_frames import film_strips

    comparison = compare(two_runs)
    strips, remarks = film_strips(comparison, comparison.highlights(2), failing)
    assert set(strips) == {"ball&mirror9", "_under_scored"}
    assert sorted(remark.split(":")[0] for remark in remarks) == [
        "The film strip of car is left out",
        "The film strip of forest$2$ is left out",
    ]


def test_highlights(made, two_runs):
    comparison = compare(two_runs)
    spread = {label: np.ptp(comparison.auc(label)) for label in comparison.labels}
    best, worst, different = comparison.highlights()
    assert (best.label, best.reason) == ("ball&mirror9", "best")
    assert (worst.label, worst.reason) == ("forest$2$", "worst")
    assert different.label == max(set(spread) - {best.label, worst.label}, key=spread.get)
    assert [item.reason for item in compare(two_runs[:1]).highlights()] == ["best", "worst"]
    assert [item.label for item in compare([made.run("d", "t", 0, labels=["car"])]).highlights(3)] == ["car"]
    assert comparison.highlights(0) == []
    with refuses(InputError, "--strips", "found -1"):
        comparison.highlights(-1)


@pytest.mark.parametrize(
    ("changes", "kinds"),
    [
        ({}, {"bands", "spectra"}),
        ({"band_importance": None}, {"spectra"}),
        ({"band_importance": np.zeros((0, 5))}, {"spectra"}),
        ({"band_importance": np.full((12, 5), np.nan)}, {"spectra"}),
        ({"target_spectrum": None}, {"bands"}),
        ({"target_spectrum": np.full((2, 5), np.nan)}, {"bands"}),
        ({"wavelengths_nm": None}, {"bands", "spectra"}),
        ({"wavelengths_nm": np.arange(3.0)}, {"bands", "spectra"}),
    ],
)
def test_evidence_that_is_there_is_drawn(made, tmp_path, changes, kinds):
    made.write_evidence(tmp_path, "car", **changes)
    comparison = compare([made.run(tmp_path, "t", 0.1, labels=["car"])])
    plans, _ = plan_figures(comparison, [], {})
    drawn = {plan.stem.split("/")[0]: plan.draw() for plan in plans if plan.stem.split("/")[0] in ("bands", "spectra")}
    assert set(drawn) == kinds
    for figure in drawn.values():
        label = {axes.get_ylabel() for axes in figure.axes} | {axes.get_xlabel() for axes in figure.axes}
        known = "wavelengths_nm" not in changes
        assert ("wavelength (nm)" in label) == known
        assert ("band (from 0)" in label) != known


def test_bands_are_shown_by_wavelength(made, tmp_path):
    importance = np.tile([1.0, 2, 3, 4, 5], (12, 1))
    made.write_evidence(tmp_path, "car", band_importance=importance)
    plans, _ = plan_figures(compare([made.run(tmp_path, "t", 0.1, labels=["car"])]), [], {})
    axes = next(plan.draw() for plan in plans if plan.stem.startswith("bands/")).axes[0]
    assert axes.get_images()[0].get_array()[:, 0].tolist() == [2, 4, 1, 5, 3]  # 500, 550, 600, 650, 700 nm
    assert [label.get_text() for label in axes.get_yticklabels()] == ["500", "550", "600", "650", "700"]


def test_damaged_evidence_is_told(made, tmp_path):
    (tmp_path / "evidence").mkdir()
    (tmp_path / "evidence" / "car.npz").write_bytes(b"PK\x03\x04 not a zip file")
    _, remarks = plan_figures(compare([made.run(tmp_path, "t", 0.1, labels=["car"])]), [], {})
    assert remarks[1].startswith("The evidence of t for car is left out: ")


def test_two_attributes_have_bars_but_no_radar(made):
    comparison = compare([made.run("d", "t", 0.1, labels=["ball&mirror9"])])
    plans, remarks = plan_figures(comparison, [], {})
    assert [plan.stem for plan in plans if plan.stem.startswith("attribute")] == ["attribute-bars"]
    assert remarks[0] == "The attribute radar is left out: it takes 3 attributes, and the sequences carry 2."


def test_protocol_without_precision_has_no_precision_curves(two_runs):
    comparison = compare(two_runs, options=ScoringOptions("got10k"))
    plans, _ = plan_figures(comparison, [], {})
    assert [plan.stem for plan in plans if plan.stem in ("success", "precision", "normalised-precision")] == ["success"]


def test_written_again_it_has_the_same_bytes_and_nothing_old(two_runs, tmp_path):
    runs = [dataclasses.replace(two_runs[0], sequences={"car": two_runs[0].sequences["car"]})]
    out = tmp_path / "out"
    write_report(runs, out)
    before = {path: path.read_bytes() for path in out.rglob("*.*") if path.name != MANIFEST}
    assert {path.suffix for path in before} == {".html", ".svg", ".pdf", ".csv", ".md", ".tex"}
    (out / "figures" / "mine.txt").write_text("mine")
    with refuses(ConfigError, "figures", "--overwrite"):
        write_report(runs, out)
    write_report([dataclasses.replace(runs[0], tracker="renamed")], out, options=ReportOptions(overwrite=True))
    write_report(runs, out, options=ReportOptions(overwrite=True))
    after = {path: path.read_bytes() for path in out.rglob("*.*") if path.name != MANIFEST}
    assert after.pop(out / "figures" / "mine.txt") == b"mine"
    assert after == before
    (out / "report.html").write_text("mine")
    with refuses(ConfigError, "report.html"):
        write_report(runs, out, options=ReportOptions(overwrite=True))
    assert (out / "report.html").read_text() == "mine"


def test_nothing_is_left_when_drawing_fails(two_runs, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise InputError("no")

    monkeypatch.setattr("spectrack.reports.illustrations.save_pages", fail)
    runs = [dataclasses.replace(two_runs[0], sequences={"car": two_runs[0].sequences["car"]})]
    with pytest.raises(InputError):
        write_report(runs, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_inline_svg_keeps_text_and_renames_what_it_refers_to():
    drawing = (
        '<?xml version="1.0"?><!DOCTYPE svg><svg xmlns="http://www.w3.org/2000/svg" width="10pt" viewBox="0 0 40 10">'
        '<metadata><a href="http://x"/></metadata><defs>\n<style type="text/css">*{stroke: red}</style>\n</defs>'
        '<defs><clipPath id="p1"><rect x="1.23456" y="2" width="3" height="4"/></clipPath></defs><g id="axes_1">'
        '<path d="M 1.00000 2.34567 L 3 4" clip-path="url(#p1)" style="stroke: #222222; fill: #e69f00"/>'
        "<text>#222222 and 1.23456</text></g></svg>\n"
    )
    text = inline_svg(drawing, prefix="f7", title='a "b" <c>')
    assert text.startswith(
        '<svg class="plot" style="min-width:30px" viewBox="0 0 40 10" role="img" aria-labelledby="f7-title">'
    )
    assert '<title id="f7-title">a &quot;b&quot; &lt;c&gt;</title>' in text
    assert 'id="f7-p1"' in text
    assert "url(#f7-p1)" in text
    assert "axes_1" not in text
    assert 'd="M 1 2.35 L 3 4"' in text
    assert "stroke: var(--ink); fill: var(--track-0)" in text
    assert "<text>#222222 and 1.23456</text>" in text
    assert "http" not in text
    assert "stroke: red" not in text
