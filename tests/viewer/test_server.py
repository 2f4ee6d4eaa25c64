"""The viewer's answers: pictures and spectra are the sequence's, everything else is refused in one sentence."""

import re
from importlib.resources import files

import numpy as np
import pytest
from starlette.testclient import TestClient

from spectrack.sequences import MemorySequence
from spectrack.viewer.server import HEADERS, make_app
from tests.fixtures.refusals import check_sentence
from tests.fixtures.viewers import TOKEN, small_clip, view_of

STATIC = files("spectrack.viewer") / "static"


@pytest.mark.parametrize("rule", ["thirds", "cie", "pca3", "triple(9,4,2)", "triple(3,3,3)"])
def test_a_picture_is_the_sequence_s_own_false_colour(asking, rule):
    data = asking.client.get("sequences/0/frames/5", params={"rule": rule}).content
    picture = np.frombuffer(data, np.uint8).reshape(64, 80, 4)
    assert (picture[..., :3] == asking.clip.false_colour(5, rule)).all()
    assert (picture[..., 3] == 255).all()


def test_footage_is_shown_as_it_is(tmp_path):
    def open_footage():
        video = MemorySequence(np.random.default_rng(0).integers(0, 255, (3, 6, 8, 3)).astype(np.uint8), name="street")
        video.is_rgb = True
        return video

    client = TestClient(make_app(view_of(open_footage, folder=tmp_path), TOKEN), base_url=f"http://127.0.0.1/{TOKEN}")
    assert client.get("sequences/0").json()["rules"][0] == "own"
    data = client.get("sequences/0/frames/1", params={"rule": "own"}).content
    assert (np.frombuffer(data, np.uint8).reshape(6, 8, 4)[..., :3] == open_footage()[1]).all()


@pytest.mark.parametrize(("bands", "rules"), [(3, ["thirds", "pca3"]), (5, ["thirds", "pca3"])])
def test_rules_that_the_bands_do_not_allow_are_not_offered(tmp_path, bands, rules):
    def open_plain():
        return MemorySequence(np.ones((2, 6, 8, bands), np.uint16), name="plain")

    assert view_of(open_plain, folder=tmp_path).describe(0)["rules"] == rules  # cie needs wavelengths


def test_a_spectrum_is_the_cube_s(asking):
    told = asking.client.get("sequences/0/spectrum?frame=4&at=17.9,30").json()
    assert told["values"] == asking.clip[4][30, 17].tolist()


def test_a_box_has_mean_and_scatter_of_the_pixels_whose_centres_it_holds(asking):
    told = asking.client.get("sequences/0/spectrum?frame=2&at=10.4,20.6,5.0,3.0").json()
    pixels = np.array(
        [
            asking.clip[2][y, x]
            for y in range(64)
            for x in range(80)
            if 10.4 <= x + 0.5 < 15.4 and 20.6 <= y + 0.5 < 23.6
        ],
        float,
    )
    assert told["pixels"] == len(pixels) == 15
    assert np.allclose(told["values"], pixels.mean(axis=0))
    assert np.allclose(told["deviation"], pixels.std(axis=0))


def test_what_is_known_of_a_sequence(asking):
    told = asking.client.get("sequences/0").json()
    assert (told["frames"], told["width"], told["height"], told["bands"]) == (12, 80, 64, 16)
    assert told["wavelengths"] == list(asking.clip.wavelengths_nm)
    assert told["unit"] == "raw counts"
    assert told["truth"]["boxes"] == asking.clip.truth.tolist()
    assert told["tracks"] == {}


@pytest.mark.parametrize(
    ("path", "facts"),
    [
        ("sequences/0/frames/12?rule=thirds", ("0 to 11", "found 12")),
        ("sequences/1/frames/0?rule=thirds", ("found 1",)),
        ("sequences/0/frames/0?rule=third", ("'third'", "did you mean 'thirds'")),
        ("sequences/0/frames/0?rule=triple(0,1,16)", ("below 16",)),
        ("sequences/0/spectrum?frame=0&at=80,0", ("80 x 64", "80,0")),
        ("sequences/0/spectrum?frame=0&at=1,2,3", ("at=x,y,w,h", "1,2,3")),
        ("sequences/0/spectrum?frame=0&at=nan,1", ("at=x,y", "nan,1")),
        ("sequences/0/spectrum?frame=zero&at=1,1", ("'zero'",)),
        ("sequences/0/spectrum?frame=0&at=1,1,0,5", ("positive width",)),
        ("sequences/0/importance/0", ("number 0",)),
    ],
)
def test_wrong_questions_are_refused_in_one_sentence(asking, path, facts):
    answer = asking.client.get(path)
    assert answer.status_code == 400
    check_sentence(answer.json()["error"], *facts)


