"""What can be chosen about tracking into files; nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spectrack.evaluation.options import DEFAULT_PROTOCOL, Missing, ScoringRules
from spectrack.files import Terms
from spectrack.measuring.options import MeasureOptions
from spectrack.runs.layout import LIVE, OVERLAY, RECORDING, SUMMARY


@dataclass(frozen=True)
class RunOptions(ScoringRules):
    """How a run is scored, seeded and spread.

    Attributes:
        protocol: How to score: hot (the field's tables), hotc2026, otb, lasot or got10k; a resumed run may use another.
        invalid: Another rule than the protocol's for frames whose truth is not a box.
        missing: What a frame without a predicted box is, such as those after a tracker's failure.
        seed: Seed of the random numbers that a tracker may draw, set before every sequence, alone or in a list.
        jobs: Sequences tracked at the same time; -1 for as many as there are cores; sharing cores, each is slower.
        cluster: Track on a cluster instead: dask, dask://host:port, ray or ray://host:port.
        threads: Threads of the network in each job; another number changes last digits, and so, in time, the boxes.
        evidence: Whether what trackers can show for their boxes is kept, with spectra of target and background.
        overwrite: Throw an earlier run in the same directory away.
        retry_failed: Track sequences again on which the tracker failed earlier.
    """

    missing: Missing | None = "miss"
    seed: int = 0
    jobs: int = 1
    cluster: str | None = None
    threads: int = 1
    evidence: bool = True
    overwrite: bool = False
    retry_failed: bool = False


@dataclass(frozen=True)
class RunSources:
    """What a run is made from, as far as the caller knows it.

    Attributes:
        dataset: What the sequences are (``name``, ``root``, ``split``, ``modality``), as JSON values for the record.
        config: The resolved configuration, as JSON values for the record.
        weights: Weights file whose hash is recorded, for a tracker that does not describe its weights itself.
        inputs: Files and folders that the run reads; its directory is none of them, and lies in none.
    """

    dataset: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    weights: Path | None = None
    inputs: tuple[Path, ...] = ()

    @property
    def files(self) -> tuple[Path, ...]:
        """Everything that the run reads."""
        return self.inputs if self.weights is None else (*self.inputs, Path(self.weights))


@dataclass(frozen=True)
class RecordOptions:
    """What a recording of one video holds besides the boxes.

    Attributes:
        score: Whether the track is scored against the sequence's truth, where it has any.
        protocol: How to score: hot (the field's tables), hotc2026, otb, lasot or got10k; frames whose truth is not a
            box are left out of the score whatever the protocol says, and counted.
        overlay: Write overlay.mp4: false colour with track, truth and score.
        overwrite: Replace an earlier recording in the same folder.
        measuring: What is measured of the target.
    """

    score: bool = True
    protocol: str = DEFAULT_PROTOCOL
    overlay: bool = False
    overwrite: bool = False
    measuring: MeasureOptions = field(default_factory=MeasureOptions)

    def terms(self, inputs: tuple[Path, ...] = (), *, live: bool = False) -> Terms:
        """On which the folder of a recording made from these files, or from a source, is claimed.

        Raises:
            ConfigError: options of what is measured that make no sense.
        """
        self.measuring.check()
        names = (
            RECORDING.boxes,
            RECORDING.frames,
            SUMMARY,
            *((OVERLAY,) if self.overlay else ()),
            *((LIVE,) if live else ()),
            *self.measuring.names,
        )
        # Scores of other boxes are worth nothing any more.
        return Terms("recording", overwrite=self.overwrite, names=names, data=inputs, also=("scores",))
