"""How likely a tracker's box is on target: a logistic model of a few cues, with coefficients for each tracker.

They were fitted to what came true on development clips (`benchmarks/calibrate.py`) and lie in the methods' folders.

Source: logistic regression on a classifier's score is Platt's (Advances in Large Margin Classifiers, 1999); the cues
beside the score are ours.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from spectrack.tables import from_table, read_table

COEFFICIENTS = "probability.toml"
"""File of a method's folder with a table a profile, in it one for each value of the option `evidence`."""


class Cues(NamedTuple):
    """What speaks for and against the box of one frame.

    Attributes:
        confidence: log odds of the tracker's score.
        lead: of the score over that of any other place, a running mean that falls at once and rises slowly: who wavered
            a moment ago may be sure of something else now. A tracker that knows no other places leads by its score.
        outside: share of the box outside the frame.
        spectrum: log of how far the box's spectrum is from the first one over how far it is from its surroundings', a
            running mean; 0 for three bands or fewer.
        colour: the same for three bands or fewer, else 0.
        few_bands: 1 for three bands or fewer, else 0.
    """

    confidence: float
    lead: float
    outside: float
    spectrum: float
    colour: float
    few_bands: float


@dataclass(frozen=True)
class ProbabilityModel:
    """Log odds of being on target: `constant`, and a coefficient for each of the `Cues`.

    The defaults are for trackers whose method and profile none were fitted to: means over the shipped ones. Weights of
    one's own take those of their profile.
    """

    constant: float = -0.49
    confidence: float = 0.13
    lead: float = 3.23
    outside: float = -13.3
    spectrum: float = -1.45
    colour: float = -1.65
    few_bands: float = 0.98

    def probability(self, cues: Cues) -> float:
        """That the box is on target, 0..1."""
        weighed = (getattr(self, name) * value for name, value in cues._asdict().items())
        return 1.0 / (1.0 + math.exp(-min(max(self.constant + sum(weighed), -50.0), 50.0)))


_ALIKE = {"channel": ("prior",)}
"""By form of evidence the others that say nearly the same, the nearest first."""


def find_model(folder: Path | None, profile: str, evidence: str) -> ProbabilityModel:
    """The coefficients that were fitted to a tracker, or at least to its other form; the default ones where none were.

    Args:
        folder: the method's.
        profile: of its network; empty for a method without one.
        evidence: value of the option of that name.

    Raises:
        ConfigError: the file is damaged.
    """
    file = None if folder is None else folder / COEFFICIENTS
    if file is None or not file.is_file():
        return ProbabilityModel()
    forms = read_table(file).get(profile or "any", {})
    wanted = (evidence, *_ALIKE.get(evidence, ()), *forms)
    values = next((forms[form] for form in wanted if form in forms), None)
    return ProbabilityModel() if values is None else from_table(ProbabilityModel, values, f"{profile} of {file}")
