"""The package's shape: which part may import which, what files may be called, how long they may be, and that each says
what it is for.
"""

import ast
import functools
import os
import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "spectrack"

PAGE = PACKAGE.parent / "docs" / "architecture.md"


def _layers_of(text):
    """Sets of parts in the order of the first tree under ``spectrack/``; a part is a file's or folder's name."""
    lines = text.split("```")[1].strip("\n").splitlines()[1:]
    named = [re.match(r"  ((?:[a-z_0-9]+/?(?:, )?)+)  ", line + "  ") for line in lines]
    return [{name.rstrip("/") for name in match[1].split(", ")} for match in named if match]


# From the bottom up; a part may import itself and what stands in an earlier line. `python -m` comes last.
LAYERS = [*_layers_of(PAGE.read_text(encoding="utf-8")), {"__main__"}]
LEVEL = {part: level for level, parts in enumerate(LAYERS) for part in parts}

VAGUE_NAMES = {"common", "core", "helper", "helpers", "lib", "misc", "util", "utils"}
LONGEST_FILE, LONGEST_FUNCTION = 500, 70


@functools.cache
def trees():
    """(name, part, syntax tree, text) of every module."""
    modules = []
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        text = path.read_text(encoding="utf-8")
        modules.append((name, name.split("/")[0].removesuffix(".py"), ast.parse(text, str(path)), text))
    return modules


def imports_of(tree):
    """Absolute names of the modules that a module imports, wherever in the file, with the line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports are absolute here"
            names = [f"spectrack.{alias.name}" for alias in node.names] if node.module == "spectrack" else [node.module]
            yield from ((name, node.lineno) for name in names)


def test_modules_are_found():
    assert len(trees()) > 50


def test_the_page_and_the_tree_name_the_same_parts():
    parts = {part for _, part, _, _ in trees()} - {"__init__"}
    assert parts == LEVEL.keys()


def test_the_order_is_the_design_s():
    """The design, where it is at hand, names rooms that are not built yet, but no other order."""
    design = Path(os.environ.get("SPECTRACK_SHARED", PACKAGE.parents[1] / "shared")) / "design.md"
    if not design.is_file():
        pytest.skip("the design page is not here (SPECTRACK_SHARED)")
    tree = design.read_text(encoding="utf-8").split("## 3. Layout")[1].split("```")[1]
    wanted = [name for name in re.findall(r"^  ([a-z_]+)(?:/|\.py| )", tree, re.M) if name in LEVEL and name != "boxes"]
    assert wanted == sorted(wanted, key=LEVEL.get)


def test_imports_point_one_way():
    wrong = []
    for name, part, tree, _ in trees():
        # The package's own __init__ names the public things of all parts, and imports them lazily.
        for module, line in imports_of(tree) if part != "__init__" else ():
            package, _, rest = module.partition(".")
            other = rest.split(".")[0]
            if package != "spectrack" or other in ("", "__version__", part):
                continue
            # Neighbours in the lowest layer may use each other; a neighbour elsewhere may not.
            if other not in LEVEL or LEVEL[other] > LEVEL[part] or (LEVEL[other] == LEVEL[part] > 0):
                wrong.append(f"{name}:{line}: {part} may not import {other}")
    assert wrong == []


def test_no_import_runs_in_a_circle():
    """Imports of every kind count, those inside functions and those for types alone included."""
    names = {
        f"spectrack.{name.removesuffix('.py').replace('/', '.').removesuffix('.__init__')}": tree
        for name, _, tree, _ in trees()
    }
    arrows = {name: {module for module, _ in imports_of(tree)} & names.keys() - {name} for name, tree in names.items()}
    while free := {name for name, targets in arrows.items() if not targets & arrows.keys()}:
        arrows = {name: targets for name, targets in arrows.items() if name not in free}
    assert sorted(arrows) == []


def test_only_the_command_line_prints_with_rich_and_reads_arguments():
    wrong = []
    for name, part, tree, _ in trees():
        if part != "cli":
            wrong += [
                f"{name}:{line}: {module}"
                for module, line in imports_of(tree)
                if module.split(".")[0] in ("rich", "tyro")
            ]
    assert wrong == []


def test_names_say_something():
    assert [
        name for name, _, _, _ in trees() if {part.removesuffix(".py") for part in name.split("/")} & VAGUE_NAMES
    ] == []


def test_every_module_says_what_it_is_for():
    assert [name for name, _, tree, _ in trees() if len((ast.get_docstring(tree) or "").split()) < 3] == []


def test_files_are_short():
    assert [name for name, _, _, text in trees() if text.count("\n") > LONGEST_FILE] == []


def test_functions_are_short():
    wrong = []
    for name, _, tree, _ in trees():
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
                and node.end_lineno - node.lineno + 1 > LONGEST_FUNCTION
            ):
                wrong.append(f"{name}:{node.lineno}: {node.name}")
    assert wrong == []


def test_the_library_does_not_assert_print_or_leave_notes():
    wrong = []
    for name, _, tree, text in trees():
        wrong += [f"{name}: {word}" for word in ("TODO", "FIXME", "XXX") if word in text]
        for node in ast.walk(tree):
            is_print = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
            if isinstance(node, ast.Assert) or is_print:
                wrong.append(f"{name}:{node.lineno}")
    assert wrong == []
