"""SSF-Net assembled: shapes for any number of bands, both branches and their weights, switches, gradients, the
template's side once.
"""

import dataclasses

import pytest
import torch
from torch import nn

from spectrack.errors import ConfigError, InputError
from spectrack.methods.ssfnet.method import METHOD
from spectrack.methods.ssfnet.network import SSFNet, SSFNetConfig, distinctness
from spectrack.methods.ssfnet.spatial_spectral import S2FBConfig
from spectrack.networks.asymmetric_head import AsymmetricHead
from spectrack.networks.backbones.compact import CompactConfig
from spectrack.networks.folding import fold_batch_norm
from spectrack.networks.siamese import SiameseConfig, SiameseNetwork, decode_boxes
from spectrack.tables import from_table, to_table
from spectrack.training.labels import distance_targets, ellipse_labels
from spectrack.training.losses import LossConfig, point_losses
from spectrack.training.recipe import load_recipe
from tests.fixtures.refusals import refuses

BASE = SiameseConfig(CompactConfig(widths=(4, 6, 8), dilations=(1,)), template_box=True, prediction_kernel=3)
ACM = dataclasses.replace(BASE, head="acm")
BACKBONE = S2FBConfig(channels=6, widths=(4, 4), context_dilations=(1,))
BOX = torch.tensor([[40.0, 50.0, 90.0, 80.0]])


def config(**changes):
    return SSFNetConfig(**{"base": BASE, "s2fb": BACKBONE, "fusion_heads": 2} | changes)


def crops(bands=6, pairs=1):
    return (
        torch.rand(pairs, bands, 127, 127),
        torch.rand(pairs, bands, 255, 255),
        torch.rand(pairs, 3, 127, 127),
        torch.rand(pairs, 3, 255, 255),
    )


