"""Inputs that could break spectrack, a module a kind: each makes one in an empty folder, from a generator alone."""

from __future__ import annotations

from hostile.annotations import ANNOTATIONS
from hostile.archives import ARCHIVES
from hostile.commands import COMMANDS
from hostile.configurations import CONFIGURATIONS
from hostile.frames import FRAMES
from hostile.names import NAMES
from hostile.numbering import NUMBERING
from hostile.targets import TARGETS
from hostile.weights import WEIGHTS

KINDS = {
    "frames": FRAMES,
    "numbering": NUMBERING,
    "targets": TARGETS,
    "annotations": ANNOTATIONS,
    "names": NAMES,
    "configurations": CONFIGURATIONS,
    "weights": WEIGHTS,
    "archives": ARCHIVES,
    "commands": COMMANDS,
}
"""By the name that --kind takes."""
