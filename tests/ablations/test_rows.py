"""Rows as data: those that are shipped are whole and valid, selection is right, and mistakes in a table get a
sentence.
"""

import functools

import pytest
import torch

from spectrack.ablations.retraining import ablation_recipe
from spectrack.ablations.rows import load_rows
from spectrack.errors import ConfigError
from spectrack.methods.ssfnet.network import SSFNetConfig
from spectrack.simulation.degradation import list_degradations
from spectrack.trackers.loading import load_tracker, split_options
from spectrack.trackers.method import resolve
from spectrack.trackers.registry import ablation_files, find_method, list_trackers
from spectrack.training.stages import StageSchedule, no_random_part_held
from spectrack.weights.files import read_weights
from spectrack.weights.index import available, find_weights
from tests.fixtures.refusals import refuses

TABLE = """
method = "bcrnet"
budget = 0.5
[recipes]
compact = "bcrnet-compact"
[[groups]]
name = "one"
title = "One"
question = "What?"
[[groups]]
name = "two"
title = "Two"
question = "Why?"
[[rows]]
name = "base"
group = "one"
kind = "inference"
shows = "nothing"
[[rows]]
name = "trained"
group = "one"
kind = "retrained"
shows = "a training"
[[rows]]
name = "box"
group = "two"
kind = "inference"
reference = "base"
options = {fusion = "box"}
shows = "boxes"
[[rows]]
name = "on"
group = "two"
kind = "inference"
weights_of = "trained"
degradations = ["defocus-1", "low-light-3"]
shows = "worse video"
[[rows]]
name = "off"
group = "two"
kind = "inference"
reference = "on"
weights_of = "trained"
degradations = ["defocus-1", "low-light-3"]
options = {template_update = false}
shows = "worse video"
"""


@pytest.fixture
def table(tmp_path):
    def build(text=TABLE):
        path = tmp_path / "rows.toml"
        path.write_text(text)
        return load_rows(path)

    return build


def names(rows):
    return [row.name for row in rows]


@pytest.mark.parametrize("method", ablation_files())
def test_shipped_tables_name_what_there_is(method):
    rows = load_rows(method)
    assert rows.method == method
    assert method in list_trackers()
    assert {row.group for row in rows.rows} == {group.name for group in rows.groups}
    for row in rows.rows:
        assert len(row.shows.split()) > 2
        assert row.method in ("", *list_trackers())
    # Every retrained row is compared with one that was retrained on the same budget.
    assert all(not row.reference or rows.row(row.reference).needs_training == row.needs_training for row in rows.rows)


def test_rows_on_degraded_video_are_compared_degradation_by_degradation():
    rows = [row for row in load_rows("bcrnet").rows if row.stem == "cfrm-off"]
    assert {row.degradation for row in rows} == set(list_degradations())
    assert all(row.reference == f"cfrm-on@{row.degradation}" for row in rows)


@pytest.mark.parametrize(
    "row", [row for row in load_rows("bcrnet").rows if row.method == "" and row.options], ids=lambda row: row.name
)
def test_options_of_bcrnet_are_known_and_fit_all_cameras(row, bcrnet_weights):
    for variant in row.variants or ({},):
        split_options(find_method("bcrnet"), row.options | variant)
        tracker = load_tracker(
            "bcrnet", weights=bcrnet_weights, precision="fp32", device="cpu", **row.options, **variant
        )
        described = tracker.describe()
        network, composer = described["network"], described["network"]["composer"]
        told = (
            composer
            | {"composer": composer["name"]}
            | {name: network[name] for name in ("branch_weights", "weight_power")}
            | described["options"]
        )
        assert {name: told[name] for name in row.options | variant} == row.options | variant
        assert max(tracker.network.config.composer.fixed_bands, default=0) < 15


@pytest.mark.parametrize(
    "row", [row for row in load_rows("ssfnet").rows if row.method == "" and row.options], ids=lambda row: row.name
)
def test_options_of_ssfnet_are_known(row):
    for variant in row.variants or ({},):
        switches, online = split_options(find_method("ssfnet"), row.options | variant)
        SSFNetConfig().with_switches(switches)
        assert switches | online == row.options | variant


RETRAINED = [(method, row) for method in ablation_files() for row in load_rows(method).rows if row.kind == "retrained"]


@pytest.mark.parametrize(("method", "row"), RETRAINED, ids=[f"{method}-{row.name}" for method, row in RETRAINED])
def test_retrained_rows_build_their_networks(method, row):
    """Every override is one of the recipe's keys, fits its stages and groups, and leaves something to train."""
    table = load_rows(method)
    recipe = ablation_recipe(
        table.recipes[row.profile or "compact"], row.overrides, pairs=None, budget=table.budget, seed=1
    )
    with torch.device("meta" if row.profile == "full" else "cpu"):
        network = resolve(find_method(recipe.method).learner)(recipe).network
    plan = StageSchedule(recipe, network)
    steps = {0, *(sum(stage.steps for stage in recipe.stages[:number]) for number in range(1, len(recipe.stages)))}
    assert max(steps) < recipe.steps
    for step in steps:
        plan.enter(recipe.stage_at(step)[1])


