"""Simulated video: `simulate` makes a sequence that renders frames when asked, always the same for the same seed."""

from __future__ import annotations

from dataclasses import asdict
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spectrack.boxes import Boxes
from spectrack.errors import ConfigError
from spectrack.false_colour import DEFAULT_RULE
from spectrack.files.fingerprints import Ingredients, values_digest
from spectrack.sensors import Sensor, get_sensor
from spectrack.sequences.base import Sequence
from spectrack.sequences.frames import ArrayFrame, Frame
from spectrack.simulation.attributes import attributes_of
from spectrack.simulation.camera import Exposure
from spectrack.simulation.options import VideoOptions
from spectrack.simulation.scenario import ADDED_LATER
from spectrack.simulation.scenarios import get_scenario
from spectrack.simulation.scene import Scene
from spectrack.simulation.setting import Setting
from spectrack.simulation.staging import stage
from spectrack.simulation.surfaces import check_textures

SMALLEST_SIDE = 64


class SimulatedSequence(Sequence):
    """A video rendered on demand; frames, truth and visibility depend on the setting, never on the order of reading.

    Args:
        setting: scenario, sensor, frames, seed, size and options.
    """

    fps = 25.0

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.name = f"{setting.scenario.name}-{setting.sensor.name}-{setting.seed}"
        self.height, self.width, self.bands = setting.height, setting.width, setting.sensor.bands
        self.wavelengths_nm = tuple(setting.sensor.centres_nm)
        self.sensor = setting.sensor.name
        self._rendered: tuple[int, NDArray[np.uint16]] | None = None

    def __len__(self) -> int:
        return self.setting.frames

    def frame(self, i: int) -> Frame:
        """Frame `i`, rendered unless it was the last one asked for; counts, uint16."""
        index = self._index(i)
        if self._rendered is None or self._rendered[0] != index:
            signal = self.scene.radiance(float(index), self.exposed_matrix)
            cube = self._exposure.counts(signal, self._frame_stream(index))
            cube.setflags(write=False)
            self._rendered = index, cube
        return ArrayFrame(self._rendered[1])

    def clean(self, i: int) -> NDArray[np.float32]:
        """Frame `i` without noise and quantisation, in counts before any gain: (height, width, bands) float32."""
        return self.scene.radiance(float(self._index(i)), self.exposed_matrix)

    @cached_property
    def scene(self) -> Scene:
        """The scene behind the video, for masks and for rendering in other channels."""
        return stage(self.setting)

    @cached_property
    def exposed_matrix(self) -> NDArray[np.float64]:
        """(121, bands) spectral radiance to counts: the sensor's bands times an exposure set on frame 0."""
        bands, scenario = self.setting.filming.band_matrix, self.setting.scenario
        level = self.setting.stream("exposure").uniform(*scenario.brightness)
        seen = self.scene.radiance(0.0, bands)[::3, ::3]
        # Where bands are compared by worth, both halves of a pair gather the same light altogether.
        bright = float(np.percentile(seen, 99.5) if scenario.worth is None else seen.mean())
        return bands * (level / max(bright, 1e-9))

    # The base class allows setting the next ones; what is rendered cannot be told otherwise.
    @property  # type: ignore[misc]
    def truth(self) -> Boxes:
        """(frames, 4) tight boxes of the target's full mask, hidden or not, not clipped to the frame; whole pixels."""
        return self._truth_and_visibility[0].copy()

    @property
    def first_box(self) -> NDArray[np.float64]:
        """The truth of frame 0, without computing the others."""
        return self.scene.box(0.0)

    @property
    def visibility(self) -> NDArray[np.float64]:  # type: ignore[override]
        """(frames,) share of the target's mask that is in the frame and not hidden."""
        return self._truth_and_visibility[1].copy()

    @property
    def attributes(self) -> tuple[str, ...]:  # type: ignore[override]
        """What makes the video hard, measured on the scene as it turned out; see `attributes.attributes_of`."""
        return self._attributes

    @property  # type: ignore[misc]
    def metadata(self) -> dict[str, Any]:
        """Scenario, seed, light, false-colour rule of the metamers, and the other settings."""
        setting, light = self.setting, self.scene.light
        return {
            "scenario": setting.scenario.name,
            "seed": setting.seed,
            "spectra": setting.scenario.spectra,
            "illuminants": sorted({light.first, light.second}),
            **_worth_metadata(setting),
            "false_colour_rule": DEFAULT_RULE,
            "textures": setting.textures,
            "crosstalk": setting.crosstalk,
            "vignetting": setting.vignetting,
        }

    def truth_digest(self) -> str:
        """Truth, visibility and attributes follow from the setting, so they need not be computed."""
        return values_digest(self._frames_made_of().values)

    def _frames_made_of(self) -> Ingredients:
        values = asdict(self.setting)
        for table, added in ((values["scenario"], ADDED_LATER), (values["sensor"], ("transmission", "gain"))):
            for name in added:
                if not table[name]:
                    del table[name]
        return Ingredients(values=values)

    @cached_property
    def _truth_and_visibility(self) -> tuple[Boxes, NDArray[np.float64]]:
        times = np.arange(len(self), dtype=np.float64)
        boxes = np.stack([self.scene.box(float(t)) for t in times])
        return boxes, np.array([self.scene.visibility(float(t)) for t in times])

    @cached_property
    def _attributes(self) -> tuple[str, ...]:
        return attributes_of(self.setting.scenario, self.scene, *self._truth_and_visibility)

    @cached_property
    def _exposure(self) -> Exposure:
        return Exposure.for_sensor(self.setting.filming.sensor, self.setting.stream("noise"))

    def _frame_stream(self, index: int) -> np.random.Generator:
        return self.setting.stream(f"noise of frame {index}")


