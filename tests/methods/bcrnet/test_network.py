"""BCR-Net assembled: shapes of every stage, which gradients flow, fusion, switches."""

import dataclasses

import pytest
import torch
from torch import nn

from spectrack.errors import ConfigError, InputError
from spectrack.methods.bcrnet.band_importance import BIMMConfig
from spectrack.methods.bcrnet.composites import ComposerConfig
from spectrack.methods.bcrnet.method import METHOD
from spectrack.methods.bcrnet.network import BCRNet, BCRNetConfig, fuse_branches
from spectrack.networks.backbones.compact import CompactConfig
from spectrack.networks.backbones.resnet50 import ResNet50Config
from spectrack.networks.siamese import SiameseConfig, SiameseNetwork
from spectrack.tables import from_table, to_table
from tests.fixtures.refusals import refuses

BASE = SiameseConfig(CompactConfig(widths=(4, 6, 8), dilations=(1,)))
BIMM = BIMMConfig(input_size=32, widths=(2, 3))


def config(**changes):
    return BCRNetConfig(**{"base": BASE, "bimm": BIMM} | changes)


def crops(bands=9, pairs=1):
    return torch.rand(pairs, bands, 127, 127), torch.rand(pairs, bands, 255, 255)


@pytest.mark.parametrize(("bands", "branches"), [(3, 1), (15, 5), (16, 5), (25, 8)])
@torch.no_grad()
def test_shapes_of_every_stage(bands, branches):
    network = BCRNet(config()).eval()
    template_cube, search_cube = crops(bands)
    template = network.compose(template_cube)
    search = network.compose(search_cube, None, template)
    assert (template.matrix.shape, template.importance.shape, template.order.shape) == (
        (1, bands, bands),
        (1, bands),
        (1, bands),
    )
    assert (template.images.shape, search.images.shape) == ((1, branches, 3, 127, 127), (1, branches, 3, 255, 255))
    assert [tuple(level.shape) for level in network.siamban.extract(template.images[0])] == [(branches, 8, 15, 15)]
    (kernels,), (towers,) = network.kernels(template.images), network.towers(search.images)
    assert (kernels.classification[0].shape, towers.classification[0].shape) == (
        (branches, 8, 5, 5),
        (branches, 8, 29, 29),
    )
    output = network(template_cube, search_cube)
    assert (output.logits.shape, output.distances.shape) == ((1, branches, 2, 25, 25), (1, branches, 4, 25, 25))
    torch.testing.assert_close(output.weights.sum(1), torch.ones(1))
    scores, distances = fuse_branches(output.logits, output.distances, output.weights)
    assert (scores.shape, distances.shape) == ((1, 25, 25), (1, 4, 25, 25))


def test_full_profile_is_the_papers_size():
    full = BCRNetConfig(base=SiameseConfig(ResNet50Config(shortcut="3x3")), bimm=BIMMConfig(bands=16))
    with torch.device("meta"):
        network = BCRNet(full)
    sizes = {name: sum(p.numel() for p in child.parameters()) for name, child in network.named_children()}
    assert sizes == {"siamban": 45_528_128 + 919_040 + 7_484_955, "bimm": 123_872, "cfrm": 395_538, "heads": 0}


