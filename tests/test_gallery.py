"""The gallery's pictures are there and small, and what makes them is what the page says."""

import importlib.util
import shlex
from pathlib import Path

import pytest

from spectrack.cli.entry import parse

DOCS = Path(__file__).resolve().parents[1] / "docs"


@pytest.fixture(scope="module")
def gallery():
    spec = importlib.util.spec_from_file_location("gallery", DOCS / "gallery.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_picture_is_made_kept_and_small(gallery):
    pictures = [text for kind, text in gallery.steps(gallery.PAGE.read_text(encoding="utf-8")) if kind == "picture"]
    assert set(gallery.FILES) < set(pictures)  # the others are photographs of the viewer
    kept = {path.relative_to(DOCS).as_posix() for path in (DOCS / "gallery").iterdir()}
    assert kept == {text for text in pictures if text.startswith("gallery/")}
    assert sum((DOCS / text).stat().st_size for text in pictures) < 1_000_000


def test_every_command_is_one(gallery):
    commands = [text for kind, text in gallery.steps(gallery.PAGE.read_text(encoding="utf-8")) if kind == "command"]
    assert len(commands) > 6
    for command in commands:
        program, *words = shlex.split(command)
        assert program == "spectrack"
        parse(words)
