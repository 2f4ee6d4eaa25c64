"""Which result belongs to which sequence: equal names first, then named rules in order, never a guess.

People rename sequences: ``ball&mirror9`` becomes ``ball_mirror9``, a toolkit adds ``_001`` or ``_det``, a modality is
written ``nir-``, ``HSI-NIR-`` or ``HSI-NIR-FalseColor-``, and ``pedestrain`` is what the folder is called while the web
page says ``pedestrian``. Each rule undoes one habit on both sides; two names that a rule makes equal belong together,
and where more than two become equal the match is refused. What had to be mapped is reported.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from spectrack.errors import InputError

_SPELLINGS = {"pedestrain": "pedestrian", "trucker": "truck"}
"""Words that the data sets and the results made from them spell in two ways."""

_TOOL_SUFFIX = re.compile(r"_(?:001|det)$", re.IGNORECASE)
_PREFIX = re.compile(
    r"(?:hotc?[-_]?(?P<year>20[0-9]{2})[-_])?"
    r"(?:(?P<split>train|training|val|validation|test|ranking)(?:ing)?[-_](?=.))?"
    r"(?:(?P<modality>(?:hsi[-_]?)?(?:rednir|nir|vis)(?:[-_]?false[-_]?colou?r(?:_25)?)?|hsi[-_]?false[-_]?colou?r|hsi)[-_](?=.))?",
    re.IGNORECASE,
)
_SPLITS = {"train": "training", "val": "validation"}


@dataclass(frozen=True)
class NameParts:
    """A name taken apart.

    Attributes:
        year: of the challenge, "" when the name does not tell.
        split: ``training``, ``validation``, ``test``, ``ranking`` or "".
        modality: ``vis``, ``nir``, ``rednir`` or "".
        base: the rest.
    """

    year: str
    split: str
    modality: str
    base: str

    def __str__(self) -> str:
        year = f"hotc{self.year}" if self.year else ""
        return "-".join(part for part in (year, self.split, self.modality, self.base) if part)


@dataclass(frozen=True)
class NameMapping:
    """A result whose name is not its sequence's.

    Attributes:
        found: name of the result.
        sequence: name of the sequence that it was taken for.
        rules: why, in the words of `RULES`.
        source: file that it was found in, or "".
    """

    found: str
    sequence: str
    rules: tuple[str, ...]
    source: str = ""


def split_name(name: str) -> NameParts:
    """Year, split and modality in front of a name, in whatever spelling, and the rest.

    Example:
        >>> str(split_name("HSI-NIR-FalseColor-ball"))
        'nir-ball'
        >>> split_name("validation-HSI-RedNIR-car3").base
        'car3'
    """
    match = _PREFIX.match(name)
    if match is None:
        return NameParts("", "", "", name)
    split = (match["split"] or "").lower()
    modality = re.search(r"rednir|nir|vis", (match["modality"] or "").lower())
    return NameParts(
        match["year"] or "", _SPLITS.get(split, split), modality.group() if modality else "", name[match.end() :]
    )


def _letters(name: str) -> str:
    # Runs of anything but letters and digits are one underscore; digits that follow stay, so car_3 and car3 differ.
    return re.sub(r"[^0-9a-z]+", "_", name.casefold()).strip("_")


def _spelling(name: str) -> str:
    return re.sub("|".join(_SPELLINGS), lambda found: _SPELLINGS[found.group()], name)


def _without(*fields: str) -> Callable[[str], str]:
    def drop(name: str) -> str:
        parts = split_name(name)
        return str(replace(parts, **dict.fromkeys(fields, "")))

    return drop


RULES: dict[str, Callable[[str], str]] = {
    "added _001 or _det": lambda name: _TOOL_SUFFIX.sub("", name),
    "modality written differently": lambda name: str(split_name(name)),
    "other punctuation or capitals": _letters,
    "other spelling": _spelling,
    "year or split left out": _without("year", "split"),
    "modality left out": _without("year", "split", "modality"),
}
"""Rules by name, in the order in which they are tried; each is applied on top of those before it, to both names."""


def match_names(found: Iterable[str], known: Iterable[str]) -> tuple[dict[str, str], list[NameMapping]]:
    """The sequence that each found name belongs to.

    Args:
        found: names of results.
        known: names of sequences.

    Returns:
        found name to sequence, in the order of `known`, for the names that belong to one; and the mappings of those
        that are not equal. Found names that no rule leads to a free sequence are left out.

    Raises:
        InputError: a rule makes several results equal to a sequence, or several sequences equal to a result.

    Example:
        >>> match_names(["ball_mirror9", "coin"], ["ball&mirror9", "coin"])[0]
        {'ball_mirror9': 'ball&mirror9', 'coin': 'coin'}
    """
    free, wanted = list(dict.fromkeys(known)), list(dict.fromkeys(found))
    order = {name: index for index, name in enumerate(free)}
    matched = {name: name for name in wanted if name in order}
    mappings: list[NameMapping] = []
    free, wanted = [name for name in free if name not in matched], [name for name in wanted if name not in matched]
    for count in range(1, len(RULES) + 1):
        if not free or not wanted:
            break
        for result, sequence in _pairs(wanted, free, count):
            matched[result] = sequence
            mappings.append(NameMapping(result, sequence, _needed(result, sequence, count)))
            free.remove(sequence)
            wanted.remove(result)
    in_order = dict(sorted(matched.items(), key=lambda item: order[item[1]]))
    return in_order, sorted(mappings, key=lambda mapping: order[mapping.sequence])


def _pairs(results: list[str], sequences: list[str], count: int) -> list[tuple[str, str]]:
    """Names that the first `count` rules make equal, none of them equal to a third."""
    groups: dict[str, list[str]] = {}
    for sequence in sequences:
        groups.setdefault(_key(sequence, list(RULES)[:count]), []).append(sequence)
    pairs = []
    for result in results:
        same = groups.get(_key(result, list(RULES)[:count]), [])
        pairs += [(result, sequence) for sequence in same if _compatible(result, sequence)]
    rivals, choices = Counter(sequence for _, sequence in pairs), Counter(result for result, _ in pairs)
    for result, sequence in pairs:
        if rivals[sequence] > 1 or choices[result] > 1:
            claimants = [other for other, same in pairs if same == sequence]
            claimed = [other for same, other in pairs if same == result]
            raise _ambiguous(claimants, claimed, list(RULES)[count - 1])
    return pairs


def _compatible(result: str, sequence: str) -> bool:
    """Whether year, split and modality may be the same: a name may leave them out, but nir is never vis."""
    one, other = split_name(result), split_name(sequence)
    fields = ((one.year, other.year), (one.split, other.split), (one.modality, other.modality))
    return all(not left or not right or left == right for left, right in fields)


def _key(name: str, rules: Iterable[str]) -> str:
    for rule in rules:
        name = RULES[rule](name) or name
    return name


def _needed(result: str, sequence: str, count: int) -> tuple[str, ...]:
    """The rules without which the two names would differ."""
    rules = list(RULES)[:count]
    needed = []
    for rule in list(rules):
        others = [other for other in rules if other != rule]
        if _key(result, others) == _key(sequence, others):
            rules = others
        else:
            needed.append(rule)
    return tuple(needed)


def _ambiguous(results: list[str], sequences: list[str], rule: str) -> InputError:
    def some(names: list[str]) -> str:
        return ", ".join(repr(name) for name in sorted(names)[:4]) + (", ..." if len(names) > 4 else "")

    if len(sequences) > 1:
        expected, found = f"one sequence for the result {some(results)}", f"{len(sequences)} ({some(sequences)})"
    else:
        expected, found = f"one result for the sequence {some(sequences)}", f"{len(results)} ({some(results)})"
    return InputError(
        f"expected {expected}, found {found} by the rule {rule!r}; name the results exactly as their sequences"
    )
