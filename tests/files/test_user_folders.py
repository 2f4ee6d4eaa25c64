"""The user's folders: without a home, with a read-only one or a file in its place, everything works all the same."""

import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

import spectrack
from spectrack.errors import ConfigError
from spectrack.files import cache_to_write, expanded, user_cache_folder
from spectrack.files.caches import make_in_cache
from spectrack.weights.fetching import fetch_weights
from tests.fixtures.refusals import refuses

ROOT = Path(__file__).resolve().parents[2]
HOMES = ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "USER", "LOGNAME", "LNAME", "USERNAME", "MPLCONFIGDIR")

HOMELESS = """
import os, pwd, sys
def nobody(*_): raise KeyError("uid not found")
pwd.getpwuid = nobody
from spectrack.cli import main
sys.exit(main(sys.argv[1:]))
"""
"""The command line of a user whose number has no entry among the users."""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="XDG folders")


@pytest.fixture
def homeless(monkeypatch):
    for name in HOMES:
        monkeypatch.delenv(name, raising=False)

    def nobody(*_):
        raise KeyError("uid not found")

    monkeypatch.setattr(pwd, "getpwuid", nobody)


def test_a_home_and_a_named_cache(monkeypatch, tmp_path):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert user_cache_folder() == tmp_path / ".cache" / "spectrack"
    assert cache_to_write("models") == tmp_path / ".cache" / "spectrack" / "models"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "mine"))
    assert user_cache_folder() == tmp_path / "mine" / "spectrack"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # to be ignored, says the standard
    assert user_cache_folder() == tmp_path / ".cache" / "spectrack"


@pytest.mark.usefixtures("homeless")
def test_without_a_home(tmp_path):
    assert user_cache_folder() is None
    folder = cache_to_write("models")
    assert folder.is_dir()
    assert folder == cache_to_write("models")
    place, made = make_in_cache("models", "one", lambda inner: (inner / "two").touch())
    assert made
    assert (place / "two").exists()
    assert not make_in_cache("models", "one", lambda inner: None)[1]


@pytest.mark.parametrize("kind", ["a file", "below a file", "read-only"])
def test_a_home_that_cannot_be_written(monkeypatch, tmp_path, kind):
    (tmp_path / "file").touch()
    home = {"a file": tmp_path / "file", "below a file": tmp_path / "file" / "home"}.get(kind, tmp_path)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(home))
    if kind == "read-only":
        monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everywhere
    folder = cache_to_write("models")
    assert folder.is_dir()
    assert not folder.is_relative_to(tmp_path)


def test_a_full_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def fill(folder):
        if folder.is_relative_to(tmp_path):
            raise OSError(28, "No space left on device")
        (folder / "two").touch()

    place, made = make_in_cache("models", "two", fill)
    assert made
    assert (place / "two").exists()
    assert not place.is_relative_to(tmp_path)


def test_the_temporary_folder_goes_with_its_process(tmp_path):
    script = "from spectrack.files import cache_to_write; print(cache_to_write('models'))"
    env = {key: value for key, value in os.environ.items() if key not in HOMES}
    words = [sys.executable, "-c", script]
    found = subprocess.run(
        words, env={**env, "HOME": "/dev/null"}, cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip()
    assert not Path(found.stdout.strip()).exists()


@pytest.mark.usefixtures("homeless")
def test_somebody_who_does_not_exist():
    assert expanded("~/x") == Path("~/x")
    assert expanded("~nobody-of-this-name/x") == Path("~nobody-of-this-name/x")


@pytest.mark.usefixtures("homeless")
def test_nothing_is_kept_where_nothing_lasts(tmp_path):
    (tmp_path / "mine.safetensors").write_bytes(b"x")
    with refuses(ConfigError, "mine.safetensors", "--out", "HOME"):
        fetch_weights((tmp_path / "mine.safetensors").as_uri(), sha256="0" * 64)


def test_commands_of_a_user_without_home(tmp_path):
    clip = spectrack.write_sequence(
        spectrack.simulate("calm", frames=3, seed=1, height=64, width=96), tmp_path / "clip"
    )
    env = {key: value for key, value in os.environ.items() if key not in HOMES}
    env |= {"SPECTRACK_WEIGHTS": "~nobody-of-this-name/weights", "PYTHONPATH": str(ROOT)}
    out = ["--out", str(tmp_path / "out")]
    for words in (["weights", "list"], ["track", str(clip), "--tracker", "siamban", *out, "--overlay"]):
        done = subprocess.run(
            [sys.executable, "-c", HOMELESS, *words], env=env, cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert "siamban" in done.stdout
