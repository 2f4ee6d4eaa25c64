"""The head that corrects a grid of answers: where it looks, what it sees in boxes, that it begins by doing nothing."""

import numpy as np
import pytest
import torch

from spectrack.errors import ConfigError
from spectrack.evidence.extent import box_contrast
from spectrack.grid import EVIDENCE_CELLS, SEARCH_SIZE_PX, grid_points_px
from spectrack.networks.evidence_head import (
    EvidenceHead,
    EvidenceHeadConfig,
    SpectralView,
    means_in_boxes,
)
from spectrack.networks.siamese import decode_boxes
from tests.fixtures.refusals import refuses


def answers(count=2, seed=0):
    made = torch.Generator().manual_seed(seed)
    log_odds = torch.randn(count, 25, 25, generator=made) * 3
    return log_odds, torch.rand(count, 4, 25, 25, generator=made) * 60 + 5


def view(count=2, seed=1):
    made = torch.Generator().manual_seed(seed)
    ratio = torch.randn(count, EVIDENCE_CELLS, EVIDENCE_CELLS, generator=made) * 2
    return SpectralView(ratio, (ratio < -1).float(), torch.rand(count, 3, generator=made))


def test_before_it_is_trained_nothing_changes():
    log_odds, distances = answers()
    found, moved = EvidenceHead()(view(), log_odds, distances)
    torch.testing.assert_close(found, log_odds.clamp(-8, 8))
    torch.testing.assert_close(moved, distances)


def test_every_point_of_the_grid_looks_at_the_cells_around_it():
    head = EvidenceHead(EvidenceHeadConfig(map_channels=1))
    torch.nn.init.ones_(head.maps.weight)
    torch.nn.init.zeros_(head.maps.bias)
    points = grid_points_px()
    cell = SEARCH_SIZE_PX / EVIDENCE_CELLS
    middles = (np.arange(EVIDENCE_CELLS) + 0.5) * cell
    across = torch.from_numpy(middles.astype(np.float32)).expand(2, EVIDENCE_CELLS, EVIDENCE_CELLS)
    # The mean of where the cells lie that a point sees is where the point lies, to an eighth of a cell.
    seen = head.maps(across[None, :, 6:58, 6:58])[0, 0] / (2 * 16)
    np.testing.assert_allclose(seen.detach().numpy()[12], points, atol=cell / 8)


def test_means_in_boxes_are_those_of_the_evidence():
    _, distances = answers(1)
    corners = decode_boxes(distances)
    chance = torch.rand(1, EVIDENCE_CELLS, EVIDENCE_CELLS, generator=torch.Generator().manual_seed(3))
    inside, around = means_in_boxes(chance, corners)[0].numpy()
    boxes = corners[0].permute(1, 2, 0).numpy().astype(np.float64) * (EVIDENCE_CELLS / SEARCH_SIZE_PX)
    boxes[..., 2:] -= boxes[..., :2]
    np.testing.assert_allclose(inside - around, box_contrast(chance[0].numpy(), boxes), atol=1e-4)


def test_a_box_full_of_likely_cells_has_mean_one():
    chance = torch.zeros(1, EVIDENCE_CELLS, EVIDENCE_CELLS)
    chance[0, 24:40, 20:44] = 1
    unit = SEARCH_SIZE_PX / EVIDENCE_CELLS
    corners = torch.tensor([20.0, 24, 44, 40]).view(1, 4, 1, 1).expand(1, 4, 25, 25) * unit
    inside, around = means_in_boxes(chance, corners)[0]
    torch.testing.assert_close(inside, torch.ones(25, 25), atol=1e-4, rtol=0)
    torch.testing.assert_close(around, torch.zeros(25, 25), atol=1e-4, rtol=0)


def test_it_learns_to_follow_the_evidence():
    torch.manual_seed(0)
    head, blocks = EvidenceHead(), torch.randn(4, 8, 8) * 2
    given = view(4)._replace(log_ratio=blocks.repeat_interleave(8, 1).repeat_interleave(8, 2))
    log_odds, distances = torch.zeros(4, 25, 25), torch.full((4, 4, 25, 25), 30.0)
    wanted = torch.nn.functional.avg_pool2d(given.log_ratio[:, None, 7:57, 7:57], 2)[:, 0] * 2
    optimiser = torch.optim.AdamW(head.parameters(), lr=1e-2)
    losses = []
    for _ in range(40):
        found, moved = head(given, log_odds, distances)
        loss = (found - wanted).square().mean() + (moved - 40).square().mean() / 100
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.25 * losses[0]


@pytest.mark.parametrize(
    ("field", "value"), [("channels", 0), ("map_channels", -1), ("dilations", (0,)), ("dilations", ())]
)
def test_shapes_that_mean_nothing_are_refused(field, value):
    with refuses(ConfigError, field):
        EvidenceHeadConfig(**{field: value})
