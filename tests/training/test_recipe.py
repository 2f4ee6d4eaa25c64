"""Recipes: typed, checked key by key, shipped ones load."""

import json
from pathlib import Path

import pytest

from spectrack.errors import ConfigError
from spectrack.networks.siamese import SiameseNetwork
from spectrack.tables import from_table
from spectrack.trackers.presets import presets
from spectrack.trackers.registry import recipe_files
from spectrack.training.recipe import Recipe, load_recipe
from spectrack.training.stages import StageSchedule
from spectrack.weights.files import read_metadata
from spectrack.weights.index import shipped_folder, weights_name
from tests.fixtures.preset_trainings import trained_recipe
from tests.fixtures.refusals import refuses


def written(folder, text):
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", recipe_files())
def test_shipped_recipes_load_and_are_json(name):
    recipe = load_recipe(name)
    assert recipe.name == name
    assert recipe.steps == recipe.pairs // recipe.batch
    json.dumps(recipe.to_json(), allow_nan=False)
    assert load_recipe(f"{name}.toml") == recipe


def recipe_of(weights):
    """The recipe of that name, or what the command of the preset trains that they were made for."""
    made_for = {weights_name(one.weights, "lite"): one for one in presets().values() if one.weights}
    return trained_recipe(made_for[weights]) if weights in made_for else load_recipe(weights)


@pytest.mark.parametrize("path", sorted(shipped_folder().glob("*.safetensors")), ids=lambda path: path.stem)
def test_the_shipped_weights_are_of_their_recipes_networks(path):
    """Their configurations were written by earlier versions, in the words of those."""
    metadata = read_metadata(path)
    recipe = recipe_of(path.stem)
    assert (recipe.method, recipe.profile) == (metadata.method, metadata.profile)
    assert from_table(type(recipe.network), metadata.config, path.name) == recipe.network


def test_a_recipe_of_an_earlier_version_means_what_it_meant(tmp_path):
    text = """
        method = "bcrnet"
        [network.base]
        profile = "full"
        shortcut = "3x3"
        input_range = "0-255"
        [network.bimm]
        input_size = 0
    """
    recipe, shipped = load_recipe(written(tmp_path, text)), load_recipe("bcrnet-full")
    assert (recipe.profile, recipe.network) == ("full", shipped.network)
    older = load_recipe(written(tmp_path, text), {"network.base.levels": [4]})
    assert older.network.base.backbone.levels == (4,)


def test_only_what_differs_needs_to_stand_in_the_file(tmp_path):
    path = written(tmp_path, 'name = "mine"\npairs = 640\n[optimiser]\nlearning_rate = 1\n[data.bank]\npictures = 3\n')
    recipe = load_recipe(path)
    assert (recipe.name, recipe.pairs, recipe.optimiser.learning_rate, recipe.data.bank.pictures) == (
        "mine",
        640,
        1.0,
        3,
    )
    assert isinstance(recipe.optimiser.learning_rate, float)
    assert recipe.loss == Recipe().loss


