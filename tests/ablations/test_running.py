"""An ablation from rows to tables: inference rows of BCR-Net, retrained rows of SiamBAN, resuming, and what is
refused.
"""

import json

import numpy as np
import pytest

from spectrack.ablations import running
from spectrack.ablations.options import AblationOptions
from spectrack.ablations.running import run_ablation
from spectrack.ablations.writing import ablation_terms
from spectrack.errors import ConfigError, SequenceError, WeightsError
from spectrack.files import claim_folder
from spectrack.runs.entries import SequenceEntry
from spectrack.sequences.memory import MemorySequence
from spectrack.trackers.options import NetworkOptions
from tests.fixtures.refusals import refuses

pytestmark = pytest.mark.usefixtures("with_random_weights")

ROWS = "random-uniform,bimm,map-uniform"

TRAINED = """
method = "siamban"
budget = 0.5
[recipes]
compact = "{recipe}"
[[groups]]
name = "rates"
title = "Learning rate"
question = "Does it matter?"
[[groups]]
name = "worse"
title = "Worse video"
question = "Does it matter there?"
[[rows]]
name = "usual"
group = "rates"
kind = "retrained"
shows = "the recipe's"
[[rows]]
name = "higher"
group = "rates"
kind = "retrained"
reference = "usual"
overrides = {{ "optimiser.learning_rate" = 0.01 }}
shows = "five times as much"
[[rows]]
name = "usual-dark"
group = "worse"
kind = "inference"
weights_of = "usual"
degradations = ["low-light-3"]
shows = "the usual one in the dark"
[[rows]]
name = "higher-dark"
group = "worse"
kind = "inference"
reference = "usual-dark"
weights_of = "higher"
degradations = ["low-light-3"]
shows = "the other one in the dark"
[[rows]]
name = "nir"
group = "worse"
kind = "retrained"
bands = 25
note = "made for another camera"
shows = "another camera only"
"""


@pytest.fixture
def entries(make):
    return [make.clip(1, frames=3), make.clip(2, "twin-crossing", frames=3, attributes=("TWIN",))]


@pytest.fixture
def ablate(entries, bcrnet_weights, tmp_path):
    """Run rows of BCR-Net into a folder of this test."""

    def start(rows=ROWS, method="bcrnet", chosen=entries, progress=None, of_all=None, **options):
        given = {
            "rows": tuple(rows.split(",")),
            "weights": bcrnet_weights,
            "network": NetworkOptions(precision="fp32", device="cpu"),
            "only": ("CAM", "TWIN"),
        } | options
        about = {"given": of_all, "options": AblationOptions(**given), "progress": progress}
        return run_ablation(method, chosen, tmp_path / "out", **about)

    return start


@pytest.fixture
def trained_rows(make, tmp_path):
    (tmp_path / "tiny.toml").write_text(make.recipe)
    (tmp_path / "rows.toml").write_text(TRAINED.format(recipe=tmp_path / "tiny.toml"))
    return tmp_path / "rows.toml"


def record_of(result):
    return json.loads((result.directory / "ablation.json").read_text())


