"""What a user gets by `pip install spectrack`: a built wheel in an empty environment, far from the source tree.

It is installed with the package index, so it stands apart: `make test-wheel` runs it, `make test` does not.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TORCH = "torch==2.13.0"
"""First and alone, as in the Makefile: pip would otherwise be free to fetch GPU libraries."""

pytestmark = [pytest.mark.wheel, pytest.mark.timeout(1800)]


def call(*words, where, environment=None):
    """The output of a program that must succeed."""
    done = subprocess.run(
        [str(word) for word in words], cwd=where, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{words[1:5]}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def spectrack(tmp_path_factory):
    """Runs the installed command in an empty folder, as a user without the source tree, a display or a home."""
    place = tmp_path_factory.mktemp("wheel")
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
    call(*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", place, ROOT, where=place)
    (wheel,) = place.glob("spectrack-*.whl")
    call(sys.executable, "-m", "venv", place / "environment", where=place)
    python, limits = place / "environment" / "bin" / "python", ("--constraint", ROOT / "constraints.txt")
    install = (python, "-m", "pip", "--quiet", "--disable-pip-version-check", "install", *limits)
    call(*install, TORCH, where=place)
    call(*install, wheel, where=place)
    work = place / "work"
    work.mkdir()
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "TMPDIR")}

    def run(*words):
        return call(python, "-m", "spectrack", *words, where=work, environment=kept)

    run.folder, run.python, run.environment = work, python, kept
    return run


def test_it_is_the_wheel_that_runs(spectrack):
    found = call(
        spectrack.python,
        "-c",
        "import spectrack, importlib.util as u; print(spectrack.__file__); print(u.find_spec('pytest'))",
        where=spectrack.folder,
        environment=spectrack.environment,
    )
    assert str(spectrack.folder.parent / "environment") in found
    assert found.splitlines()[1] == "None"


def test_weights_and_recipes_come_along(spectrack):
    listed = spectrack("weights", "list")
    for name in ("siamban-lite", "ssfnet-lite", "bcrnet-lite", "siamban-compact", "ssfnet-compact", "bcrnet-compact"):
        assert name in listed
    assert "siamban" in spectrack("doctor")


def test_from_a_simulated_video_to_a_report(spectrack):
    root = spectrack.folder
    spectrack("simulate", "--scenario", "cam-grass", "--frames", "8", "--out", "clips/first")
    spectrack("simulate", "--scenario", "open-grass", "--frames", "8", "--out", "clips/second")
    spectrack("track", "clips/first", "--tracker", "ssfnet", "--out", "run", "--overlay")
    assert (root / "run/boxes.txt").is_file()
    assert (root / "run/overlay.mp4").is_file()
    spectrack("benchmark", "--dataset", "folder", "--root", "clips", "--trackers", "cf,siamban", "--out", "bench")
    assert "AUC" in spectrack("evaluate", "--results", "run", "--truth", "run", "--out", "scores.json")
    spectrack("report", "bench", "--out", "page")
    assert (root / "page/report.html").is_file()


def test_the_demonstration_runs(spectrack):
    spectrack("demo", "--out", "shown")
    assert (spectrack.folder / "shown/filmstrip.png").is_file()
