"""Entry of the command line: reads the arguments, runs one command, and turns every foreseen fault into one sentence.

Exit status: 0 done, 1 the doctor, `data check` or `data convert` found a fault or spectrack itself failed, 2 wrong
input or no place to write, 130 interrupted.
"""

from __future__ import annotations

import _thread
import logging
import os
import signal
import sys
import textwrap
import threading
from collections.abc import Sequence
from contextlib import nullcontext, redirect_stderr, suppress
from io import StringIO
from types import FrameType
from typing import Annotated, Any, Union

import tyro

from spectrack.cli.ablate import Ablate
from spectrack.cli.arguments import RULES
from spectrack.cli.benchmark import Benchmark
from spectrack.cli.calibrate import Calibrate
from spectrack.cli.console import VisibleFormatter, complain
from spectrack.cli.data import Data
from spectrack.cli.demo import Demo
from spectrack.cli.detect import Detect
from spectrack.cli.doctor import Doctor
from spectrack.cli.evaluate import Evaluate
from spectrack.cli.export import Export
from spectrack.cli.leaderboard import Leaderboard
from spectrack.cli.report import Report
from spectrack.cli.simulate import Simulate
from spectrack.cli.track import Track
from spectrack.cli.train import Train
from spectrack.cli.tune import Tune
from spectrack.cli.view import View
from spectrack.cli.vot import Vot
from spectrack.cli.weights import Weights
from spectrack.cli.words import check_names, check_values, refuse_incomplete, refuse_words, repeat_options
from spectrack.errors import SpectrackError, fault_and_place
from spectrack.files.caches import reuse_log
from spectrack.signs import replace_unknown_on_console

COMMANDS: dict[str, Any] = {
    "demo": Demo,
    "track": Track,
    "view": View,
    "detect": Detect,
    "calibrate": Calibrate,
    "simulate": Simulate,
    "train": Train,
    "evaluate": Evaluate,
    "benchmark": Benchmark,
    "ablate": Ablate,
    "tune": Tune,
    "report": Report,
    "leaderboard": Leaderboard,
    "data": Data,
    "weights": Weights,
    "export": Export,
    "vot": Vot,
    "doctor": Doctor,
}

TRACEBACK_VARIABLE = "SPECTRACK_TRACEBACK"
"""Environment variable: when set, errors end in a traceback instead of a sentence."""

_BEHIND_THE_HOOK_S = 0.01

DESCRIPTION = """Track one object through hyperspectral video.

Start with:
  spectrack demo                                              watch a simulated clip being tracked
  spectrack track path/HSI --box 214,61,30,42 --out runs/car  track in your own video
  spectrack view path/HSI                                     look at it, draw a box, track in the browser
  spectrack COMMAND --help                                    examples and options of a command
  spectrack --version"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: words after ``spectrack``; those of the process by default.

    Returns:
        The exit status.
    """
    replace_unknown_on_console()
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words in (["--version"], ["-V"]):
        from spectrack import __version__

        sys.stdout.write(f"spectrack {__version__}\n")
        return 0
    try:
        command = parse(words or ["--help"])
    except SpectrackError as error:  # options that refuse one another
        return _say(str(error), 2)
    except SystemExit as stop:  # help and wrong options: the parser has said what there is to say
        return int(stop.code or 0) if words else 2
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(VisibleFormatter("spectrack: %(levelname)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    reuse_log.setLevel(logging.INFO)
    if os.environ.get(TRACEBACK_VARIABLE):
        return int(command.run())
    return _run(command)


def parse(words: list[str]) -> Any:
    """The command that the words after ``spectrack`` mean, with its options.

    Raises:
        ConfigError: a command or an option that there is not, or something that must be given is missing.
        SystemExit: help was asked for, and given.
    """
    check_names(words, COMMANDS)
    if words[0] in COMMANDS:
        check_values(words, COMMANDS)
    kinds: list[Any] = []
    for name, kind in COMMANDS.items():
        # The list of commands shows a line each; a command's own help shows its examples too.
        paragraphs = [textwrap.fill(" ".join(part.split()), 80) for part in (kind.__doc__ or "").split("\n\n")]
        about = "\n\n".join([*paragraphs, kind.EXAMPLES]) if words[0] == name else " ".join(paragraphs[0].split())
        kinds.append(Annotated[kind, tyro.conf.subcommand(name, description=about)])
    menu: Any = Union[tuple(kinds)]  # noqa: UP007 - built from a list
    config = (tyro.conf.OmitArgPrefixes, tyro.conf.OmitSubcommandPrefixes, tyro.conf.FlagCreatePairsOff)
    helps = bool({"--help", "-h"} & set(words))
    # What the parser says of a value that it cannot take comes even where it is to say nothing.
    silence = nullcontext() if helps else redirect_stderr(StringIO())
    try:
        with silence:
            command, left = tyro.cli(
                menu,
                prog="spectrack",
                description=DESCRIPTION,
                args=repeat_options(words, COMMANDS),
                config=config,
                registry=RULES,
                return_unknown_args=True,
                console_outputs=helps,
            )
    except SystemExit:
        if helps:
            raise
        refuse_incomplete(words, COMMANDS)
    refuse_words(left, words, COMMANDS)
    return command


def _run(command: Any) -> int:
    former, hook = _stop_politely(), sys.unraisablehook
    sys.unraisablehook = _interrupt_later
    try:
        return int(command.run())
    except SpectrackError as error:
        return _say(str(error), 2)
    except KeyboardInterrupt:
        return _say("interrupted; files appear only when they are complete, so nothing half-written is left", 130)
    except BrokenPipeError:
        # The reader of our output has gone; Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except MemoryError as error:
        return _say(f"expected enough memory, found none left ({error}); close other programs or use smaller video", 2)
    except OSError as error:
        remedy = "free space, check the permissions, or name another place"
        return _say(f"expected to read and write files, found: {fault_and_place(error)}; {remedy}", 2)
    except Exception as error:  # a fault of this program, not of the user
        return _say(
            f"unforeseen {type(error).__name__}: {error}; this is a fault of spectrack: set {TRACEBACK_VARIABLE}=1, "
            "run it again and report what it prints",
            1,
        )
    finally:
        sys.unraisablehook = hook
        for number, handler in former.items():
            signal.signal(number, handler)


def _interrupt_later(raised: sys.UnraisableHookArgs) -> None:
    """Interrupt again where a signal came while an object was removed: Python lets nothing out of there."""
    if raised.exc_type is KeyboardInterrupt:
        # The one that is not to be ignored, as Ctrl-C is by what a shell starts in the background.
        number = signal.SIGTERM if callable(signal.getsignal(signal.SIGTERM)) else signal.SIGINT
        threading.Timer(_BEHIND_THE_HOOK_S, _thread.interrupt_main, [number]).start()
    else:
        sys.__unraisablehook__(raised)


def _say(message: str, status: int) -> int:
    with suppress(OSError):  # the terminal may have been closed
        complain(message)
    return status


def _stop_politely() -> dict[int, Any]:
    """Let signals that end a process (a shutdown, a closed terminal) unwind like Ctrl-C, so that temporary files go.

    Returns:
        The former handlers of those that are handled now.
    """

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    former: dict[int, Any] = {}
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        # What `nohup` lets a process ignore stays ignored; only the main thread may handle any.
        if (
            number
            and signal.getsignal(number) != signal.SIG_IGN
            and threading.current_thread() is threading.main_thread()
        ):
            former[number] = signal.signal(number, interrupt)
    return former
