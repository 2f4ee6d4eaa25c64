"""Where a number comes from: the commit of the very checkout that runs."""

import subprocess
from pathlib import Path

import pytest

from spectrack.provenance import source_commit

ROOT = Path(__file__).resolve().parents[1]


def test_a_checkout_names_its_commit():
    asked = subprocess.run(["git", "-C", ROOT, "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    if asked.returncode:
        pytest.skip("this is no git checkout")
    commit, changed = source_commit()
    assert commit == asked.stdout.strip()
    assert changed in (True, False)
