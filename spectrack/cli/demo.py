"""``spectrack demo``: one command from an installation to a tracked clip."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

from tyro.conf import arg

from spectrack.cli.console import ProgressBar, make_table, output, print_facts
from spectrack.trackers.registry import tracker_words


@dataclass(frozen=True)
class Demo:
    """Simulate a clip, track it on all bands and on false colour, score both, and write a video and plots."""

    EXAMPLES: ClassVar[str] = """examples:
  spectrack demo                                   results in demo_output/
  spectrack demo --scenario hidden --seed 3 --out demo_hidden
  spectrack demo --tracker bcrnet"""

    out: Annotated[Path, arg(metavar="DIR")] = Path("demo_output")
    """Folder for the results; those of an earlier demo are replaced."""
    scenario: Annotated[str | None, arg(metavar="NAME")] = None
    """Another scenario; `spectrack simulate --list` shows all."""
    seed: Annotated[int | None, arg(metavar="N")] = None
    """Another video of the scenario."""
    frames: Annotated[int | None, arg(metavar="N")] = None
    """Another length, at least 2."""

    tracker: Annotated[str, arg(metavar="|".join(tracker_words()))] = "ssfnet"
    """What tracks the clip; siamban, on false colour, is shown beside it."""

    def run(self) -> int:
        """Run the demonstration and print what came of it."""
        from spectrack.cli.recordings import describe_recording
        from spectrack.cli.score_tables import figures_legend
        from spectrack.demo import DemoClip, run_demo
        from spectrack.evaluation.speed import speed_of

        wanted = {"scenario": self.scenario, "seed": self.seed, "frames": self.frames}
        given: dict[str, Any] = {key: value for key, value in wanted.items() if value is not None}
        with ProgressBar() as bar:
            bar.show("loading", 0, None)
            demo = run_demo(self.out, clip=DemoClip(**given), tracker=self.tracker, on_progress=bar.show)
        speed = speed_of([{"tracking": demo.recording.tracking_ms}]).frames_per_second
        facts = describe_recording(demo.sequence, demo.recording)[:2]
        print_facts([*facts, ("speed", f"{speed or 0:.0f} frames/s, without rendering the clip")])
        shown = demo.comparisons[0].scores.shown[:2]
        rows = []
        for one in demo.comparisons:
            figures = (item.text(one.scores.figures[item.name]) for item in shown)
            rows.append((one.tracker, one.sees, one.scenario, one.difference, *figures))
        headings = (item.label for item in shown)
        output().print(make_table(("tracker", "sees", "clip", "target differs in", *headings), rows))
        output().print(figures_legend(shown))
        print_facts((str(path), what) for path, what in demo.files.items())
        print_facts(
            [
                ("next", f"spectrack view {self.out}     these frames and tracks in the browser"),
                ("", "spectrack view                 another clip: draw a box around something, and track it"),
            ]
        )
        return 0
