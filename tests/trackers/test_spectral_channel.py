"""The spectrum as an input of the network: what a head makes of a grid of answers, and the trackers that ask for it."""

import numpy as np
import pytest
import torch

from spectrack.errors import ConfigError
from spectrack.grid import SEARCH_SIZE_PX, grid_points_px
from spectrack.networks.evidence_head import EvidenceHead, EvidenceHeadConfig
from spectrack.sequences.frames import ArrayFrame
from spectrack.trackers.base import track
from spectrack.trackers.method import resolve
from spectrack.trackers.online import OnlineOptions, TargetState
from spectrack.trackers.registry import find_method, list_methods, tracker_class
from spectrack.trackers.spectral_channel import SpectralChannel
from tests.fixtures.refusals import refuses
from tests.trackers.test_spectral_prior import BANDS, BOX, TWIN, answers, frame, paints

METHODS = [method.name for method in list_methods() if method.network]


def head_of(weight=0.0):
    """A head that adds `weight` times the mean chance in the network's box, less that around it, to the log odds."""
    head = EvidenceHead(EvidenceHeadConfig(map_channels=1, channels=2, dilations=(1,)))
    for parameter in head.parameters():
        torch.nn.init.zeros_(parameter)
    with torch.no_grad():
        # After the maps, the score and four distances come the means in the box and around it.
        head.body[0].weight[0, 6, 1, 1], head.body[0].weight[1, 7, 1, 1] = 1.0, 1.0
        head.corrections.weight[0, 0], head.corrections.weight[0, 1] = weight, -weight
    return head.eval()


def started(cube, head):
    state = TargetState(BOX, *cube.shape[:2], OnlineOptions(window_influence=0.0, penalty=0.0))
    state.prior = SpectralChannel(head, ArrayFrame(cube), cube, BOX, state.search_window(), None)
    return state


def score_at(scores, window, box):
    """The highest score of the grid within a quarter of a box around its middle."""
    x, y, w, h = window.to_crop(box, SEARCH_SIZE_PX)
    points = grid_points_px()
    columns, rows = np.abs(points - x - w / 2) < w / 4, np.abs(points - y - h / 2) < h / 4
    return float(scores[np.ix_(rows, columns)].max())


@pytest.mark.parametrize("bands", BANDS)
def test_a_head_that_asks_for_the_spectrum_lifts_the_target_above_its_twin(bands):
    _, own, other = paints(bands)
    cube, later = (frame((BOX, own), (TWIN, other), bands=bands, seed=seed) for seed in (0, 1))
    lead = []
    for weight in (0.0, 2.0):
        state = started(cube, head_of(weight))
        window = state.search_window()
        state.prior.look(ArrayFrame(later), window, BOX)
        scores, _ = state.prior.correct(*answers(window, (BOX, 0.6), (TWIN, 0.7)), BOX)
        lead.append(score_at(scores, window, BOX) - score_at(scores, window, TWIN))
    assert lead[0] < 0 < lead[1]


def test_an_untrained_head_leaves_scores_and_boxes_as_they_are():
    _, own, other = paints(16)
    cube = frame((BOX, own), (TWIN, other))
    state = started(cube, EvidenceHead().eval())
    window = state.search_window()
    scores, corners = answers(window, (BOX, 0.6), (TWIN, 0.7))
    state.prior.look(ArrayFrame(cube), window, BOX)
    found, moved = state.prior.correct(scores, corners, BOX)
    np.testing.assert_allclose(found, scores, atol=1e-3)
    np.testing.assert_allclose(moved, corners, atol=1e-3)


@pytest.mark.parametrize("name", METHODS)
def test_every_tracker_takes_a_head(make, name):
    options, cls = find_method(name).online, tracker_class(find_method(name))
    sequence = make.sequence(frames=4)
    network = getattr(make, name)()
    boxes = {}
    for weight in (0.0, 3.0):
        tracker = cls(network, resolve(options)(evidence="channel"), evidence_head=head_of(weight))
        boxes[weight] = np.array([estimate.box for estimate in track(sequence, tracker, sequence.truth[0])])
    assert boxes[0.0].shape == (4, 4)
    assert not np.allclose(boxes[0.0], boxes[3.0])


def test_without_a_head_the_channel_is_refused(make):
    cls = tracker_class(find_method("siamban"))
    with refuses(ConfigError, "head", "channel"):
        cls(make.siamban(), OnlineOptions(evidence="channel"))
