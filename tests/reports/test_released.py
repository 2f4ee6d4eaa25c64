"""Released boxes in the layouts that they are met in, what is left out of a leaderboard, and the published figures."""

import csv
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from spectrack.cli import main
from spectrack.errors import InputError, SequenceNotFoundError
from spectrack.evaluation.options import ScoringOptions
from spectrack.evaluation.tracked import TrackedRun, TrackedSequence
from spectrack.reports.published import published, published_trackers, trained_on
from spectrack.reports.released import find_truth, read_released, read_truth_of, under_names
from tests.fixtures.refusals import refuses

SHARED = Path(os.environ.get("SPECTRACK_SHARED", Path(__file__).resolve().parents[2].parent / "shared"))
GOLDEN = SHARED / "data" / "hot2020_golden.npz"
NAMES = ("ball", "coin", "pedestrain", "trucker")


def truth_of(name, frames=6):
    return np.array([[20.0 + 3 * NAMES.index(name) + i, 30.0, 12.0, 10.0] for i in range(frames)])


def moved(name, shift):
    return truth_of(name) + np.array([shift, 0, 0, 0])


def rows(boxes, separator="\t", end="\t\r\n"):
    """As SEE-Net's tools write them."""
    return "".join(separator.join(f"{value:g}" for value in row) + end for row in boxes)


def write_folder(folder, shift=0.0, name="{}.txt", names=NAMES, **how):
    folder.mkdir(parents=True, exist_ok=True)
    for sequence in names:
        file = folder / name.format(sequence)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(rows(moved(sequence, shift), **how), newline="")
    return folder


def write_archive(file, shift, name, names=NAMES, extra=()):
    file.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(file, "w") as archive:
        for sequence in names:
            archive.writestr(name.format(sequence), rows(moved(sequence, shift), ",", "\n"))
        for member, text in extra:
            archive.writestr(member, text)


@pytest.fixture
def root(tmp_path):
    """Six trackers: SEE-Net's tools, folders of a data set, and archives as three groups made them."""
    tools = tmp_path / "downloads" / "SEE-Net" / "plot-tools" / "plotRect" / "detection_res"
    write_folder(tools / "GT", name="{}_gt.txt")
    write_folder(tools / "MHT", 4)
    write_folder(tools / "BAE-Net", 2)
    sense = write_folder(tmp_path / "downloads" / "SENSE" / "tracking_results" / "hotc20test", 1, separator=",")
    write_folder(sense.parent / "hotc23val_nir", 0, names=("ball",))
    (sense.parent / "README.txt").write_text("Note: 35 sequences")
    other = [("__MACOSX/._ball.txt", "x"), ("results/nir-ball.txt", "1,2,3,4\n"), ("results/figure.png", "x")]
    write_archive(tmp_path / "downloads" / "SEE_Net_HOT2020_results.zip", 0, "results/vis-{}.txt", extra=other)
    both = tmp_path / "downloads" / "rect_results of SpectralTrack and SpectralTrack+.zip"
    write_archive(both, 3, "SpectralTrack/hotc2020/{}.txt")
    with zipfile.ZipFile(both, "a") as archive:
        for sequence in NAMES:
            found = rows(moved(sequence, 5), " ", "\n")
            archive.writestr(f"SpectralTrack+/hotc2020/{sequence}/{sequence}_001.txt", found)
    return tmp_path / "downloads"


@pytest.fixture
def truth():
    return {name: truth_of(name) for name in NAMES}


@pytest.fixture
def without_figures(monkeypatch):
    """Those of a report, which have tests of their own."""
    monkeypatch.setattr("spectrack.reports.report.draw_figures", lambda *_: {})


def test_every_layout_is_found_and_ranked(root, truth):
    released = read_released(root, truth, ScoringOptions())
    found = {run.tracker: float(run.sequences["coin"].boxes[0, 0] - truth["coin"][0, 0]) for run in released.runs}
    assert list(found) == ["SEE-Net", "SENSE", "BAE-Net", "SpectralTrack", "MHT", "SpectralTrack+"]
    assert list(found.values()) == [0, 1, 2, 3, 4, 5]
    assert all(list(run.sequences) == list(NAMES) for run in released.runs)
    told = "\n".join(released.remarks)
    assert "modality left out: vis-ball is ball, vis-coin is coin" in told
    assert "SENSE: 4 of 4 results start +1 px" not in told  # in x alone: no known habit