def unsettle(network):
    """Batch normalisations and fusion as after a training."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_var, 0.5, 2.0)
            nn.init.normal_(module.running_mean, std=0.3)
    for parameter in network.fusion.parameters():
        nn.init.normal_(parameter, std=0.2)
    return network


@pytest.mark.parametrize("bands", [3, 15, 16, 25, 100])
@torch.no_grad()
def test_shapes_with_one_state_for_every_number_of_bands(bands):
    torch.manual_seed(0)
    network = SSFNet(config()).eval()
    template, search, template_colour, search_colour = crops(bands)
    wavelengths = torch.linspace(470, 620, bands)
    output = network(template, search, template_colour, search_colour, wavelengths, BOX)
    for logits in (output.logits, output.rgb_logits, output.hs_logits):
        assert logits.shape == (1, 2, 25, 25)
    for distances in (output.distances, output.rgb_distances, output.hs_distances):
        assert distances.shape == (1, 4, 25, 25)
        assert float(distances.min()) > 0
    assert output.angle.shape == (1, 25, 25)
    assert output.classification_shares.tolist() == output.regression_shares.tolist() == [0.5, 0.5]


@pytest.mark.parametrize("head", ["ban", "acm"])
@pytest.mark.parametrize("weights", ["uniform", "box"])
@torch.no_grad()
def test_template_is_computed_once_for_all_searches(head, weights):
    network = unsettle(SSFNet(config(base=dataclasses.replace(BASE, head=head), region_weights=weights))).eval()
    template, search, template_colour, search_colour = crops(5, pairs=2)
    side = network.kernels(template[:1], template_colour[:1], BOX)
    found = network.match(side, search, search_colour)
    for n in range(2):
        expected = network(template[:1], search[n : n + 1], template_colour[:1], search_colour[n : n + 1], None, BOX)
        for one, other in zip(found[:7], expected[:7], strict=True):
            torch.testing.assert_close(one[n], other[0], rtol=1e-3, atol=1e-3)


@torch.no_grad()
def test_rgb_branch_is_a_siamban_of_its_own():
    network = unsettle(SSFNet(config())).eval()
    siamban = SiameseNetwork(BASE).eval()
    siamban.load_state_dict(network.rgb.state_dict())
    template, search, template_colour, search_colour = crops()
    output = network(template, search, template_colour, search_colour, None, BOX)
    logits, distances = siamban(template_colour, search_colour, BOX)
    torch.testing.assert_close(output.rgb_logits, logits)
    torch.testing.assert_close(output.rgb_distances, distances)
    other = network(torch.rand_like(template), torch.rand_like(search), template_colour, search_colour, None, BOX)
    assert torch.equal(other.rgb_logits, output.rgb_logits)
    assert not torch.allclose(other.hs_logits, output.hs_logits, atol=1e-4)


@torch.no_grad()
def test_predictions_are_weighted_sums_of_both_branches():
    network = SSFNet(config()).eval()
    network.classification_mix.copy_(torch.tensor([0.0, 1.0]))
    network.regression_mix.copy_(torch.tensor([2.0, 0.0]))
    inputs = crops()
    e = torch.e
    expected = {
        "rgb": ((1.0, 0.0), (1.0, 0.0)),
        "hs": ((0.0, 1.0), (0.0, 1.0)),
        "mean": ((0.5, 0.5), (0.5, 0.5)),
        "learned": ((1 / (1 + e), e / (1 + e)), (e**2 / (1 + e**2), 1 / (1 + e**2))),
    }
    for prediction, (scores, boxes) in expected.items():
        chosen = SSFNet(network.config.with_switches({"prediction": prediction})).eval()
        chosen.load_state_dict(network.state_dict())
        output = chosen(*inputs, None, BOX)
        torch.testing.assert_close(output.classification_shares, torch.tensor(scores))
        torch.testing.assert_close(output.regression_shares, torch.tensor(boxes))
        torch.testing.assert_close(output.logits, scores[0] * output.rgb_logits + scores[1] * output.hs_logits)
        torch.testing.assert_close(output.distances, boxes[0] * output.rgb_distances + boxes[1] * output.hs_distances)


@torch.no_grad()
def test_a_wide_crop_says_in_its_middle_what_the_usual_one_says():
    """Point 16 of 57 is the first of the 25; what lies at the usual crop's edges is seen as padding there."""
    network = unsettle(SSFNet(config(fusion="none"))).eval()
    template, _, template_colour, _ = crops()
    cube, colour = torch.rand(1, 6, 511, 511), torch.rand(1, 3, 511, 511)
    side, middle = network.kernels(template, template_colour, BOX), slice(128, 383)
    wide = network.match(side, cube, colour)
    usual = network.match(side, cube[..., middle, middle], colour[..., middle, middle])
    assert wide.logits.shape == (1, 2, 57, 57)
    for one, other in ((wide.logits, usual.logits), (wide.angle[None], usual.angle[None])):
        torch.testing.assert_close(one[..., 24:33, 24:33], other[..., 8:17, 8:17], rtol=1e-3, atol=1e-3)
    boxes, found = decode_boxes(usual.distances), decode_boxes(wide.distances)
    torch.testing.assert_close(found[..., 24:33, 24:33] - 128, boxes[..., 8:17, 8:17], rtol=1e-3, atol=0.05)


def test_shares_by_frame_follow_the_branch_whose_template_stands_out():
    """A square that only one branch can see: where it is in the search region, that branch has the larger share."""
    network = SSFNet(config(shares="per_frame", fusion="none")).eval()
    assert network(*crops(pairs=2), None, BOX.repeat(2, 1)).classification_shares.tolist() == [[0.5, 0.5]] * 2
    with torch.no_grad():
        network.classification_trust.fill_(5.0)
    template, search = torch.randn(1, 4, 5, 5), torch.randn(2, 4, 31, 31)
    search[0, :, 8:13, 11:16] = 3 * template[0]
    found = distinctness(template, search)
    region = search[:, :, 8:13, 11:16].flatten(1)
    cosine = nn.functional.cosine_similarity(template.flatten(1), region)
    assert cosine[0] == pytest.approx(1, abs=1e-5)
    assert found[0] > 0.9 > found[1] > 0
    other = torch.randn(1, 4, 5, 5)
    classification, regression = network.shares((template, other), (search, search))
    assert classification[0, 0] > 0.75 > classification[1, 0]
    torch.testing.assert_close(classification.sum(dim=1), torch.ones(2))
    assert regression.tolist() == [[0.5, 0.5]] * 2
    assert network.shares((other, template), (search, search))[0][0, 1] > 0.75