@pytest.mark.parametrize(
    ("wanted", "facts"),
    [
        ({"sequence": 0, "frame": 0, "box": [1, 2, 3], "tracker": "cf"}, ("x,y,w,h",)),
        ({"sequence": 0, "frame": 0, "box": [90, 2, 5, 5], "tracker": "cf"}, ("80 x 64", "(90, 2, 5, 5)")),
        ({"sequence": 0, "frame": 12, "box": [1, 2, 5, 5], "tracker": "cf"}, ("below 12", "found 12")),
        ({"sequence": 7, "frame": 0, "box": [1, 2, 5, 5], "tracker": "cf"}, ("found 7",)),
        ({"sequence": 0, "frame": 0, "box": [1, 2, 5, 5], "tracker": "siambam"}, ("did you mean 'siamban'",)),
        ({"sequence": 0, "frame": 0, "box": [1, 2, 5, 5], "tracker": "siamban", "profile": "huge"}, ("'huge'",)),
        ({"frame": 0}, ("'sequence'",)),
    ],
)
def test_wrong_wishes_start_nothing(asking, wanted, facts):
    answer = asking.client.post("track", json=wanted)
    assert answer.status_code == 400
    check_sentence(answer.json()["error"], *facts)
    assert not asking.viewing.live.is_busy


@pytest.mark.parametrize("path", ["/", "/wrong/", "/wrong/about", f"/{TOKEN}x/about", f"/{TOKEN}/static/../server.py"])
def test_without_the_whole_address_there_is_nothing(asking, path):
    client = TestClient(asking.client.app, base_url="http://127.0.0.1")
    answer = client.get(path)
    assert answer.status_code == 404
    check_sentence(answer.text.strip(), "copy it once more")


@pytest.mark.parametrize(
    "name", ["..%2fserver.py", "%2e%2e%2fserver.py", "..%5cserver.py", "none.js", "", "view.css%00", "__init__.py"]
)
def test_only_the_page_s_files_are_given_out(asking, name):
    assert asking.client.get(f"static/{name}").status_code == 404


def test_another_host_s_name_is_refused(asking):
    assert asking.client.get("about", headers={"host": "evil.example"}).status_code == 400


def test_only_json_objects_of_modest_size_are_taken(asking):
    post = asking.client.post
    assert post("stop", data={"a": "b"}).status_code == 415
    assert post("stop", content="[1]", headers={"content-type": "application/json"}).status_code == 400
    assert post("stop", content="[" * 50_000, headers={"content-type": "application/json"}).status_code == 400
    assert (
        post("stop", content="{" + " " * 70_000 + "}", headers={"content-type": "application/json"}).status_code == 413
    )
    assert asking.client.get("stop").status_code == 405


@pytest.mark.parametrize("path", ["", "static/main.js", "about", "sequences/9", "sequences/0/frames/0?rule=thirds"])
def test_every_answer_forbids_being_framed_guessed_at_and_cached(asking, path):
    found = asking.client.get(path).headers
    assert {name: found[name] for name in HEADERS} == HEADERS


def test_the_page_loads_its_own_files_alone_and_writes_no_markup(asking):
    page = asking.client.get("").text
    named = re.findall(r'(?:src|href)="([^"#]+)"', page)
    assert {name.split("/")[0] for name in named} == {"static"}
    assert not re.search(r"<style|<script>| style=| on\w+=", page)
    scripts = [file for file in STATIC.iterdir() if file.name.endswith(".js")]
    for file in scripts:
        text = file.read_text(encoding="utf-8")
        assert asking.client.get(f"static/{file.name}").text == text
        named += [f"static/{name}" for name in re.findall(r'from "\./([\w.]+)"', text)]
        assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|https?://", text), file.name
    assert {name.split("/")[1] for name in named} == {file.name for file in STATIC.iterdir()} - {"index.html"}


def test_control_characters_and_marks_of_direction_of_names_are_shown_as_numbers(tmp_path):
    name = "<script>alert(1)</script>\u202e\"'\x07"

    def open_hostile():
        return MemorySequence(np.ones((2, 6, 8, 4), np.uint16), name=name)

    told = view_of(open_hostile, folder=tmp_path / "\u202egpj").about()
    assert told["sequences"] == ["<script>alert(1)</script>\\u202e\"'\\x07"]
    assert told["folder"].endswith("\\u202egpj")


def test_frames_that_go_while_they_are_looked_at_are_told_in_a_sentence(tmp_path):
    import shutil

    from spectrack.sequences.opening import open_sequence
    from spectrack.sequences.writers import write_sequence

    write_sequence(small_clip(4), tmp_path / "clip")
    client = TestClient(
        make_app(view_of(lambda: open_sequence(tmp_path / "clip"), folder=tmp_path), TOKEN),
        base_url=f"http://127.0.0.1/{TOKEN}",
    )
    assert client.get("sequences/0/frames/0?rule=thirds").status_code == 200
    shutil.rmtree(tmp_path / "clip")
    answer = client.get("sequences/0/frames/3?rule=thirds")
    assert answer.status_code == 400
    check_sentence(answer.json()["error"], "0004.png")
    answer = client.post("track", json={"sequence": 0, "frame": 0, "box": [1, 2, 9, 9], "tracker": "cf"})
    check_sentence(answer.json()["error"], str(tmp_path / "clip"))
