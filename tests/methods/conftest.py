"""Every test of a method repeats: one thread and a fixed seed."""

import pytest


@pytest.fixture(autouse=True)
def _repeatable(one_thread_and_seed):
    """Asks for the fixture; nothing else."""
