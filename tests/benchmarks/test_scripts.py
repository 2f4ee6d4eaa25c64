"""Benchmarks explain themselves, records and pages name commands that exist, and speed.py measures any tracker."""

import importlib
import json
import os
import re
import shlex
import sys
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest
from scipy.optimize import minimize

from spectrack.cli.entry import parse
from spectrack.trackers.probability import Cues, ProbabilityModel, find_model
from spectrack.trackers.registry import list_methods

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "benchmarks"
SCRIPTS = sorted(path.stem for path in FOLDER.glob("*.py") if "def main(" in path.read_text(encoding="utf-8"))
RECORDS = sorted((FOLDER / "results").glob("*.json"))
RESULTS = "benchmarks/results"
SHORT_RUNS = {
    "calibrate": "--trackers cf --only dusk-vis16 speck-vis16 --frames 6 --jobs 1",
    "band_importance": "--sensors vis16 --scenarios calm supple --frames 2",
    "bad_bands": "--only glare-uneven-rednir15 --every 50",
    "bcrnet_figures": "--frames 4",
    "compare_suite": f"{RESULTS}/suite_bcrnet_compact.json {RESULTS}/suite_siamban_compact.json",
    "evidence_figure": "--frame 3",
    "evidence_speed": "--repeats 1",
    "long_runs": "--trackers cf --frames 40 --recorded 40",
    "pool_ablations": f"{RESULTS}/ablation_ssfnet_retrained.json {RESULTS}/ablation_ssfnet_retrained_cpu.json",
    "engines": "--trackers siamban --profiles compact --rounds 1 --frames 1",
    "precision": "--every 48 --frames 3",
    "robustness": "--seed 3 --count 6",
    "scoring_speed": "--repeats 1",
    "spectral_prior": "--trackers siamban-compact --only speck --frames 2",
    "spectral_angle": "--only twin-crowd-vis16 --frames 2",
    "spectrum_search": "--only speck-vis16 --repeats 1",
    "ssfnet_figure": "--frame 5",
    "suite": "--tracker cf --jobs 1 --only speck-vis16",
    "suite_bounds": "--only cam-grass-vis16",
    "unlabelled": "--recipe siamban-compact --pairs 4 --seeds 1 --clips 1 --frames 16 --set batch=2 validation_pairs=0 "
    "data.workers=0 data.bank.pictures=1 data.bank.sprites=2 data.bank.picture_size=96 data.bank.sprite_size=48 "
    "data.bank.photographs=false data.clips.count=1 data.clips.frames=2 data.clips.spacing=1 data.clips.height=96 "
    "data.clips.width=96 data.unlabelled.starts=2 data.unlabelled.shortest=8 data.unlabelled.score=0 "
    "data.unlabelled.agreement=0 data.unlabelled.motion=0",
}
SLOW = {"bcrnet_figures", "engines", "precision", "robustness", "scoring_speed", "suite_bounds", "unlabelled"}
"""Of these runs, those that take long all the same."""
"""Arguments with which a script takes a few seconds; the others take minutes, data or an idle machine."""

PAGES = [ROOT / "README.md", FOLDER / "experiments.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.fixture(scope="module")
def scripts():
    """The modules by name, as they are when one of them is run: they import each other from their own folder."""
    before = set(sys.modules)
    with mock.patch.object(sys, "path", [str(FOLDER), *sys.path]), mock.patch.dict(os.environ):
        yield {name: importlib.import_module(name) for name in SCRIPTS}
    for name in set(sys.modules) - before:
        if name in {path.stem for path in FOLDER.glob("*.py")}:
            del sys.modules[name]


def accepted(scripts, command):
    """Parse a command of a benchmark or of spectrack; ends the test where it is not understood."""
    program, *words = shlex.split(command.removeprefix("time "))
    if program == "spectrack":
        parse(words)
        return
    assert (program, Path(words[0]).parent.as_posix(), Path(words[0]).suffix) == ("python", "benchmarks", ".py")
    scripts[Path(words[0]).stem].arguments().parse_args(words[1:])


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_script_explains_itself(scripts, name, capsys):
    with pytest.raises(SystemExit) as ended:
        scripts[name].arguments().parse_args(["--help"])
    assert ended.value.code == 0
    assert f"python benchmarks/{name}.py" in capsys.readouterr().out


@pytest.mark.parametrize("name", SCRIPTS)
def test_examples_of_a_script_are_accepted(scripts, name):
    joined = scripts[name].__doc__.replace("\\\n", " ")
    for command in re.findall(r"^    (python benchmarks/.+)$", joined, re.MULTILINE):
        accepted(scripts, re.sub(r"\[.*?\]", "", command))


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow) if n in SLOW else n for n in SHORT_RUNS])
def test_scripts_run_and_write_what_they_promise(scripts, name, tmp_path, monkeypatch):
    written = {
        "bcrnet_figures": "bcr-net-matrix.png",
        "evidence_figure": "maps.png",
        "ssfnet_figure": "twins.png",
    }.get(name, "record.json")
    out = tmp_path if name == "bcrnet_figures" else tmp_path / written
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "argv", [f"{name}.py", *SHORT_RUNS[name].split(), "--out", str(out)])
    scripts[name].main()
    if written.endswith(".png"):
        assert (tmp_path / written).stat().st_size > 10_000
    else:
        record = json.loads(out.read_text(encoding="utf-8"))
        assert record["command"] == f"python benchmarks/{name}.py {SHORT_RUNS[name]}"
        assert record["what"].endswith(".")


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_every_record_has_a_command_that_is_accepted(scripts, path):
    record = json.loads(path.read_text(encoding="utf-8"))
    accepted(scripts, record["command"])
    assert record["provenance"]["commit"]