def test_shares_by_frame_are_learnt():
    network = SSFNet(config(shares="per_frame")).train()
    output = network(*crops(pairs=3), None, BOX.repeat(3, 1))
    (output.logits.square().mean() + output.distances.square().mean() * 1e-3).backward()
    assert network.classification_trust.grad.abs() > 0
    assert network.regression_trust.grad.abs() > 0
    for other in ("rgb", "hs", "mean"):
        fixed = SSFNet(network.config.with_switches({"prediction": other}))
        fixed.load_state_dict(network.state_dict())
        assert fixed.eval()(*crops(), None, BOX).classification_shares.shape == (2,)


@torch.no_grad()
def test_fusion_none_keeps_the_colours_out_of_the_hyperspectral_branch():
    for fusion, kept in (("none", True), ("intra", True), ("safm", False)):
        network = unsettle(SSFNet(config(fusion=fusion))).eval()
        template, search, template_colour, search_colour = crops()
        first = network(template, search, template_colour, search_colour, None, BOX)
        second = network(template, search, torch.rand_like(template_colour), torch.rand_like(search_colour), None, BOX)
        assert torch.equal(first.hs_logits, second.hs_logits) is kept


@torch.no_grad()
def test_one_state_serves_every_switch():
    trained = SSFNet(config())
    maps = []
    for switches in ({}, {"prediction": "hs"}, {"region": "pooled"}, {"region": "pixel", "region_weights": "box"}):
        network = SSFNet(trained.config.with_switches(switches)).eval()
        network.load_state_dict(trained.state_dict())
        torch.manual_seed(3)
        maps.append(network(*crops(), None, BOX).angle)
    assert torch.equal(maps[0], maps[1])
    assert not any(torch.allclose(maps[0], other, atol=1e-3) for other in maps[2:])
    for name in METHOD.switches:
        assert name in SSFNetConfig.__dataclass_fields__
    with refuses(ConfigError, "prediction", "'both'", "learned, mean, rgb, hs"):
        trained.config.with_switches({"prediction": "both"})


@torch.no_grad()
def test_without_saam_there_is_no_angle():
    network = SSFNet(config(saam=False)).eval()
    assert network(*crops(), None, BOX).angle is None


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"base": ACM, "region_weights": "box"},
        {"fusion": "se", "saam": False},
        {"s2fb": dataclasses.replace(BACKBONE, bands=6)},
        {"backbone": "planes"},
    ],
)
def test_gradients_reach_every_part(changes):
    network = SSFNet(config(**changes)).train()
    for parameter in network.fusion.parameters():
        nn.init.normal_(parameter, std=0.2)
    # Three boxes: of two, a batch normalisation tells no more than which is the larger.
    boxes = torch.tensor([[40.0, 50.0, 90.0, 80.0], [30.0, 40.0, 95.0, 90.0], [50.0, 30.0, 70.0, 100.0]])
    output = network(*crops(6, pairs=3), torch.linspace(470, 620, 6), boxes)
    (output.logits.square().mean() + output.distances.square().mean() * 1e-3).backward()
    # One level: a softmax of one number is 1 whatever the number; it takes part all the same.
    idle = ("classification_weights", "regression_weights", "level_mix.weights")
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert bool(torch.isfinite(parameter.grad).all()), name
        assert float(parameter.grad.abs().sum()) > 0 or name.endswith(idle), name


def test_a_frozen_rgb_branch_gets_no_gradient_and_the_rest_does():
    network = SSFNet(config())
    network.rgb.requires_grad_(False)
    network.train()
    network.rgb.eval()
    before = {name: tensor.clone() for name, tensor in network.rgb.state_dict().items()}
    output = network(*crops(6, pairs=2), None, BOX.expand(2, -1))
    (output.logits.square().mean() + output.distances.mean()).backward()
    assert all(parameter.grad is None for parameter in network.rgb.parameters())
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.rgb.state_dict().items())
    assert float(network.classification_mix.grad.abs().sum()) > 0
    assert float(network.s2fb.patch[0].weight.grad.abs().sum()) > 0


def test_gradients_stay_finite_for_dark_and_constant_crops():
    for value in (0.0, 0.5):
        network = SSFNet(config()).train()
        crop = tuple(torch.full_like(part, value) for part in crops(6, pairs=2))
        output = network(*crop, None, BOX.expand(2, -1))
        (output.logits.mean() + output.distances.mean() + output.angle.mean()).backward()
        for name, parameter in network.named_parameters():
            assert parameter.grad is None or bool(torch.isfinite(parameter.grad).all()), name


