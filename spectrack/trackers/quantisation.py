"""On what int8 is calibrated: crops of simulated clips by the same tracker, the same on every machine."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from spectrack.engines.quantising import Arrays, Samples
from spectrack.errors import ConfigError
from spectrack.sensors import SENSORS
from spectrack.trackers.base import track

_SCENARIOS = ("calm", "cam-grass", "open-chase")
_FRAMES, _SEED = 8, 11


def camera_with(bands: int) -> str:
    """The simulated camera of so many bands.

    Raises:
        ConfigError: there is none.
    """
    for sensor in SENSORS.values():
        if sensor.bands == bands:
            return sensor.name
    known = ", ".join(str(sensor.bands) for sensor in SENSORS.values())
    raise ConfigError(f"expected cubes of {known} bands for precision int8, found {bands}; take precision fp32")


def calibration_samples(camera: str, plain: Any, settings: dict[str, Any]) -> Samples:
    """What the functions of a network are given while its tracker follows simulated targets in float32.

    Args:
        camera: whose bands the network sees.
        plain: makes that tracker, with an exported engine, when the samples are needed.
        settings: what decides its crops besides the weights, as JSON values.
    """

    def take(name: str) -> Iterable[Arrays]:
        from spectrack.simulation.video import simulate  # once a machine

        tracker = plain()
        with tracker.engine.taking() as taken:
            for scenario in _SCENARIOS:
                for _ in track(simulate(scenario, camera, frames=_FRAMES, seed=_SEED), tracker):
                    pass
        return list(taken[name])

    return Samples([camera, _SCENARIOS, _FRAMES, _SEED, settings], take)
