"""What the folder names between a data set's root and its frames mean: split, modality, stream, sequence.

Data sets and their copies nest the same things in every order (``test/car/HSI``, ``validation/HSI-VIS/car``,
``HSIJPG/train/car``, ``training/update/HSI-NIR/park/img/park``), so each name is judged by itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from spectrack.sequences.layout import CONTAINERS, is_cube_stream, is_false_colour

STREAMS = ("HSI", "HSI-FalseColor", "RGB")
"""Streams of a sequence: cubes, false-colour pictures of the cubes' size, and the video of another camera."""

MODALITIES = ("HSI-VIS", "HSI-NIR", "HSI-RedNIR")

_SPLITS = {"train": "train", "test": "test", "val": "validation", "rank": "ranking"}
_SPLIT = re.compile(
    r"(train(?:ing)?|test(?:ing)?|val(?:id(?:ation)?)?|ranking)(?:[-_ ]?(?:set|data|hsi|rgb|seqs?|sequences|videos?))?",
    re.I,
)
_MODALITY = re.compile(r"(?:hsi[-_ ]?)?(vis|nir|red[-_ ]?nir)([-_ ]?(?:false[-_ ]?colou?r.*|3d.*|rgb))?", re.I)
_UPDATE = re.compile(r"updates?", re.I)


@dataclass(frozen=True)
class FolderMeaning:
    """What the names of the folders of some frames tell.

    Attributes:
        split: ``train``, ``test``, ``validation``, ``ranking`` or "".
        modality: one of `MODALITIES` or "".
        name: the sequence, or "" when no name is left over for it.
        stream: one of `STREAMS`, or "" when the names do not tell; then it is the cubes.
        prefix: names of further folders, in order (years, places, classes).
        update: lies in a folder of corrected files, which replace those of the same split, modality and name.
        order: among folders that mean the same, the lowest is the one to take (HSI-VIS-FalseColor before ..._25).
    """

    split: str
    modality: str
    name: str
    stream: str
    prefix: tuple[str, ...]
    update: bool
    order: int


def canonical_split(name: str) -> str:
    """The split that a folder name means, or the name itself.

    Example:
        >>> canonical_split("training"), canonical_split("test_HSI"), canonical_split("holiday")
        ('train', 'test', 'holiday')
    """
    match = _SPLIT.fullmatch(name)
    if match is None:
        return name
    return next(split for start, split in _SPLITS.items() if match.group(1).lower().startswith(start))


def canonical_modality(name: str) -> str:
    """The modality that a name means, or the name itself.

    Example:
        >>> canonical_modality("nir"), canonical_modality("HSI-RedNIR-FalseColor"), canonical_modality("thermal")
        ('HSI-NIR', 'HSI-RedNIR', 'thermal')
    """
    match = _MODALITY.fullmatch(name)
    if match is None:
        return name
    word = re.sub(r"[-_ ]", "", match.group(1).lower())
    return next(modality for modality in MODALITIES if modality.lower() == f"hsi-{word}")


def meaning_of(parts: Sequence[str]) -> FolderMeaning:
    """Judge the names of the folders from the root to the frames, outermost first.

    Example:
        >>> meaning = meaning_of(["training", "HSI-NIR", "park", "img", "park"])
        >>> meaning.split, meaning.modality, meaning.name, meaning.stream
        ('train', 'HSI-NIR', 'park', 'HSI')
    """
    split = modality = stream = ""
    update, longest = False, 0
    plain: list[str] = []
    for i, part in enumerate(parts):
        later = any(_is_plain(other) for other in parts[i + 1 :])
        if _MODALITY.fullmatch(part) and (later or part.lower().startswith("hsi")):
            modality = canonical_modality(part)
            stream = "HSI-FalseColor" if is_false_colour(part) else stream or "HSI"
            longest = len(part)
        elif is_false_colour(part) or is_cube_stream(part):
            stream = "HSI-FalseColor" if is_false_colour(part) else "HSI"
            longest = len(part)
        elif part.lower() == "rgb":
            stream = "RGB"
        elif later and _UPDATE.fullmatch(part):
            update = True
        elif later and not split and _SPLIT.fullmatch(part):
            split = canonical_split(part)
        elif part.lower() not in CONTAINERS and (not plain or plain[-1] != part):
            plain.append(part)
    name = plain[-1] if plain else ""
    return FolderMeaning(split, modality, name, stream, tuple(plain[:-1]), update, longest)


def is_meaningful(name: str) -> bool:
    """Whether a folder name tells a split, a modality or a stream rather than a sequence."""
    return not _is_plain(name) or bool(_SPLIT.fullmatch(name) or _UPDATE.fullmatch(name))


def _is_plain(name: str) -> bool:
    """Whether a name can only be that of a sequence or a place (names of splits can be those of sequences)."""
    known = _MODALITY.fullmatch(name) or is_false_colour(name) or is_cube_stream(name)
    return not known and name.lower() not in CONTAINERS and name.lower() != "rgb"