def test_one_batch_of_camouflage_can_be_learned():
    torch.manual_seed(1)
    network = SSFNet(config(fusion="none", s2fb=S2FBConfig(channels=8, widths=(8, 8), context_dilations=())))
    network.rgb.requires_grad_(False).eval()
    # Grey everywhere in colour; the target's bands rise where the ground's fall.
    slope = torch.linspace(-0.2, 0.2, 6)[:, None, None]
    template, search = (
        (0.5 - slope).expand(6, 127, 127).repeat(2, 1, 1, 1),
        (0.5 - slope).expand(6, 255, 255).repeat(2, 1, 1, 1),
    )
    boxes = torch.tensor([[60.0, 80.0, 124.0, 144.0], [140.0, 90.0, 204.0, 154.0]])
    template[:, :, 32:95, 32:95] = 0.5 + slope
    for crop, (x0, y0, x1, y1) in zip(search, boxes.int().tolist(), strict=True):
        crop[:, y0:y1, x0:x1] = 0.5 + slope
    template, search = template + 0.02 * torch.randn_like(template), search + 0.02 * torch.randn_like(search)
    colours = torch.full((2, 3, 127, 127), 0.5), torch.full((2, 3, 255, 255), 0.5)
    template_boxes = torch.tensor([[32.0, 32.0, 95.0, 95.0]]).expand(2, -1)
    labels, targets = ellipse_labels(boxes, torch.ones(2, dtype=torch.bool)), distance_targets(boxes)
    optimiser = torch.optim.AdamW([p for p in network.parameters() if p.requires_grad], lr=5e-3)
    totals = []
    for _ in range(25):
        output = network(template, search, *colours, None, template_boxes)
        terms = point_losses(output.hs_logits, output.hs_distances, labels, targets, LossConfig())
        optimiser.zero_grad()
        sum(terms).backward()
        optimiser.step()
        totals.append([float(term.detach()) for term in terms])
    assert totals[-1][0] < 0.5 * totals[0][0]
    assert totals[-1][1] < 0.7 * totals[0][1]
    best = output.hs_logits.softmax(1)[:, 1].flatten(1).argmax(1)
    assert all(label.flatten()[cell] == 1 for label, cell in zip(labels, best, strict=True))


@torch.no_grad()
def test_predictions_are_float32_under_autocast():
    network = unsettle(SSFNet(config())).eval()
    inputs = crops()
    expected = network(*inputs, None, BOX)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = network(*inputs, None, BOX)
    assert output.logits.dtype == output.distances.dtype == output.angle.dtype == torch.float32
    torch.testing.assert_close(output.logits, expected.logits, rtol=0, atol=0.1)
    torch.testing.assert_close(output.angle, expected.angle, rtol=0, atol=0.1)


@torch.no_grad()
def test_folding_changes_nothing():
    network = unsettle(SSFNet(config())).eval()
    folded = fold_batch_norm(network, memory_format=torch.channels_last)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    inputs = crops()
    for found, expected in zip(folded(*inputs, None, BOX), network(*inputs, None, BOX), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)


def test_compact_fits_the_shipped_siamban_and_its_file_four_megabytes():
    network = SSFNet(SSFNetConfig())
    assert network.config.base == SiameseConfig(template_box=True, prediction_kernel=3)
    assert sum(parameter.numel() for parameter in network.rgb.parameters()) == 548_505
    values = sum(tensor.numel() for tensor in network.state_dict().values())
    assert values < 1_600_000
    assert 2 * values < 4_000_000


def test_full_is_the_specified_size():
    with torch.device("meta"):
        network = SSFNet(load_recipe("ssfnet-full", {"network.base.head": "acm", "network.s2fb.bands": 16}).network)
    sizes = {name: sum(p.numel() for p in child.parameters()) for name, child in network.named_children()}
    assert sizes["s2fb"] == 365_520
    assert sizes["level_mix"] == 3
    # Section 4.0 of the reconstruction counts 11.31 M a level for the asymmetric head.
    head = sum(p.numel() for p in network.rgb.head.parameters())
    assert round(head / 3e6, 2) == 11.31


