"""The notebooks of the methods run from top to bottom, and are kept with what they print and draw."""

import json
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request):
    return request.param


def test_there_is_one_for_each_paper():
    assert [path.stem for path in NOTEBOOKS] == ["bcr-net", "ssf-net"]


def test_every_cell_is_code_that_was_run_or_text(path):
    assert path.stat().st_size < 200_000
    drawn = 0
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            compile("".join(cell["source"]), str(path), "exec")
            assert cell["execution_count"] is not None
            assert cell["outputs"] or "def " in "".join(cell["source"])
            assert all(output["output_type"] in ("stream", "display_data") for output in cell["outputs"])
            drawn += sum("data" in output for output in cell["outputs"])
    assert drawn == 3


@pytest.mark.slow
def test_it_runs(path, monkeypatch):
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    monkeypatch.setenv("PYTHONPATH", str(FOLDER.parents[1]))
    notebook = nbformat.read(path, as_version=4)
    kept = [output.text for cell in notebook.cells for output in cell.get("outputs", ()) if "text" in output]
    nbclient.NotebookClient(notebook, timeout=240, kernel_name="python3").execute()
    printed = [output.text for cell in notebook.cells for output in cell.get("outputs", ()) if "text" in output]
    assert len(printed) == len(kept)
    assert printed[0].split()[0] == kept[0].split()[0]
