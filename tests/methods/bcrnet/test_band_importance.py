"""BIMM: published counts, exact constraints, one file for every number of bands, the start off the saddle, every part
and switch.
"""

import pytest
import torch
from torch import nn
from torch.nn import functional

from spectrack.errors import ConfigError, InputError
from spectrack.methods.bcrnet.band_decoder import shuffle_channels
from spectrack.methods.bcrnet.band_encoder import ChannelEnhancement, SharedChannelEnhancement, SpatialEnhancement
from spectrack.methods.bcrnet.band_importance import PARTS, BandImportanceModule, BIMMConfig
from spectrack.methods.bcrnet.band_layout import BandLayout
from spectrack.methods.bcrnet.band_refinement import FlatRefinement, clear_diagonal, pooled_correlation
from spectrack.methods.bcrnet.self_expression import (
    gram_matrix,
    mean_of_others,
    reconstruction_error,
    solve_self_expression,
)
from spectrack.networks.folding import fold_batch_norm
from tests.fixtures.refusals import refuses


def smooth_crops(crops=2, bands=16, side=32, seed=0):
    """(crops, bands, side, side) float32: smooth spectra, smooth in space."""
    generator = torch.Generator().manual_seed(seed)
    place = torch.linspace(0, 1, bands)
    middles, heights = torch.rand(5, 1, generator=generator), torch.rand(5, 1, generator=generator)
    spectra = 0.1 + torch.exp(-((place - middles) ** 2) / 0.1) * heights
    shares = nn.functional.interpolate(
        torch.rand(crops, 5, 6, 6, generator=generator), size=(side, side), mode="bilinear"
    )
    cube = torch.einsum("nmhw,mc->nchw", shares, spectra) / 2
    return (cube * (1 + 0.01 * torch.randn(cube.shape, generator=generator))).clamp(min=0)


def lived_in(module):
    """Statistics and weights as after some training, so that no part is near its start."""
    for child in module.modules():
        if isinstance(child, nn.BatchNorm2d):
            nn.init.normal_(child.running_mean, std=0.1)
            nn.init.uniform_(child.running_var, 0.5, 2)
            nn.init.uniform_(child.weight, 0.5, 1.5)
    for parameter in module.phi.parameters() if module.phi is not None else ():
        nn.init.normal_(parameter, std=0.2)
    return module.eval()


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize(
    ("bands", "encoder", "decoder", "phi", "row"),
    [(16, 48_346, 42_438, 33_088, 1_072), (25, 110_653, 96_906, 125_725, 2_575)],
)
def test_band_specific_module_has_the_counted_parameters(bands, encoder, decoder, phi, row):
    with torch.device("cpu"):
        module = BandImportanceModule(BIMMConfig(bands=bands))
    assert count(module.encoder) == encoder
    assert count(module.upsampling) + count(module.refinement) == decoder
    assert count(module.phi) == phi
    assert count(module) == encoder + decoder + phi
    assert count(BandImportanceModule(BIMMConfig(bands=bands, phi="row")).phi) == row