def test_branches_do_not_mix():
    network = BCRNet(config()).eval()
    template_cube, search_cube = crops(9, pairs=2)
    with torch.no_grad():
        output = network(template_cube, search_cube)
        for n in range(2):
            template, search = output.template.images[n], output.search.images[n]
            logits, distances = network.siamban(template, search)
            torch.testing.assert_close(output.logits[n], logits, rtol=1e-3, atol=1e-4)
            torch.testing.assert_close(output.distances[n], distances, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("heads", ["shared", "per_branch"])
@pytest.mark.parametrize("place", ["post_neck", "pre_crop", "pre_neck"])
def test_starts_as_the_siamban_it_came_from(heads, place):
    torch.manual_seed(1)
    siamban = SiameseNetwork(BASE).eval()
    network = BCRNet(config(heads=heads, cfrm_place=place)).eval()
    network.siamban.load_state_dict(siamban.state_dict())
    network.copy_head()
    template_cube, search_cube = crops(6)
    with torch.no_grad():
        output = network(template_cube, search_cube)
        logits, _ = siamban(output.template.images[0], output.search.images[0])
    torch.testing.assert_close(output.logits[0], logits, rtol=1e-3, atol=1e-4)


def test_three_bands_are_one_siamban():
    network = BCRNet(config()).eval()
    with torch.no_grad():
        output = network(*crops(3))
        scores, distances = fuse_branches(output.logits, output.distances, output.weights)
    torch.testing.assert_close(scores, output.logits[:, 0].softmax(1)[:, 1])
    torch.testing.assert_close(distances, output.distances[:, 0])


def test_fused_maps_are_weighted_means():
    logits, distances = torch.randn(2, 3, 2, 25, 25), torch.rand(2, 3, 4, 25, 25)
    weights = torch.tensor([[0.5, 0.3, 0.2], [1.0, 0.0, 0.0]])
    scores, fused = fuse_branches(logits, distances, weights)
    probability = logits.softmax(2)[:, :, 1]
    torch.testing.assert_close(scores[0], 0.5 * probability[0, 0] + 0.3 * probability[0, 1] + 0.2 * probability[0, 2])
    torch.testing.assert_close(
        fused[0, 2], 0.5 * distances[0, 0, 2] + 0.3 * distances[0, 1, 2] + 0.2 * distances[0, 2, 2]
    )
    torch.testing.assert_close(scores[1], probability[1, 0])


def test_every_part_trains_as_long_as_nobody_freezes_it():
    network = BCRNet(config()).train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1)
    output = network(*crops(6, pairs=2))
    (
        (output.weights[:, :, None, None, None] * output.logits).square().mean()
        + output.distances.mean()
        + output.search.matrix.mean()
    ).backward()
    optimiser.step()
    changed = [name for name, tensor in network.state_dict().items() if not torch.equal(tensor, before[name])]
    for part in ("siamban.backbone", "siamban.neck", "siamban.head", "bimm.encoder", "bimm.phi", "cfrm"):
        assert any(name.startswith(part) for name in changed), part


def test_ranking_carries_no_gradient_but_weights_do():
    network = BCRNet(config()).train()
    output = network(*crops(6, pairs=2))
    output.logits.sum().backward()
    assert all(p.grad is None for p in network.bimm.parameters())
    output = network(*crops(6, pairs=2))
    output.weights[:, 0].sum().backward()
    assert any(p.grad is not None and float(p.grad.abs().sum()) > 0 for p in network.bimm.encoder.parameters())


def test_straight_through_lets_the_tracking_loss_reach_the_importance():
    plain, gated = BCRNet(config()).eval(), BCRNet(config(straight_through=True)).eval()
    gated.load_state_dict(plain.state_dict())
    pair = crops(6)
    output = gated(*pair)
    torch.testing.assert_close(output.logits, plain(*pair).logits)
    output.logits[:, :, 1].sum().backward()
    assert any(p.grad is not None and float(p.grad.abs().sum()) > 0 for p in gated.bimm.encoder.parameters())


def test_one_state_serves_every_number_of_bands_and_every_switch():
    trained = BCRNet(config())
    for switches in (
        {},
        {"composer": "pca"},
        {"fixed_bands": "2,1,0"},
        {"branch_weights": "uniform", "max_composites": 2},
        {"weight_power": 4.0},
    ):
        network = BCRNet(trained.config.with_switches(switches)).eval()
        network.load_state_dict(trained.state_dict())
        with torch.no_grad():
            for bands in (3, 7, 16):
                assert bool(torch.isfinite(network(*crops(bands)).logits).all())


def test_switches():
    base = config()
    changed = base.with_switches({"composer": "random", "seed": 3, "leftover": "wrap", "branch_weights": "uniform"})
    assert changed.composer == ComposerConfig(name="random", seed=3, leftover="wrap")
    assert changed.branch_weights == "uniform"
    assert base.with_switches({"weight_power": 3}).weight_power == 3.0
    assert base.with_switches({"fixed_bands": [1, 2, 3]}).composer == ComposerConfig(
        name="fixed", fixed_bands=(1, 2, 3)
    )
    for name in METHOD.switches:
        if name not in ("composer", "branch_weights", "weight_power"):
            assert name in ComposerConfig.__dataclass_fields__
    with refuses(ConfigError, "'red'", "9,5,1"):
        base.with_switches({"fixed_bands": "red"})


def test_a_learned_ranking_needs_weights_of_its_own():
    for trained, wanted in (("importance", "attention"), ("attention", "importance")):
        shape = config(composer=ComposerConfig(name=trained))
        with refuses(ConfigError, wanted, f"found {trained}", "network.composer.name"):
            shape.with_switches({"composer": wanted})
        assert shape.with_switches({"composer": "sequential"}).composer.name == "sequential"


