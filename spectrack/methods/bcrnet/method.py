"""BCR-Net: what exists of the method, said once."""

from pathlib import Path

from spectrack.trackers.method import Method

METHOD = Method(
    name="bcrnet",
    label="BCR-Net",
    summary="bands ranked by self-expression and grouped into composites, one shared network for all of them",
    source="Remote Sensing 17(22), 2025, 3689",
    tracker="spectrack.methods.bcrnet.tracker:BCRNetTracker",
    network="spectrack.methods.bcrnet.network:BCRNet",
    config="spectrack.methods.bcrnet.network:BCRNetConfig",
    switches=(
        "composer",
        "leftover",
        "order_source",
        "channel_order",
        "importance_axis",
        "importance_norm",
        "importance_units",
        "max_composites",
        "fixed_bands",
        "seed",
        "branch_weights",
        "weight_power",
    ),
    online="spectrack.methods.bcrnet.tracker:BCRNetOptions",
    profiles={"lite": ("shipped", "recipe"), "compact": ("shipped", "recipe"), "full": ("recipe",)},
    learner="spectrack.methods.bcrnet.learner:BCRNetLearner",
    loss="spectrack.methods.bcrnet.losses:BCRNetLossConfig",
    batches="spectral",
    folder=Path(__file__).parent,
)
