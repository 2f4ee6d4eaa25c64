"""Stored clips: sequences turned once into 8-bit frames in memory-mapped files, in false colour or with all bands.

Values are stored as the square root of the scaled light, so that eight bits keep the shadows (and shot noise, which
grows with the root of the light, is the same in all of them).
"""

from __future__ import annotations

import glob
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spectrack.boxes import Boxes, is_box
from spectrack.errors import SequenceError
from spectrack.false_colour import apply_matrix, false_colour_matrix
from spectrack.files import write_json
from spectrack.files.arrays import create_array
from spectrack.files.caches import is_made, make_once, reuse_log
from spectrack.files.fingerprints import Fingerprint, glance, take_fingerprint, values_digest
from spectrack.orphans import task
from spectrack.pairs.clip_options import ClipConfig
from spectrack.provenance import source_digest
from spectrack.scaling import Scaling
from spectrack.sequences.base import Sequence
from spectrack.sequences.frames import PicturedFrame
from spectrack.simulation import RENDERING_SOURCE
from spectrack.trackers.own_pictures import white_of

STORED_WHITE = 1.5
"""Scaled light that is stored as 255: the scaling's 1 is the 99.9th percentile, highlights go beyond."""

_SOURCE = (*RENDERING_SOURCE, "sequences", "cube.py", "scaling.py", "pairs/stored_clips.py")
"""The code that decides the pixels of a clip."""

ALL_BANDS = ""
"""In place of a false-colour rule: keep the bands."""


class StoredClip(NamedTuple):
    """One prepared sequence.

    Attributes:
        key: changes with the pixels and with the truth.
        images: (frames, height, width, 3 or bands) uint8, square root of scaled light over `STORED_WHITE`.
        truth: (frames, 4) boxes in cube pixels.
        usable: indices of frames that show enough of the target.
        sensor: name of the camera, when it is known.
        wavelengths_nm: centres of its bands, when they are known.
        video: names the video that it shares with other clips; the key where it is a video of its own.
        frames: (frames,) numbers of the images in the sequence; None where nobody asks how far they are apart.
        pictures: (frames, height, width, 3) uint8, the data set's own, as they are shown; None where the rule makes the
            colours. In false colour they are the `images` as well.
        white: light of their white, as a tracker takes it.
    """

    key: str
    images: NDArray[np.uint8]
    truth: Boxes
    usable: NDArray[np.intp]
    sensor: str | None = None
    wavelengths_nm: tuple[float, ...] | None = None
    video: str = ""
    frames: NDArray[np.intp] | None = None
    pictures: NDArray[np.uint8] | None = None
    white: float = 1.0

    def shows_the_same_video(self, other: StoredClip) -> bool:
        """Whether the target of one may be seen in the other."""
        return (self.video or self.key) == (other.video or other.key)


def clips_key(clips: list[StoredClip]) -> str:
    """Twelve digits that change with any of some clips."""
    return values_digest([clip.key for clip in clips])[:12]