def test_truth_of_the_tools(root, truth):
    place = find_truth(root)
    assert place.name == "GT"
    found = read_truth_of(place, [*NAMES, "worker"])
    assert list(found) == list(NAMES)
    for name in NAMES:
        np.testing.assert_array_equal(found[name], truth[name])
    with refuses(InputError, "absent", "others"):
        read_truth_of(place, ["absent", "too"])


def test_what_is_left_out_is_named(root, truth):
    write_folder(root / "short", 0, names=NAMES[:3])
    lengths = write_folder(root / "lengths", 0)
    (lengths / "coin.txt").write_text(rows(truth_of("coin", 5)))
    (root / "damaged.zip").write_bytes(b"PK\x03\x04 no archive")
    released = read_released(root, truth, ScoringOptions())
    assert len(released.runs) == 6
    left = [remark for remark in released.remarks if remark.startswith("Left out")]
    assert [remark.split()[2] for remark in left] == ["lengths", "short", "damaged.zip"]
    assert "coin" in left[0]
    assert "1 of 4 sequences: trucker)." in left[1]
    with refuses(SequenceNotFoundError, "4 of 8 sequences: s0, s1", "s2 and 1 more"):
        read_released(root, truth | {f"s{number}": truth["ball"] for number in range(4)}, ScoringOptions())
    # The rules of scoring decide: a missing box may count as a miss.
    assert "lengths" in [run.tracker for run in read_released(root, truth, ScoringOptions(missing="miss")).runs]


def test_repositories_as_they_are_downloaded(tmp_path, truth):
    """PHTrack's has its times and its boxes twice, HGETtrack's a workspace, SSF-Net's an archive of another kind."""
    boxes = write_folder(tmp_path / "PHTrack-master" / "tracking results" / "rect_result", 1)
    write_folder(tmp_path / "PHTrack-master" / "tracking_results" / "hotc20test", 1)
    for name in NAMES:
        (boxes.parent / "fps").mkdir(exist_ok=True)
        (boxes.parent / "fps" / f"{name}.txt").write_text("31.2")
    write_folder(tmp_path / "HGETtrack-main" / "RGBT_workspace" / "results" / "challenge2023" / "result1", 2)
    write_archive(tmp_path / "SEE-Net" / "code" / "SEE-Net-VIS-16bands" / "results.zip", 3, "{}.txt")
    write_folder(tmp_path / "SEE-Net" / "plot-tools" / "detection_res" / "SEE-Net", 3)
    (tmp_path / "hot2020.rar").write_bytes(b"Rar!")
    released = read_released(tmp_path, truth, ScoringOptions())
    assert [run.tracker for run in released.runs] == ["PHTrack", "HGETtrack", "SEE-Net"]
    told = "\n".join(released.remarks)
    assert "hot2020.rar (expected a folder or a .zip file, found .rar; unpack it)" in told
    assert "rect_result and PHTrack-master/tracking_results/hotc20test; they are shown once" in told
    assert "SEE-Net: the same boxes lie in" in told
    assert "fps" in told


def test_an_own_run_goes_by_the_names_of_the_data_set():
    labels = {"test-HSI-VIS-ball": 1, "test-HSI-VIS-pedestrian": 2, "test-HSI-NIR-coin": 3, "train-other": 4}
    run = TrackedRun(
        Path(), "mine", {label: TrackedSequence(label, truth_of("ball") + n) for label, n in labels.items()}
    )
    found = under_names(run, NAMES)
    assert {name: item.label for name, item in found.sequences.items()} == {"ball": "ball", "pedestrain": "pedestrain"}
    assert found.sequences["pedestrain"].boxes[0, 0] == truth_of("ball")[0, 0] + 2
    assert found.tracker == "mine"


def test_nothing_there(tmp_path, truth):
    for read in (find_truth, lambda root: read_released(root, truth, ScoringOptions())):
        with refuses(SequenceNotFoundError, "absent", "no such folder"):
            read(tmp_path / "absent")
    (tmp_path / "notes.txt").write_text("nothing")
    with refuses(SequenceNotFoundError, "4 sequences", str(tmp_path)):
        read_released(tmp_path, truth, ScoringOptions())
    with refuses(InputError, "--truth"):
        find_truth(tmp_path)


