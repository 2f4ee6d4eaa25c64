"""Adds to the documentation site what is no page of docs/: README, changelog, experiments, examples, notebooks, names.

A hook of MkDocs (mkdocs.yml). Links between these pages are bent to where they stand in the site; one to a file that is
no page keeps its words only.
"""

import json
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]

OUTSIDE = {
    "readme.md": "README.md",
    "changelog.md": "CHANGELOG.md",
    "experiments.md": "benchmarks/experiments.md",
    "examples.md": "examples/README.md",
    "notebooks/ssf-net.md": "docs/notebooks/ssf-net.ipynb",
    "notebooks/bcr-net.md": "docs/notebooks/bcr-net.ipynb",
}
"""Page of the site to file of the repository."""

_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)#\s]+)(#[^)]*)?\)")
_IMAGE = re.compile(r"(!\[[^\]]*\]\()([^)]+)\)")
_NAME = re.compile(r"(\w+) as \w+")


def on_files(files: Files, config: Any) -> Files:
    """MkDocs asks which files there are."""
    for page, source in OUTSIDE.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        text = _bent(_notebook(text) if source.endswith(".ipynb") else text, (ROOT / source).parent)
        files.append(File.generated(config, page, content=text + _scripts(page)))
    files.append(File.generated(config, "api.md", content=_public_names()))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """MkDocs gives the text of each page; generated ones are bent already."""
    place = page.file.abs_src_path
    return _bent(markdown, Path(place).parent) if place and Path(place).is_relative_to(ROOT) else markdown


def _bent(text: str, folder: Path) -> str:
    """Links to files of the repository as links between pages of the site."""
    pages = {(ROOT / source).resolve(): page for page, source in OUTSIDE.items()}

    def bend(match: re.Match[str]) -> str:
        words, target, anchor = match.group(1), match.group(2), match.group(3) or ""
        if "://" in target:
            return match.group(0)
        file = (folder / target).resolve()
        if file in pages:
            return f"[{words}]({_up(folder)}{pages[file]}{anchor})"
        if file.is_relative_to(ROOT / "docs") and file.is_file():
            own = folder.is_relative_to(ROOT / "docs")
            return match.group(0) if own else f"[{words}]({file.relative_to(ROOT / 'docs').as_posix()}{anchor})"
        return words

    return _IMAGE.sub(lambda match: f"{match.group(1)}{match.group(2).removeprefix('docs/')})", _LINK.sub(bend, text))


def _up(folder: Path) -> str:
    docs = ROOT / "docs"
    return "../" * len(folder.relative_to(docs).parts) if folder.is_relative_to(docs) else ""


def _scripts(page: str) -> str:
    """The examples themselves, below their list."""
    if page != "examples.md":
        return ""
    scripts = sorted((ROOT / "examples").glob("*.py"))
    return "".join(f"\n## {path.name}\n\n```python\n{path.read_text(encoding='utf-8')}```\n" for path in scripts)


def _notebook(text: str) -> str:
    """A notebook's cells as a page: text, code, and what it printed and drew."""
    parts = []
    for cell in json.loads(text)["cells"]:
        source = "".join(cell["source"])
        parts.append(source if cell["cell_type"] == "markdown" else f"```python\n{source}\n```")
        for output in cell.get("outputs", []):
            if output["output_type"] == "stream":
                parts.append(f"```text\n{''.join(output['text']).rstrip()}\n```")
            elif picture := output.get("data", {}).get("image/png"):
                parts.append(f"![What the cell above draws](data:image/png;base64,{''.join(picture).strip()})")
    return "\n\n".join(parts) + "\n"


def _public_names() -> str:
    """A section for every public name, from the stub that says where each lives."""
    stub = (ROOT / "spectrack" / "__init__.pyi").read_text(encoding="utf-8")
    sections = []
    for module, names in re.findall(r"^from \.(\S+) import (\([^)]*\)|.*)$", stub, re.MULTILINE):
        sections += [f"::: spectrack.{module}.{name}\n" for name in _NAME.findall(names)]
    ordered = sorted(sections, key=lambda section: section.rsplit(".", 1)[1].lower())
    about = "Every name that `import spectrack` gives, with where it lives.\n\n"
    return f"# Public names\n\n{about}" + "\n".join(ordered)
