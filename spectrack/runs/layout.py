"""What lies where in a run: in the directory of a tracker over many sequences, and in a recording, a run over one.

A run directory holds

* ``plan.json``: what the run is (tracker, weights, data, configuration, seed, sequences), written first,
* ``boxes/LABEL.txt``, ``frames/LABEL.csv``, ``evidence/LABEL.npz`` of every sequence, ``truth/LABEL.txt`` and
  ``truth/LABEL-visibility.txt`` where these are known,
* ``done/LABEL.json``: what is known of the sequence, written after its other files, when it is finished,
* ``scores.json``, and last of all ``run.json``: a directory without it is an unfinished run.

A benchmark is a folder with a run directory a tracker and ``benchmark.json``. The folder of a recording holds
``boxes.txt``, ``frames.csv``, ``groundtruth_rect.txt`` where truth is known, ``summary.json`` and maybe
``overlay.mp4``; it appears as a whole. That of a track in a source has ``live.jsonl`` besides, with time stamps and
latency.
"""

from __future__ import annotations

from dataclasses import dataclass

PLAN, RUN, SCORES, BENCHMARK = "plan.json", "run.json", "scores.json", "benchmark.json"
SUMMARY, OVERLAY, LIVE = "summary.json", "overlay.mp4", "live.jsonl"
DONE, VISIBILITY_SUFFIX = "done", "-visibility"


@dataclass(frozen=True)
class SequenceFiles:
    """Where the result of one sequence lies, as names relative to the run.

    Attributes:
        boxes: a row a frame.
        frames: times, confidence, lost flag and state, a row a frame.
        truth: a row a frame.
        visibility: a number a frame; a recording has none.
        evidence: what the tracker showed; a recording has none.
        marker: what is known of the sequence; that of a recording is its summary.
    """

    boxes: str
    frames: str
    truth: str
    visibility: str
    evidence: str
    marker: str

    @classmethod
    def of_run(cls, label: str) -> SequenceFiles:
        """Those of a sequence of a run directory."""
        return cls(
            boxes=f"boxes/{label}.txt",
            frames=f"frames/{label}.csv",
            truth=f"truth/{label}.txt",
            visibility=f"truth/{label}{VISIBILITY_SUFFIX}.txt",
            evidence=f"evidence/{label}.npz",
            marker=f"{DONE}/{label}.json",
        )


RECORDING = SequenceFiles("boxes.txt", "frames.csv", "groundtruth_rect.txt", "visibility.txt", "evidence.npz", SUMMARY)
"""The files of a recording."""


def is_file_name(text: str) -> bool:
    """Whether a name of a tracker or a sequence can name its files everywhere."""
    return bool(text) and not text.startswith(".") and not any(sign in text for sign in "/\\:\0")