@pytest.mark.parametrize(("method", "row"), RETRAINED, ids=[f"{method}-{row.name}" for method, row in RETRAINED])
def test_retrained_rows_hold_nothing_that_their_start_does_not_have(method, row):
    """In the profile `lite`, whose start is shipped: what it has no values for must not be frozen."""
    if row.profile not in ("", "lite"):
        pytest.skip(f"a row of the profile {row.profile}")
    table = load_rows(method)
    recipe = ablation_recipe(table.recipes["lite"], row.overrides, pairs=None, budget=table.budget, seed=1)
    if str(recipe.start) not in {listed.name for listed in available()}:
        pytest.skip(f"starts from {recipe.start}, which is another package's")
    learner = resolve(find_method(recipe.method).learner)(recipe)
    with no_random_part_held(recipe, learner.network):
        learner.load_start(*shipped_start(str(recipe.start)), str(recipe.start))


@functools.cache
def shipped_start(name):
    return read_weights(find_weights(name, method="siamban"), method="siamban")


def test_a_row_with_degradations_becomes_one_of_each(table):
    rows = table()
    assert names(rows.rows) == [
        "base",
        "trained",
        "box",
        "on@defocus-1",
        "on@low-light-3",
        "off@defocus-1",
        "off@low-light-3",
    ]
    row = rows.row("off@low-light-3")
    assert (row.degradation, row.reference, row.stem) == ("low-light-3", "on@low-light-3", "off")
    assert row.needs_training
    assert not rows.row("box").needs_training


def test_selection_takes_references_along(table):
    rows = table()
    assert names(rows.select()) == names(rows.rows)
    assert names(rows.select(["box"])) == ["base", "box"]
    assert names(rows.select(["off"])) == names(rows.rows)[3:]
    assert names(rows.select(["off@defocus-1"])) == ["on@defocus-1", "off@defocus-1"]
    assert names(rows.select(groups=["one"])) == ["base", "trained"]
    assert names(rows.select(["box"], ["one"])) == ["base", "trained", "box"]
    assert names(rows.select(kind="inference")) == ["base", "box"]
    assert names(rows.select(kind="retrained")) == ["trained", *names(rows.rows)[3:]]


@pytest.mark.parametrize(
    ("choice", "facts"),
    [
        ({"names": ["bax"]}, ("'bax'", "did you mean 'box'")),
        ({"groups": ["tow"]}, ("'tow'", "did you mean 'two'")),
        ({"kind": "retraind"}, ("'retraind'", "did you mean 'retrained'")),
        ({"names": ["box"], "kind": "retrained"}, ("'retrained'", "--kind all")),
    ],
)
def test_wrong_selections_are_refused(table, choice, facts):
    with refuses(ConfigError, facts):
        table().select(**choice)


@pytest.mark.parametrize(
    ("before", "after", "facts"),
    [
        ("title =", "titel =", ("rows.toml", "'groups[0].titel'", "did you mean 'title'")),
        ('shows = "boxes"', 'show = "boxes"', ("'rows[2].show'", "did you mean 'shows'")),
        ('shows = "boxes"', "", ("shows", "'rows[2]'", "rows.toml")),
        ('options = {fusion = "box"}', "options = 3", ("'rows[2].options'", "rows.toml", "found 3")),
        ('name = "box"', "name = 3", ("'rows[2].name'", "rows.toml", "found 3")),
        ('name = "box"', 'name = "base"', ("'rows'", "rows.toml", "'base'")),
        ('name = "box"', 'name = "A/B"', ("'rows'", "rows.toml", "'A/B'")),
        ('kind = "retrained"', 'kind = "trained"', ("'rows[1].kind'", "did you mean 'retrained'")),
        ('group = "two"', 'group = "three"', ("'rows.box.group'", "'three'")),
        ('reference = "base"', 'reference = "off@defocus-1"', ("'rows.box.reference'", "'off@defocus-1'")),
        ('reference = "base"', "overrides = {pairs = 1}", ("'rows.box.overrides'", "{'pairs': 1}")),
        ('weights_of = "trained"', 'weights_of = "base"', ("'rows.on@defocus-1.weights_of'", "'base'")),
        (
            'kind = "inference"\nshows = "nothing"',
            'kind = "inference"\nshows = "no"\nbands = 16',
            ("'rows.box.reference'", "rows.toml", "'base'"),
        ),
        (
            'kind = "retrained"',
            'kind = "retrained"\nvariants = [{seed = 1}]',
            ("'rows.trained.variants'", "({'seed': 1},)"),
        ),
        (
            'kind = "retrained"',
            'kind = "retrained"\nprofile = "tiny"',
            ("'rows[1].profile'", "'tiny'", "lite, compact, full"),
        ),
        ('"defocus-1"', '"defocus-9"', ("'defocus-9'", "did you mean")),
        ("budget = 0.5", "budget = 2", ("'budget'", "rows.toml", "found 2.0")),
        ("budget = 0.5", "budget = ", ("TOML", "rows.toml")),
        ("[[groups]]", "[[group]]", ("'group'", "did you mean 'groups'")),
    ],
)
def test_mistakes_in_a_table_get_a_sentence(table, before, after, facts):
    assert before in TABLE
    with refuses(ConfigError, facts):
        table(TABLE.replace(before, after))


def test_unknown_methods_are_refused(tmp_path):
    with refuses(ConfigError, "'bcrnt'", "did you mean 'bcrnet'"):
        load_rows("bcrnt")
    with refuses(ConfigError, "TOML", "none.toml'"):
        load_rows(tmp_path / "none.toml")