def test_inference_rows_from_weights_to_tables(ablate):
    seen = []
    result = ablate(progress=lambda what, done, total, note: seen.append((what, done, total, note)))
    assert list(result.results) == ["shipped", "bimm", "random-uniform", "map-uniform"]  # in the table's order
    record = record_of(result)
    assert record["missing"] == []
    assert [item["row"]["name"] for item in record["rows"]] == list(result.results)
    assert record["plan"]["only"] == ["CAM", "TWIN"]
    assert record["plan"]["weights"]["file"] == "bcrnet-tiny.safetensors"
    by_name = {item["row"]["name"]: item for item in record["rows"]}

    # Rows that mean the same share a run, and so their difference is nothing at all.
    runs = {name: [tracker["run"] for tracker in item["trackers"]] for name, item in by_name.items()}
    assert runs["bimm"] == runs["shipped"]
    assert by_name["bimm"]["selections"]["all"]["difference"]["estimate"] == 0
    assert len({run for row in runs.values() for run in row}) == 5
    assert sorted(place.name for place in (result.directory / "runs").iterdir()) == sorted(
        {run[5:] for row in runs.values() for run in row}
    )
    assert all(
        tracker["weights"]["hash"] == record["plan"]["weights"]["hash"]
        for item in record["rows"]
        for tracker in item["trackers"]
    )

    # Everything printed can be recomputed from the runs.
    shuffled = by_name["random-uniform"]
    assert [tracker["options"] for tracker in shuffled["trackers"]] == [{"seed": 0}, {"seed": 1}, {"seed": 2}]
    stored = [json.loads((result.directory / run / "scores.json").read_text()) for run in runs["random-uniform"]]
    for place, label in enumerate(("clip1", "clip2")):
        assert shuffled["sequences"][label] == pytest.approx(
            np.mean([item["sequences"][place]["figures"]["auc"] for item in stored])
        )
    assert shuffled["spread_over_trackers"] == pytest.approx(
        np.std([item["sequence_mean"]["auc"] for item in stored], ddof=1)
    )
    base = by_name["shipped"]["sequences"]
    for selection, labels in (("all", ("clip1", "clip2")), ("CAM", ("clip1",)), ("TWIN", ("clip2",))):
        difference = np.mean([shuffled["sequences"][label] - base[label] for label in labels])
        assert shuffled["selections"][selection]["difference"]["estimate"] == pytest.approx(difference)
    assert {what for what, *_ in seen} == {
        f"row {number} of 4, {name}" for number, name in enumerate(result.results, start=1)
    } - {"row 2 of 4, bimm"}
    assert seen[0][1:] == (1, 2, "tracked clip1")
    page = (result.directory / "ablation.md").read_text()
    assert "## Grouping of bands, same weights" in page
    assert "| random-uniform | inference only | 2 |" in page


def test_what_is_given_holds_in_rows_that_do_not_vary_it(ablate):
    result = ablate(
        "bimm,map-uniform,box-uniform", of_all={"size_rate": 0.11, "branch_weights": "uniform", "fusion": "box"}
    )
    described = {}
    for name, found in result.results.items():
        (run,) = {tracker["run"] for tracker in found.trackers}
        described[name] = json.loads((result.directory / run / "plan.json").read_text())["tracker"]
    assert {one["options"]["size_rate"] for one in described.values()} == {0.11}
    assert described["map-uniform"]["options"]["fusion"] == "map"
    assert described["shipped"]["options"]["fusion"] == "box"
    assert described["shipped"]["network"]["branch_weights"] == "uniform"
    assert record_of(result)["plan"]["given"] == {"size_rate": 0.11, "branch_weights": "uniform", "fusion": "box"}
    with refuses(ConfigError, "given"):
        ablate("bimm")


def test_retrained_rows_share_seeds_weights_and_trainings(ablate, trained_rows):
    result = ablate("usual,higher,usual-dark,higher-dark,nir", trained_rows, seeds=(1, 2), weights=None)
    record = {item["row"]["name"]: item for item in record_of(result)["rows"]}
    for name in ("usual", "higher", "usual-dark@low-light-3", "higher-dark@low-light-3"):
        assert [tracker["seed"] for tracker in record[name]["trackers"]] == [1, 2]
        # Half of the recipe's 24 pairs.
        assert {key: record[name]["training"][key] for key in ("pairs", "steps", "seeds")} == {
            "pairs": 12,
            "steps": 6,
            "seeds": [1, 2],
        }
        assert [machine.rsplit(", ", 1)[1] for machine in record[name]["training"]["machines"]] == ["fp32"]
    hashes = {name: [tracker["weights"]["hash"] for tracker in item["trackers"]] for name, item in record.items()}
    assert hashes["usual-dark@low-light-3"] == hashes["usual"]
    assert hashes["higher-dark@low-light-3"] == hashes["higher"]
    assert len({*hashes["usual"], *hashes["higher"]}) == 4
    assert len(list((result.directory / "training").iterdir())) == 4
    assert record["higher-dark@low-light-3"]["row"]["reference"] == "usual-dark@low-light-3"
    assert record["higher-dark@low-light-3"]["selections"]["all"]["difference"] is not None
    assert record["usual"]["sequences"] != record["usual-dark@low-light-3"]["sequences"]
    assert record["nir"]["left_out"] == "tracks 25 bands only, which none of the sequences has: made for another camera"
    page = (result.directory / "ablation.md").read_text()
    assert "retrained rows: 12 pairs (6 steps) by" in page
    assert "| usual-dark@low-light-3 | of usual | 2 |" in page
    assert "* `nir` left out: tracks 25 bands only" in page


