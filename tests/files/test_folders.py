"""Writing folders whole or not at all, into new places and into folders that exist."""

import os
import stat

import pytest

from spectrack.errors import ConfigError
from spectrack.files import check_folder_for_results, write_folder_atomically
from tests.fixtures.refusals import refuses


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


def test_a_new_folder_appears_with_everything_in_it(tmp_path):
    target = tmp_path / "deep" / "out"
    with write_folder_atomically(target) as temporary:
        (temporary / "a.txt").write_text("a")
        (temporary / "inner").mkdir()
        assert not target.exists()
    assert names(target) == ["a.txt", "inner"]
    assert names(target.parent) == ["out"]


def test_permissions_are_those_of_any_new_folder(tmp_path):
    (tmp_path / "usual").mkdir()
    with write_folder_atomically(tmp_path / "out"):
        pass
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == stat.S_IMODE((tmp_path / "usual").stat().st_mode)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, OSError])
@pytest.mark.parametrize("exists", [True, False])
def test_an_interruption_leaves_nothing(tmp_path, error, exists):
    target = tmp_path / "out"
    if exists:
        target.mkdir()

    def write():
        with write_folder_atomically(target) as temporary:
            (temporary / "half.txt").write_text("half")
            raise error

    with pytest.raises(error):
        write()
    assert names(tmp_path) == (["out"] if exists else [])
    assert not exists or names(target) == []


def test_earlier_results_are_replaced_at_the_end_and_only_they(tmp_path):
    target = tmp_path / "out"
    target.mkdir()
    for name in ("a.txt", "b.txt"):
        (target / name).write_text("old")
    with write_folder_atomically(target, replace=("a.txt", "b.txt", "c.txt")) as temporary:
        (temporary / "a.txt").write_text("new")
        assert (target / "a.txt").read_text() == "old"
    assert names(target) == ["a.txt"]
    assert (target / "a.txt").read_text() == "new"


def test_other_files_are_never_touched(tmp_path):
    (tmp_path / "thesis.tex").write_text("years")
    for replace in ((), ("a.txt",)):
        with refuses(ConfigError, "'thesis.tex'", tmp_path):
            check_folder_for_results(tmp_path, replace=replace)
        with pytest.raises(ConfigError), write_folder_atomically(tmp_path, replace=replace):
            pass
    assert names(tmp_path) == ["thesis.tex"]


def test_a_file_is_not_a_folder(tmp_path):
    (tmp_path / "out").write_text("")
    with refuses(ConfigError, tmp_path / "out"):
        check_folder_for_results(tmp_path / "out")


def test_the_folder_one_stands_in(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with write_folder_atomically(os.curdir) as temporary:
        (temporary / "a.txt").write_text("a")
    assert names(tmp_path) == ["a.txt"]


def test_folders_of_an_earlier_result_are_replaced_too(tmp_path):
    (tmp_path / "figures" / "old").mkdir(parents=True)
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(ConfigError), write_folder_atomically(tmp_path, replace=("figures",)):
        pass
    (tmp_path / "mine.txt").unlink()
    with write_folder_atomically(tmp_path, replace=("figures", "absent")) as temporary:
        (temporary / "figures").mkdir()
        (temporary / "figures" / "new.txt").write_text("new")
    assert names(tmp_path) == ["figures"]
    assert names(tmp_path / "figures") == ["new.txt"]
