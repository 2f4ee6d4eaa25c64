"""Worker processes: they end soon after the process that they work for, however that has ended."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from joblib import Parallel

from spectrack.orphans import task

ROOT = Path(__file__).resolve().parents[1]

WORKING = """
import os, sys, time
from joblib import Parallel
from spectrack.orphans import task

def work(folder):
    open(os.path.join(folder, str(os.getpid())), "w").close()
    time.sleep(600)

Parallel(n_jobs=2)(task(work)(sys.argv[1]) for _ in range(2))
"""


def waited_for(holds, seconds=100):
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.05)
    return holds()


def runs(number):
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_workers_of_a_killed_process_end(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", WORKING, str(tmp_path)], cwd=ROOT)
    assert waited_for(lambda: len(list(tmp_path.iterdir())) == 2)
    workers = [int(file.name) for file in tmp_path.iterdir()]
    assert all(map(runs, workers))
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert waited_for(lambda: not any(map(runs, workers)), 60)


def test_a_task_in_the_same_process_is_the_function():
    before = threading.active_count()
    assert Parallel(n_jobs=1)(task(divmod)(number, 3) for number in (5, 9)) == [(1, 2), (3, 0)]
    assert Parallel(n_jobs=1)(task(os.getpid)() for _ in range(1)) == [os.getpid()]
    assert threading.active_count() == before
