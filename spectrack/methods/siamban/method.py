"""SiamBAN: what exists of the method, said once."""

from pathlib import Path

from spectrack.trackers.method import Method

METHOD = Method(
    name="siamban",
    label="SiamBAN",
    summary="one false-colour image, a grid of scores and boxes: the RGB tracker that both papers build on",
    source="Chen et al., CVPR 2020",
    tracker="spectrack.methods.siamban.tracker:SiamBANTracker",
    network="spectrack.networks.siamese:SiameseNetwork",
    config="spectrack.networks.siamese:SiameseConfig",
    online="spectrack.methods.siamban.tracker:SiamBANOptions",
    profiles={"lite": ("shipped", "recipe"), "compact": ("shipped", "recipe"), "full": ("recipe", "import")},
    learner="spectrack.methods.siamban.learner:SiamBANLearner",
    loss="spectrack.training.losses:LossConfig",
    batches="pairs",
    folder=Path(__file__).parent,
)
