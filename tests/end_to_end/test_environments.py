"""Odd environments: wrong thread counts, no network, no display, an installation that nothing may be written into."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import spectrack

PACKAGE = Path(spectrack.__file__).parent
ALONE = """
import socket
def refuse(*arguments, **options):
    raise OSError("there is no network")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
"""


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    place = tmp_path_factory.mktemp("clip") / "one"
    spectrack.write_sequence(spectrack.simulate("calm", frames=3, seed=1, height=64, width=64), place)
    return place


def installed():
    return {path: path.stat().st_mtime_ns for path in PACKAGE.rglob("*") if "__pycache__" not in path.parts}


@pytest.mark.parametrize("threads", ["abc", "-1"])
def test_tracking_needs_neither_threads_nor_network_nor_display(clip, tmp_path, threads):
    (tmp_path / "alone").mkdir()
    (tmp_path / "alone" / "sitecustomize.py").write_text(ALONE)
    kept = {
        name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY", "MPLBACKEND")
    }
    path = os.pathsep.join([str(tmp_path / "alone"), str(PACKAGE.parent)])
    environment = kept | {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads, "PYTHONPATH": path}
    words = [sys.executable, "-m", "spectrack", "track", str(clip), "--tracker", "cf", "--out", str(tmp_path / "out")]
    before = installed()
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=200, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len((tmp_path / "out" / "boxes.txt").read_text().splitlines()) == 3
    assert installed() == before
