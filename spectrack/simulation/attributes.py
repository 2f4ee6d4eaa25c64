"""Attributes of a simulated video: the difficulties it really holds, measured on the scene, not promised.

IV illumination, SV scale variation, OCC occlusion, DEF deformation, MB motion blur, FM fast motion, IPR and OPR
in-plane and out-of-plane rotation, OV out of view, BC background clutter, LR low resolution as in OTB (Wu, Lim, Yang,
TPAMI 2015) with the thresholds below. Ours: CAM camouflage and TWIN twins, whose difference is spectral only; EVEN and
UNEVEN, scenes in which all bands are worth the same and in which they are not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spectrack.boxes import Boxes, centres
from spectrack.simulation.bodies import FlatBody
from spectrack.simulation.scenario import Scenario
from spectrack.simulation.scene import Scene

ATTRIBUTES = ("IV", "SV", "OCC", "DEF", "MB", "FM", "IPR", "OPR", "OV", "BC", "LR", "CAM", "TWIN", "EVEN", "UNEVEN")

SCALE_RATIO = 1.5
"""SV: largest over smallest square root of the box area; half of the real sequences exceed it within 80 frames."""

FAST_SHARE = 0.25
"""FM: the centre somewhere moves by more than this many sizes a frame (real frames: 95th percentile 0.1)."""

SMALL_AREA_PX = 400.0
"""LR: the box holds fewer pixels than this in at least a tenth of the frames (the OTB threshold)."""

BLUR_PX = 2.0
"""MB: smear or lens blur (twice its standard deviation) exceeds this in at least a tenth of the frames."""

TURN_RAD = 0.5
"""IPR, OPR: the range of angles exceeds this."""


def attributes_of(scenario: Scenario, scene: Scene, truth: Boxes, visibility: NDArray[np.float64]) -> tuple[str, ...]:
    """The attributes of a scene in the order of `ATTRIBUTES`.

    Args:
        scenario: says what cannot be measured: clutter, camouflage, twins.
        scene: what is measured.
        truth: (frames, 4) boxes.
        visibility: (frames,) visible share of the target.
    """
    target, light = scene.actors[scene.target], scene.light
    size = np.sqrt(truth[:, 2] * truth[:, 3])
    steps = np.hypot(*np.diff(centres(truth), axis=0).T) / size[:-1]
    inside = _inside_share(truth, scene.camera.height, scene.camera.width)
    smear = [
        max(float(np.hypot(*target.smear(t, scene.camera))), 2 * scene.camera.lens_blur(t)) for t in range(scene.frames)
    ]
    limbs = isinstance(target.body, FlatBody) and any(part.swing > 0 for part in target.body.parts)
    bends = isinstance(target.body, FlatBody) and target.body.bend is not None
    found = {
        "IV": float(light.intensity.max() / light.intensity.min()) > 1.3
        or light.changes_colour
        or scenario.shadow > 0.2,
        "SV": float(size.max() / size.min()) > SCALE_RATIO,
        "OCC": bool(((visibility < 0.9) & (inside > 0.98)).any()),
        "DEF": limbs or bends,
        "MB": float(np.mean(np.array(smear) > BLUR_PX)) >= 0.1,
        "FM": bool((steps > FAST_SHARE).any()),
        "IPR": float(np.ptp(target.roll)) > TURN_RAD,
        "OPR": max(float(np.ptp(target.yaw)), float(np.ptp(target.pitch))) > TURN_RAD,
        "OV": bool((inside < 0.9).any()),
        "BC": scenario.decoys + scenario.twins + scenario.lookalikes > 0 or scenario.camouflage,
        "LR": float(np.mean(truth[:, 2] * truth[:, 3] < SMALL_AREA_PX)) >= 0.1,
    }
    return (*(name for name in ATTRIBUTES if found.get(name, False)), *scenario.spectral_attributes)


def _inside_share(truth: Boxes, height: int, width: int) -> NDArray[np.float64]:
    low = np.maximum(truth[:, :2], 0.0)
    high = np.minimum(truth[:, :2] + truth[:, 2:], (width, height))
    sides = np.clip(high - low, 0.0, None)
    return np.asarray(sides[:, 0] * sides[:, 1] / (truth[:, 2] * truth[:, 3]))