@torch.no_grad()
def test_asymmetric_head_is_a_convolution_over_template_and_search_side_by_side():
    head = AsymmetricHead(6, 2).eval()
    levels, searches = [torch.randn(1, 6, 7, 7) for _ in range(2)], [torch.randn(1, 6, 31, 31) for _ in range(2)]
    logits, distances = head(head.template_kernels(levels, BOX), searches)
    assert (logits.shape, distances.shape) == ((1, 2, 25, 25), (1, 4, 25, 25))
    branch = head.classification[0]
    template, search = branch.template_tower(levels[0]), branch.search_tower(searches[0])
    windows = nn.functional.unfold(search, 5).view(1, 6, 5, 5, 625)
    both = torch.cat([template[..., None].expand_as(windows), windows], dim=1)
    weight = torch.cat([branch.template_sum.weight, branch.search_sum.weight], dim=1)
    summed = torch.einsum("ocij,ncijp->nop", weight, both) + branch.template_sum.bias[None, :, None]
    summed = summed.view(1, 6, 25, 25) + branch.box(torch.tensor([[50.0, 30.0]]))[:, :, None, None]
    sides = branch.template_kernel(levels[0], torch.tensor([[50.0, 30.0]])), branch.search_map(searches[0])
    torch.testing.assert_close(branch.correlate(*sides), branch.prediction(branch.mixing(summed)), rtol=1e-3, atol=1e-4)


def test_asymmetric_head_says_what_it_needs():
    network = SSFNet(config(base=dataclasses.replace(ACM, template_box=False)))
    template, search, template_colour, search_colour = crops()
    with refuses(InputError, "box", "acm"):
        network(template, search, template_colour, search_colour)
    with refuses(InputError, "1 neck levels", "found 2"):
        network.rgb.head.towers([search, search])
    with refuses(ConfigError, "channels", "found 0"):
        AsymmetricHead(0, 1)


@torch.no_grad()
def test_refuses_what_it_cannot_use():
    network = SSFNet(config()).eval()
    template, search, template_colour, search_colour = crops()
    with refuses(InputError, "bands", "(1, 2, 127, 127)"):
        network(template[:, :2], search[:, :2], template_colour, search_colour, None, BOX)
    with refuses(InputError, "(1, 6, 127, 127)", "(1, 3, 255, 255)"):
        network(template, search, search_colour, search_colour, None, BOX)
    specific = SSFNet(config(s2fb=dataclasses.replace(BACKBONE, bands=16))).eval()
    with refuses(InputError, "16 bands", "found 6"):
        specific(template, search, template_colour, search_colour, None, BOX)


def test_configuration_survives_json():
    for given in (
        config(),
        load_recipe("ssfnet-full").network,
        config(fusion="eca", region="pixel", saam=False, base=ACM, prediction="mean"),
    ):
        assert from_table(SSFNetConfig, to_table(given), "the test") == given
    assert from_table(SSFNetConfig, {}, "the test") == SSFNetConfig()
    # The head once stood beside the branch that it belongs to.
    base = dataclasses.replace(SSFNetConfig().base, head="acm")
    assert from_table(SSFNetConfig, {"head": "acm"}, "the test") == SSFNetConfig(base=base)
    older = {key: value for key, value in to_table(config(base=ACM)).items() if key != "head"}
    older["base"] = {key: value for key, value in older["base"].items() if key != "head"}
    assert from_table(SSFNetConfig, older | {"head": "acm"}, "the test") == config(base=ACM)
    with refuses(ConfigError, "base.head", "'bam'", "did you mean 'ban'"):
        from_table(SSFNetConfig, {"head": "bam"}, "the test")
    with refuses(ConfigError, "'depth'", "base"):
        from_table(SSFNetConfig, {"depth": 3}, "the test")


@pytest.mark.parametrize(
    ("options", "facts"),
    [
        ({"fusion": "sam"}, ("fusion", "'sam'", "did you mean 'safm'")),
        ({"region": "cell"}, ("region", "'cell'", "aligned", "pixel", "pooled")),
        ({"region_weights": "boxes"}, ("region_weights", "'boxes'", "did you mean 'box'")),
        ({"prediction": "none"}, ("prediction", "'none'", "learned, mean, rgb, hs")),
    ],
)
def test_wrong_configurations(options, facts):
    with refuses(ConfigError, facts):
        config(**options)
    with refuses(ConfigError, "8 channels", "found 3"):
        SSFNet(config(fusion_heads=3))
