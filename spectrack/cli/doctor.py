"""``spectrack doctor``: what is installed, what works, and how to mend what does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from spectrack.cli.console import complain, make_list, output


@dataclass(frozen=True)
class Doctor:
    """Check the installation and this machine, and say how to mend each fault."""

    EXAMPLES: ClassVar[str] = """examples:
  spectrack doctor          exit status 0 when all is well, 1 when something must be mended"""

    def run(self) -> int:
        """Print findings, then faults."""
        from spectrack.doctor import examine

        findings = examine()
        output().print(make_list((item.subject, item.found) for item in findings))
        faults = [item for item in findings if item.is_fault]
        for item in faults:
            complain(f"{item.subject}: {item.found}; {item.remedy}")
        if not faults:
            output().print("all is well")
        return 1 if faults else 0
