"""Signals: what ends the command line from outside, at any time, is told in a sentence, and no traceback is shown."""

import os
import signal
import subprocess
import sys
import time
import types

import pytest

from spectrack.__main__ import program
from spectrack.cli import entry, main

pytestmark = pytest.mark.skipif(os.name == "nt", reason="POSIX signals")

ENDING = [signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)]


@pytest.fixture(autouse=True)
def _handlers():
    before = {number: signal.getsignal(number) for number in ENDING}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


class Struck:
    """A command that gets a signal while it runs."""

    def __init__(self, number):
        self.number = number

    def run(self):
        # Raised in this thread: one that is sent to the process may come when the command is over already.
        signal.raise_signal(self.number)
        time.sleep(0.05)
        return 0


STRUCK = """
import signal, sys, time
from spectrack.cli import entry, main

class Removed:
    def __del__(self):
        signal.raise_signal(int(sys.argv[1]))

class Struck:
    def run(self):
        Removed() if sys.argv[2] == "removing" else signal.raise_signal(int(sys.argv[1]))
        time.sleep(5)
        return 0

entry.parse = lambda words: Struck()
before = signal.getsignal(int(sys.argv[1]))
status = main(["struck"])
sys.exit(status if signal.getsignal(int(sys.argv[1])) is before else 1)
"""


@pytest.mark.parametrize("number", ENDING)
@pytest.mark.parametrize("while_it", ["works", "removing"])
def test_a_signal_ends_a_command_like_ctrl_c(number, while_it):
    # In a process of its own: Ctrl-C may be for whoever runs the tests.
    words = [sys.executable, "-c", STRUCK, str(int(number)), while_it]
    done = subprocess.run(words, capture_output=True, text=True, timeout=100)
    assert done.stderr.startswith("spectrack: interrupted"), done.stderr
    assert done.returncode == 130


@pytest.mark.parametrize("number", ENDING[1:])
def test_a_signal_that_is_to_be_ignored_is(monkeypatch, number):
    signal.signal(number, signal.SIG_IGN)  # as nohup does
    monkeypatch.setattr(entry, "parse", lambda words: Struck(number))
    assert main(["struck"]) == 0
    assert signal.getsignal(number) is signal.SIG_IGN


def test_ctrl_c_while_the_program_loads_or_leaves(monkeypatch, capsys):
    class Loading(types.ModuleType):
        def __getattr__(self, name):
            raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "spectrack.cli", Loading("spectrack.cli"))
    with pytest.raises(SystemExit) as stop:
        program()
    assert stop.value.code == 130
    assert capsys.readouterr().err == "spectrack: interrupted\n"
    os.kill(os.getpid(), signal.SIGINT)  # while the interpreter cleans up