def on_pages(pattern):
    return sorted({found for page in PAGES for found in re.findall(pattern, page.read_text(encoding="utf-8"))})


def test_pages_name_commands_that_are_accepted(scripts):
    found = [command.replace("NAME", "cf") for command in on_pages(r"`(python benchmarks/[^`]+)`")]
    assert len(found) > 5
    for command in found:
        # Without arguments it is a script that the sentence names.
        if " " in command.removeprefix("python "):
            accepted(scripts, command)


@pytest.mark.parametrize("tracker", [method.name for method in list_methods()])
def test_speed_splits_a_frame_of_any_tracker_into_its_parts(scripts, tracker, tmp_path, monkeypatch):
    out = tmp_path / "speed.json"
    short = ["--tracker", tracker, "--frames", "3", "--repeats", "1", "--rounds", "1", "--threads", "1"]
    monkeypatch.setattr(sys, "argv", ["benchmarks/speed.py", *short, "--videos", "16 bands, npy", "--out", str(out)])
    scripts["speed"].main()
    record = json.loads(out.read_text(encoding="utf-8"))
    accepted(scripts, record["command"])
    assert "--out" not in record["command"]
    found = record["results"]["videos"]["16 bands, npy"]["fp32"]
    assert found["frames_per_second"] > 0
    assert {"read", "crop", "rest"} <= found["stages"].keys()
    assert len(found["parts"]) >= 3
    assert all(0 <= part["share_of_frame"] < 1 for part in found["parts"].values())
    wanted = {"bcrnet": "bimm", "ssfnet": "s2fb", "siamban": "backbone", "cf": "filter"}
    assert wanted[tracker] in found["parts"]
    assert ("branch" in record["results"]) == ("network" in found["stages"]) == (tracker != "cf")


@pytest.mark.parametrize("words", ["--trackers a,b --set x=1,2", "--trackers a b --set x=1,2"])
def test_lists_come_with_commas_or_spaces(scripts, words):
    from benchmark import new_parser

    parser = new_parser("What it does.")
    parser.add_argument("--trackers", nargs="+", choices=["a", "b"])
    parser.add_argument("--set", nargs="*")
    options = parser.parse_args(words.split())
    assert (options.trackers, options.set) == (["a", "b"], ["x=1,2"])


def test_calibration_is_a_logistic_regression(scripts):
    """Against a general minimiser of what it says that it minimises."""
    rng = np.random.default_rng(2)
    values, weights = rng.normal(size=(60, 3)), rng.uniform(0.1, 2, 60)
    true = (values @ [1.5, -1.0, 0.0] + rng.normal(size=60) > 0.3).astype(float)

    def loss(found):
        odds = found[0] + values @ found[1:]
        return weights @ (np.logaddexp(0, odds) - true * odds) + 0.4 * found[1:] @ found[1:] + 5e-4 * found[0] ** 2

    found = scripts["calibrate"].logistic(values, true, weights, 0.8)
    assert np.allclose(found, minimize(loss, np.zeros(4), tol=1e-10).x, atol=1e-4)
    always = scripts["calibrate"].fit([rng.normal(size=(5, 6))] * 2, [np.ones(5, bool)] * 2)
    assert always.probability(Cues(*[0.0] * 6)) > 0.95


def test_calibration_writes_what_is_read_again(scripts, tmp_path, monkeypatch):
    calibrate = scripts["calibrate"]
    monkeypatch.setattr(calibrate, "find_method", lambda name: SimpleNamespace(folder=tmp_path))
    one, other = ProbabilityModel(*range(1, 8)), ProbabilityModel(0.5)
    calibrate.write_coefficients("mine-lite", "none", other)
    calibrate.write_coefficients("mine-lite", "prior", other)
    calibrate.write_coefficients("mine-lite", "none", one)
    calibrate.write_coefficients("cf", "none", other)
    places = (("lite", "none"), ("lite", "prior"), ("", "none"))
    assert [find_model(tmp_path, *place) for place in places] == [one, other, other]
