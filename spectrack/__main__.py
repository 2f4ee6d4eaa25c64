"""The process of the command ``spectrack``, also as ``python -m spectrack``."""

import signal
import sys
from typing import NoReturn


def program() -> NoReturn:
    """Run the command line and leave; Ctrl-C while it loads or leaves is told like any other, not traced."""
    try:
        from spectrack.cli import main

        status = main()
    except KeyboardInterrupt:
        sys.stderr.write("spectrack: interrupted\n")
        status = 130
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # nothing is left to interrupt but cleaning up
    sys.exit(status)


if __name__ == "__main__":
    program()
