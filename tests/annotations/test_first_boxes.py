"""First boxes from annotation programs: every format gives the box that was drawn, in cube pixels, or one sentence."""

import json
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectrack.annotations.box_tracks import turned
from spectrack.annotations.first_boxes import read_first_box
from spectrack.annotations.json_files import read_json_tracks
from spectrack.annotations.xml_files import read_xml_tracks
from spectrack.errors import BoxError, ConfigError, SequenceError
from tests.fixtures.refusals import refuses

BOX = [20.0, 12.0, 10.0, 6.0]
"""In a picture of 80 x 40."""

CVAT_VIDEO = """<?xml version="1.0" encoding="utf-8"?>
<annotations><version>1.1</version>
<meta><task><size>3</size><original_size><width>80</width><height>40</height></original_size></task></meta>
<track id="0" label="car" source="manual">
  <box frame="0" outside="0" occluded="0" keyframe="1" xtl="20.0" ytl="12.0" xbr="30.0" ybr="18.0" z_order="0"></box>
  <box frame="4" outside="0" occluded="0" keyframe="1" xtl="24.0" ytl="12.0" xbr="34.0" ybr="18.0" z_order="0"></box>
  <box frame="5" outside="1" occluded="0" keyframe="1" xtl="24.0" ytl="12.0" xbr="34.0" ybr="18.0" z_order="0"></box>
</track></annotations>"""
BUS = '<track id="1" label="bus"><box frame="0" xtl="1" ytl="2" xbr="4" ybr="6"/></track>'
CVAT_IMAGES = """<annotations><version>1.1</version><image id="0" name="a.png" width="80" height="40">
<box label="car" occluded="0" xtl="20" ytl="12" xbr="30" ybr="18" z_order="0"><attribute name="a">b</attribute></box>
</image></annotations>"""
VOC = """<annotation><folder>x</folder><size><width>80</width><height>40</height><depth>3</depth></size>
<object><name>car</name><bndbox><xmin>20</xmin><ymin>12</ymin><xmax>30</xmax><ymax>18</ymax></bndbox></object></annotation>"""
COCO = {
    "images": [{"id": 7, "file_name": "0002.png"}, {"id": 3, "file_name": "0001.png", "width": 80, "height": 40}],
    "annotations": [
        {"id": 1, "image_id": 7, "category_id": 1, "bbox": [1, 2, 3, 4]},
        {"id": 2, "image_id": 3, "category_id": 1, "bbox": BOX},
    ],
    "categories": [{"id": 1, "name": "car"}],
}
LABELME = {
    "version": "5.0",
    "imageWidth": 80,
    "imageHeight": 40,
    "shapes": [
        {"label": "note", "points": [[1, 1]], "shape_type": "point"},
        {"label": "car", "points": [[30, 18], [20, 12]], "shape_type": "rectangle"},
    ],
}
PERCENT = {"x": 25.0, "y": 30.0, "width": 12.5, "height": 15.0, "rotation": 0}
STUDIO_VIDEO = [
    {
        "id": 1,
        "data": {"video": "a.mp4"},
        "annotations": [
            {
                "result": [
                    {
                        "type": "videorectangle",
                        "value": {
                            "framesCount": 5,
                            "sequence": [
                                {"frame": 1, "enabled": True, **PERCENT},
                                {"frame": 3, "enabled": False, **PERCENT, "x": 30.0},
                            ],
                            "labels": ["car"],
                        },
                    }
                ]
            }
        ],
    }
]
STUDIO_IMAGE = [
    {
        "annotations": [
            {
                "result": [
                    {
                        "type": "rectanglelabels",
                        "original_width": 80,
                        "original_height": 40,
                        "value": {**PERCENT, "rectanglelabels": ["car"]},
                    }
                ]
            }
        ]
    }
]
STUDIO_MIN = [
    {
        "image": "a.png",
        "id": 1,
        "label": [{**PERCENT, "rectanglelabels": ["car"], "original_width": 80, "original_height": 40}],
    }
]