def test_an_interrupted_table_says_what_is_missing_and_goes_on(ablate, tmp_path, monkeypatch):
    whole, calls = running.run, []

    def second_fails(*arguments, **options):
        calls.append(arguments[2])
        if len(calls) == 2:
            raise KeyboardInterrupt
        return whole(*arguments, **options)

    monkeypatch.setattr(running, "run", second_fails)
    with pytest.raises(KeyboardInterrupt):
        ablate("map-uniform,box-uniform")
    record = json.loads((tmp_path / "out" / "ablation.json").read_text())
    assert [item["row"]["name"] for item in record["rows"]] == ["shipped"]
    assert record["missing"] == ["map-uniform", "box-uniform"]
    assert "Not measured yet: `map-uniform`, `box-uniform`." in (tmp_path / "out" / "ablation.md").read_text()

    monkeypatch.setattr(running, "run", whole)
    seen = []
    resumed = ablate("map-uniform,box-uniform", progress=lambda *now: seen.append(now[0]))
    # The finished run is not tracked again: nothing is told of it.
    assert set(seen) == {"row 2 of 3, map-uniform", "row 3 of 3, box-uniform"}
    assert record_of(resumed)["missing"] == []


def test_further_rows_are_added_to_the_table(ablate, tmp_path):
    first = ablate("map-uniform")
    figures = record_of(first)["rows"][1]
    second = ablate("box-uniform")
    assert list(second.results) == ["shipped", "box-uniform"]
    rows = record_of(second)["rows"]
    assert [item["row"]["name"] for item in rows] == ["shipped", "map-uniform", "box-uniform"]
    assert rows[1] == figures
    # A row that is written otherwise now is not the one that was measured.
    text = (tmp_path / "out" / "ablation.json").read_text().replace("mean of the maps", "mean of some maps")
    with claim_folder(tmp_path / "out", ablation_terms()) as claim:
        claim.write_text("ablation.json", text)
    assert [item["row"]["name"] for item in record_of(ablate("box-uniform"))["rows"]] == ["shipped", "box-uniform"]


def test_other_settings_need_another_folder_or_overwrite(ablate, tmp_path):
    ablate("map-uniform")
    before = (tmp_path / "out" / "ablation.json").read_bytes()
    with refuses(ConfigError, "frames 2", "null", "--overwrite"):
        ablate("map-uniform", frames=2)
    assert (tmp_path / "out" / "ablation.json").read_bytes() == before
    result = ablate("map-uniform", frames=2, overwrite=True)
    assert record_of(result)["plan"]["frames"] == 2
    run = result.directory / record_of(result)["rows"][0]["trackers"][0]["run"]
    assert [item["frames"] for item in json.loads((run / "run.json").read_text())["sequences"]] == [2, 2]
    assert len(list((result.directory / "runs").iterdir())) == 4


def test_a_run_is_the_same_with_kept_frames(ablate, tmp_path, entries):
    ablate("map-uniform", chosen=entries[:1], only=())
    boxes = {
        path.parent.parent.name: path.read_bytes() for path in (tmp_path / "out" / "runs").glob("*/boxes/clip1.txt")
    }
    (tmp_path / "out" / "runs").rename(tmp_path / "before")
    ablate("map-uniform", chosen=entries[:1], only=(), keep_frames=True, cache=tmp_path / "cache")
    assert len(list((tmp_path / "cache" / "frames").glob("clip1-3-*/frames.npy"))) == 1
    assert {
        path.parent.parent.name: path.read_bytes() for path in (tmp_path / "out" / "runs").glob("*/boxes/clip1.txt")
    } == boxes


