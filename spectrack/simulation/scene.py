"""Scenes: a background, actors in front of it, light and a camera; rendered at any time, window, channels; exact truth.

`Scene.radiance(t, matrix)` renders in any linear channel space: `matrix` (121, channels) maps spectral radiance to
channels, so a false-colour image for training costs as little as RGB, and a sensor's bands one wider matrix product.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from spectrack.boxes import Box, box_of_mask
from spectrack.simulation.camera import Camera, blur_margin, blurred
from spectrack.simulation.glare import Glare
from spectrack.simulation.illumination import Light, at_time
from spectrack.simulation.poses import Body, Patch, Pose
from spectrack.simulation.shapes import Window, bounds, coverage, fill_union, intersection, outline_box
from spectrack.simulation.surfaces import Surface
from spectrack.spectra import Spectrum


@dataclass(frozen=True)
class Actor:
    """A body and its poses over the frames.

    Attributes:
        name: ``target``, ``twin``, ``passer-by``, ``occluder``, ...
        body: what it looks like.
        centre: (frames, 2) world position in pixels.
        scale: (frames,) half-size in pixels.
        roll, yaw, pitch, phase: (frames,) radians, see `Pose`.
    """

    name: str
    body: Body
    centre: NDArray[np.float64]
    scale: NDArray[np.float64]
    roll: NDArray[np.float64]
    yaw: NDArray[np.float64]
    pitch: NDArray[np.float64]
    phase: NDArray[np.float64]

    def pose(self, t: float, camera: Camera) -> Pose:
        """The pose in the image at time `t`."""
        roll, yaw, pitch, phase = (float(at_time(track, t)) for track in (self.roll, self.yaw, self.pitch, self.phase))
        scale = float(at_time(self.scale, t)) * camera.magnification(t)
        return Pose(camera.to_image(at_time(self.centre, t), t), scale, roll, yaw, pitch, phase)

    def smear(self, t: float, camera: Camera) -> NDArray[np.float64]:
        """(2,) image motion while the shutter is open, in pixels."""
        first, last = (
            camera.to_image(at_time(self.centre, s), s) for s in (t - 0.5 * camera.shutter, t + 0.5 * camera.shutter)
        )
        return np.asarray(last - first)


@dataclass(frozen=True)
class Background:
    """Surfaces behind everything: pictures of one size in world pixels, divided by region masks.

    Attributes:
        surfaces: one or more, with equally large pictures.
        shares: (height, width) float32 masks, 0..1, one a surface but the first, painted in order; empty if single.
        origin: (2,) world position of the pictures' upper left corner.
    """

    surfaces: tuple[Surface, ...]
    shares: tuple[NDArray[np.float32], ...]
    origin: NDArray[np.float64]


@dataclass
class Scene:
    """Everything a video shows; see the module.

    Attributes:
        background: what lies behind.
        actors: in drawing order, the farthest first.
        target: index of the tracked actor.
        light: spectrum, brightness and shadow over time.
        camera: view, blur, vignetting.
        frames: number of frames; times run from 0 to frames - 1.
        glare: stray light in front of everything, or None.
    """

    background: Background
    actors: tuple[Actor, ...]
    target: int
    light: Light
    camera: Camera
    frames: int
    glare: Glare | None = None
    _layers: list[NDArray[np.float32]] = field(default_factory=list, repr=False)

    @property
    def frame_window(self) -> Window:
        """The whole image, ``(0, 0, width, height)``."""
        return 0, 0, self.camera.width, self.camera.height

    def radiance(self, t: float, matrix: NDArray[np.float64], window: Window | None = None) -> NDArray[np.float32]:
        """The image without noise.

        Args:
            t: time in frames, fractions allowed.
            matrix: (121, channels) from spectral radiance to channels, such as ``exposure * sensor responses``.
            window: image pixels wanted, also outside the frame; None for the frame.

        Returns:
            (height, width, channels) float32.
        """
        area = window or self.frame_window
        light = self.light.spectrum(t)
        shading = self._shading(t, area)
        image = self._paint_background(t, area, light, matrix, shading)
        for actor in self.actors:
            self._paint_actor(image, actor, t, area, light, matrix, shading)
        if self.glare is not None:
            image += self.glare.veil(t, area)[:, :, None] * (self.glare.spectrum @ matrix).astype(np.float32)
        return image

    def mask(self, t: float, actor: int | None = None) -> tuple[NDArray[np.bool_], Window]:
        """The full mask of an actor (the target by default), hidden or not, in the frame or not, with its window."""
        outlines = self._outlines(self.actors[self.target if actor is None else actor], t)
        window = bounds(outlines)
        return fill_union(outlines, window), window

    def box(self, t: float) -> Box:
        """Truth: the tight box of the target's full mask, whole pixels, not clipped to the frame.

        A target too thin to hold any pixel centre gets the pixels its outline touches.
        """
        mask, window = self.mask(t)
        box = box_of_mask(mask)
        if box is None:
            return np.array([window[0], window[1], window[2] - window[0], window[3] - window[1]], dtype=np.float64)
        box[:2] += window[:2]
        return box

    def outline_box(self, t: float) -> Box:
        """The tight box of the target's outlines with continuous edges, not clipped; for training."""
        return outline_box(self._outlines(self.actors[self.target], t))

    def visibility(self, t: float) -> float:
        """The share of the target's mask that is in the frame and behind nothing, 0..1."""
        mask, window = self.mask(t)
        total = int(mask.sum())
        seen = intersection(window, self.frame_window)
        if total == 0 or seen is None:
            return 0.0
        visible = np.zeros_like(mask)
        rows, columns = slice(seen[1] - window[1], seen[3] - window[1]), slice(seen[0] - window[0], seen[2] - window[0])
        visible[rows, columns] = mask[rows, columns]
        for actor in self.actors[self.target + 1 :]:
            outlines = self._outlines(actor, t)
            if intersection(bounds(outlines), window) is not None:
                visible &= ~fill_union(outlines, window)
        return float(visible.sum()) / total

    def _outlines(self, actor: Actor, t: float) -> list[NDArray[np.float64]]:
        return [patch.outline for patch in actor.body.patches(actor.pose(t, self.camera))]

    def _shading(self, t: float, window: Window) -> NDArray[np.float32] | None:
        """Shadow times vignetting over a window; pixels outside the frame repeat its edge."""
        shadow = self.light.shading(t, self.camera.height, self.camera.width)
        vignetting = self.camera.shading()
        factors = [factor for factor in (shadow, vignetting) if factor is not None]
        whole = None if not factors else factors[0] if len(factors) == 1 else factors[0] * factors[1]
        if whole is None or window == self.frame_window:
            return whole
        rows = np.clip(np.arange(window[1], window[3]), 0, self.camera.height - 1)
        columns = np.clip(np.arange(window[0], window[2]), 0, self.camera.width - 1)
        return np.asarray(whole[np.ix_(rows, columns)])

    def _paint_background(
        self,
        t: float,
        window: Window,
        light: Spectrum,
        matrix: NDArray[np.float64],
        shading: NDArray[np.float32] | None,
    ) -> NDArray[np.float32]:
        camera, background = self.camera, self.background
        height, width = window[3] - window[1], window[2] - window[0]
        factor = 1.0 / camera.magnification(t)
        corner = camera.to_world(np.array([window[0], window[1]], dtype=np.float64), t) - background.origin
        # Pixel centres map to pixel centres: OpenCV counts both from the middle of the first pixel.
        shift = corner + 0.5 * factor - 0.5
        inverse = np.array([[factor, 0.0, shift[0]], [0.0, factor, shift[1]]])
        first, last = (camera.to_image(corner, s) for s in (t - 0.5 * camera.shutter, t + 0.5 * camera.shutter))
        smear = last - first
        layers = []
        for layer in self._background_layers():
            warped = cv2.warpAffine(
                layer,
                inverse,
                (width, height),
                flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                borderMode=cv2.BORDER_REFLECT_101,
            )
            layers.append(blurred(np.asarray(warped, dtype=np.float32), smear, camera.lens_blur(t)))
        abundances = layers[0] if len(layers) == 1 else np.concatenate(layers, axis=2)
        if shading is not None:
            abundances *= shading[:, :, None]
        product = np.concatenate([surface.product(light, matrix) for surface in background.surfaces])
        return np.asarray((abundances.reshape(-1, len(product)) @ product).reshape(height, width, -1), dtype=np.float32)

    def _background_layers(self) -> list[NDArray[np.float32]]:
        """The surfaces' pictures, each times its visible share; made once."""
        if not self._layers:
            remaining: list[NDArray[np.float32]] = []
            for index, surface in enumerate(self.background.surfaces):
                share = self.background.shares[index - 1][:, :, None] if index else np.float32(1.0)
                remaining = [layer * (1 - share) for layer in remaining] if index else remaining
                remaining.append(np.ascontiguousarray(surface.abundances * share, dtype=np.float32))
            self._layers = remaining
        return self._layers

    def _paint_actor(
        self,
        image: NDArray[np.float32],
        actor: Actor,
        t: float,
        window: Window,
        light: Spectrum,
        matrix: NDArray[np.float64],
        shading: NDArray[np.float32] | None,
    ) -> None:
        """Blend an actor's patches into `image`, each within its own small window."""
        pose, smear, lens = actor.pose(t, self.camera), actor.smear(t, self.camera), self.camera.lens_blur(t)
        margin = blur_margin(smear, lens)
        reach = actor.body.reach() * pose.scale + margin
        around = (
            *np.floor(pose.centre - reach).astype(int).tolist(),
            *np.ceil(pose.centre + reach).astype(int).tolist(),
        )
        if intersection((around[0], around[1], around[2], around[3]), window) is None:
            return
        for patch in actor.body.patches(pose):
            area = intersection(bounds([patch.cover], margin), window)
            if area is None:
                continue
            layer = _patch_layer(patch, area, smear, lens, margin)
            rows, columns = (
                slice(area[1] - window[1], area[3] - window[1]),
                slice(area[0] - window[0], area[2] - window[0]),
            )
            part = image[rows, columns]
            abundances = layer[:, :, :3] if shading is None else layer[:, :, :3] * shading[rows, columns, None]
            added = np.ascontiguousarray(abundances).reshape(-1, 3) @ patch.surface.product(light, matrix)
            part *= 1.0 - layer[:, :, 3:]
            part += added.reshape(part.shape)


def _patch_layer(
    patch: Patch, area: Window, smear: NDArray[np.float64], lens: float, margin: int
) -> NDArray[np.float32]:
    """(h, w, 4): abundances times opacity, and opacity, of a patch over a window, blurred."""
    grown = (area[0] - margin, area[1] - margin, area[2] + margin, area[3] + margin)
    layer = np.empty((grown[3] - grown[1], grown[2] - grown[0], 4), dtype=np.float32)
    # Large things have long edges but few noticeable ones: coarser steps of opacity do.
    layer[:, :, 3] = coverage(patch.cover, grown, 4 if layer[:, :, 3].size < 6000 else 3)
    layer[:, :, :3] = patch.abundances(grown) * layer[:, :, 3:]
    layer = blurred(layer, smear, lens)
    return layer[margin:-margin, margin:-margin]
