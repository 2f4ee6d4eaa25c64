"""Boxes in the JSON of annotation programs: COCO (also with videos), labelme, and Label Studio in its two exports.

Label Studio stores percent of the frame and counts video frames from 1; between its key frames an object moves evenly
until one that is not ``enabled``. COCO's frames are ordered by ``frame_id`` where there is one, else by file name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from spectrack.annotations.box_tracks import BoxTrack, Corners, corners_of, frame_number, shown, turned
from spectrack.annotations.untrusted_files import parse_json
from spectrack.errors import SequenceError
from spectrack.files import number_key

_STREAMS = frozenset(
    {"", ".", "img", "imgs", "img1", "image", "images", "frames", "data", "hsi", "hsi-falsecolor", "rgb"}
)


def read_json_tracks(data: bytes, where: object) -> tuple[str, list[BoxTrack]]:
    """Name of the dialect and the objects of a JSON annotation file.

    Raises:
        SequenceError: damaged JSON, a dialect that is not known, or values of a wrong kind.
    """
    return json_tracks(parse_json(data, str(where)), where)


def json_tracks(value: Any, where: object) -> tuple[str, list[BoxTrack]]:
    """`read_json_tracks` of JSON that has been parsed already."""
    if isinstance(value, dict) and "images" in value and "annotations" in value:
        return "coco", _coco(value, _coco_frames(value, where), where)
    if isinstance(value, dict) and "shapes" in value:
        return "labelme", _labelme(value, where)
    tracks = list(_label_studio(value if isinstance(value, list) else [value], where))
    if not tracks:
        raise SequenceError(
            f"expected boxes of COCO, labelme or Label Studio in {where}, found other JSON; export it as one of these"
        )
    return "label-studio", tracks


def read_coco(data: bytes, where: object) -> tuple[list[BoxTrack], dict[str, int]]:
    """The objects of a COCO file, and the number of images of each of its videos, with or without a box.

    Raises:
        SequenceError: damaged or other JSON, or values of a wrong kind.
    """
    value = parse_json(data, str(where))
    if not (isinstance(value, dict) and "images" in value and "annotations" in value):
        raise SequenceError(
            f"expected COCO's 'images' and 'annotations' in {where}, found other JSON; only COCO files hold results"
        )
    frames = _coco_frames(value, where)
    lengths: dict[str, int] = {}
    for name, frame in frames.values():
        lengths[name] = max(lengths.get(name, 0), frame + 1)
    return _coco(value, frames, where), lengths


def _coco(value: dict[str, Any], frames: dict[str, tuple[str, int]], where: object) -> list[BoxTrack]:
    sizes = {
        _key(image.get("id")): _size(image.get("width"), image.get("height"))
        for image in _dicts(value["images"], where)
    }
    labels = {
        _key(item.get("id")): str(item.get("name", ""))[:80] for item in _dicts(value.get("categories", []), where)
    }
    tracks: dict[tuple[str, str], BoxTrack] = {}
    for item in _dicts(value["annotations"], where):
        image = _key(item.get("image_id"))
        if image not in frames:
            raise SequenceError(
                f"expected annotations of the images in {where}, found one of image {image[:40]}; "
                "export that file again"
            )
        name, frame = frames[image]
        label = labels.get(_key(item.get("category_id")), "")
        extra = item.get("attributes")
        sources = (item, extra) if isinstance(extra, dict) else (item,)
        numbers = [
            _key(source[key])
            for source in sources
            for key in ("track_id", "instance_id")
            if source.get(key) is not None
        ]
        # Without a track number an annotation is an object of its own, unless its class occurs once a picture.
        identity = numbers[0] if numbers else label
        track = tracks.setdefault((name, identity), BoxTrack(identity, label, size=sizes.get(image), sequence=name))
        if frame in track.boxes:
            identity = f"{identity}#{_key(item.get('id'))}"
            track = tracks.setdefault((name, identity), BoxTrack(identity, label, size=sizes.get(image), sequence=name))
        track.boxes[frame] = _bbox(item.get("bbox"), where)
    return list(tracks.values())


def _coco_frames(value: dict[str, Any], where: object) -> dict[str, tuple[str, int]]:
    """Image id to name of the video and frame index."""
    videos = {_key(item.get("id")): str(item.get("name", ""))[:200] for item in _dicts(value.get("videos", []), where)}
    groups: dict[str, list[tuple[Any, str]]] = {}
    numbers: dict[str, int] = {}
    for image in _dicts(value["images"], where):
        identity, file = _key(image.get("id")), str(image.get("file_name", ""))[:500]
        *folders, plain = file.replace("\\", "/").split("/")
        parents = [part for part in folders if part.lower() not in _STREAMS]
        name = videos.get(_key(image.get("video_id")), parents[-1] if parents else "")
        if image.get("frame_id") is not None:
            numbers[identity] = frame_number(image["frame_id"], where)
        groups.setdefault(name, []).append((number_key(plain), identity))
    result = {}
    for name, members in groups.items():
        given = [numbers[identity] for _, identity in members if identity in numbers]
        # Some programs count frame_id from 0, others from 1: only numbers 1 to N of N images are taken to count from 1.
        first = 1 if given and min(given) == 1 and len(given) == len(members) == max(given) else 0
        for index, (_, identity) in enumerate(sorted(members)):
            result[identity] = name, numbers[identity] - first if len(given) == len(members) else index
    return result


def _labelme(value: dict[str, Any], where: object) -> list[BoxTrack]:
    size, tracks = _size(value.get("imageWidth"), value.get("imageHeight")), []
    for number, shape in enumerate(_dicts(value["shapes"], where), start=1):
        points = shape.get("points")
        if (
            shape.get("shape_type", "polygon") not in ("rectangle", "polygon")
            or not isinstance(points, list)
            or len(points) < 2
        ):
            continue  # points, lines and circles are no boxes
        try:
            columns, rows = [float(point[0]) for point in points], [float(point[1]) for point in points]
        except (TypeError, ValueError, IndexError, KeyError, OverflowError) as error:
            raise SequenceError(
                f"expected points of two numbers in {where}, found {shown(points)}; save that file again"
            ) from error
        box = corners_of((min(columns), min(rows), max(columns) - min(columns), max(rows) - min(rows)), where)
        tracks.append(BoxTrack(str(number), str(shape.get("label", ""))[:80], {0: box}, size=size))
    return tracks


def _label_studio(tasks: Iterable[Any], where: object) -> Iterator[BoxTrack]:
    count = 0
    for task in tasks:
        for value, outer in _rectangles(task):
            count += 1
            yield _percent_track(value, outer, str(count), where)


def _rectangles(task: Any) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Rectangles of one task, with their object: of the full export (annotations) or the small one (JSON-MIN)."""
    if not isinstance(task, dict):
        return
    lists = [
        entry.get("result")
        for key in ("annotations", "completions")
        for entry in _list(task.get(key))
        if isinstance(entry, dict)
    ]
    if not lists:
        lists = [value for value in task.values() if isinstance(value, list)]
    for item in (item for entries in lists for item in _list(entries)):
        value = item.get("value", item) if isinstance(item, dict) else None
        if isinstance(value, dict) and (
            isinstance(value.get("sequence"), list) or {"x", "y", "width", "height"} <= value.keys()
        ):
            yield value, item