def test_failures_of_a_tracker_are_told_and_counted(ablate, make):
    few = MemorySequence(
        np.random.default_rng(0).integers(0, 900, (3, 64, 96, 9), np.uint16),
        name="nine",
        truth=np.tile((30, 20, 16, 16), (3, 1)),
    )
    result = ablate("selection-fixed", chosen=[SequenceEntry.of(few)], only=())
    (line,) = result.failures
    assert all(fact in line for fact in ("selection-fixed", "nine", "frame 0", "InputError", "fixed_bands"))
    assert result.results["selection-fixed"].sequences["nine"] < result.results["shipped"].sequences["nine"]
    assert "* `selection-fixed` failed on nine, frame 0" in (result.directory / "ablation.md").read_text()


@pytest.mark.parametrize(
    ("change", "error", "facts"),
    [
        ({"rows": "bim"}, ConfigError, ("'bim'", "did you mean 'bimm'")),
        ({"only": ("CAMM",)}, ConfigError, ("'CAMM'", "did you mean 'CAM'")),
        ({"method": "bcrnt"}, ConfigError, ("'bcrnt'", "did you mean 'bcrnet'")),
        ({"weights": "bcrnet-none"}, WeightsError, ("'bcrnet-none'", "did you mean 'bcrnet-lite'")),
        ({"weights": "siamban-compact"}, WeightsError, ("bcrnet", "siamban", "siamban-compact.safetensors")),
        ({"protocol": "hott"}, ConfigError, ("'hott'", "did you mean 'hot'")),
        (
            {"network": NetworkOptions(precision="fp8", device="cpu")},
            ConfigError,
            ("'fp8'", "bf16 or int8"),
        ),
        ({"jobs": 0}, ConfigError, ("job", "found 0", "-1")),
        ({"chosen": [], "only": ()}, ConfigError, ("sequence", "none")),
    ],
)
def test_what_is_refused_leaves_nothing_behind(ablate, tmp_path, change, error, facts):
    with refuses(error, facts):
        ablate(**{"rows": "bimm"} | change)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("values", "facts"),
    [
        ({"seeds": ()}, ("seeds", "[]")),
        ({"seeds": (1, 1)}, ("seeds", "[1, 1]")),
        ({"seeds": (-1,)}, ("seeds", "[-1]")),
        ({"pairs": 0}, ("pairs", "found 0")),
        ({"frames": 0}, ("frames", "found 0")),
    ],
)
def test_values_out_of_range_are_refused(values, facts):
    with refuses(ConfigError, facts):
        AblationOptions(**values).check()


def test_a_place_that_holds_something_else_is_refused(ablate, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "letters.txt").write_text("mine")
    with refuses(ConfigError, tmp_path / "out", "'letters.txt'"):
        ablate("bimm")
    (tmp_path / "out" / "letters.txt").unlink()
    (tmp_path / "out").rmdir()
    (tmp_path / "out").write_text("a file")
    with refuses(ConfigError, tmp_path / "out"):
        ablate("bimm")


def test_sequences_without_truth_cannot_be_scored(ablate):
    video = MemorySequence(np.full((2, 64, 96, 16), 9, np.uint16), name="blind")
    with refuses(SequenceError, "'blind'", "--box"):
        ablate("bimm", chosen=[SequenceEntry.of(video)], only=())


def test_missing_weights_do_not_stop_rows_that_need_none(ablate, trained_rows, monkeypatch):
    """Rows that are all retrained need no weights to start from but the recipe's own."""
    monkeypatch.setenv("SPECTRACK_WEIGHTS", "")
    monkeypatch.setattr("spectrack.weights.index.shipped_folder", lambda: trained_rows.parent / "none")
    result = ablate("usual", trained_rows, seeds=(1,), weights=None, frames=2)
    assert record_of(result)["plan"]["weights"] is None
    assert result.results["usual"].spread is None
    with pytest.raises(WeightsError):
        ablate("shipped", weights=None)
