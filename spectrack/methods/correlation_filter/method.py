"""The correlation filter: what exists of the method, said once."""

from pathlib import Path

from spectrack.trackers.method import Method

METHOD = Method(
    name="cf",
    label="Correlation filter",
    summary="a scale-adaptive correlation filter with a spectral likelihood, on any number of bands",
    source="after CSR-DCF (CVPR 2017), Staple (CVPR 2016) and others",
    tracker="spectrack.methods.correlation_filter.tracker:CorrelationFilterTracker",
    online="spectrack.methods.correlation_filter.options:CorrelationOptions",
    folder=Path(__file__).parent,
)