FILES = {
    "plain": "20,12,10,6\n21,12,10,6\n",
    "polygon": "20,12,30,12,30,18,20,18\n",
    "cvat-video": CVAT_VIDEO,
    "cvat-images": CVAT_IMAGES,
    "voc": VOC,
    "mot-cvat": "1,1,20,12,10,6,1,1,1.0\n2,1,21,12,10,6,1,1,1.0\n",
    "mot-results": "1, 3, 20, 12, 10, 6, -1, -1, -1, -1\r\n",
    "coco": json.dumps(COCO),
    "labelme": json.dumps(LABELME),
    "studio-video": json.dumps(STUDIO_VIDEO),
    "studio-image": json.dumps(STUDIO_IMAGE),
    "studio-min": json.dumps(STUDIO_MIN),
    "yolo": "0 0.3125 0.375 0.125 0.15\n",
    "yolo-confidence": "2 0.3125 0.375 0.125 0.15 0.93\n",
    "yolo-track": "2 0.3125 0.375 0.125 0.15 1\n",
    "yolo-confidence-track": "2 0.3125 0.375 0.125 0.15 0.93 1\n",
    "yolo-corners": "3 0.25 0.3 0.375 0.3 0.375 0.45 0.25 0.45\n",
    "yolo-corners-confidence": "3 0.25 0.3 0.375 0.3 0.375 0.45 0.25 0.45 0.7\n",
    "yolo-corners-track": "3 0.25 0.3 0.375 0.3 0.375 0.45 0.25 0.45 0.7 1\n",
    "yolo-diamond": "0 0.3125 0.3 0.375 0.375 0.3125 0.45 0.25 0.375\n",
    "yolo-triangle": "0 0.25 0.3 0.375 0.3 0.375 0.45\n",
    "yolo-outline": "0 0.25 0.3 0.3 0.3 0.375 0.3 0.375 0.4 0.375 0.45 0.3 0.45\n",
    "pixel-corners": "1 20 12 30 12 30 18 20 18\n",
    "pixel-corners-confidence": "1 20 12 30 12 30 18 20 18 0.93\n",
    "hotc2026": "ID,x,y,width,height\nvis-ball_1,20,12,10,6\nvis-ball_2,21,12,10,6\n",
}


def stored(tmp_path, text, name="labels"):
    path = tmp_path / name  # no suffix: the content decides
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    return path


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_every_format_gives_the_box_that_was_drawn(tmp_path, kind, bom):
    path = stored(tmp_path, bom + FILES[kind].encode())
    np.testing.assert_allclose(read_first_box(path, width=80, height=40), BOX, atol=1e-9)


IN_SHARES = {"studio-video", *(kind for kind in FILES if kind.startswith("yolo"))}


@pytest.mark.parametrize("kind", sorted(set(FILES) - IN_SHARES))
def test_only_shares_without_a_size_need_the_size_of_the_cube(tmp_path, kind):
    np.testing.assert_allclose(read_first_box(stored(tmp_path, FILES[kind])), BOX, atol=1e-9)


@pytest.mark.parametrize("kind", sorted(IN_SHARES))
def test_shares_of_a_frame_of_unknown_size_are_refused(tmp_path, kind):
    with refuses(ConfigError, "width", "height", "labels"):
        read_first_box(stored(tmp_path, FILES[kind]))


@pytest.mark.parametrize(
    ("member", "kind"), [("gt/gt.txt", "mot-cvat"), ("annotations.xml", "cvat-video"), ("annotations/a.json", "coco")]
)
def test_exported_archives(tmp_path, member, kind):
    path = tmp_path / "export.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("images/0001.png", b"\x89PNG")
        archive.writestr("gt/labels.txt", "car\n")
        archive.writestr("../../evil.txt" if member == "gt/gt.txt" else "notes.md", "5,5,5,5\n")
        archive.writestr(member, FILES[kind])
    assert read_first_box(path).tolist() == BOX
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["export.zip"]


