"""Boxes in the XML of annotation programs: CVAT for video 1.1, CVAT for images 1.1, and Pascal VOC.

CVAT counts frames from 0 and gives the corners of each box with continuous edges. VOC files hold one picture each;
their corners are taken as continuous edges too, as CVAT and the detection set of the HOT challenge write them.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element

from spectrack.annotations.box_tracks import BoxTrack, Corners, corners_of, frame_number, turned
from spectrack.annotations.untrusted_files import parse_xml
from spectrack.errors import SequenceError


def read_xml_tracks(data: bytes, where: object) -> tuple[str, list[BoxTrack]]:
    """Name of the dialect and the objects of an XML annotation file.

    Raises:
        SequenceError: damaged or unsafe XML, or neither CVAT nor VOC.
    """
    root = parse_xml(data, str(where))
    if root.tag == "annotations":
        size = _size(root, ".//original_size/width", ".//original_size/height")
        tracks = [_cvat_track(item, size, where) for item in root.findall("track")]
        return "cvat", tracks + _cvat_images(root, where)
    if root.tag == "annotation":
        size = _size(root, "size/width", "size/height")
        return "voc", [
            _voc_object(item, size, number, where) for number, item in enumerate(root.findall("object"), start=1)
        ]
    raise SequenceError(
        f"expected CVAT's <annotations> or VOC's <annotation> in {where}, found <{root.tag[:40]}>; export one of them"
    )


def _cvat_track(item: Element, size: tuple[int, int] | None, where: object) -> BoxTrack:
    track = BoxTrack(identity=item.get("id", ""), label=item.get("label", ""), size=size, interpolated=True)
    for box in item.findall("box"):
        frame = frame_number(box.get("frame"), where)
        if box.get("outside") == "1":
            track.absent.add(frame)
        else:
            track.boxes[frame] = _cvat_box(box, where)
    return track


def _cvat_images(root: Element, where: object) -> list[BoxTrack]:
    """Boxes drawn picture by picture: of one label, one a picture, they are one object; several are numbered."""
    tracks: dict[tuple[str, int], BoxTrack] = {}
    for image in root.findall("image"):
        frame, seen = frame_number(image.get("id"), where), dict[str, int]()
        for box in image.findall("box"):
            label = box.get("label", "")
            seen[label] = seen.get(label, 0) + 1
            key = label, seen[label]
            size = _whole_pair(image.get("width"), image.get("height"))
            name = label if seen[label] == 1 else f"{label}#{seen[label]}"
            tracks.setdefault(key, BoxTrack(identity=name, label=label, size=size)).boxes[frame] = _cvat_box(box, where)
    return list(tracks.values())


def _cvat_box(box: Element, where: object) -> Corners:
    left, top, right, bottom = (_number(box.get(key), key, where) for key in ("xtl", "ytl", "xbr", "ybr"))
    upright = corners_of((left, top, right - left, bottom - top), where)
    return turned(upright, _number(box.get("rotation", "0"), "rotation", where), about_centre=True)


def _voc_object(item: Element, size: tuple[int, int] | None, number: int, where: object) -> BoxTrack:
    corner = [_number(item.findtext(f"bndbox/{key}"), key, where) for key in ("xmin", "ymin", "xmax", "ymax")]
    box = corners_of((corner[0], corner[1], corner[2] - corner[0], corner[3] - corner[1]), where)
    return BoxTrack(identity=str(number), label=(item.findtext("name") or "").strip(), boxes={0: box}, size=size)


def _number(text: str | None, key: str, where: object) -> float:
    try:
        return float((text or "")[:64])
    except ValueError as error:
        found = "nothing" if text is None else repr(text[:40])
        raise SequenceError(
            f"expected a number for {key!r} in {where}, found {found}; export that file again"
        ) from error


def _size(root: Element, width: str, height: str) -> tuple[int, int] | None:
    return _whole_pair(root.findtext(width), root.findtext(height))


def _whole_pair(width: str | None, height: str | None) -> tuple[int, int] | None:
    """Two positive whole numbers; None when the file does not tell them (VOC files often hold zeros)."""
    pair = [
        int(text) if text and text.isascii() and text.strip().isdigit() and len(text) < 9 else 0
        for text in (width, height)
    ]
    return (pair[0], pair[1]) if pair[0] > 0 and pair[1] > 0 else None