def test_uniform_weights():
    network = BCRNet(config(branch_weights="uniform")).eval()
    with torch.no_grad():
        output = network(*crops(9))
    torch.testing.assert_close(output.weights, torch.full((1, 3), 1 / 3))
    assert not torch.equal(output.search.weights, output.weights)


def test_a_power_of_the_weights_reaches_the_answer_and_the_gradient():
    plain, sharp = BCRNet(config()).eval(), BCRNet(config(weight_power=8.0)).eval()
    sharp.load_state_dict(plain.state_dict())
    pair = crops(9)
    found, expected = sharp(*pair).weights, plain(*pair).weights ** 8
    torch.testing.assert_close(found, expected / expected.sum(dim=1, keepdim=True))
    found[:, 0].sum().backward()
    assert any(float(p.grad.abs().sum()) > 0 for p in sharp.bimm.encoder.parameters() if p.grad is not None)


def test_refinement_stands_where_it_is_told_to():
    """Before the neck it has the backbone's channels, and sees templates whole as it does before the crop."""
    seen = []
    for place in ("post_neck", "pre_crop", "pre_neck"):
        network = BCRNet(config(cfrm_place=place)).eval()
        network.cfrm.register_forward_pre_hook(lambda _, given: seen.append(tuple(given[0][0].shape[1:])))
        with torch.no_grad():
            network(*crops(3))
    after, before = network.siamban.neck.channels, network.siamban.neck.in_channels[0]
    assert seen[::2] == [(after, 7, 7), (after, 15, 15), (before, 15, 15)]
    assert seen[1::2] == [(after, 31, 31), (after, 31, 31), (before, 31, 31)]


def test_without_refinement_there_is_no_cfrm():
    network = BCRNet(config(refine=False)).eval()
    assert not any("cfrm" in name for name in network.state_dict())
    with torch.no_grad():
        network(*crops(3))


def test_heads_per_branch_are_apart_and_limited():
    network = BCRNet(config(heads="per_branch", composer=ComposerConfig(max_composites=2))).train()
    network(*crops(9, pairs=2)).logits[:, 1].square().sum().backward()
    assert all(p.grad is None or float(p.grad.abs().sum()) == 0 for p in network.heads[0].parameters())
    assert any(p.grad is not None and float(p.grad.abs().sum()) > 0 for p in network.heads[1].parameters())
    wide = BCRNet(dataclasses.replace(network.config, composer=ComposerConfig(max_composites=1)))
    wide.composer.config = ComposerConfig(max_composites=0)
    with refuses(InputError, "1 composites", "found 3"):
        wide(*crops(9))


def test_band_specific_network_refuses_other_counts():
    network = BCRNet(config(bimm=BIMMConfig(bands=6, widths=(2, 3)))).eval()
    with torch.no_grad():
        network(*crops(6))
        with refuses(InputError, "6 bands", "found 9"):
            network(*crops(9))


def test_configuration_survives_json():
    for given in (
        config(),
        config(base=SiameseConfig(ResNet50Config(shortcut="3x3", levels=(4,)))),
        config(composer=ComposerConfig(name="fixed", fixed_bands=(1, 2, 3)), refine=False),
    ):
        assert from_table(BCRNetConfig, to_table(given), "the test") == given
    with refuses(ConfigError, "'depth'", "base"):
        from_table(BCRNetConfig, {"depth": 3}, "the test")


@pytest.mark.parametrize(
    ("options", "facts"),
    [
        ({"branch_weights": "equal"}, ("branch_weights", "'equal'", "importance", "uniform")),
        ({"cfrm_place": "first"}, ("cfrm_place", "'first'", "post_neck", "pre_crop", "pre_neck")),
        ({"heads": "many"}, ("heads", "'many'", "shared", "per_branch")),
        (
            {"heads": "per_branch", "composer": ComposerConfig(max_composites=0)},
            ("per_branch", "max_composites 0"),
        ),
    ],
)
def test_wrong_configurations(options, facts):
    with refuses(ConfigError, facts):
        config(**options)


def test_gradients_stay_finite_for_dark_and_constant_crops():
    for value in (0.0, 0.5):
        network = BCRNet(config()).train()
        output = network(torch.full((2, 6, 127, 127), value), torch.full((2, 6, 255, 255), value))
        (output.logits.mean() + (output.weights * torch.arange(2.0)).sum() + output.search.matrix.sum()).backward()
        for name, parameter in network.named_parameters():
            assert parameter.grad is None or bool(torch.isfinite(parameter.grad).all()), name
        assert isinstance(network.siamban, nn.Module)
