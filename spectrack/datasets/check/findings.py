"""What a check found: findings with severity, place and one sentence, and the report that holds them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from spectrack.tables import to_table

Severity = Literal["error", "warning", "note"]

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong or worth knowing.

    Attributes:
        code: what kind, a word for scripts such as ``missing-frames``.
        severity: ``error``: the data cannot be used; ``warning``: results may be wrong or not comparable; ``note``:
            nothing to repair.
        sequence: label of the sequence, "" for the whole.
        place: file or folder.
        text: what was expected, what was found, what to do.
    """

    code: str
    severity: Severity
    sequence: str
    place: str
    text: str


@dataclass(frozen=True)
class CheckReport:
    """The outcome of a check.

    Attributes:
        roots: the folders checked.
        sequences: how many sequences.
        frames: how many frames were decoded.
        findings: errors first, then by sequence.
    """

    roots: tuple[Path, ...]
    sequences: int
    frames: int
    findings: tuple[Finding, ...]

    @property
    def is_clean(self) -> bool:
        """Whether nothing is wrong; notes do not count."""
        return not any(finding.severity != "note" for finding in self.findings)

    @property
    def counts(self) -> dict[str, int]:
        """Number of findings by severity."""
        found = Counter(finding.severity for finding in self.findings)
        return {severity: found[severity] for severity in SEVERITIES}

    def to_json(self) -> dict[str, Any]:
        """Plain values for a JSON file."""
        return {**to_table(self), "clean": self.is_clean, "counts": self.counts}


def sorted_findings(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Errors first, then warnings and notes, each in the order of the sequences."""
    listed = list(findings)
    order = {name: i for i, name in enumerate(dict.fromkeys(finding.sequence for finding in listed))}
    return tuple(
        sorted(listed, key=lambda finding: (SEVERITIES.index(finding.severity), order[finding.sequence], finding.code))
    )


def ranges(numbers: Iterable[int], *, most: int = 6) -> str:
    """Numbers as text, runs joined.

    Example:
        >>> ranges([1, 2, 3, 7, 9, 10])
        '1-3, 7, 9-10'
    """
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    shown = ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in runs[:most])
    return shown + (f" and {len(runs) - most} more" if len(runs) > most else "")
