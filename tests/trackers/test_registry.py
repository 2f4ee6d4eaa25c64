"""Names of trackers: our own, registered ones and those of other packages."""

import runpy
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from spectrack.errors import ConfigError
from spectrack.trackers import registry
from spectrack.trackers.base import Estimate, Tracker
from spectrack.trackers.loading import load_tracker
from spectrack.trackers.method import resolve
from spectrack.weights.index import shipped_folder, weights_name
from tests.fixtures.refusals import refuses

FOREIGN = '''
from spectrack import Estimate, Tracker

class Still(Tracker):
    """Never moves."""

    name = "still"

    def __init__(self, score=0.5):
        self.score = score

    def init(self, frame, box, *, wavelengths_nm=None):
        self.box = box

    def update(self, frame):
        return Estimate(self.box, self.score)
'''


class Own(Tracker):
    def init(self, frame, box, *, wavelengths_nm=None):
        self.box = box

    def update(self, frame):
        return Estimate(self.box, 1.0)


@pytest.fixture
def offer(monkeypatch):
    """Pretend that other packages offer these entry points."""

    def pretend(**points):
        found = [EntryPoint(name, value, "spectrack.trackers") for name, value in points.items()]
        monkeypatch.setattr(registry, "entry_points", lambda group: found if group == "spectrack.trackers" else [])

    return pretend


def test_siamban_is_known_without_being_imported():
    assert "siamban" in registry.list_trackers()
    assert registry.tracker_class(registry.find_method("siamban")).name == "siamban"


def test_registered_class_is_found_and_listed_in_order():
    registry.register("own")(Own)
    assert registry.tracker_class(registry.find_method("own")) is Own
    assert registry.list_trackers() == sorted(registry.list_trackers())
    assert "own" in registry.list_trackers()


def test_name_is_taken_once():
    registry.register("own")(Own)
    registry.register("own")(Own)
    other = type("Other", (Own,), {})
    with refuses(ConfigError, "'own'"):
        registry.register("own")(other)


def test_what_is_not_a_tracker_is_refused():
    with refuses(ConfigError, "'number'"):
        registry.register("number")(int)


def test_unknown_name_offers_the_nearest():
    with refuses(ConfigError, "'siamb'", "did you mean 'siamban'"):
        registry.find_method("siamb")


def test_entry_point_of_another_package(tmp_path, monkeypatch, offer):
    (tmp_path / "foreign_still.py").write_text(FOREIGN)
    monkeypatch.syspath_prepend(tmp_path)
    offer(still="foreign_still:Still")
    assert "still" in registry.list_trackers()
    assert "foreign_still" not in sys.modules
    tracker = load_tracker("still", score=0.25)
    tracker.init(None, (1, 2, 3, 4))
    assert tracker.update(None).score == 0.25
    with refuses(ConfigError, "'still'", "{'speed': 3}"):
        load_tracker("still", speed=3)


@pytest.mark.parametrize(
    ("value", "facts"),
    [
        (
            "nowhere_at_all:Thing",
            ("'nowhere_at_all:Thing'", "ModuleNotFoundError"),
        ),
        ("pathlib:NoSuchThing", ("'pathlib:NoSuchThing'", "AttributeError")),
        ("pathlib:Path", "'broken'"),
    ],
)
def test_broken_entry_point(offer, value, facts):
    offer(broken=value)
    with refuses(ConfigError, facts):
        registry.tracker_class(registry.find_method("broken"))


DESCRIBED = """
from spectrack import Method

METHOD = Method("theirs", "Theirs", "a guess", "none", tracker="their_still:Still")
OTHER = Method("other", "Other", "a guess", "none", tracker="their_still:Still")
"""


@pytest.fixture
def offer_methods(tmp_path, monkeypatch):
    """Pretend that another package offers these descriptors."""

    def pretend(**points):
        (tmp_path / "their_still.py").write_text(FOREIGN)
        (tmp_path / "foreign_method.py").write_text(DESCRIBED)
        monkeypatch.syspath_prepend(tmp_path)
        found = [EntryPoint(name, value, "spectrack.methods") for name, value in points.items()]
        monkeypatch.setattr(registry, "entry_points", lambda group: found if group == "spectrack.methods" else [])

    return pretend


def test_descriptor_of_another_package(offer_methods):
    offer_methods(theirs="foreign_method:METHOD")
    assert "theirs" in registry.list_trackers()
    assert "Theirs" in [method.label for method in registry.list_methods()]
    assert load_tracker("theirs", score=0.25).score == 0.25


@pytest.mark.parametrize("value", ["nowhere_at_all:Thing", "foreign_method:OTHER", "pathlib:Path"])
def test_broken_descriptor_hides_no_other(offer_methods, value, caplog):
    offer_methods(theirs=value)
    assert "siamban" in [method.name for method in registry.list_methods()]
    assert value in caplog.text
    with refuses(ConfigError, value):
        registry.find_method("theirs")


@pytest.mark.parametrize("method", registry.list_methods(), ids=lambda method: method.name)
def test_descriptors_of_this_package_are_true(method):
    assert registry.tracker_class(method).name == method.name
    for part in (method.network, method.config, method.online, method.learner, method.loss):
        assert part == "" or isinstance(resolve(part), type)
    for profile, origins in method.profiles.items():
        name = weights_name(method.name, profile)
        assert (shipped_folder() / f"{name}.safetensors").is_file() == ("shipped" in origins)
        assert (name in method.recipes) == ("recipe" in origins)
    assert {name.removeprefix(f"{method.name}-") for name in method.recipes} <= set(method.profiles)
    assert len(method.summary.split()) > 5


def test_readme_has_the_table_of_the_descriptors():
    script = runpy.run_path(str(Path(__file__).parents[2] / "docs" / "methods_table.py"))
    text = script["README"].read_text(encoding="utf-8")
    assert script["with_table"](text) == text
