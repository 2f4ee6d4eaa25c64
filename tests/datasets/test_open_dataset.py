"""Adapters: every layout of the field's data sets, in all its spellings, gives the right keys, frames and boxes."""

import logging
import pickle

import numpy as np
import pytest

from spectrack.datasets.facts import DATASETS, all_facts, dataset_facts
from spectrack.datasets.opening import open_dataset
from spectrack.errors import ConfigError, SequenceNotFoundError
from tests.fixtures.refusals import refuses


def keys(dataset):
    return [(entry.key.split, entry.key.modality, entry.key.name) for entry in dataset]


def first_x(dataset):
    return [entry.open().first_box[0] for entry in dataset]


def test_otb_counts_from_one_and_a_folder_as_it_is_told(tmp_path, make):
    for root in ("OTB100", "clips"):
        make.pictures(tmp_path / root / "Car" / "img")
        make.text(tmp_path / root / "Car" / "groundtruth_rect.txt", make.boxes(10))
    assert (open_dataset("auto", tmp_path / "OTB100").name, dataset_facts("lasot").origin) == ("otb", 1)
    assert first_x(open_dataset("auto", tmp_path / "OTB100")) == first_x(open_dataset("otb", tmp_path / "clips")) == [9]
    assert first_x(open_dataset("folder", tmp_path / "clips")) == [10]
    assert first_x(open_dataset("folder", tmp_path / "clips", origin=1)) == [9]
    assert first_x(open_dataset("otb", tmp_path / "clips", origin=0)) == [10]
    with refuses(ConfigError, "no --origin for simulated", "found 1"):
        open_dataset("simulated", origin=1)


@pytest.fixture
def hot2020(tmp_path, make):
    """Family A: split, sequence, stream; every stream has its own truth."""
    root = tmp_path / "HOT2020"
    for number, (split, name) in enumerate([("train", "car3"), ("test", "car3"), ("test", "ball&mirror7")]):
        folder = root / split / name
        make.mosaics(folder / "HSI", 4, seed=number)
        make.pictures(folder / "HSI-FalseColor")
        make.pictures(folder / "RGB", frames=4, width=50)
        make.text(folder / "HSI" / "groundtruth_rect.txt", make.boxes(10 + number))
        make.text(folder / "HSI-FalseColor" / "groundtruth_rect.txt", make.boxes(10 + number))
        make.text(folder / "RGB" / "groundtruth_rect.txt", make.boxes(20 + number, 4))
    make.text(root / "test" / "car3" / "HSI" / "Thumbs.db", "")
    return root


def test_family_a_three_streams_with_their_own_truth(hot2020):
    dataset = open_dataset("hotc2020", hot2020)
    assert keys(dataset) == [("test", "", "ball&mirror7"), ("test", "", "car3"), ("train", "", "car3")]
    assert [entry.label for entry in dataset] == ["ball&mirror7", "test-car3", "train-car3"]
    assert [entry.frames for entry in dataset] == [3, 3, 3]
    assert first_x(dataset) == [12, 11, 10]
    sequence = dataset["test-car3"].open()
    assert (sequence.name, sequence.sensor, sequence.bands, sequence.is_rgb) == ("test-car3", "vis16", 16, False)
    assert sequence.false_colour(0).shape == (40, 40, 3)
    pictures = open_dataset("hotc2020", hot2020, stream="false-colour", split="test")
    assert first_x(pictures) == [12, 11]
    assert pictures[0].open().is_rgb
    colour = open_dataset("hotc2020", hot2020, stream="RGB", split="testing")
    assert [entry.label for entry in colour] == ["ball&mirror7", "car3"]
    assert first_x(colour) == [22, 21]
    assert [entry.frames for entry in colour] == [4, 4]


def test_the_cubes_of_a_dataset_are_what_was_written(hot2020, make):
    sequence = open_dataset("hotc2020", hot2020)["train-car3"].open()
    np.testing.assert_array_equal(sequence[2], make.cube(2, 16, seed=0))


def test_a_split_or_a_sequence_may_be_the_root(hot2020):
    assert keys(open_dataset("hotc2020", hot2020 / "test")) == [("test", "", "ball&mirror7"), ("test", "", "car3")]
    assert keys(open_dataset("hotc2020", hot2020 / "test" / "car3")) == [("", "", "car3")]


