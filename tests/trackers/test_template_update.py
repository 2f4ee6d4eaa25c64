"""The rule of the second template, frame by frame on peaks written by hand."""

import numpy as np
import pytest

from spectrack.errors import ConfigError
from spectrack.trackers.template_update import TemplateUpdateOptions, TemplateUpdateRule
from tests.fixtures.refusals import refuses

BOX = np.array([10.0, 10.0, 20.0, 20.0])


def run(peaks, options=None, boxes=None):
    """What the rule says on every frame: (take, drop)."""
    rule = TemplateUpdateRule(options or TemplateUpdateOptions(update_every=2))
    boxes = boxes or [BOX] * (len(peaks) + 1)
    return [rule.observe(peak, boxes[i], boxes[i + 1]) for i, peak in enumerate(peaks)]


def test_takes_one_every_so_many_frames():
    assert [take for take, _ in run([0.95] * 7)] == [False, True, False, True, False, True, False]
    assert [take for take, _ in run([0.95] * 21, TemplateUpdateOptions())] == [i in (9, 19) for i in range(21)]


def test_peak_must_reach_the_floor():
    assert [take for take, _ in run([0.79, 0.79, 0.8, 0.8])] == [False, False, False, True]


def test_peak_must_reach_its_share_of_the_mean_so_far():
    # Mean of the frames before is 0.99, nine tenths of it 0.891.
    assert run([0.99, 0.89])[1] == (False, False)
    assert run([0.99, 0.9])[1] == (True, False)


@pytest.mark.parametrize(("side", "takes"), [(25.0, True), (26.1, False), (16.0, True), (15.0, False)])
def test_size_must_have_kept(side, takes):
    changed = np.array([10, 10, side, side])
    assert run([0.9, 0.9], boxes=[BOX, BOX, changed])[1][0] is takes


@pytest.mark.parametrize(("fit", "takes"), [(0.59, False), (0.6, True), (-0.2, False)])
def test_a_look_whose_spectrum_does_not_fit_is_not_taken(fit, takes):
    for least, expected in ((0.6, takes), (0.0, True)):
        rule = TemplateUpdateRule(TemplateUpdateOptions(update_every=1, update_evidence=least))
        assert rule.observe(0.95, BOX, BOX, fit) == (expected, False)


def test_drops_after_so_many_doubtful_frames_in_a_row():
    assert [drop for _, drop in run([0.4] * 6)] == [False] * 4 + [True] * 2
    assert not any(drop for _, drop in run([0.4, 0.4, 0.4, 0.4, 0.6, 0.4, 0.4]))


def test_switched_off_it_never_takes():
    assert not any(take for take, _ in run([0.99] * 30, TemplateUpdateOptions(template_update=False)))


@pytest.mark.parametrize(
    ("options", "facts"),
    [
        ({"update_mix": 1.2}, ("update_mix", "[0, 1]", "found 1.2")),
        ({"update_score": -0.1}, ("update_score", "[0, 1]", "found -0.1")),
        ({"update_evidence": 2}, ("update_evidence", "[0, 1]", "found 2")),
        ({"update_every": 0}, ("update_every", "found 0")),
        ({"update_change": float("nan")}, ("update_change", "nan")),
    ],
)
def test_refusals(options, facts):
    with refuses(ConfigError, facts):
        TemplateUpdateOptions(**options)