def test_between_key_frames_the_object_moves_evenly_until_it_leaves(tmp_path):
    path = stored(tmp_path, CVAT_VIDEO)
    assert read_first_box(path, frame=3).tolist() == [23.0, 12.0, 10.0, 6.0]
    with refuses(SequenceError, "frame 5", "labels", "frame 0"):
        read_first_box(path, frame=5)
    path = stored(tmp_path, json.dumps(STUDIO_VIDEO))
    np.testing.assert_allclose(read_first_box(path, width=80, height=40, frame=1), [22, 12, 10, 6])
    np.testing.assert_allclose(read_first_box(path, width=80, height=40, frame=2), [24, 12, 10, 6])
    with refuses(SequenceError, "frame 3", "labels", "frame 0"):
        read_first_box(path, width=80, height=40, frame=3)


def test_other_frames(tmp_path):
    assert read_first_box(stored(tmp_path, FILES["plain"]), frame=1).tolist() == [21, 12, 10, 6]
    assert read_first_box(stored(tmp_path, FILES["mot-cvat"]), frame=1).tolist() == [21, 12, 10, 6]
    assert read_first_box(stored(tmp_path, FILES["coco"]), frame=1).tolist() == [1, 2, 3, 4]
    with refuses(SequenceError, "frame 2", "2 rows"):
        read_first_box(stored(tmp_path, FILES["plain"]), frame=2)
    with refuses(SequenceError, "frame 9", "labels", "frame 0"):
        read_first_box(stored(tmp_path, FILES["mot-cvat"]), frame=9)


def test_several_objects(tmp_path):
    second = CVAT_VIDEO.replace("</annotations>", BUS + "</annotations>")
    path = stored(tmp_path, second)
    with refuses(SequenceError, "frame 0", "(0 car, 1 bus)", "--box-track"):
        read_first_box(path)
    assert read_first_box(path, track=1).tolist() == read_first_box(path, track="bus").tolist() == [1, 2, 3, 4]
    with refuses(SequenceError, "'dog'", "(0 car, 1 bus)"):
        read_first_box(path, track="dog")
    with refuses(SequenceError, "'1'", "frame 7"):
        read_first_box(stored(tmp_path, "1,1,2,3,4,5,1,1,1\n2,2,9,9,9,9,1,1,1\n"), track="1", frame=7)


@pytest.mark.parametrize(
    "row", ["3,7,20,12,10,6,1,-1,-1,-1", "3 7 20 12 10 6 0.5 1 0.4", "1,1,199,113,140,268,1,83,77,0"]
)
def test_rows_of_mot_are_told_from_corners(tmp_path, row):
    tokens = row.replace(",", " ").split()
    found = read_first_box(stored(tmp_path, row), frame=int(tokens[0]) - 1)
    assert found.tolist() == [float(token) for token in tokens[2:6]]


def test_rows_of_one_picture_are_called_by_their_track(tmp_path):
    path = stored(tmp_path, "0 0.5 0.5 0.1 0.1 0.9 12\n0 0.3125 0.375 0.125 0.15 0.8 7\n")
    np.testing.assert_allclose(read_first_box(path, track=7, width=80, height=40), BOX, atol=1e-9)
    with refuses(SequenceError, path, "12", "7"):
        read_first_box(path)


def test_rows_in_two_units_are_refused(tmp_path):
    path = stored(tmp_path, "0 0.25 0.3 0.375 0.3 0.375 0.45 0.25 0.45\n1 20 12 30 12 30 18 20 18\n")
    with refuses(SequenceError, path, "line 2"):
        read_first_box(path, width=80, height=40)


def test_an_ignored_row_of_mot_is_no_box(tmp_path):
    path = stored(tmp_path, "1,1,1,1,5,5,0,1,1\n1,2,20,12,10,6,1,1,1\n1,3,9,9,0,0,1,1,1\n")
    assert read_first_box(path).tolist() == BOX


def test_boxes_drawn_on_the_mosaic_are_divided_by_its_block(tmp_path):
    assert read_first_box(stored(tmp_path, "80,48,40,24\n"), coordinates="mosaic", block=4).tolist() == BOX
    assert read_first_box(
        stored(tmp_path, CVAT_VIDEO), coordinates="mosaic", block=4, width=20, height=10
    ).tolist() == [5, 3, 2.5, 1.5]
    shares = read_first_box(stored(tmp_path, FILES["yolo"]), coordinates="mosaic", block=4, width=20, height=10)
    assert shares.tolist() == [5, 3, 2.5, 1.5]  # shares of the frame are the same on every picture