@pytest.mark.parametrize("inner", ["HSI", "img", ""])
@pytest.mark.parametrize("split", ["test_HSI", "Test", "testing"])
def test_family_b_one_stream(tmp_path, make, inner, split):
    for number, name in enumerate(("coke", "toy1")):
        make.mosaics(tmp_path / "copy" / split / name / inner, 4, seed=number, name="{}")
        make.text(tmp_path / "copy" / split / name / "groundtruth_rect.txt", make.boxes(number + 1))
    dataset = open_dataset("hotc2020", tmp_path / "copy")
    assert keys(dataset) == [("test", "", "coke"), ("test", "", "toy1")]
    assert first_x(dataset) == [1, 2]
    assert dataset["coke"].open().sensor == "vis16"


@pytest.fixture
def hot2023(tmp_path, make):
    """Families C and D: modality first, truth with a byte-order mark beside the pictures, spellings as they come."""
    root = tmp_path / "HOT2023"
    cases = (
        ("validation", "HSI-VIS", "HSI-VIS-FalseColor", "car", "car", 4, None),
        ("validation", "HSI-NIR", "HSI-NIR-Falsecolor", "park/img/park", "park/img", 5, None),
        ("validation", "HSI-RedNIR", "HSI-RedNIR-FalseColor", "car/car", "car", 4, 15),
        ("ranking", "HSI-VIS", "HSI-VIS-FalseColor", "bus", "bus", 4, None),
    )
    for number, (split, cubes, pictures, inside, beside, block, bands) in enumerate(cases):
        name = inside.split("/")[0]
        make.mosaics(root / split / cubes / inside, block, bands, seed=number)
        make.pictures(root / split / pictures / beside)
        file = "init_rect.txt" if split == "ranking" else "groundtruth_rect.txt"
        make.text(root / split / pictures / name / file, "\ufeff" + make.boxes(number + 1))
    make.text(root / "validation" / "HSI-NIR-Falsecolor" / "park" / "description.txt", "Occlusion\nSimilar thing\n")
    make.pictures(root / "validation" / "HSI-VIS-FalseColor_25" / "car", frames=2)
    return root


def test_families_c_and_d_modality_first(hot2023):
    dataset = open_dataset("hotc2023", hot2023)
    assert keys(dataset) == [
        ("ranking", "HSI-VIS", "bus"),
        ("validation", "HSI-NIR", "park"),
        ("validation", "HSI-RedNIR", "car"),
        ("validation", "HSI-VIS", "car"),
    ]
    assert [entry.label for entry in dataset] == ["bus", "park", "HSI-RedNIR-car", "HSI-VIS-car"]
    assert first_x(dataset) == [4, 2, 3, 1]
    opened = [entry.open() for entry in dataset]
    assert [sequence.bands for sequence in opened] == [16, 25, 15, 16]
    assert opened[0].truth is None
    assert opened[1].attributes == dataset["park"].attributes == ("OCC", "Similar thing")
    assert opened[3].false_colour(2).shape == (40, 40, 3)  # of the folder with all three pictures
    assert [entry.label for entry in open_dataset("hotc2023", hot2023, split="val", modality="nir")] == ["park"]
    assert keys(open_dataset("hotc2023", hot2023 / "validation" / "HSI-NIR")) == [("validation", "HSI-NIR", "park")]


def test_the_pictures_alone_share_the_truth_of_their_cubes(tmp_path, make):
    make.mosaics(tmp_path / "HSI-VIS" / "car", 4)
    make.text(tmp_path / "HSI-VIS" / "car" / "groundtruth_rect.txt", make.boxes(7))
    make.pictures(tmp_path / "HSI-VIS-FalseColor" / "car")
    assert first_x(open_dataset("hotc2024", tmp_path, stream="HSI-FalseColor")) == [7]


def test_corrections_replace_what_they_correct(tmp_path, make):
    root = tmp_path / "hotc2026" / "training"
    for name, start in (("ant", 1), ("bee", 2)):
        make.mosaics(root / "HSI-NIR" / name, 5)
        make.pictures(root / "HSI-NIR-FalseColor" / name)
        make.text(root / "HSI-NIR-FalseColor" / name / "groundtruth_rect.txt", make.boxes(start))
    make.pictures(root / "update" / "HSI-NIR-FalseColor" / "bee")
    make.text(root / "update" / "HSI-NIR-FalseColor" / "bee" / "groundtruth_rect.txt", make.boxes(9))
    dataset = open_dataset("auto", root)
    assert dataset.name == "hotc2026"
    assert keys(dataset) == [("train", "HSI-NIR", "ant"), ("train", "HSI-NIR", "bee")]
    assert first_x(dataset) == [1, 9]
    assert first_x(open_dataset("auto", root, stream="HSI-FalseColor")) == [1, 9]


