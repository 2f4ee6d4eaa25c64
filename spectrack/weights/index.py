"""Index of weights: which files there are, and which one a name means.

Looked up in this order, so that a user's file replaces a shipped one of the same name: the folders of the environment
variable SPECTRACK_WEIGHTS, the user's cache folder, the package's files, and other packages' files for their methods.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from spectrack.errors import WeightsError, nearest_name
from spectrack.files import expanded, user_cache_folder

# torch, which a folder of files does not need, is imported where a file is read.
if TYPE_CHECKING:
    from spectrack.weights.metadata import WeightsMetadata

WEIGHTS_VARIABLE = "SPECTRACK_WEIGHTS"
"""Environment variable: folders with weights files, separated as in PATH."""

SUFFIX = ".safetensors"

_FURTHER: list[Callable[[], Iterable[Path]]] = []

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ListedWeights:
    """A weights file that a name can mean.

    Attributes:
        name: the file's name without suffix, for instance ``siamban-compact``.
        path: the file.
        metadata: what it says about itself.
    """

    name: str
    path: Path
    metadata: WeightsMetadata


def shipped_folder() -> Path:
    """The folder of the weights that come with the package."""
    return Path(str(resources.files("spectrack.weights")))


def cache_folder() -> Path | None:
    """The user's folder for downloaded and imported weights; it need not exist. None without a home."""
    folder = user_cache_folder()
    return None if folder is None else folder / "weights"


def search_folders() -> list[Path]:
    """The folders in which names are looked up, first match wins."""
    named = [expanded(part) for part in os.environ.get(WEIGHTS_VARIABLE, "").split(os.pathsep) if part.strip()]
    cached = cache_folder()
    own = [*named, *([] if cached is None else [cached])]
    return [*own, shipped_folder(), *(folder for ask in _FURTHER for folder in ask())]


def look_in(folders: Callable[[], Iterable[Path]]) -> None:
    """Search further folders, after all others; they are asked for anew each time."""
    _FURTHER.append(folders)


def weights_name(method: str, profile: str) -> str:
    """What the weights of a method and profile are called, unless somebody says otherwise."""
    return f"{method}-{profile}"


def available() -> list[ListedWeights]:
    """All weights that `find_weights` can name, by name; a damaged file is left out with a warning."""
    from spectrack.weights.files import read_metadata

    listed = []
    for name, path in sorted(_files_by_name(search_folders()).items()):
        try:
            listed.append(ListedWeights(name, path, read_metadata(path)))
        except WeightsError as error:
            # One damaged download must not hide the others; asking for it by name raises.
            _log.warning("left out of the list of weights: %s", error)
    return listed


def is_known(name: str) -> bool:
    """Whether a plain name means a file; what is in it is not looked at."""
    return name in _files_by_name(search_folders())


def find_weights(
    name_or_path: str | os.PathLike[str] | None = None, *, method: str | None = None, profile: str | None = None
) -> Path:
    """The file that a name or path means.

    Args:
        name_or_path: a file, or a name with or without suffix; None takes the one of `weights_name`.
        method: the tracker that asks; the file must be for it.
        profile: size of the network; the file must be of it.

    Returns:
        An existing file with readable metadata.

    Raises:
        WeightsError: nothing of that name (the nearest is offered), a damaged file, or another method's or profile's.
    """
    if name_or_path is None:
        if method is None or profile is None:
            raise WeightsError("expected a name or a method and a profile, found neither; see `spectrack weights list`")
        name_or_path = weights_name(method, profile)
    from spectrack.weights.files import read_metadata

    path = find_file(os.fspath(name_or_path))
    metadata = read_metadata(path)
    for what, wanted, found in (("method", method, metadata.method), ("profile", profile, metadata.profile)):
        if wanted is not None and wanted != found:
            raise WeightsError(
                f"expected weights of {what} {wanted}, found {found} in {path}; name another file or change the {what}"
            )
    return path


def find_file(text: str, others: Iterable[str] = ()) -> Path:
    """The file that a name or path means, whatever is in it.

    Args:
        text: the name or path.
        others: names that mean something to the caller, offered with those of files where none fits.

    Raises:
        WeightsError: there is none; the nearest name is offered.
    """
    given = expanded(text)
    if given.is_file():
        return given
    # A path that does not exist is a mistake of its own; only plain names are looked up.
    if given.name != text or given.suffix in (".pth", ".pt", ".tar", ".model"):
        raise WeightsError(f"expected a weights file, found nothing at {given}; check the path")
    files = _files_by_name(search_folders())
    name = text.removesuffix(SUFFIX)
    if name not in files:
        known = nearest_name(name, [*files, *others]) if files or others else "there are none yet"
        raise WeightsError(
            f"expected the name of weights, found {text!r}; {known} (looked in {WEIGHTS_VARIABLE}, cache and package; "
            "train with `spectrack train` or bring a checkpoint in with `spectrack weights import`)"
        )
    return files[name]


def _files_by_name(folders: list[Path]) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for folder in folders:
        if folder.is_dir():
            for path in sorted(folder.glob(f"*{SUFFIX}")):
                # Hidden names are files still being written.
                if not path.name.startswith("."):
                    files.setdefault(path.stem, path)
    return files