def test_boxes_drawn_on_an_rgb_picture_are_scaled(tmp_path):
    path = stored(tmp_path, VOC)
    assert read_first_box(path, coordinates="rgb", width=40, height=40).tolist() == [10, 12, 5, 6]
    with refuses(ConfigError, "labels", "size of the cube"):
        read_first_box(path, coordinates="rgb")
    with refuses(ConfigError, "labels", "size of the picture"):
        read_first_box(stored(tmp_path, FILES["plain"]), coordinates="rgb", width=40, height=40)


def test_a_picture_of_another_size_is_refused(tmp_path):
    with refuses(SequenceError, "20 x 10", "80 x 40", "--box-drawn-on"):
        read_first_box(stored(tmp_path, CVAT_VIDEO), width=20, height=10)
    with refuses(SequenceError, "100 x 50", "80 x 40", "--box-drawn-on"):
        read_first_box(stored(tmp_path, VOC), width=20, height=10, coordinates="mosaic", block=5)


@pytest.mark.parametrize(
    ("options", "facts"),
    [
        ({"coordinates": "raw"}, ("'raw'", "cube", "mosaic", "rgb")),
        ({"block": 0}, ("block", "found 0")),
        ({"frame": -1}, ("frame", "found -1")),
    ],
)
def test_wrong_options(tmp_path, options, facts):
    with refuses(ConfigError, facts):
        read_first_box(stored(tmp_path, FILES["plain"]), **options)


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ('<!DOCTYPE a [<!ENTITY b "c">]><annotations/>', ("XML", "labels", "DOCTYPE")),
        ('<?xml version="1.0" encoding="utf-16"?><a/>', ("XML", "labels")),
        (
            "<!DOCTYPE annotation SYSTEM 'file:///etc/passwd'><annotation/>".encode("utf-16"),
            ("XML", "labels", "DOCTYPE"),
        ),
        ("<annotations><track", ("XML", "labels")),
        ("<kml/>", ("<annotations>", "<annotation>", "<kml>")),
        (
            "<annotation><object><name>a</name></object></annotation>",
            ("'xmin'", "labels"),
        ),
        ("<annotations/>", ("labels", "none")),
        (
            '<annotations><track id="0"><box frame="1e9" xtl="1" ytl="1" xbr="2" ybr="2"/></track></annotations>',
            ("labels", "'1e9'"),
        ),
        ("<a>" * 50 + "</a>" * 50, ("labels", "40")),
        ("{", ("JSON", "labels")),
        ("[" * 100_000, ("JSON", "labels")),
        ("{}", ("COCO", "labelme", "Label Studio", "labels")),
        ('{"images": [], "annotations": [{"image_id": 1}]}', ("labels", "image 1")),
        (
            '{"images": [{"id": 1}], "annotations": [{"image_id": 1, "bbox": [1, 2, 3]}]}',
            ("'bbox'", "[1, 2, 3]"),
        ),
        (
            '{"images": [{"id": 1}], "annotations": [{"image_id": 1, "bbox": [1, 2, 3, 1e300]}]}',
            ("labels", "1, 2, 3, 1e+300"),
        ),
        ('{"images": 3, "annotations": []}', ("labels", "found 3")),
        ('{"shapes": [{"points": [[1], [2]]}]}', ("labels", "[[1], [2]]")),
        ("1,1,9,9,1\n", ("line 1", "5 numbers")),
        (
            "1,1,20,12,10,6,1\n1,1,20,12,10,6,1\n",
            ("track 1", "frame 1", "line 2"),
        ),
        ("0.5,1,20,12,10,6,1\n", ("labels", "'0.5'")),
        ("1,1,20,12,10,6,1\n2,1,20\n", ("line 2", "'2 1 20'")),
        ("0 0.1 0.1 0.1 0.1\nx\n", ("line 2", "'x'")),
        ("ID,x,y,width,height\n", ("labels", "none")),
        ("ID,x,y,width,height\nball,1,2,3,4\n", ("line 2", "'ball 1 2 3 4'")),
        ("", ("labels", "no row")),
        (b"PK\x03\x04rubbish", ("labels", "archive")),
        (b"\0\1\2", ("labels", "binary")),
    ],
)
def test_a_bad_file_is_one_sentence(tmp_path, text, facts):
    with refuses(SequenceError, facts):
        read_first_box(stored(tmp_path, text), width=80, height=40)


