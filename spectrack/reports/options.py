"""What can be chosen about a report; nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from spectrack.evaluation.options import ScoringOptions
from spectrack.files import Terms

PAGE = "report.html"


@dataclass(frozen=True)
class ReportOptions:
    """What a report looks like.

    Attributes:
        scoring: Protocol and rules.
        title: Heading of the page.
        strips: Film strips of each kind (best, worst, most different); 0 for none.
        overwrite: Replace an earlier report in the same folder.
    """

    scoring: ScoringOptions = field(default_factory=ScoringOptions)
    title: str = "Tracking report"
    strips: int = 1
    overwrite: bool = False

    def terms(self, inputs: Iterable[Path], data: Iterable[Path] = ()) -> Terms:
        """On which the folder of a report on these files is claimed."""
        return Terms("report", overwrite=self.overwrite, names=(PAGE,), inputs=tuple(inputs), data=tuple(data))