def test_overrides_replace_the_file(tmp_path):
    path = written(tmp_path, "pairs = 640\n[optimiser]\nlearning_rate = 0.1\n")
    recipe = load_recipe(path, {"optimiser.learning_rate": 0.2, "data.bank.sprites": 5, "seed": 3})
    assert (recipe.pairs, recipe.optimiser.learning_rate, recipe.data.bank.sprites, recipe.seed) == (640, 0.2, 5, 3)


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("pears = 3", ("'pears'", "did you mean 'pairs'")),
        ("[optimiser]\nlearning_rat = 1.0", ("'optimiser.learning_rat'", "did you mean 'learning_rate'")),
        ("[data.synthesis]\nrotatoin_deg = 1.0", ("'data.synthesis.rotatoin_deg'", "did you mean 'rotation_deg'")),
        ("pairs = 3.5", ("'pairs'", "found 3.5")),
        ("pairs = true", ("'pairs'", "True")),
        ('batch = "many"', ("'batch'", "'many'")),
        ("data = 3", ("'data'", "found 3", "[data]")),
        ('precision = "half"', ("'precision'", "auto, fp32, bf16", "'half'")),
        (
            "[network.backbone]\nwidths = [8, 8]",
            ("3 values", "'network.backbone.widths'", "[8, 8]"),
        ),
        (
            '[data]\nsources = "pictures"',
            ("'data.sources'", "'pictures'", "[a, b]"),
        ),
        (
            "[data]\nratios = [1, 2, 3]",
            ("'data.ratios'", "2 sources", "[1.0, 2.0, 3.0]"),
        ),
        ("[data]\nratios = [-1, 2]", ("'data.ratios'", "2 sources", "[-1.0, 2.0]")),
        ("[data]\nsources = []", ("'data.sources'", "[]")),
        (
            '[data]\nscaling = "frist_frame_max"',
            ("'frist_frame_max'", "did you mean 'first_frame_max'"),
        ),
        ('[data]\nfalse_colour = "third"', ("'third'", "did you mean 'thirds'")),
        ("[data.synthesis]\ncutout_share = 1.5", ("[0, 1]", "'data.synthesis.cutout_share'", "found 1.5")),
        ('[data]\nsources = ["simulated"]\ncutouts = ["a"]', ("'data.cutouts'", "pictures", "['a']")),
        ("[data]\nworkers = -1", ("0", "'data.workers'", "found -1")),
        ("batch = 1", ("2", "'batch'", "found 1")),
        ("pairs = 4\nbatch = 8", ("8", "'pairs'", "found 4")),
        ("seed = -1", ("0", "'seed'", "found -1")),
        ("validation_every = 0", ("1", "'validation_every'", "found 0")),
        ('name = "../elsewhere"', ("'name'", "'../elsewhere'")),
        ("[optimiser]\nlearning_rate = 0", ("'optimiser.learning_rate'", "found 0.0")),
        ("[optimiser]\naverage = 1.0", ("[0, 1)", "'optimiser.average'", "found 1.0")),
        ("[online]\nsize_rate = 2.0", ("size_rate", "[0, 1]", "found 2.0")),
        ("pairs = ", ("TOML", "mine.toml")),
    ],
)
def test_mistakes_get_a_sentence(tmp_path, text, facts):
    with refuses(ConfigError, facts):
        load_recipe(written(tmp_path, text))


def test_bytes_that_are_no_text(tmp_path):
    (tmp_path / "mine.toml").write_bytes(b"\xff\xfe\x00")
    with refuses(ConfigError, "TOML", "mine.toml"):
        load_recipe(tmp_path / "mine.toml")


def test_unknown_recipe_offers_the_nearest():
    with refuses(ConfigError, "'siamban-compat'", "did you mean 'siamban-compact'"):
        load_recipe("siamban-compat")


def test_override_of_a_value_as_if_it_were_a_section():
    with refuses(ConfigError, "'pairs'", "'pairs.more'"):
        load_recipe("siamban-compact", {"pairs.more": 1})


def test_resolved_recipe_builds_itself_again():
    recipe = load_recipe("siamban-compact")
    assert from_table(Recipe, json.loads(json.dumps(recipe.to_json())), "the recipe") == recipe


def test_the_recipes_on_the_page_about_training_load(tmp_path):
    page = (Path(__file__).parents[2] / "docs" / "training.md").read_text(encoding="utf-8")
    blocks = [block.split("```")[0] for block in page.split("```toml\n")[1:]]
    whole, staged, cameras, own = (load_recipe(written(tmp_path, block)) for block in blocks)
    assert [cameras.data.datasets[name].modality for name in cameras.data.sources] == ["HSI-VIS", "HSI-NIR"]
    assert (whole.name, whole.data.ratios) == ("mine", (0.6, 0.1, 0.3))
    assert (len(own.data.photographs), own.data.synthesis.cutout_share) == (2, 0.5)
    plan = StageSchedule(staged, SiameseNetwork(staged.network))
    for stage in staged.stages:
        plan.enter(stage)
    assert [group.first_step for group in plan.groups] == [500, 0]