def prepare_simulated(
    directory: Path, config: ClipConfig, *, scaling: str, rule: str, jobs: int = 2
) -> list[StoredClip]:
    """Render the simulated clips of a configuration, or open them when they are there already.

    Args:
        directory: the cache.
        config: which clips.
        scaling: how counts become values.
        rule: false-colour rule, or `ALL_BANDS`.
        jobs: processes that render.
    """
    import joblib

    from spectrack.simulation.scenarios import SCENARIOS

    scenarios = list(config.scenarios) or sorted(
        name for name, scenario in SCENARIOS.items() if rule == ALL_BANDS or scenario.spectra != "metamers"
    )
    tasks = [
        (
            scenarios[index % len(scenarios)],
            config.sensors[(index // len(scenarios)) % len(config.sensors)],
            config.seed + index,
        )
        for index in range(config.count)
    ]
    # Only what decides the pixels names the folder, so that sampling can change without rendering again.
    rendering = [config.frames, config.spacing, config.height, config.width, tasks]
    folder = directory / f"simulated-{cache_key(rendering, scaling, rule)}"
    places = {folder / f"{task[-1]}": task for task in tasks}
    missing = [place for place in places if not is_made(place)]
    tell_reused(len(places) - len(missing), len(places), folder)
    joblib.Parallel(n_jobs=jobs)(task(_render_clip)(place, *places[place], config, scaling, rule) for place in missing)
    return [_open_clip(place, config.minimum_visibility) for place in places]


def convert_sequence(
    directory: Path, sequence: Sequence, config: ClipConfig, *, scaling: str, rule: str, pictures: str = ""
) -> tuple[StoredClip, bool]:
    """A sequence as a clip, and whether it was made now.

    Args:
        directory: the cache.
        sequence: which.
        config: how it is sampled.
        scaling: how counts become values.
        rule: false-colour rule, or `ALL_BANDS`.
        pictures: a false-colour rule to keep the data set's own pictures where it has them, as bright as this rule's;
            empty to leave them.

    Raises:
        SequenceError: no truth, or frames that cannot be read or change while they are.
    """
    sequence.needed_truth()
    kept = np.unique(np.linspace(0, len(sequence) - 1, min(config.frames, len(sequence))).round().astype(int)).tolist()
    more = [pictures] if pictures else []
    stem = f"{sequence.name}-{cache_key(config.frames, scaling, rule, sequence.truth_digest(), *more)}"

    def store(folder: Path, source: Fingerprint) -> None:
        white = _store_pictures(folder, sequence, kept, scaling, pictures) if pictures else None
        if white is None or rule == ALL_BANDS:
            store_images(folder, sequence, kept, scaling, rule)
        _describe_clip(folder, sequence, kept, source, white)

    folder, made = converted(directory, stem, sequence, store)
    return _open_clip(folder, config.minimum_visibility), made


def converted(
    directory: Path, stem: str, sequence: Sequence, store: Callable[[Path, Fingerprint], None]
) -> tuple[Path, bool]:
    """The folder of what is made of a sequence's frames as they are now, and whether it was made now.

    Args:
        directory: the cache.
        stem: name of the folder as far as the frames do not decide it.
        sequence: whose frames.
        store: fills an empty folder; its ``clip.json`` must hold the fingerprint that it gets as ``source``.

    Raises:
        SequenceError: frames that change while they are read.
    """
    made_of = sequence.made_of()
    for folder in sorted(directory.glob(f"{glob.escape(stem)}-*")):
        if not is_made(folder):
            continue
        source = Fingerprint.from_json(json.loads((folder / "clip.json").read_text()).get("source"))
        if source is not None and source.fits(made_of):
            return folder, False
    taken = take_fingerprint(made_of)

    def convert(folder: Path) -> None:
        store(folder, taken)
        if glance(made_of) != taken.glance:
            raise SequenceError(
                f"expected the frames of {sequence.name} to stay as they are while they are converted, "
                "found them changed meanwhile; train again when they are complete"
            )

    place = directory / f"{stem}-{taken.content[:12]}"
    return place, make_once(place, convert)


def store_images(folder: Path, sequence: Sequence, indices: list[int], scaling: str, rule: str) -> None:
    """Write some frames as ``images.npy``, see `StoredClip`.

    Args:
        folder: where.
        sequence: whose first frame decides the scaling, too.
        indices: of the frames.
        scaling: how counts become values.
        rule: false-colour rule, or `ALL_BANDS`.
    """
    first = sequence[0]
    gain = Scaling.parse(scaling).fit(first)
    matrix = (
        None
        if rule == ALL_BANDS
        else false_colour_matrix(rule, sequence.bands, wavelengths_nm=sequence.wavelengths_nm, cube=first)
    )
    channels = sequence.bands if matrix is None else 3
    shape = (len(indices), sequence.height, sequence.width, channels)
    images = create_array(folder / "images.npy", shape, np.uint8)
    for place, index in enumerate(indices):
        scaled = gain.apply(sequence[index])
        light = scaled if matrix is None else apply_matrix(scaled, matrix)
        images[place] = np.sqrt(np.clip(light / STORED_WHITE, 0.0, 1.0)) * 255 + 0.5
    images.flush()


def _store_pictures(folder: Path, sequence: Sequence, indices: list[int], scaling: str, rule: str) -> float | None:
    """Write the data set's own pictures of some frames as ``pictures.npy``; light of their white, None without any.

    Raises:
        SequenceError: a picture of another size than its frame.
    """
    first = sequence.pictured_frame(0)
    if not isinstance(first, PicturedFrame):
        return None
    shape = (sequence.height, sequence.width, 3)
    pictures = create_array(folder / "pictures.npy", (len(indices), *shape), np.uint8)
    for place, index in enumerate(indices):
        frame = sequence.pictured_frame(index)
        picture = frame.picture() if isinstance(frame, PicturedFrame) else np.zeros(0, np.uint8)
        if picture.shape != shape:
            raise SequenceError(
                f"expected a picture of {shape} beside frame {index} of {sequence.name}, found {picture.shape}; "
                'train with data.colour = "rule"'
            )
        pictures[place] = picture
    pictures.flush()
    cube = first.whole()
    matrix = false_colour_matrix(rule, sequence.bands, wavelengths_nm=sequence.wavelengths_nm, cube=cube)
    light = apply_matrix(Scaling.parse(scaling).fit(cube).apply(cube), matrix)
    return white_of(first.picture(), float(light.mean()))


def cache_key(*parts: Any, more: tuple[str, ...] = ()) -> str:
    """Twelve digits that change with any part and with the code that decides the pixels of a clip, and `more` of it."""
    return values_digest([*parts, source_digest(*_SOURCE, *more)])[:12]


def tell_reused(reused: int, in_all: int, place: Path) -> None:
    """Say how many clips were there already."""
    if reused:
        reuse_log.info("%d of %d clips reused from %s", reused, in_all, place)


def _render_clip(
    place: Path, scenario: str, sensor: str, seed: int, config: ClipConfig, scaling: str, rule: str
) -> None:
    from spectrack.simulation.video import simulate

    length = config.frames * config.spacing
    sequence = simulate(scenario, sensor, frames=length, seed=seed, height=config.height, width=config.width)
    kept = list(range(0, length, config.spacing))

    def store(folder: Path) -> None:
        store_images(folder, sequence, kept, scaling, rule)
        _describe_clip(folder, sequence, kept)

    make_once(place, store)


def _describe_clip(
    folder: Path,
    sequence: Sequence,
    indices: list[int],
    source: Fingerprint | None = None,
    white: float | None = None,
) -> None:
    truth = sequence.needed_truth()
    visibility = sequence.visibility
    seen = np.ones(len(indices)) if visibility is None else visibility[indices]
    centres = None if sequence.wavelengths_nm is None else list(sequence.wavelengths_nm)
    camera = {"sensor": sequence.sensor, "wavelengths_nm": centres}
    made = {"source": None if source is None else source.to_json(), "white": white}
    kept = {"frames": list(indices), "truth": np.nan_to_num(truth[indices]).tolist(), "visibility": seen.tolist()}
    write_json(folder / "clip.json", {**kept, **camera, **made})


def _open_clip(folder: Path, minimum_visibility: float) -> StoredClip:
    described = json.loads((folder / "clip.json").read_text())
    truth = np.asarray(described["truth"], dtype=np.float64)
    white = described.get("white")
    pictures: NDArray[np.uint8] | None = None
    if white is not None:
        pictures = np.load(folder / "pictures.npy", mmap_mode="r")
    place = folder / "images.npy"
    images: NDArray[np.uint8] = np.load(place, mmap_mode="r") if pictures is None or place.is_file() else pictures
    height, width = images.shape[1:3]
    centres = truth[:, :2] + truth[:, 2:] / 2
    inside = ((centres >= 0) & (centres < (width, height))).all(axis=1) & is_box(truth)
    usable = np.flatnonzero(inside & (np.asarray(described["visibility"]) >= minimum_visibility))
    wavelengths = described.get("wavelengths_nm")
    centres_nm = None if wavelengths is None else tuple(wavelengths)
    # The names of its folder and of the one around it say what it was made of.
    key, frames = "/".join(folder.parts[-2:]), np.asarray(described["frames"])
    clip = StoredClip(key, images, truth, usable, described.get("sensor"), centres_nm, frames=frames)
    return clip if pictures is None else clip._replace(pictures=pictures, white=float(white))