@pytest.mark.parametrize(
    ("name", "inner", "truth"), [("imec25", "imgs", ""), ("imec25", "HSI", "HSI"), ("mssot", "imgs", "")]
)
def test_family_e_mosaic_tiffs(tmp_path, make, name, inner, truth):
    make.mosaics(tmp_path / "airplane-1" / inner, 5, suffix=".tif")
    make.text(tmp_path / "airplane-1" / truth / "groundtruth_rect.txt", "1.2,2.4,10.6,8.2\n" * 3)
    dataset = open_dataset(name, tmp_path)
    sequence = dataset["airplane-1"].open()
    # No source states the camera of MSSOT, so there the pixels tell the pattern.
    assert (sequence.bands, sequence.sensor) == (25, "nir25" if name == "imec25" else None)
    assert sequence.truth[0].tolist() == [1.2, 2.4, 10.6, 8.2]


@pytest.mark.parametrize("name", ["must", "msitrack"])
@pytest.mark.parametrize("inside", ["HSIData/train/{}", "train/HSIData/{}", "train/{}/HSIData"])
def test_family_f_arrays_of_eight_bands(tmp_path, make, name, inside):
    folder = tmp_path / inside.format("1-car-day")
    folder.mkdir(parents=True)
    for i in range(3):
        np.save(folder / f"{i + 1}.npy", make.cube(i, 8))
    beside = inside.replace("HSIData", "FalseColor").format("1-car-day")
    make.pictures(tmp_path / beside)
    make.text(tmp_path / beside / "groundtruth.txt", "4,5,10,8\n" * 3)
    dataset = open_dataset(name, tmp_path)
    assert keys(dataset) == [("train", "", "1-car-day")]
    sequence = dataset[0].open()
    assert (sequence.bands, len(sequence), dataset[0].frames, sequence.truth[0].tolist()) == (8, 3, 3, [4, 5, 10, 8])
    assert sequence.wavelengths_nm is None


def test_family_f_triplets_and_lists_of_attributes(tmp_path, make):
    root = tmp_path / "data"
    for i in range(3):
        for member in (1, 2, 3):
            make.image(
                root / "HSIJPG" / "test" / "2-bus-rain" / f"{i + 1:06d}_img{member}.jpg",
                np.full((20, 30, 3), 40 * member, np.uint8),
            )
    make.text(root / "FalseColor" / "test" / "2-bus-rain" / "groundtruth.txt", "4,5,10,8\n" * 3)
    make.text(root / "HSIJPG" / "test" / "list.txt", "2-bus-rain\n")
    make.text(root / "HSIJPG" / "test" / "Similar 0bject.txt", "2-bus-rain\nother\n")
    make.text(root / "HSIJPG" / "test" / "motion_blur.txt", "2-bus-rain\n")
    dataset = open_dataset("auto", root)
    assert (dataset.name, keys(dataset)) == ("must", [("test", "", "2-bus-rain")])
    assert dataset[0].attributes == ("Similar Object", "MB")
    sequence = dataset[0].open()
    assert (sequence.bands, len(sequence), dataset[0].frames, sequence.first_box[0]) == (8, 3, 3, 4)


@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_family_g_caches(tmp_path, make, suffix):
    for name in ("ant", "bee"):
        folder = tmp_path / "HSI-VIS-3D" / name
        folder.mkdir(parents=True)
        cubes = [make.cube(i, 16) for i in range(3)]
        if suffix == "npy":
            for i, cube in enumerate(cubes):
                np.save(folder / f"{i + 1:04d}.npy", cube)
        else:
            np.savez(folder / "frames.npz", **{f"{i + 1:04d}": cube for i, cube in enumerate(cubes)})
        make.pictures(tmp_path / "HSI-VIS-FalseColor" / name)
        make.text(tmp_path / "HSI-VIS-FalseColor" / name / "groundtruth_rect.txt", make.boxes(3))
    dataset = open_dataset("hotc2023", tmp_path)
    assert keys(dataset) == [("", "HSI-VIS", "ant"), ("", "HSI-VIS", "bee")]
    sequence = dataset["bee"].open()
    assert (len(sequence), sequence.bands, sequence.first_box[0]) == (3, 16, 3)
    np.testing.assert_array_equal(sequence[1], make.cube(1, 16))


@pytest.mark.parametrize(("split", "modality"), [("Train", "VIS"), ("Test", "RedNIR")])
def test_modalities_without_the_prefix(tmp_path, make, split, modality):
    bands = 15 if modality == "RedNIR" else None
    make.mosaics(tmp_path / split / modality / "car", 4, bands)
    make.text(tmp_path / split / modality / "car" / "groundtruth_rect.txt", make.boxes(3))
    dataset = open_dataset("hotc2023", tmp_path)
    assert keys(dataset) == [(split.lower(), f"HSI-{modality}", "car")]
    assert dataset[0].open().bands == (bands or 16)