@pytest.mark.parametrize("side", [127, 255])
def test_maps_of_every_stage(side):
    module, bands = BandImportanceModule(BIMMConfig(widths=(2, 3, 4), pooled_maps=1)).eval(), 6
    layout = BandLayout.of(bands)
    with torch.no_grad():
        encoded = module.encoder(layout.split(torch.rand(1, bands, side, side)), layout)
        halves = [side, side // 2, side // 4]
        assert [tuple(level.shape) for level in encoded] == [
            (layout.blocks, layout.block * width, half, half) for width, half in zip((2, 3, 4), halves, strict=True)
        ]
        up = module.upsampling[1](encoded[2], layout, encoded[1].shape[-2:])
        assert up.shape == encoded[1].shape
        top = module.upsampling[0](module.refinement[1](encoded[1], up, layout), layout, encoded[0].shape[-2:])
        # One map a band: D in R^(C x H x W).
        assert top.shape == (layout.blocks, layout.block, side, side)


@pytest.mark.parametrize("bands", [3, 4, 15, 16, 25, 31, 200])
def test_one_module_serves_every_number_of_bands(bands):
    module = lived_in(BandImportanceModule(BIMMConfig(pooled_maps=2)))
    with torch.no_grad():
        pooled, initial, matrix = module(torch.rand(2, bands, 16, 16), torch.linspace(400, 1000, bands))
    assert (pooled.shape, initial.shape, matrix.shape) == ((2, bands, 2), (2, bands, bands), (2, bands, bands))
    assert float(matrix.min()) >= 0
    assert bool((matrix.diagonal(dim1=1, dim2=2) == 0).all())
    assert float(matrix.max()) > 0
    torch.testing.assert_close(initial, initial.transpose(1, 2))


@pytest.mark.parametrize(
    "options", [{}, {"phi": "row"}, {"phi": "pairwise"}, {"activation": "softplus"}, {"normalise_max": True}]
)
def test_constraints_hold_exactly_in_every_form(options):
    for bands in (0, 5) if options.get("phi") != "row" else (5,):
        module = lived_in(BandImportanceModule(BIMMConfig(bands=bands, **options)))
        with torch.no_grad():
            matrix = module(torch.rand(3, 5, 16, 16)).matrix
        assert float(matrix.min()) >= 0
        assert bool((matrix.diagonal(dim1=1, dim2=2) == 0).all())
        if options.get("normalise_max"):
            torch.testing.assert_close(matrix.amax(dim=(1, 2)), torch.ones(3))


@pytest.mark.parametrize("bands", [3, 16, 25, 60])
def test_shared_module_starts_at_the_mean_of_the_others_and_off_the_saddle(bands):
    module, crops = BandImportanceModule().train(), smooth_crops(bands=bands)
    relations = module(crops)
    assert float(relations.pooled.detach().mean()) == pytest.approx(0.5, abs=0.1)
    gram = gram_matrix(crops)
    length = gram.diagonal(dim1=1, dim2=2).sqrt()
    # The mean of the others, each brought to the brightness of the band that it rebuilds.
    expected = mean_of_others(bands) * length.unsqueeze(2) / length.unsqueeze(1)
    torch.testing.assert_close(relations.matrix.sum(dim=2), expected.sum(dim=2), rtol=0.2, atol=0)
    errors = reconstruction_error(gram, relations.matrix)
    torch.testing.assert_close(errors, reconstruction_error(gram, expected), rtol=0.3, atol=0.005)
    assert bool((errors < reconstruction_error(gram, mean_of_others(bands))).all())
    errors.mean().backward()
    network, phi = gradient_norms(module)
    assert network >= 0.01 * phi


@pytest.mark.parametrize("phi", ["flat", "row"])
def test_band_specific_module_starts_off_the_saddle_too(phi):
    module, crops = BandImportanceModule(BIMMConfig(bands=16, phi=phi)).train(), smooth_crops()
    matrix = module(crops).matrix
    off_diagonal = ~torch.eye(16, dtype=torch.bool)
    assert float(matrix.detach()[:, off_diagonal].min()) > 0
    torch.testing.assert_close(matrix.detach()[:, off_diagonal].mean().item(), 1 / 15, rtol=0.3, atol=0)
    reconstruction_error(gram_matrix(crops), matrix).mean().backward()
    network, own = gradient_norms(module)
    assert network >= 0.01 * own


def gradient_norms(module):
    """Of everything but phi, and of phi."""
    named = list(module.named_parameters())
    norms = [
        torch.stack(
            [p.grad.norm() for name, p in named if name.startswith("phi.") == of_phi and p.grad is not None]
        ).norm()
        for of_phi in (False, True)
    ]
    return float(norms[0]), float(norms[1])


def test_every_parameter_gets_a_gradient():
    for config in (
        BIMMConfig(),
        BIMMConfig(bands=6, phi="pairwise"),
        BIMMConfig(gate="add"),
        BIMMConfig(gate="encoder", pooled_maps=2),
    ):
        torch.manual_seed(1)
        module = BandImportanceModule(config).train()
        relations = module(smooth_crops(bands=6))
        (relations.matrix * torch.rand_like(relations.matrix)).sum().backward()
        for name, parameter in module.named_parameters():
            if (
                name.endswith((".convolution.bias", "encoder.0.bias", "decoder.0.bias", "attention.0.bias"))
                and "output" not in name
            ):
                continue  # a bias before batch normalisation has no effect
            assert parameter.grad is not None, name
            assert float(parameter.grad.abs().sum()) > 0, name


@pytest.mark.parametrize("bands", [0, 6])
def test_oracle_error_is_a_bound_that_training_approaches(bands):
    torch.manual_seed(3)
    module = BandImportanceModule(BIMMConfig(bands=bands, widths=(2, 4), normalise_bands=False)).train()
    crops = smooth_crops(crops=4, bands=6, side=16)
    gram = gram_matrix(crops)
    optimiser = torch.optim.Adam(module.parameters(), lr=2e-2)
    errors = []
    for _ in range(20):
        optimiser.zero_grad()
        error = reconstruction_error(gram, module(crops).matrix).mean()
        error.backward()
        optimiser.step()
        errors.append(float(error.detach()))
    assert errors[-1] < errors[0] / 2
    assert errors[-1] >= float(reconstruction_error(gram, solve_self_expression(gram)).mean())


def test_bands_are_taken_in_the_order_of_their_wavelengths():
    module = lived_in(BandImportanceModule())
    crops, centres = smooth_crops(bands=7), torch.tensor([450.0, 470, 500, 520, 560, 600, 610])
    mixed = torch.tensor([3, 0, 6, 1, 5, 2, 4])
    with torch.no_grad():
        expected, found = module(crops, centres), module(crops[:, mixed], centres[mixed])
    torch.testing.assert_close(found.matrix, expected.matrix[:, mixed][:, :, mixed])
    torch.testing.assert_close(found.pooled, expected.pooled[:, mixed])
    with torch.no_grad():
        assert not torch.allclose(module(crops[:, mixed]).matrix, expected.matrix[:, mixed][:, :, mixed])


def test_distance_in_nm_matters_only_where_it_is_known():
    module = lived_in(BandImportanceModule())
    crops = smooth_crops(bands=5)
    with torch.no_grad():
        unknown, nominal = module(crops).matrix, module(crops, torch.arange(5) * 10.0 + 500).matrix
        far = module(crops, torch.arange(5) * 40.0 + 500).matrix
    torch.testing.assert_close(unknown, nominal)
    assert not torch.allclose(unknown, far)


@pytest.mark.parametrize("block", [1, 2, 3, 6])
def test_result_does_not_depend_on_the_layout(block, monkeypatch):
    module, crops = lived_in(BandImportanceModule()), smooth_crops(bands=6)
    with torch.no_grad():
        expected = module(crops).matrix
        monkeypatch.setattr(BandLayout, "of", lambda bands: BandLayout(bands, block))
        torch.testing.assert_close(module(crops).matrix, expected, rtol=1e-4, atol=1e-5)
        module.prepare(6)
        torch.testing.assert_close(fold_batch_norm(module)(crops).matrix, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("bands", [0, 7])
def test_gain_of_a_band_rescales_its_row_and_column(bands):
    module = lived_in(BandImportanceModule(BIMMConfig(bands=bands)))
    crops, gains = smooth_crops(bands=7), torch.tensor([1.0, 3, 0.2, 5, 1, 0.5, 40])
    with torch.no_grad():
        expected, found = module(crops), module(crops * gains.view(1, 7, 1, 1))
    torch.testing.assert_close(found.pooled, expected.pooled, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(found.matrix, expected.matrix * gains[:, None] / gains[None, :], rtol=1e-3, atol=1e-4)
    plain = lived_in(BandImportanceModule(BIMMConfig(bands=bands, normalise_bands=False)))
    with torch.no_grad():
        assert not torch.allclose(plain(crops).pooled, plain(crops * 3).pooled)


@pytest.mark.parametrize("normalise", [True, False])
def test_band_without_light_has_an_empty_row_and_column(normalise):
    crops = smooth_crops(bands=6)
    crops[0, 2] = 0
    matrix = BandImportanceModule(BIMMConfig(normalise_bands=normalise))(crops).matrix.detach()
    assert float(matrix[0, 2].sum() + matrix[0, :, 2].sum()) == 0
    assert float(matrix[1, 2].sum()) > 0
    assert bool(torch.isfinite(matrix).all())
    assert float(BandImportanceModule()(torch.zeros(1, 4, 16, 16)).matrix.detach().sum()) == 0


def test_crops_are_averaged_over_whole_squares_first():
    whole, reduced = BandImportanceModule().eval(), BandImportanceModule(BIMMConfig(input_size=64)).eval()
    reduced.load_state_dict(whole.state_dict())
    crops = torch.rand(1, 3, 128, 128)
    averaged = crops.view(1, 3, 64, 2, 64, 2).mean(dim=(3, 5))
    with torch.no_grad():
        torch.testing.assert_close(reduced(crops).matrix, whole(averaged).matrix)
        torch.testing.assert_close(reduced(averaged).matrix, whole(averaged).matrix)
        assert reduced(torch.rand(1, 3, 255, 255)).matrix.shape == (1, 3, 3)


@pytest.mark.parametrize("bands", [0, 6])
@pytest.mark.parametrize("part", PARTS)
def test_every_part_can_be_left_out(bands, part):
    module = BandImportanceModule(BIMMConfig(bands=bands, without=(part,)))
    assert count(module) < count(BandImportanceModule(BIMMConfig(bands=bands)))
    matrix = module(smooth_crops(bands=6)).matrix
    assert matrix.shape == (2, 6, 6)
    torch.testing.assert_close(matrix.sum(dim=2).mean().item(), 1.0, rtol=0.6, atol=0)


@pytest.mark.parametrize("bands", [0, 6])
@pytest.mark.parametrize("gate", ["decoder", "encoder", "add"])
def test_gates_and_depths(bands, gate):
    for widths in ((4,), (2, 4), (2, 3, 4, 5)):
        pooled = BandImportanceModule(BIMMConfig(bands=bands, gate=gate, widths=widths, pooled_maps=3))(
            smooth_crops(bands=6)
        ).pooled
        assert pooled.shape == (2, 6, 3)


def test_shuffle_is_a_permutation_that_interleaves_the_bands():
    maps = torch.arange(12.0).view(1, 12, 1, 1).expand(2, 12, 2, 2)
    shuffled = shuffle_channels(maps, 3)
    assert sorted(shuffled[0, :, 0, 0].tolist()) == list(range(12))
    assert shuffled[0, :3, 0, 0].tolist() == [0, 4, 8]
    torch.testing.assert_close(shuffle_channels(shuffled, 4), maps)


@torch.no_grad()
def test_channel_attention_by_hand():
    layout, maps = BandLayout(3, 1), torch.rand(3, 2, 4, 4)
    module = ChannelEnhancement(6, reduction=2)
    first, _, second = module.layers
    mean, peak = maps.mean((2, 3)).flatten(), maps.amax((2, 3)).flatten()
    logits = sum(
        second.weight @ (first.weight @ pooled + first.bias).clamp(min=0) + second.bias for pooled in (mean, peak)
    )
    torch.testing.assert_close(module(maps.clone(), layout), maps * torch.log1p(logits.exp()).view(3, 2, 1, 1))


@torch.no_grad()
def test_shared_channel_attention_is_a_gate_per_map_times_a_gate_per_band():
    layout, maps = BandLayout(6, 2), torch.rand(2 * 3, 2 * 4, 5, 5) + 0.5
    gate = (SharedChannelEnhancement(4)(maps.clone(), layout) / maps)[:, :, 0, 0].reshape(2, 6, 4)
    ratio = gate / gate[:, :1]
    torch.testing.assert_close(ratio, ratio[:, :, :1].expand_as(ratio))
    assert not torch.allclose(gate[0], gate[1])


@torch.no_grad()
@pytest.mark.parametrize("bands", [3, 6])
def test_the_gate_of_the_bands_is_two_convolutions_along_them(bands):
    layout, maps, module = BandLayout(bands, 1), torch.rand(bands, 4, 5, 5) + 0.5, SharedChannelEnhancement(4)
    mean, peak = maps.mean((2, 3)), maps.amax((2, 3))
    along = sum(module.bands(pooled.view(1, 1, bands)).flatten() for pooled in (mean.mean(1), peak.amax(1)))
    across = sum(module.maps(pooled) for pooled in (mean.mean(0), peak.amax(0)))
    gate = nn.functional.softplus(along)[:, None] * nn.functional.softplus(across)[None]
    torch.testing.assert_close(module(maps.clone(), layout), maps * gate[..., None, None])


@torch.no_grad()
def test_spatial_attention_by_hand():
    layout, maps = BandLayout(4, 2), torch.rand(2 * 2, 2 * 3, 6, 6)
    module = SpatialEnhancement()
    channels = maps.reshape(2, 12, 6, 6)
    cues = torch.stack([channels.amax(1), channels.mean(1)], dim=1)
    expected = channels * torch.sigmoid(nn.functional.conv2d(cues, module.convolution.weight, padding=3))
    torch.testing.assert_close(module(maps.clone(), layout), expected.reshape(maps.shape))


def test_correlation_and_diagonal_by_hand():
    pooled = torch.tensor([[[1.0], [2.0], [-1.0]]])
    found = pooled_correlation(pooled)[0]
    assert found[0, 1].item() == pytest.approx(2.126928)  # log(1 + e^2)
    assert found[1, 2].item() == pytest.approx(0.126928)  # log(1 + e^-2)
    assert found.diagonal().tolist() == [0, 0, 0]
    assert clear_diagonal(torch.full((2, 3, 3), torch.inf)).diagonal(dim1=1, dim2=2).abs().sum() == 0


def test_flat_refinement_can_start_from_a_known_matrix():
    module = BandImportanceModule(BIMMConfig(bands=6, normalise_bands=False))
    assert isinstance(module.phi, FlatRefinement)
    crops = smooth_crops(bands=6)
    known = solve_self_expression(gram_matrix(crops).mean(0, keepdim=True))[0]
    module.phi.start_from(known)
    floored = clear_diagonal(known.clamp(min=1e-3))
    torch.testing.assert_close(module(crops).matrix.mean(0), floored, rtol=0, atol=0.05)


@pytest.mark.parametrize(
    ("options", "facts"),
    [
        ({"phi": "flat"}, ("'flat'", "pairwise", "bands")),
        ({"phi": "pairwize"}, ("'pairwize'", "did you mean 'pairwise'")),
        ({"activation": "tanh"}, ("'tanh'", "relu", "softplus")),
        ({"gate": "decode"}, ("'decode'", "did you mean 'decoder'")),
        ({"without": ("cam",)}, ("'cam'", "did you mean 'cem'")),
        ({"bands": 2}, ("bands", "2")),
        ({"widths": ()}, ("widths", "()")),
        ({"pooled_maps": -1}, ("pooled_maps", "-1")),
    ],
)
def test_wrong_configurations(options, facts):
    with refuses(ConfigError, facts):
        BIMMConfig(**options)


@pytest.mark.parametrize(
    ("shape", "wavelengths", "facts"),
    [
        ((1, 2, 32, 32), None, "(1, 2, 32, 32)"),
        ((2, 32, 32), None, "(2, 32, 32)"),
        ((1, 6, 4, 32), None, ("8 px", "(4, 32)")),
        ((1, 6, 32, 32), torch.arange(5.0), ("6 wavelengths", "(5,)")),
    ],
)
def test_wrong_crops(shape, wavelengths, facts):
    with refuses(InputError, facts):
        BandImportanceModule()(torch.rand(shape), wavelengths)


def test_band_specific_weights_refuse_other_counts():
    with refuses(InputError, "16 bands", "found 15"):
        BandImportanceModule(BIMMConfig(bands=16))(torch.rand(1, 15, 32, 32))


def test_likeness_shows_phi_the_cosines_of_the_crop():
    torch.manual_seed(0)
    module = BandImportanceModule(BIMMConfig(widths=(2, 3), likeness=True)).eval()
    cube = torch.rand(1, 6, 16, 16)
    plain = module(cube).matrix
    pixels = functional.normalize(cube.flatten(2), dim=2)
    cosines = pixels @ pixels.transpose(1, 2)
    seen = []
    hook = module.phi.register_forward_hook(lambda _, arguments, __: seen.append(arguments[3]))
    module(cube)
    hook.remove()
    torch.testing.assert_close(seen[0], cosines, rtol=1e-4, atol=1e-5)
    module.phi.likeness.weight.data += 1.0
    assert not torch.equal(module(cube).matrix, plain)
    # Bands that are copies of each other are no special case.
    twins = torch.rand(1, 1, 16, 16).expand(1, 6, 16, 16).clone().requires_grad_()
    module(twins).matrix.sum().backward()
    assert bool(torch.isfinite(twins.grad).all())


def test_likeness_needs_the_pairwise_form():
    with refuses(ConfigError, "likeness", "pairwise", "normalise_bands"):
        BIMMConfig(bands=16, likeness=True)


@pytest.mark.parametrize("form", [{}, {"bands": 6, "phi": "flat"}, {"bands": 6, "phi": "row"}, {"likeness": True}])
def test_further_steps_start_where_one_ends_and_train(form):
    """A later step begins by leaving W nearly as it is, and every step has weights that learn."""
    torch.manual_seed(0)
    module = BandImportanceModule(BIMMConfig(widths=(2, 3), steps=3, **form)).train()
    cube = torch.rand(2, 6, 16, 16)
    one = BandImportanceModule(BIMMConfig(widths=(2, 3), **form)).train()
    missing = one.load_state_dict(module.state_dict(), strict=False)
    assert missing.missing_keys == []
    assert {name.split(".")[0] for name in missing.unexpected_keys} == {"further"}
    found = module(cube).matrix
    torch.testing.assert_close(found, one(cube).matrix, rtol=0.2, atol=0.02)
    assert float(found.detach().min()) >= 0
    assert not bool(found.diagonal(dim1=1, dim2=2).any())
    (found - torch.rand(6, 6)).square().sum().backward()
    for step in (module.phi, *module.further):
        assert any(float(p.grad.abs().sum()) > 0 for p in step.parameters() if p.grad is not None)


def test_attention_is_a_share_of_each_band():
    torch.manual_seed(0)
    module = BandImportanceModule(BIMMConfig(widths=(2, 3))).train()
    torch.nn.init.normal_(list(module.upsampling[0].parameters())[-2], std=1.0)
    cube, centres = torch.rand(2, 6, 16, 16), torch.linspace(470, 620, 6)
    found = module.attention(cube, centres)
    torch.testing.assert_close(found.sum(dim=1), torch.ones(2))
    assert float(found.detach().std()) > 1e-4
    # Bands in any order, with their wavelengths, are the same bands.
    order = torch.tensor([3, 1, 5, 0, 2, 4])
    torch.testing.assert_close(module.attention(cube[:, order], centres[order]), found[:, order], rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(module.attention(3 * cube, centres), found, rtol=1e-3, atol=1e-5)
