"""The command line: a file a command, each a thin wrapper of a function that a script can call."""

from spectrack.cli.entry import main

__all__ = ["main"]