def simulate(
    scenario: str,
    sensor: str | Sensor = VideoOptions.sensor,
    *,
    frames: int = VideoOptions.frames,
    seed: int = VideoOptions.seed,
    height: int = VideoOptions.height,
    width: int = VideoOptions.width,
    textures: str = VideoOptions.textures,
    crosstalk: float = Setting.crosstalk,
    vignetting: float = Setting.vignetting,
) -> SimulatedSequence:
    """A simulated hyperspectral video with exact truth.

    The same arguments give the same bytes on one machine with one set of libraries; elsewhere counts differ by at most
    one and the truth is the same.

    Args:
        scenario: one of `scenarios.SCENARIOS`, such as ``cam-grass`` or ``hidden``.
        sensor: a name from `spectrack.sensors` or a camera of your own.
        frames: number of frames, at least 2.
        seed: any non-negative integer; one seed, one video.
        height: pixels, at least 64.
        width: pixels, at least 64.
        textures: ``procedural`` (needs nothing else), ``photographs`` or ``mixed`` (need scikit-image).
        crosstalk: share of a mosaic pixel's light that its neighbours receive, 0..1.
        vignetting: loss of light in the corners, 0..1.

    Returns:
        A sequence that renders on demand.

    Raises:
        ConfigError: an unknown name (the nearest is offered) or a value out of range.
        MissingExtraError: photographs asked for without scikit-image.

    Example:
        >>> video = simulate("calm", frames=4, seed=1, height=64, width=96)
        >>> video[0].shape, str(video[0].dtype), video.truth.shape
        ((64, 96, 16), 'uint16', (4, 4))
    """
    chosen = get_scenario(scenario)
    camera = get_sensor(sensor) if isinstance(sensor, str) else sensor
    _require("at least 2 frames", frames, frames >= 2)
    _require("a seed that is not negative", seed, seed >= 0)
    _require(
        f"a height and a width of at least {SMALLEST_SIDE} pixels", (height, width), min(height, width) >= SMALLEST_SIDE
    )
    _require("a vignetting in [0, 1]", vignetting, 0 <= vignetting <= 1)
    check_textures(textures)
    camera.crosstalk(crosstalk)
    setting = Setting(chosen, camera, frames, seed, height, width, textures, crosstalk, vignetting)
    return SimulatedSequence(setting)


def _worth_metadata(setting: Setting) -> dict[str, Any]:
    """How bands differ in worth, where the scenario is about that."""
    worth, camera = setting.scenario.worth, setting.filming.sensor
    if worth is None:
        return {}
    told = {"cause": worth.cause, "uneven": worth.uneven}
    return {"band_worth": told | ({"transmission": camera.transmission} if camera.transmission else {})}


def _require(expected: str, found: object, holds: bool) -> None:
    if not holds:
        raise ConfigError(f"expected {expected}, found {found}; change that option of the simulation")