def test_a_plain_folder_of_all_kinds(tmp_path, make):
    np.save(make.text(tmp_path / "arrays" / "x", "").parent / "walk.npy", np.stack([make.cube(i, 8) for i in range(3)]))
    np.save(tmp_path / "arrays" / "run.npy", np.stack([make.cube(i, 8) for i in range(4)]))
    make.pictures(tmp_path / "colour" / "street")
    make.mosaics(tmp_path / "cubes" / "day1" / "clip", 5)
    make.mosaics(tmp_path / "cubes" / "day2" / "clip", 5)
    (tmp_path / ".hidden").mkdir()
    dataset = open_dataset("folder", tmp_path)
    assert [entry.label for entry in dataset] == ["run", "walk", "street", "cubes_day1-clip", "cubes_day2-clip"]
    assert [entry.frames for entry in dataset] == [None, None, 3, 3, 3]
    assert dataset["cubes_day2-clip"].open().sensor is None
    assert len(dataset[0].open()) == 4
    assert [entry.key.split for entry in dataset.select(split="day1")] == ["cubes/day1"]


def test_what_spectrack_wrote_is_a_dataset(tmp_path, make):
    from spectrack.sequences.writers import write_sequence

    for kind in ("npy", "hotc", "envi"):
        write_sequence(
            [make.cube(i, 16) for i in range(3)], tmp_path / "train" / kind, format=kind, false_colour=kind == "npy"
        )
    dataset = open_dataset("folder", tmp_path)
    assert [(entry.label, entry.frames) for entry in dataset] == [("envi", 3), ("hotc", 3), ("npy", 3)]
    for entry in dataset:
        np.testing.assert_array_equal(entry.open()[1], make.cube(1, 16))


def test_links_that_lead_back_end_somewhere(tmp_path, make):
    make.mosaics(tmp_path / "data" / "car" / "HSI", 4)
    (tmp_path / "data" / "again").symlink_to(tmp_path / "data")
    assert {entry.key.name for entry in open_dataset("folder", tmp_path / "data")} == {"car"}


def test_links_among_the_sequences(tmp_path, make):
    """A link is the folder that it leads to, wherever that lies; one that leads nowhere, or around, is passed over."""
    root, elsewhere = tmp_path / "data", tmp_path / "elsewhere"
    make.mosaics(root / "car" / "HSI", 4)
    make.mosaics(elsewhere / "bus" / "HSI", 4)
    for name, target in {
        "linked": elsewhere / "bus",
        "gone": root / "nothing",
        "self": root / "self",
        "there": root / "back",
        "back": root / "there",
        "up": tmp_path,
    }.items():
        (root / name).symlink_to(target)
    (root / "car" / "HSI" / "inside").symlink_to(root / "car")
    dataset = open_dataset("folder", root)
    found = {entry.key.name: entry.frames for entry in dataset}
    assert found.keys() >= {"car", "linked"}
    assert set(found.values()) == {found["car"]}
    assert len(found) <= 4  # those seen through "up" once more, never again through that
    assert all(len(entry.open()) == entry.frames for entry in dataset)


def test_the_simulated_suite():
    dataset = open_dataset("simulated")
    assert len(dataset) == 48
    entry = dataset["cam-grass-nir25"]
    assert (entry.label, entry.key.modality, entry.frames) == (entry.key.name, "HSI-NIR", 80)
    assert entry.attributes
    assert len(open_dataset("simulated", modality="rednir")) == 16
    sequence = entry.open()
    assert (sequence.name, len(sequence), sequence.visibility.shape, sequence.truth.shape) == (
        entry.label,
        80,
        (80,),
        (80, 4),
    )
    with refuses(ConfigError, "simulated", "anywhere"):
        open_dataset("simulated", "anywhere")


def test_an_entry_can_travel_to_another_process(hot2020):
    entry = pickle.loads(pickle.dumps(open_dataset("hotc2020", hot2020)["train-car3"]))
    assert entry.open().first_box[0] == 10


NAMED = {
    "HOT2022": "hotc2022",
    "hotc_2024": "hotc2024",
    "hot26": "hotc2026",
    "IMEC25": "imec25",
    "MSVT": "imec25",
    "MSSOT": "mssot",
    "MSITrack": "msitrack",
    "MUST-HSI": "must",
    "mustang": "folder",
    "holidays": "folder",
    "hot20200101": "folder",
}


