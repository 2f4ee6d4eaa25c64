"""Recipes, rows of ablations, ranges of a search, settings and what weights say of themselves, with wild values."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
from damage import damaged, odd_values, pick

from hostile.judging import Kind, Trial, command
from spectrack import load_recipe
from spectrack.ablations.rows import load_rows
from spectrack.cli.settings import parse_settings
from spectrack.tables import to_table
from spectrack.trackers.registry import find_method, list_methods, recipe_files
from spectrack.training.recipe import Recipe
from spectrack.tuning.ranges import make_space

WILD = (
    *(
        "-1",
        "0",
        "1",
        "nan",
        "inf",
        "-inf",
        "1e308",
        "1e999",
        "99999999999999999999",
        "true",
        "''",
        "'x'",
        "[]",
        "[[]]",
        "{}",
    ),
    *(
        "{a=1}",
        "[1, 'a']",
        "1979-05-27",
        "'" + "x" * 3000 + "'",
        "[nan]",
        "0.5",
        "2",
        "['siamban']",
        "-0.0",
        "'../../x'",
        "'\\u0000'",
    ),
    *("[0.1, 0.2]", "[3, 2, 1]", "'null'", "0x10", "1_000", "[-1, -1, -1]", "[8, 8, 8]", "4294967296", "'[/b]'", "7.0"),
)


@cache
def keys():
    """Every dotted key of every method's recipe."""
    return [key for name in recipe_files() for key in dotted(to_table(load_recipe(name)))]


def dotted(table, above=""):
    found = []
    for key, value in table.items():
        found += dotted(value, f"{above}{key}.") if isinstance(value, dict) and value else [above + key]
    return found


def make(folder: Path, rng: np.random.Generator) -> Trial:
    """A table and what reads it."""
    return pick(rng, (wild_settings, wild_settings, damaged_recipe, damaged_rows, wild_ranges, wild_words))(folder, rng)


def some_settings(rng):
    found = []
    for _ in range(rng.integers(1, 4)):
        key = (
            pick(rng, keys())
            if rng.random() < 0.9
            else pick(rng, ("", ".", "a.b.c", "data..", "seed.x", "[/b]", "network", "data"))
        )
        found.append(f"{key}={pick(rng, WILD)}")
    return found


def wild_settings(folder, rng):
    name, words = pick(rng, list(recipe_files())), some_settings(rng)
    return lambda: describe(load_recipe(name, parse_settings(words)))


def describe(recipe):
    """What a run would store of it can be stored, and read again."""
    stored = json.loads(json.dumps(recipe.to_json(), allow_nan=False))
    assert isinstance(recipe, Recipe)
    assert stored["name"] == recipe.name


def damaged_recipe(folder, rng):
    path = folder / "mine.toml"
    data = pick(rng, list(recipe_files().values())).read_bytes()
    path.write_bytes(odd_values(data, rng) if rng.random() < 0.6 else damaged(data, rng))
    return lambda: describe(load_recipe(path))


def damaged_rows(folder, rng):
    path = folder / "rows.toml"
    tables = sorted(Path(find_method("siamban").folder).parent.glob("*/ablation.toml"))
    data = pick(rng, tables).read_bytes()
    data = data[: int(rng.integers(500, 4000))] if rng.random() < 0.5 else data
    path.write_bytes(odd_values(data, rng) if rng.random() < 0.6 else damaged(data, rng))
    return lambda: load_rows(path)


def wild_ranges(folder, rng):
    method = pick(rng, list_methods())
    names = list(make_space(method))
    ends = (
        "0..1",
        "1..0",
        "nan..1",
        "0..inf",
        "-1..-1",
        "a,b",
        "1,2,x",
        "",
        "..",
        "0..1..2",
        "true,false",
        "1e999..2",
        "none",
        "1",
    )
    words = [
        f"{pick(rng, names) if rng.random() < 0.8 else 'x'}{pick(rng, ('=', '=', ':', ''))}{pick(rng, ends)}"
        for _ in range(2)
    ]
    return lambda: make_space(method, words)


def wild_words(folder, rng):
    if rng.random() < 0.9:
        return wild_settings(folder, rng)
    words = [word for setting in some_settings(rng) for word in ("--set", setting)]
    return lambda: command(
        "train", pick(rng, list(recipe_files())), *words, "--set", "pairs=1", "--out", folder / "out"
    )


CONFIGURATIONS = Kind(make, 120, keys)
