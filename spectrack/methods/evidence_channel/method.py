"""The evidence channel: what exists of it, said once."""

from pathlib import Path

from spectrack.trackers.method import Method

METHOD = Method(
    name="evidence",
    label="Evidence channel",
    summary="corrects any network's answers by what the target's spectrum says; a part of the trackers, none itself",
    source="this project",
    network="spectrack.methods.evidence_channel.network:EvidenceChannelNetwork",
    config="spectrack.methods.evidence_channel.network:EvidenceChannelConfig",
    online="spectrack.trackers.online:OnlineOptions",
    profiles={"lite": ("shipped", "recipe")},
    learner="spectrack.methods.evidence_channel.learner:EvidenceChannelLearner",
    loss="spectrack.methods.evidence_channel.learner:EvidenceLossConfig",
    batches="spectral",
    folder=Path(__file__).parent,
)