def test_what_trackers_were_trained_on_names_its_source():
    known = published_trackers()
    assert {"seenet", "mht", "sense", "spectraltrack+"} <= set(known)
    assert all(item.trained_on and item.source for item in known.values())
    see_net = TrackedRun(Path(), "SEE_Net", {})
    assert published(see_net).name == "SEE-Net"
    assert trained_on(see_net) == known["seenet"].trained_on
    assert trained_on(TrackedRun(Path(), "somebody's", {})) is None
    own = {"tracker": {"weights": {"recipe": "siamban-lite"}}}
    assert "siamban-lite" in trained_on(TrackedRun(Path(), "SEE-Net", {}, own))  # a run of ours under that name


def test_the_command(root, tmp_path, capsys, without_figures):
    words = ["leaderboard", "--root", str(root), "--out", str(tmp_path / "board")]
    assert main(words) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert "No truth of 31 of the 35 sequences of hotc2020" in printed.out
    assert "nothing: features made by hand" in printed.out
    page = (tmp_path / "board" / "report.html").read_text()
    assert "github.com/YZCU/SENSE" in page
    with (tmp_path / "board" / "tables" / "summary.csv").open() as file:
        summary = {row["tracker"]: row for row in csv.DictReader(file)}
    assert next(iter(summary)) == "SEE-Net"
    assert float(summary["SEE-Net"]["AUC"]) == 1
    assert summary["MHT"]["trained on"].startswith("nothing")
    attributes = (tmp_path / "board" / "tables" / "attributes.csv").read_text()
    assert "MB,1," in attributes  # ball alone
    assert main(words) == 2
    assert "board" in capsys.readouterr().err


@pytest.mark.skipif(
    not GOLDEN.is_file(),
    reason=f"golden boxes not found at {GOLDEN}; set SPECTRACK_SHARED to the folder that holds data/",
)
def test_published_figures(tmp_path, without_figures):
    """The authors' boxes in the folders of their tools give the figures that their file names state."""
    with np.load(GOLDEN) as data:
        ends = np.cumsum(data["lengths"])[:-1]
        boxes = {key: np.split(data[key], ends) for key in ("truth", "SEE-Net", "MHT")}
        names = [str(name) for name in data["names"]]
    for key, all_boxes in boxes.items():
        folder = tmp_path / "detection_res" / ("GT" if key == "truth" else key)
        folder.mkdir(parents=True)
        for name, found in zip(names, all_boxes, strict=True):
            stem = f"{name}_gt" if key == "truth" else name
            np.savetxt(folder / f"{stem}.txt", found, fmt="%.10g", delimiter="\t", newline="\t\r\n")
    assert main(["leaderboard", "--root", str(tmp_path), "--out", str(tmp_path / "board")]) == 0
    tables = {}
    for stem in ("summary", "attributes", "sizes"):
        with (tmp_path / "board" / "tables" / f"{stem}.csv").open() as file:
            tables[stem] = list(csv.DictReader(file))
    figures = [
        (row["tracker"], round(float(row["AUC"]), 4), round(float(row["DP@20"]), 4)) for row in tables["summary"]
    ]
    assert figures == [("SEE-Net", 0.6657, 0.9327), ("MHT", 0.5860, 0.8818)]
    page = (Path(__file__).resolve().parents[2] / "docs" / "leaderboard.md").read_text(encoding="utf-8")
    for stem in ("summary", "sizes"):
        for line in (tmp_path / "board" / "tables" / f"{stem}.md").read_text(encoding="utf-8").splitlines()[4:]:
            assert "|".join(line.split("|")[:5]) in page, f"docs/leaderboard.md: {line}"
    by_attribute = {row["attribute"]: round(float(row["SEE-Net AUC"]), 3) for row in tables["attributes"]}
    assert (by_attribute["BC"], by_attribute["SV"]) == (0.705, 0.649)
    assert [(row["target"], int(row["sequences"])) for row in tables["sizes"]] == [
        ("small", 7), ("medium", 17), ("large", 11),
    ]  # fmt: skip
