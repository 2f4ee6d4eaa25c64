"""Arrays in files: their space is taken before they are filled, because a full disk must be told and not struck."""

import errno
import os

import numpy as np
import pytest

import spectrack
from spectrack.errors import SequenceError
from spectrack.files.arrays import create_array
from spectrack.pairs.clip_options import ClipConfig
from spectrack.pairs.stored_clips import prepare_simulated
from tests.fixtures.refusals import refuses

WITH_HOLES = not hasattr(os, "posix_fallocate")


@pytest.mark.skipif(os.name == "nt", reason="tells no blocks")
@pytest.mark.parametrize("fallocate", [True, False])
def test_a_new_array_is_zero_and_has_all_of_its_space(tmp_path, monkeypatch, fallocate):
    if not fallocate:
        monkeypatch.delattr(os, "posix_fallocate", raising=False)
    elif WITH_HOLES:
        pytest.skip("not on this system")
    array = create_array(tmp_path / "a.npy", (3, 700, 800), np.uint16)
    assert array.shape == (3, 700, 800)
    assert not array.any()
    status = (tmp_path / "a.npy").stat()
    assert 512 * status.st_blocks >= status.st_size > array.nbytes
    array[2, 5, 7] = 9
    array.flush()
    assert np.load(tmp_path / "a.npy")[2, 5, 7] == 9


@pytest.mark.skipif(WITH_HOLES, reason="not on this system")
def test_a_disk_that_is_full_is_told(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    clip = spectrack.simulate("calm", frames=2, seed=1, height=64, width=64)
    with refuses(SequenceError, "No space left on device", str(tmp_path / "clip")):
        spectrack.write_sequence(clip, tmp_path / "clip", format="npy")
    config = ClipConfig(count=1, frames=2, spacing=1, height=64, width=64, scenarios=("calm",), sensors=("vis16",))
    with pytest.raises(OSError, match="No space left"):
        prepare_simulated(tmp_path / "cache", config, scaling="fixed(1000)", rule="thirds", jobs=1)
    assert not [file for file in tmp_path.rglob("*") if file.is_file()]
