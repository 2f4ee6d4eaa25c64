"""Runs in copies of a process that has worked already, as multiprocessing makes them by default on Linux."""

import os
import subprocess
import sys

import pytest

FORKED = """
import os, sys
import cv2, numpy as np
import spectrack
from spectrack.runs.runner import run
cv2.setNumThreads(2)
cv2.GaussianBlur(np.zeros((2000, 2000), np.float32), (0, 0), 5)  # threads that a copy will not have
clip = spectrack.simulate("calm", frames=2, seed=1, height=64, width=64)
child = os.fork()
if child == 0:
    run([clip], lambda: spectrack.load_tracker("cf"), sys.argv[1])
    os._exit(0)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that are copies of this one")
def test_a_run_in_a_copy_of_a_process_that_used_threads(tmp_path):
    subprocess.run([sys.executable, "-c", FORKED, str(tmp_path / "out")], check=True, timeout=120)
    assert (tmp_path / "out" / "boxes").is_dir()
