"""Matching names of results with names of sequences: exact first, then rules in order, and no guessing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectrack.annotations.sequence_names import RULES, match_names, split_name
from spectrack.errors import InputError
from tests.fixtures.refusals import refuses


@pytest.mark.parametrize(
    ("found", "sequence", "rules"),
    [
        ("ball_001", "ball", ["added _001 or _det"]),
        ("ball_det", "ball", ["added _001 or _det"]),
        ("ball_mirror9", "ball&mirror9", ["other punctuation or capitals"]),
        ("Ball", "ball", ["other punctuation or capitals"]),
        ("HSI-NIR-FalseColor-ball", "nir-ball", ["modality written differently"]),
        ("nir-ball", "HSI-NIR-ball", ["modality written differently"]),
        ("HSI-VIS-FalseColor_25-ball", "vis-ball", ["modality written differently"]),
        ("HSI-RedNIR-Falsecolour-ball", "rednir-ball", ["modality written differently"]),
        ("rednir_ball", "rednir-ball", ["modality written differently"]),
        ("pedestrian", "pedestrain", ["other spelling"]),
        ("pedestrain2", "pedestrian2", ["other spelling"]),
        ("truck", "trucker", ["other spelling"]),
        ("nir-trucker", "HSI-NIR-truck", ["modality written differently", "other spelling"]),
        ("nir-ball", "validation-HSI-NIR-ball", ["year or split left out"]),
        ("vis-ball", "hotc2023-validation-HSI-VIS-ball", ["year or split left out"]),
        ("val-vis-ball", "validation-vis-ball", ["modality written differently"]),
        ("vis-ball", "ball", ["modality left out"]),
        ("ball", "HSI-RedNIR-ball", ["modality left out"]),
        (
            "vis-ball_mirror9_001",
            "ball&mirror9",
            ["added _001 or _det", "other punctuation or capitals", "modality left out"],
        ),
        ("L-basketball-person", "L_basketball_person", ["other punctuation or capitals"]),
    ],
)
def test_each_habit_has_a_rule(found, sequence, rules):
    matched, (mapping,) = match_names([found], [sequence, "unrelated"])
    assert matched == {found: sequence}
    assert (mapping.found, mapping.sequence, list(mapping.rules)) == (found, sequence, rules)


@pytest.mark.parametrize(
    ("found", "sequence"),
    [("car", "car2"), ("car_3", "car3"), ("bus2", "bus"), ("nir-ball", "vis-ball"), ("test-a", "val-a")],
)
def test_other_names_are_not_made_equal(found, sequence):
    assert match_names([found], [sequence]) == ({}, [])


def test_equal_names_win_over_rules():
    matched, mapped = match_names(["truck", "trucker", "ball_001", "ball"], ["trucker", "ball", "truck"])
    assert matched == {"trucker": "trucker", "ball": "ball", "truck": "truck"}
    assert mapped == []


def test_an_earlier_rule_wins_over_a_later_one():
    matched, _ = match_names(["HSI-NIR-ball", "ball"], ["nir-ball", "vis-ball"])
    assert matched == {"HSI-NIR-ball": "nir-ball", "ball": "vis-ball"}  # once nir-ball is taken, only vis-ball is left


def test_a_name_that_is_taken_is_not_given_twice():
    assert match_names(["ball", "ball_001"], ["ball"]) == ({"ball": "ball"}, [])


def test_ambiguity_is_an_error():
    with refuses(InputError, "'ball'", "('nir-ball', 'vis-ball')", "'modality left out'"):
        match_names(["ball"], ["vis-ball", "nir-ball"])
    with refuses(InputError, "'ball'", "('ball_001', 'ball_det')", "'added _001 or _det'"):
        match_names(["ball_001", "ball_det"], ["ball"])


def test_the_order_of_sequences_is_kept():
    assert list(match_names(["a", "c_001", "b"], ["c", "b", "a"])[0].values()) == ["c", "b", "a"]


def test_a_name_is_taken_apart():
    parts = split_name("hotc2024-ranking-HSI-RedNIR-FalseColor-car3")
    assert (parts.year, parts.split, parts.modality, parts.base) == ("2024", "ranking", "rednir", "car3")
    assert str(split_name("visitor")) == "visitor"
    assert str(split_name("testing")) == "testing"
    assert str(split_name("vis-")) == "vis-"


names = st.lists(st.text(st.sampled_from("ab1_-&T"), min_size=1, max_size=6), max_size=6)


@given(names, names)
def test_no_sequence_is_used_twice_and_exact_names_always_match(found, known):
    try:
        matched, mapped = match_names(found, known)
    except InputError:
        return
    assert len(set(matched.values())) == len(matched)
    assert set(found) & set(known) == {name for name, sequence in matched.items() if name == sequence}
    assert {item.found for item in mapped} == {name for name, sequence in matched.items() if name != sequence}
    for item in mapped:
        assert item.rules
        assert set(item.rules) <= RULES.keys()