@pytest.mark.parametrize(("folder", "expected"), NAMED.items())
def test_the_folder_tells_the_data_set(tmp_path, make, folder, expected):
    make.mosaics(tmp_path / folder / "test" / "car" / "HSI", 5)
    assert open_dataset("auto", tmp_path / folder / "test").name == expected


def test_names_and_lengths_tell_the_data_set(tmp_path, make):
    for name in ("face", "trucker", "worker"):
        make.text(tmp_path / "x" / "test" / name / "HSI" / "0001.png", "never read")
    dataset = open_dataset("auto", tmp_path / "x")
    assert dataset.name == "hotc2020"
    assert dataset["trucker"].attributes == ("IV", "SV", "OCC", "OV")


def test_errors_name_what_there_is(hot2020, tmp_path):
    with refuses(ConfigError, "'hotc2021'"):
        open_dataset("hotc2021", hot2020)
    with refuses(ConfigError, "hotc2020", "--root"):
        open_dataset("hotc2020")
    with refuses(ConfigError, "'thermal'", "HSI, HSI-FalseColor, RGB"):
        open_dataset("hotc2020", hot2020, stream="thermal")
    with refuses(ConfigError, "'ranking'", "hotc2020", "test, train"):
        open_dataset("hotc2020", hot2020, split="ranking")
    with refuses(ConfigError, "'nir'", "hotc2020", "(none)"):
        open_dataset("hotc2020", hot2020, modality="nir")
    with refuses(SequenceNotFoundError, "nowhere"):
        open_dataset("folder", tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with refuses(SequenceNotFoundError, "HSI", "empty", "--stream"):
        open_dataset("folder", tmp_path / "empty")
    dataset = open_dataset("hotc2020", hot2020)
    with refuses(ConfigError, "'test-car'", "did you mean 'test-car3'"):
        _ = dataset["test-car"]
    assert [entry.label for entry in dataset.select(names=["train-car3"])] == ["car3"]
    with refuses(ConfigError, "'ball&mirror8'", "did you mean 'ball&mirror7'"):
        dataset.select(names=["ball&mirror8"])


def test_a_missing_stream_lists_the_others(tmp_path, make):
    make.pictures(tmp_path / "HSI-VIS-FalseColor" / "car")
    with refuses(SequenceNotFoundError, "HSI-FalseColor (1)", "--stream"):
        open_dataset("folder", tmp_path)


def test_a_bad_description_costs_only_the_attributes(hot2020, caplog):
    (hot2020 / "train" / "car3" / "description.txt").write_bytes(b"\xff\xfe\0")
    with caplog.at_level(logging.WARNING):
        assert open_dataset("hotc2020", hot2020)["train-car3"].attributes == ()
    assert "description.txt" in caplog.text


def test_the_tables_of_known_facts():
    assert set(all_facts()) | {"auto"} == set(DATASETS)
    facts = dataset_facts("hotc2020")
    test = [known for known in facts.sequences if known.split == "test"]
    assert (len(test), sum(known.frames for known in test), sum(known.rgb_frames for known in test)) == (
        35,
        16574,
        16670,
    )
    counts = {
        name: sum(name in known.attributes for known in test)
        for name in ("BC", "DEF", "FM", "IV", "IPR", "LR", "MB", "OCC", "OPR", "OV", "SV")
    }
    assert list(counts.values()) == [15, 7, 4, 10, 13, 7, 4, 20, 14, 1, 23]
    for name, sizes in {"hotc2023": (46, 30, 11), "hotc2024": (67, 30, 20)}.items():
        found = [known.modality for known in dataset_facts(name).sequences]
        assert tuple(found.count(modality) for modality in ("HSI-VIS", "HSI-NIR", "HSI-RedNIR")) == sizes
    nested = {known.name for known in dataset_facts("hotc2023").sequences if known.modality == "HSI-VIS"}
    assert {known.name for known in test} < nested
    for name in all_facts():
        assert all(defect.source and defect.text for defect in dataset_facts(name).defects)
        assert not dataset_facts(name).wavelengths_nm  # no primary source states centres


def test_a_known_sequence_without_its_split_is_told_by_its_length():
    facts = dataset_facts("hotc2020")
    assert facts.find("", "", "car3", 331).split == "test"
    assert facts.find("", "", "car3", 151).split == "train"
    assert facts.find("", "", "car3", 152) is None
    assert facts.find("test", "", "pedestrian").name == "pedestrain"
    assert facts.find("train", "", "pedestrian").name == "pedestrian"
