"""The frames that a recording was made from: what it says of them, and how they are opened or rendered again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spectrack.errors import SequenceError
from spectrack.sequences.base import Sequence
from spectrack.sequences.calibrated import calibrated_by
from spectrack.sequences.opening import open_sequence
from spectrack.simulation.video import simulate

_READING = ("format", "sensor", "pattern", "axes", "variable", "calibration")
_RENDERED = ("textures", "crosstalk", "vignetting")


def describe_frames(sequence: Sequence) -> dict[str, Any]:
    """What a summary says of the frames that were tracked in."""
    return {
        "name": sequence.name,
        "frames": len(sequence),
        "height": sequence.height,
        "width": sequence.width,
        "bands": sequence.bands,
        "sensor": sequence.sensor,
        "calibration": calibrated_by(sequence),
    }


def reopen(label: str, info: Mapping[str, Any], why: str | None = None) -> Sequence:
    """The frames that a recording was made from.

    Args:
        label: the sequence.
        info: what the recording says of itself.
        why: what is in the way, where that is known already.

    Raises:
        SequenceError: it does not say, or they are not there.
    """
    settings, sequence = _mapping(info.get("settings")), _mapping(info.get("sequence"))
    rendered = _mapping(sequence.get("metadata"))
    place = settings.get("sequence")
    if isinstance(place, str) and Path(place).exists():
        how = {key: settings[key] for key in _READING if isinstance(settings.get(key), str)}
        return open_sequence(place, **how)
    if "scenario" in rendered and place is None:
        how = {key: sequence[key] for key in ("frames", "height", "width")}
        how |= {key: rendered[key] for key in _RENDERED if key in rendered}
        return simulate(str(rendered["scenario"]), str(sequence["sensor"]), seed=rendered["seed"], **how)
    found = why or (f"no such place as {place}" if place else "a run that does not say where they lay")
    raise SequenceError(f"expected the frames of {label}, found {found.rstrip('.')}; name their folder beside the run")


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
