"""The pages of the project: every link leads somewhere, and every module, name and file they mention exists."""

import ast
import functools
import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), ROOT / "benchmarks" / "experiments.md"]
FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture(params=PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def page(request):
    return request.param


def anchors(page):
    """The fragments that GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", FENCED.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def exists(name):
    """Whether a dotted name is a module of the package, or something in one."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            if part in getattr(found, "__dataclass_fields__", {}):
                return True
            if not hasattr(found, part):
                return False
            found = getattr(found, part)
        return True
    return False


def test_links_lead_somewhere(page):
    wrong = []
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        path, _, fragment = target.partition("#")
        if not target.startswith(("http://", "https://", "mailto:")):
            place = page.parent / path if path else page
            if not place.exists() or (fragment and fragment not in anchors(place)):
                wrong.append(target)
    assert wrong == []


def test_mentioned_modules_and_names_exist(page):
    text = page.read_text(encoding="utf-8")
    names = set(re.findall(r"(?<![\w/.-])spectrack(?:\.[A-Za-z_]\w*)+(?![\w/-])", text))
    for language, code in FENCED.findall(text):
        if language == "python":
            for node in ast.walk(ast.parse(code)):
                if isinstance(node, ast.ImportFrom) and node.module.startswith("spectrack"):
                    names |= {f"{node.module}.{alias.name}" for alias in node.names}
    assert sorted(name for name in names if not exists(name)) == []


@functools.cache
def files_and_sources():
    """Paths of all files, and the text of the package, which names the files that it writes."""
    folders = ("spectrack", "tests", "benchmarks", "docs", ".ci")
    files = [path.relative_to(ROOT).as_posix() for folder in folders for path in (ROOT / folder).rglob("*.*")]
    sources = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "spectrack").rglob("*.py"))
    return ["/" + file for file in files], sources


def test_mentioned_files_exist(page):
    """Paths from the root, or the end of a path in `quotes`; a word in CAPITALS is the reader's own."""
    text = page.read_text(encoding="utf-8")
    whole = re.findall(r"(?<![\w/.~-])(?:spectrack|tests|benchmarks|docs|\.ci)/[\w./-]*\w", text)
    wrong = {path for path in whole if not (ROOT / path).exists()}
    files, sources = files_and_sources()
    for path in re.findall(r"`([\w./-]+\.(?:py|toml|json|md|npz))`", text):
        if not any(file.endswith("/" + path) for file in files) and f'"{path}"' not in sources:
            wrong.add(path)
    assert sorted(path for path in wrong if not re.search(r"\b[A-Z]+\b", path)) == []


def test_the_index_names_every_page():
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    pages = {page.relative_to(ROOT / "docs").as_posix() for page in (ROOT / "docs").rglob("*.md")} - {"index.md"}
    assert pages <= set(re.findall(r"\]\(([^)#]+)", index))


def test_the_glossary_explains_every_figure_attribute_and_protocol():
    from spectrack.annotations.attributes import ATTRIBUTE_NAMES
    from spectrack.evaluation import figures
    from spectrack.evaluation.protocols import PROTOCOLS

    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", text, re.MULTILINE))
    told = {name.strip(): meaning for names, meaning in rows.items() for name in names.split(",")}
    listed = [*figures.FIGURES.values()]
    listed += [figures.LOST, figures.FAILED, figures.MISSED, figures.REACQUIRED, figures.FALSE_FINDS]
    for figure in listed:
        assert figure.words in told[figure.heading], figure.heading
        assert figure.label in told
    for letters, meaning in ATTRIBUTE_NAMES.items():
        assert told[letters].startswith(meaning)
    assert all(f"`{name}`" in text for name in PROTOCOLS)


@pytest.mark.slow
def test_the_site_builds_without_a_warning(tmp_path):
    pytest.importorskip("mkdocs", reason="the extra docs is not installed")
    pytest.importorskip("mkdocstrings", reason="the extra docs is not installed")
    words = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(
        words, cwd=ROOT, capture_output=True, text=True, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    )
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "site" / "api.html").read_text(encoding="utf-8")
    assert "open_sequence" in page
    sources = re.findall(
        r'(?:src|href)="(https?://[^"]*)"', (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    )
    assert [source for source in sources if "fonts" in source or source.endswith((".js", ".css"))] == []


def test_the_site_leads_to_every_page():
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    pages = {page.relative_to(ROOT / "docs").as_posix() for page in (ROOT / "docs").rglob("*.md")}
    assert pages <= set(re.findall(r"[\w/-]+\.md", text))
