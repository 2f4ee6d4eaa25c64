"""Published numbers of the HOT2020 test set, reproduced from the authors' released boxes (kept outside the repository)."""

import os
from pathlib import Path

import numpy as np
import pytest

from spectrack.evaluation import score
from spectrack.evaluation.attributes import per_attribute

SHARED = Path(os.environ.get("SPECTRACK_SHARED", Path(__file__).resolve().parents[2].parent / "shared"))
GOLDEN = SHARED / "data" / "hot2020_golden.npz"

pytestmark = pytest.mark.skipif(
    not GOLDEN.is_file(), reason=f"golden boxes not found at {GOLDEN}; set SPECTRACK_SHARED to the folder that holds data/"
)

ATTRIBUTES = {
    "BC": "board bus card coin coke drive forest forest2 fruit hand kangaroo paper toy1 toy2 worker",
    "DEF": "book excavator hand kangaroo player rubik pedestrian2",
    "FM": "basketball bus bus2 coke",
    "IV": "bus2 campus car3 pedestrain rider1 rider2 student toy2 pedestrian2 trucker",
    "IPR": "board book car car2 card coke drive excavator face face2 paper player rubik",
    "LR": "basketball bus car3 rider1 rider2 worker pedestrian2",
    "MB": "ball basketball face kangaroo",
    "OCC": "ball basketball board bus2 campus car car3 card excavator face2 forest forest2 fruit playground rider1 rider2 toy1 toy2 "
    "pedestrian2 trucker",
    "OPR": "board book car car2 coke drive excavator face face2 hand kangaroo player rubik toy2",
    "OV": "trucker",
    "SV": "ball board bus2 campus car car2 car3 coke drive excavator face face2 hand kangaroo pedestrain player playground rider1 rider2 "
    "student toy2 trucker worker",
}
SEE_NET_BY_ATTRIBUTE = {
    "BC": 0.705, "DEF": 0.710, "FM": 0.711, "IV": 0.566, "IPR": 0.742, "LR": 0.626, "MB": 0.702, "OCC": 0.622, "OPR": 0.729,
    "OV": 0.633, "SV": 0.649,
}  # fmt: skip


@pytest.fixture(scope="module")
def golden():
    with np.load(GOLDEN) as data:
        ends = np.cumsum(data["lengths"])[:-1]
        names = [str(name) for name in data["names"]]
        return {key: dict(zip(names, np.split(data[key], ends), strict=True)) for key in ("truth", "SEE-Net", "MHT")}


@pytest.mark.parametrize(
    ("tracker", "protocol", "auc", "dp20"),
    [
        ("SEE-Net", "hot", 0.6657, 0.9327),
        ("MHT", "hot", 0.5860, 0.8818),
        ("SEE-Net", "hotc2026", 0.6657, 0.9327),
        ("SEE-Net", "otb21", 0.6657, 0.9327),
        ("MHT", "otb21", 0.5872, 0.8819),
        ("MHT", "lasot", 0.5872, 0.8819),
    ],
)
def test_published_figures(golden, tracker, protocol, auc, dp20):
    scores = score(golden[tracker], golden["truth"], protocol)
    assert len(scores.sequences) == 35
    assert (round(scores.auc, 4), round(scores.dp20, 4)) == (auc, dp20)


@pytest.mark.parametrize(("tracker", "auc", "dp20", "overlap"), [("SEE-Net", 0.6519, 0.9105, 0.6751), ("MHT", 0.5794, 0.8670, 0.5947)])
def test_pooled_figures_and_mean_overlap(golden, tracker, auc, dp20, overlap):
    scores = score(golden[tracker], golden["truth"], "hot")
    assert (round(scores.frame_pooled.auc, 4), round(scores.frame_pooled.dp20, 4)) == (auc, dp20)
    assert round(scores.sequence_mean.average_overlap, 4) == overlap


@pytest.mark.parametrize(("tracker", "at_02", "mean"), [("SEE-Net", 0.828, 0.730), ("MHT", 0.728, 0.661)])
def test_normalised_precision(golden, tracker, at_02, mean):
    figures = score(golden[tracker], golden["truth"], "lasot").figures
    # The published 0.728 for MHT is 0.72747 here: given to three decimals, it was rounded up once too often.
    assert figures.normalised_precision_02 == pytest.approx(at_02, abs=0.0006)
    assert round(figures.normalised_precision, 3) == mean


def test_half_a_pixel_costs_what_was_measured(golden):
    shifted = {name: boxes + np.array([0.5, 0.5, 0, 0]) for name, boxes in golden["SEE-Net"].items()}
    assert round(score(shifted, golden["truth"]).auc, 4) == 0.6605


def test_attributes(golden):
    labels = {name: [key for key, members in ATTRIBUTES.items() if name in members.split()] for name in golden["truth"]}
    table = per_attribute(score(golden["SEE-Net"], golden["truth"]), labels)
    assert {key: round(group.figures.auc, 3) for key, group in table.items()} == SEE_NET_BY_ATTRIBUTE
    assert {key: group.sequences for key, group in table.items()} == {key: len(members.split()) for key, members in ATTRIBUTES.items()}
