"""Evidence: spectra by hand, arrays a frame, and what does not fit is left out rather than fatal."""

import numpy as np
import pytest

from spectrack.errors import InputError
from spectrack.runs.evidence import EvidenceCollector, mean_spectra, read_evidence, write_evidence
from spectrack.sequences.memory import MemorySequence
from spectrack.trackers.base import Estimate
from tests.fixtures.refusals import refuses


@pytest.fixture
def video():
    cubes = np.zeros((20, 12, 16, 3), np.uint16)
    cubes[:, :, :, 0] = 10  # ground
    cubes[:, 4:6, 4:8] = (7, 70, 700)  # object
    return MemorySequence(cubes, name="plain", wavelengths_nm=(500, 600, 700))


def test_spectra_of_box_and_ring(video):
    target, background = mean_spectra(video, 0, np.array([4.0, 4, 4, 2]))
    assert target.tolist() == [7, 70, 700]
    # The ring is the 8 x 4 box around it without the 4 x 2 box: all ground.
    assert background.tolist() == [10, 0, 0]


def test_pixels_without_data_are_no_evidence(video):
    cubes = np.stack(list(video))
    cubes[:, 5, 4:8], cubes[:, 3, :] = 0, 0
    video = MemorySequence(cubes)
    video.no_data = -9999
    target, background = mean_spectra(video, 0, np.array([4.0, 4, 4, 2]))
    assert target.tolist() == [7, 70, 700]
    assert background.tolist() == [10, 0, 0]


def test_a_pixel_belongs_to_a_box_when_its_centre_does(video):
    # [4.6, 8.6) holds the centres 5.5, 6.5, 7.5 and, on the ground, 8.5.
    target, _ = mean_spectra(video, 0, np.array([4.6, 4, 4, 2]))
    assert target.tolist() == [(3 * 7 + 10) / 4, 3 * 70 / 4, 3 * 700 / 4]


@pytest.mark.parametrize(
    ("box", "nothing"),
    [
        ((100, 100, 4, 4), (True, True)),
        ((4.6, 4.6, 0.5, 0.5), (True, False)),
        ((-50, -50, 200, 200), (False, True)),
        ((0, 4, 1, 1), (False, False)),
    ],
)
def test_regions_without_pixels_are_nan(video, box, nothing):
    found = mean_spectra(video, 0, np.array(box, float))
    assert tuple(bool(np.isnan(spectrum).all()) for spectrum in found) == nothing


def collect(video, evidence, frames=20):
    collector = EvidenceCollector(video)
    for index in range(frames):
        collector.add(index, Estimate(np.array([4.0, 4, 4, 2]), 1.0, evidence=evidence(index)))
    return collector.arrays()


def test_arrays_a_frame(video, tmp_path):
    def shown(index):
        return (
            {}
            if index == 0
            else {
                "band_importance": [index, 1.0, 2.0],
                "composites": np.array([[0, 1, 2]]),
                "scores": np.zeros((25, 25)),
            }
        )

    arrays = collect(video, shown)
    assert set(arrays) == {
        "band_importance", "composites", "wavelengths_nm", "target_spectrum", "background_spectrum", "spectrum_frames",
    }  # fmt: skip
    assert np.isnan(arrays["band_importance"][0]).all()
    assert arrays["band_importance"][3].tolist() == [3, 1, 2]
    assert arrays["composites"].shape == (20, 1, 3)
    assert arrays["composites"][0].tolist() == [[-1, -1, -1]]
    assert arrays["spectrum_frames"].tolist() == [0, 3, 5, 8, 11, 14, 16, 19]
    assert arrays["target_spectrum"].shape == (8, 3)
    write_evidence(tmp_path / "a.npz", arrays)
    again = read_evidence(tmp_path / "a.npz")
    assert again.keys() == arrays.keys()
    assert all(np.array_equal(again[key], arrays[key], equal_nan=True) for key in arrays)
    first = (tmp_path / "a.npz").read_bytes()
    write_evidence(tmp_path / "a.npz", arrays)
    assert (tmp_path / "a.npz").read_bytes() == first


@pytest.mark.parametrize("odd", [["a", "b", "c"], [1.0, 2.0], 3.0, object()])
def test_what_does_not_fit_is_left_out(video, odd):
    arrays = collect(video, lambda index: {"band_importance": [1.0, 2.0, 3.0] if index < 5 else odd})
    assert np.isnan(arrays["band_importance"][5:]).all()
    assert np.isfinite(arrays["band_importance"][:5]).all()


def test_short_videos_and_failed_tracks(video):
    single = MemorySequence([video[0]])
    assert collect(single, lambda index: {}, frames=1)["spectrum_frames"].tolist() == [0]
    assert collect(video, lambda index: {}, frames=4)["spectrum_frames"].tolist() == [0, 3]
    assert collect(video, lambda index: {}, frames=0)["target_spectrum"].shape == (0, 3)


def test_files_that_are_none(tmp_path):
    assert read_evidence(tmp_path / "none.npz") == {}
    (tmp_path / "bad.npz").write_bytes(b"PK\x03\x04 and no more")
    with refuses(InputError, "bad.npz"):
        read_evidence(tmp_path / "bad.npz")
    np.savez(tmp_path / "pickle.npz", a=np.array([{}], dtype=object))
    with refuses(InputError, "pickle.npz"):
        read_evidence(tmp_path / "pickle.npz")
