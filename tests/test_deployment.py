"""What the container and the conda package are made of agrees with pyproject.toml and the source tree."""

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

import spectrack

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

ON_CONDA = {
    "torch": "pytorch",
    "lightning-fabric": "pytorch-lightning",
    "opencv-python-headless": "py-opencv",
    "matplotlib": "matplotlib-base",
    "lazy-loader": "lazy_loader",
}
"""Packages that conda-forge calls otherwise."""


def spaced(requirement):
    """``name>=1`` as conda writes it."""
    name, bound = re.fullmatch(r"([\w.-]+)(.*)", requirement).groups()
    return f"{ON_CONDA.get(name, name)} {bound}".strip()


def test_the_conda_recipe_asks_for_what_pip_installs():
    yaml = pytest.importorskip("yaml")
    text = (ROOT / "conda" / "meta.yaml").read_text(encoding="utf-8")
    (version,) = re.findall(r'set version = "([^"]+)"', text)
    recipe = yaml.safe_load(re.sub(r"\{%.*%\}", "", text))
    project, built = PROJECT["project"], PROJECT["build-system"]["requires"]
    assert version == spectrack.__version__
    python = f"python {project['requires-python']}"
    assert recipe["requirements"]["run"] == [python, *map(spaced, project["dependencies"])]
    assert recipe["requirements"]["host"] == [python, "pip", *map(spaced, built)]
    assert recipe["build"]["entry_points"] == [f"{name} = {place}" for name, place in project["scripts"].items()]
    assert recipe["about"]["summary"] == project["description"]
    assert recipe["about"]["license"] == project["license"]
    assert recipe["about"]["license_file"] == project["license-files"]


def test_the_image_is_made_of_files_that_are_there_and_runs_without_rights():
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    copied = [name for line in re.findall(r"^COPY (?!--from)(.*) \S+$", text, re.MULTILINE) for name in line.split()]
    assert {"pyproject.toml", "constraints.txt", "spectrack"} <= set(copied)
    assert all((ROOT / name).exists() for name in copied)
    shown = re.findall(r"^!(.*)$", (ROOT / ".dockerignore").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(shown) == sorted(copied)
    licences = {Path(name).parts[0] for name in PROJECT["project"]["license-files"]}
    assert licences | {PROJECT["project"]["readme"]} <= set(copied)
    (extras,) = re.findall(r'"\.\[([\w,]+)\]"', text)
    assert set(extras.split(",")) <= set(PROJECT["project"]["optional-dependencies"])
    assert re.findall(r"^USER (\w+)$", text, re.MULTILINE)[-1] != "root"
    assert text.index("USER spectrack") > text.rindex("RUN ")
    (python,) = re.findall(r"^ARG PYTHON=3\.(\d+)$", text, re.MULTILINE)
    assert int(python) >= 11


@pytest.mark.wheel
@pytest.mark.timeout(1800)
def test_the_image_runs_where_docker_does(tmp_path):
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "info"], capture_output=True).returncode:
        pytest.skip("no Docker daemon is at hand")
    subprocess.run([docker, "build", "--quiet", "--tag", "spectrack-test", str(ROOT)], check=True)
    user, place = f"{os.getuid()}:{os.getgid()}", f"{tmp_path}:/work"
    start = [docker, "run", "--rm", "--network", "none", "--user", user, "--volume", place, "spectrack-test"]
    words = ["simulate", "--scenario", "calm", "--frames", "3", "--width", "96", "--height", "64", "--out", "clip"]
    subprocess.run([*start, *words], check=True)
    subprocess.run([*start, "track", "clip", "--tracker", "cf", "--out", "run"], check=True)
    assert len(spectrack.read_boxes(tmp_path / "run" / "boxes.txt")) == 3
