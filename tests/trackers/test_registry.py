"""Names of trackers: our own, registered ones and those of other packages."""

import runpy
import sys
import tomllib
from pathlib import Path

import pytest

from spectrack.errors import ConfigError
from spectrack.trackers import registry
from spectrack.trackers.base import Estimate, Tracker
from spectrack.trackers.loading import load_tracker
from spectrack.trackers.method import resolve
from spectrack.weights.index import shipped_folder, weights_name
from tests.fixtures.refusals import refuses

PACKAGE = '''
from spectrack import Estimate, Method, Tracker

class Still(Tracker):
    """Never moves."""

    def __init__(self, score=0.5):
        self.score = score

    def init(self, frame, box, *, wavelengths_nm=None):
        self.box = box

    def update(self, frame):
        return Estimate(self.box, self.score)

METHOD = Method("theirs", "Theirs", "a guess", "none", tracker=Still)
OTHER = Method("other", "Other", "a guess", "none", tracker=Still)
'''


class Own(Tracker):
    def init(self, frame, box, *, wavelengths_nm=None):
        self.box = box

    def update(self, frame):
        return Estimate(self.box, 1.0)


@pytest.fixture
def offer(tmp_path, monkeypatch):
    """Another package with these entry points, as an installer leaves it."""

    def install(group, **points):
        (tmp_path / "their_package.py").write_text(PACKAGE)
        told = tmp_path / "their_package-1.0.dist-info"
        told.mkdir()
        (told / "METADATA").write_text("Metadata-Version: 2.1\nName: their-package\nVersion: 1.0\n")
        lines = [f"[spectrack.{group}]", *(f"{name} = {value}" for name, value in points.items())]
        (told / "entry_points.txt").write_text("\n".join(lines))
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, "their_package", raising=False)

    return install


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


def test_tracker_of_another_package(offer):
    offer("trackers", still="their_package:Still")
    assert "still" in registry.list_trackers()
    assert "their_package" not in sys.modules
    tracker = load_tracker("still", score=0.25)
    tracker.init(None, (1, 2, 3, 4))
    assert (tracker.name, tracker.update(None).score) == ("still", 0.25)
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
def test_broken_tracker(offer, value, facts):
    offer("trackers", broken=value)
    with refuses(ConfigError, facts):
        registry.tracker_class(registry.find_method("broken"))


def test_method_of_another_package(offer):
    offer("methods", theirs="their_package:METHOD")
    assert "theirs" in registry.list_trackers()
    assert "Theirs" in [method.label for method in registry.list_methods()]
    assert load_tracker("theirs", score=0.25).score == 0.25


@pytest.mark.parametrize("value", ["nowhere_at_all:Thing", "their_package:OTHER", "pathlib:Path"])
def test_broken_method_hides_no_other(offer, value, caplog):
    offer("methods", theirs=value)
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
    for name, file in method.recipes.items():
        assert name.startswith(f"{method.name}-")
        assert tomllib.loads(file.read_text(encoding="utf-8")).get("profile", "compact") in method.profiles
    assert len(method.summary.split()) > 5


@pytest.mark.parametrize("table", ["methods_table", "measured_table", "presets_table"])
def test_pages_have_the_tables_of_descriptors_results_and_presets(table):
    script = runpy.run_path(str(Path(__file__).parents[2] / "docs" / f"{table}.py"))
    text = script["PAGE"].read_text(encoding="utf-8")
    assert script["with_table"](text) == text
