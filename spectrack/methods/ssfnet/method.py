"""SSF-Net: what exists of the method, said once."""

from pathlib import Path

from spectrack.trackers.method import Method

METHOD = Method(
    name="ssfnet",
    label="SSF-Net",
    summary="false colour and cube side by side, fused by spectral attention and gated by the spectral angle; "
    "a labelled reconstruction",
    source="Wang et al., IEEE TIP 34, 2025",
    tracker="spectrack.methods.ssfnet.tracker:SSFNetTracker",
    network="spectrack.methods.ssfnet.network:SSFNet",
    config="spectrack.methods.ssfnet.network:SSFNetConfig",
    switches=("prediction", "region", "region_weights"),
    online="spectrack.methods.ssfnet.tracker:SSFNetOptions",
    profiles={"lite": ("shipped", "recipe"), "compact": ("shipped", "recipe"), "full": ("recipe",)},
    learner="spectrack.methods.ssfnet.learner:SSFNetLearner",
    loss="spectrack.methods.ssfnet.losses:SSFNetLossConfig",
    batches="spectral",
    folder=Path(__file__).parent,
)
