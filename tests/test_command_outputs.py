"""What docs/command-line.md says that commands print is what they print."""

import importlib.util
from pathlib import Path

import pytest

PLACE = Path(__file__).resolve().parents[1] / "docs" / "command_outputs.py"


@pytest.fixture(scope="module")
def outputs():
    spec = importlib.util.spec_from_file_location("command_outputs", PLACE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def check(outputs, only=()):
    page, ran = outputs.PAGE.read_text(encoding="utf-8"), []
    for command, said, printed in outputs.produced(page, only):
        ran.append(command)
        assert outputs.compared(printed) == outputs.compared(said), f"$ {command}: python docs/command_outputs.py"
    return ran


def test_what_takes_no_time(outputs):
    assert sorted(check(outputs, outputs.QUICK)) == sorted(outputs.QUICK)


@pytest.mark.slow
def test_every_command_with_an_output(outputs):
    assert len(check(outputs)) > 15