def _percent_track(value: dict[str, Any], outer: dict[str, Any], identity: str, where: object) -> BoxTrack:
    words = [*_list(value.get("rectanglelabels")), *_list(value.get("labels"))]
    size = _size(outer.get("original_width"), outer.get("original_height"))
    track = BoxTrack(identity, str(words[0])[:80] if words else "", relative=True, size=size)
    steps = value.get("sequence")
    if steps is None:
        track.boxes[0] = _fraction(value, size, where)
        return track
    track.interpolated = True
    for step in sorted(_dicts(steps, where), key=lambda step: frame_number(step.get("frame"), where, first=1)):
        frame = frame_number(step.get("frame"), where, first=1)
        track.boxes[frame] = _fraction(step, size, where)
        if step.get("enabled") is False:
            track.absent.add(frame + 1)
    track.absent -= track.boxes.keys()
    return track


def _fraction(value: dict[str, Any], size: tuple[int, int] | None, where: object) -> Corners:
    x, y, w, h = corners_of([value.get(key) for key in ("x", "y", "width", "height")], where)
    rotation = value.get("rotation")
    if not rotation:
        return x / 100, y / 100, w / 100, h / 100
    if size is None:
        # Percent of width and of height are different lengths, so the turn cannot be made without the size.
        raise SequenceError(
            f"expected an upright box in {where}, found one turned by {shown(rotation)} degrees; draw it upright"
        )
    x, y, w, h = turned(
        (x * size[0] / 100, y * size[1] / 100, w * size[0] / 100, h * size[1] / 100), rotation, about_centre=False
    )
    return x / size[0], y / size[1], w / size[0], h / size[1]


def _bbox(value: Any, where: object) -> Corners:
    if not isinstance(value, list) or len(value) != 4:
        raise SequenceError(
            f"expected 'bbox' as [x, y, width, height] in {where}, found {shown(value)}; export that file again"
        )
    return corners_of(value, where)


def _dicts(value: Any, where: object) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise SequenceError(f"expected a list of objects in {where}, found {shown(value)}; export that file again")
    return value


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _key(value: Any) -> str:
    """An identity as text, so that 3 and "3" are the same."""
    return str(value)[:80] if isinstance(value, str | int | float) else ""


def _size(width: Any, height: Any) -> tuple[int, int] | None:
    good = all(isinstance(side, int | float) and 1 <= side < 1e8 for side in (width, height))
    return (int(width), int(height)) if good else None