def test_a_turned_box_of_percent_needs_a_picture_with_pixels(tmp_path):
    shape = STUDIO_IMAGE[0]["annotations"][0]["result"][0]
    turned_by = {**shape["value"], "rotation": 90}
    path = stored(tmp_path, json.dumps([{"annotations": [{"result": [{**shape, "value": turned_by}]}]}]))
    # 10 x 6 pixels at (20, 12), turned clockwise about its corner.
    np.testing.assert_allclose(read_first_box(path, width=80, height=40), [14, 12, 6, 10], atol=1e-9)
    path = stored(
        tmp_path, json.dumps([{"annotations": [{"result": [{**shape, "original_height": 0.5, "value": turned_by}]}]}])
    )
    with refuses(SequenceError, "labels", "90 degrees"):
        read_first_box(path, width=80, height=40)


def test_a_box_without_area_is_refused(tmp_path):
    with refuses(BoxError, "(20, 12, 0, 6)"):
        read_first_box(stored(tmp_path, VOC.replace("<xmax>30", "<xmax>20")))


def test_an_archive_that_would_grow_is_not_unpacked(tmp_path):
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("gt/gt.txt", b"1" * (65 * 2**20))
    with refuses(SequenceError, "64 MiB", "bomb.zip"):
        read_first_box(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "1,2,3,4")
        archive.writestr("b.txt", "1,2,3,4")
    with refuses(SequenceError, "bomb.zip", "(a.txt, b.txt)"):
        read_first_box(path)


def test_a_pipe_is_not_waited_for(tmp_path):
    import os

    os.mkfifo(tmp_path / "pipe")
    with refuses(SequenceError, "pipe"):
        read_first_box(tmp_path / "pipe")


def test_a_coco_file_of_several_videos_names_them():
    coco = {
        "videos": [{"id": 1, "name": "ball"}, {"id": 2, "name": "coin"}],
        "images": [
            {"id": 1, "video_id": 1, "frame_id": 0},
            {"id": 2, "video_id": 2, "frame_id": 1},
            {"id": 3, "video_id": 2, "frame_id": 2},
        ],
        "annotations": [
            {"id": 1, "image_id": 1, "track_id": 5, "bbox": [1, 2, 3, 4]},
            {"id": 2, "image_id": 3, "track_id": 5, "bbox": [5, 6, 7, 8]},
        ],
    }
    kind, tracks = read_json_tracks(json.dumps(coco).encode(), "f")
    assert kind == "coco"
    assert {(item.sequence, item.identity): item.boxes for item in tracks} == {
        ("ball", "5"): {0: (1, 2, 3, 4)},
        ("coin", "5"): {1: (5, 6, 7, 8)},  # frame_id 1 and 2 of two images: counted from 1
    }


@given(st.floats(0.1, 90), st.floats(0.1, 90), st.floats(-720, 720))
def test_a_turned_box_keeps_its_centre_and_its_area_fits(w, h, degrees):
    x, y, width, height = turned((5.0, 6.0, w, h), degrees, about_centre=True)
    assert (x + width / 2, y + height / 2) == pytest.approx((5 + w / 2, 6 + h / 2))
    assert width * height >= w * h * (1 - 1e-9)
    assert np.hypot(width, height) <= (w + h) * np.sqrt(2) + 1e-9


def test_a_quarter_turn_swaps_the_sides():
    assert turned((0.0, 0.0, 10.0, 4.0), 90, about_centre=True) == pytest.approx((3, -3, 4, 10))
    assert turned((0.0, 0.0, 10.0, 4.0), 90, about_centre=False) == pytest.approx(
        (-4, 0, 4, 10)
    )  # clockwise, y points down
    rotated = CVAT_IMAGES.replace('z_order="0"', 'z_order="0" rotation="90"')
    assert read_xml_tracks(rotated.encode(), "f")[1][0].boxes[0] == pytest.approx((22, 10, 6, 10))
