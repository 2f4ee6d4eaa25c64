"""What Siamese trackers share: one template crop, one search crop a frame, one decision, any network between them.

The crop geometry and the decision are SiamBAN's (Chen et al., CVPR 2020), on which BCR-Net is built. Crops are cut
before they are scaled, so only the window of a frame is read.
"""

from __future__ import annotations

import copy
import functools
from abc import abstractmethod
from collections.abc import Callable
from collections.abc import Sequence as Several
from dataclasses import asdict, fields
from typing import Any, TypeVar, Unpack, get_args

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from spectrack.boxes import Box, as_box, check_box_in_frame, to_corners
from spectrack.cube import Cube, check_cube
from spectrack.engines.choice import make_engine
from spectrack.engines.engine import EngineName, Precision
from spectrack.engines.exported import ExportedEngine
from spectrack.errors import ConfigError, CubeError, InputError
from spectrack.false_colour import DEFAULT_RULE, Encoding
from spectrack.grid import SEARCH_SIZE_PX, TEMPLATE_SIZE_PX
from spectrack.networks.inference import for_inference
from spectrack.scaling import DEFAULT_SCALING, Gain, Scaling
from spectrack.sequences.frames import Frame
from spectrack.tables import to_table
from spectrack.trackers.base import Estimate, Tracker, as_frame
from spectrack.trackers.camera_motion import CameraMotion
from spectrack.trackers.crop import CropWindow, Imaging, context_side, cut, fitted
from spectrack.trackers.feature_support import FeatureSupport, Levels
from spectrack.trackers.memory import AnswerMemory
from spectrack.trackers.online import Choice, OnlineOptions, TargetState
from spectrack.trackers.parity import box_moves, check_moves, displaced
from spectrack.trackers.probability import ProbabilityModel
from spectrack.trackers.quantisation import calibration_samples, camera_with
from spectrack.trackers.redetection import Redetection
from spectrack.trackers.self_assessment import SelfAssessment, rival_score
from spectrack.trackers.spectral_channel import SpectralChannel
from spectrack.trackers.spectral_prior import SpectralPrior
from spectrack.trackers.spectral_witness import SpectralWitness
from spectrack.trackers.trained_setting import TrainedSetting

_OF_THE_DECISION = frozenset(field.name for field in fields(OnlineOptions))

_COLOURS = 3

Answer = TypeVar("Answer")


class SiameseTracker(Tracker):
    """Looks for a template in a search crop; a subclass says what a crop holds and what the network makes of it.

    What it calls of the network on a frame it takes from `engine.function`, so that any engine can compute it.

    Args:
        network: trained, with its shape as `config`; it is copied, folded and put into inference form.
        options: parameters of the decision.
        exact: modules of the network that stay float32 in any precision.
        setting: what the weights were trained with, and where the network runs.

    Attributes:
        memory: what the network said of windows of the same video before; None asks it every time.
    """

    options: OnlineOptions
    memory: AnswerMemory | None = None
    engines = get_args(EngineName)
    encodings: tuple[Encoding, ...] = ("linear",)

    def __init__(
        self,
        network: Any,
        options: OnlineOptions | None = None,
        *,
        exact: Several[str] = (),
        **setting: Unpack[TrainedSetting],
    ) -> None:
        self.options = options or OnlineOptions()
        self.scaling = Scaling.parse(setting.get("scaling", DEFAULT_SCALING))
        self.rule, self.bands = setting.get("rule", DEFAULT_RULE), setting.get("bands")
        self.encoding: Encoding = setting.get("encoding", "linear")
        if self.encoding not in self.encodings:
            known = " or ".join(self.encodings)
            raise ConfigError(f"expected weights for {known} images, found {self.encoding}; train with data.encoding")
        self.precision: Precision = setting.get("precision", "fp32")
        self.device, self.identity = setting.get("device", torch.device("cpu")), setting.get("identity", {})
        self._evidence_head = setting.get("evidence_head")
        if self.options.evidence == "channel" and self._evidence_head is None:
            raise ConfigError(
                "expected a trained head for evidence=channel, found none; make the tracker by load_tracker"
            )
        self.engine = make_engine(setting.get("engine", "torch"), self.precision)
        # Another engine has formats of its own; what it exports is the network in plain float32.
        number = torch.bfloat16 if self.precision == "bf16" and self.engine.is_reference else torch.float32
        self.network = for_inference(network, self.device, number, exact=exact, fast=self.engine.is_reference)
        self._state: TargetState | None = None
        # The frame that is looked at, and what tells templates taken since the first from one another.
        self._frames = 0
        self._taken: tuple[float, ...] = ()
        self._assessment: SelfAssessment | None = None
        self._support: FeatureSupport | None = None
        self._redetection: Redetection | None = None
        self._camera: CameraMotion | None = None
        self._first_evidence: dict[str, Any] = {}

    def another(self) -> Tracker | None:
        """The same network for another target; an engine that keeps what it computed for one target is loaded anew."""
        return copy.copy(self) if self.engine.is_reference and self.memory is None else None

    def first_evidence(self) -> dict[str, Any]:
        """The spectra's view of the first frame, where they are asked."""
        return dict(self._first_evidence)

    def describe(self) -> dict[str, Any]:
        """Settings and weights identity as JSON values."""
        return {
            "name": self.name,
            "network": to_table(self.network.config),
            "options": asdict(self.options),
            "scaling": str(self.scaling),
            "precision": self.precision,
            "engine": self.engine.label,
            "device": str(self.device),
            "weights": self.identity,
            "probability": to_table(self.probability_model or ProbabilityModel()),
        }

    def _describe_colours(self) -> dict[str, Any]:
        """Further settings of a tracker that looks at false colour."""
        return {"false_colour": self.rule} | ({} if self.encoding == "linear" else {"encoding": self.encoding})

    def _encoding_of(self, bands: int, wavelengths_nm: Several[float] | None) -> Encoding:
        """What is still to be done to false colour: three bands of no known wavelengths are a picture as shown."""
        return "linear" if bands == _COLOURS and wavelengths_nm is None else self.encoding

    def _simulated_camera(self, bands: int) -> str:
        """The simulated camera whose crops the network takes as those of `bands` bands; int8 is calibrated on it."""
        return camera_with(bands)

    @abstractmethod
    def _prepare(self, cube: Cube, wavelengths_nm: Several[float] | None) -> None:
        """Take what is needed from the first frame before anything is cut."""

    @abstractmethod
    def _imaging(self, gain: Gain) -> Imaging:
        """From raw counts to the channels of a crop, with the gain of the scaling."""

    @abstractmethod
    def _learn(self, template: torch.Tensor, corners: torch.Tensor) -> None:
        """Take in the template crop (1, channels, 127, 127) and its target's corners (1, 4); inference mode is on."""

    @abstractmethod
    def _decide(self, search: torch.Tensor, state: TargetState, window: CropWindow) -> tuple[Choice, dict[str, Any]]:
        """The choice for a search crop (1, channels, 255, 255), and the evidence for it; inference mode is on."""

    def _search_size_px(self) -> int:
        """Side of the next frame's search crop; of another, `_choose` wants the corners as in the usual one."""
        return SEARCH_SIZE_PX

    def _choose(
        self,
        scores: NDArray[np.float32],
        corners: NDArray[np.float32],
        levels: Levels,
        state: TargetState,
        window: CropWindow,
    ) -> tuple[Choice, dict[str, Any]]:
        """The choice among a grid of answers, as far as the discriminant supports them, and the map of that support.

        Args:
            scores: (25, 25) target probability.
            corners: (4, 25, 25) x0, y0, x1, y1 in search-crop pixels.
            levels: the maps of the search crop that the answers were made of, (1 or B, channels, 31, 31) each.
            state: position and size so far.
            window: where the crop was cut.
        """
        weighed, evidence = (scores, {}) if self._support is None else self._support.weigh(scores, corners, levels)
        return state.choose(weighed, corners, window), evidence

    def _wanted(self, levels: Levels) -> Levels:
        """The maps of a crop where the discriminant will want them; else none, so that nobody keeps them."""
        return levels if self.options.discriminant > 0 else ()

    def _recall(self, window: CropWindow, ask: Callable[[], Answer]) -> Answer:
        """The network's answer for a window of this frame, from `memory` where it is there.

        On the first frame it is always asked: that is where another engine is compared with torch.
        """
        if self.memory is None or self.options.discriminant > 0 or self._frames == 0:
            return ask()
        # A method's own options may decide what its network is asked; those of the decision never do.
        own = [value for name, value in asdict(self.options).items() if name not in _OF_THE_DECISION]
        question = (self._frames, window, self._taken, *own)
        return self.memory.recall(question, ask)

    def _adapt(self, frame: Frame, choice: Choice, evidence: dict[str, Any], before: Box, after: Box) -> None:
        """Learn from a frame that has been tracked; nothing by default."""

    def init(self, frame: Frame | Cube, box: ArrayLike, *, wavelengths_nm: Several[float] | None = None) -> None:
        """Start on a first frame; see `Tracker.init`."""
        # An init that fails leaves no target behind, rather than the last one in a frame of another shape.
        self._state = None
        self._support, self._redetection, self._camera = None, None, None
        self._frames, self._taken, self._first_evidence = 0, (), {}
        frame = as_frame(frame)
        first_box = as_box(box)
        cube = frame.whole()
        check_cube(cube, name="the first frame")
        self._shape = frame.shape
        height, width, bands = self._shape
        if self.bands not in (None, bands):
            raise CubeError(f"expected cubes of the weights' {self.bands} bands, found {bands}; name other weights")
        check_box_in_frame(first_box, height, width)
        if self.options.discriminant > 0:
            self._support = FeatureSupport(self.options, height, width)
        self._prepare(cube, wavelengths_nm)
        self._image = self._imaging(fitted(self.scaling, frame, cube))
        # A mean needs no more than a few thousand pixels.
        step = max(1, min(height, width) // 64)
        self._fill = self._image.apply(cube[::step, ::step]).mean(axis=(0, 1))
        state = TargetState(first_box, height, width, self.options)
        prior = self._spectral_prior(frame, cube, state, wavelengths_nm)
        # Spectra that cannot tell the target on the first frame are not asked on others.
        trusted = prior if prior is not None and prior.trust > 0 else None
        # A head that corrects the network's boxes has habits of its own, which the first frame shows.
        state.prior = trusted if isinstance(trusted, SpectralChannel) else None
        self._prepare_int8(bands)
        with torch.inference_mode():
            template = self._template_crop(frame, first_box)
            self._learn(*template)
            if not self.engine.is_reference:
                self._compare_with_torch(frame, template, state)
            if self.options.calibrate > 0 or self.options.discriminant > 0:
                search = state.search_window()
                choice, _ = self._decide(self._crop(frame, search, SEARCH_SIZE_PX), state, search)
                state.calibrate(choice, search)
                if self._support is not None:
                    self._support.fit(first_box, search)
        state.prior = trusted
        if trusted is not None:
            self._first_evidence = trusted.first_evidence()
        self._watch(frame, cube, first_box, wavelengths_nm, prior)
        self._assessment = SelfAssessment(self.probability_model or ProbabilityModel(), frame, cube, first_box)
        self._state = state

    def _spectral_prior(
        self, frame: Frame, cube: Cube, state: TargetState, wavelengths_nm: Several[float] | None
    ) -> SpectralPrior | None:
        """What the spectrum says beside the network, as the options ask for."""
        if self.options.evidence == "none":
            return None
        seen = frame, cube, state.box, state.search_window(), wavelengths_nm
        head = self._evidence_head
        if self.options.evidence == "channel" and head is not None:
            return SpectralChannel(head, *seen)
        return SpectralPrior(*seen)

    def _watch(
        self,
        frame: Frame,
        cube: Cube,
        box: Box,
        wavelengths_nm: Several[float] | None,
        prior: SpectralPrior | None,
    ) -> None:
        """What watches over the target beside the network, as the options ask for."""
        if self.options.redetection:
            self._redetection = Redetection(cube, box, SpectralWitness.of(frame, cube, box, wavelengths_nm, prior))
        if self.options.camera_motion:
            self._camera = CameraMotion(frame, cube)

    def update(self, frame: Frame | Cube) -> Estimate:
        """Find the target in the next frame; see `Tracker.update`."""
        if self._state is None or self._assessment is None:
            raise InputError("expected init before update, found a tracker without target; call init(cube, box) first")
        frame = as_frame(frame)
        if frame.shape != self._shape:
            raise CubeError(f"expected frames of shape {self._shape}, found {frame.shape}; call init on the new video")
        if self.scaling.every_frame:
            cube = frame.whole()
            check_cube(cube, name="the frame")
            self._image = self._imaging(fitted(self.scaling, frame, cube))
        self._frames += 1
        if self._camera is not None:
            self._state.shift(self._camera.follow(frame))
        size = self._search_size_px()
        window, before, prior = self._state.search_window(size), self._state.box, self._state.prior
        with torch.inference_mode():
            crop = self._crop(frame, window, size)
            if prior is not None:
                prior.look(frame, window, before)
            choice, evidence = self._decide(crop, self._state, window)
            watch = self._redetection
            absent = watch is not None and watch.absent(frame, choice, window, self._state)
            box = self._state.move(choice, window, absent=absent)
            if prior is not None:
                evidence |= prior.evidence
            if self._support is not None:
                self._support.learn(choice, evidence, box, window)
            self._adapt(frame, choice, evidence, before, box)
            found = None
            if watch is not None:
                found = watch.follow(frame, self._state, choice.score, functools.partial(self._choose_in, frame))
                if found is not None:
                    box, choice, window, evidence = self._state.box, found.choice, found.window, found.evidence
                    self._assessment.forget_doubts()
        evidence |= {"search_window": window, "cell": choice.cell}
        rival, doubted = rival_score(evidence["scores"], box, window), self._state.lost
        told = self._assessment.judge(frame, box, choice.score, rival, doubted=doubted, found=found is not None)
        evidence |= {"cues": told.cues}
        return Estimate(box.copy(), choice.score, told.lost, evidence, told.state, told.probability)

    def _choose_in(self, frame: Frame, state: TargetState, window: CropWindow) -> tuple[Choice, dict[str, Any]]:
        """The choice in a window, and the evidence for it."""
        return self._decide(self._crop(frame, window, SEARCH_SIZE_PX), state, window)

    def _prepare_int8(self, bands: int) -> None:
        """Tell an engine that computes in int8 what to take its ranges from."""
        if not (isinstance(self.engine, ExportedEngine) and self.precision == "int8"):
            return
        settings: dict[str, Any] = {"scaling": str(self.scaling), "rule": self.rule}
        settings |= {} if self.encoding == "linear" else {"encoding": self.encoding}
        more: dict[str, Any] = {"engine": self.engine.name, "evidence_head": self._evidence_head}
        plain = functools.partial(type(self), self.network, self.options, **more, **settings)
        decides = settings | {"options": asdict(self.options)}
        self.engine.samples = calibration_samples(self._simulated_camera(bands), plain, decides)

    def _compare_with_torch(
        self, frame: Frame, template: tuple[torch.Tensor, torch.Tensor], state: TargetState
    ) -> None:
        """Refuse an engine whose boxes are not torch's: on the first frame, searched from three places.

        Raises:
            ConfigError: the median difference is above `LARGEST_MOVE_PX`, or nothing was computed by the engine.
        """
        windows = displaced(state.search_window())
        crops = [self._crop(frame, window, SEARCH_SIZE_PX) for window in windows]

        def boxes() -> NDArray[np.float64]:
            return np.stack(
                [self._decide(crop, state, window)[0].box for crop, window in zip(crops, windows, strict=True)]
            )

        found = boxes()
        with self.engine.by_torch():
            self._learn(*template)
            expected = boxes()
        self._learn(*template)
        check_moves(self.engine, self.name, self.precision, box_moves(found, expected))

    def _template_crop(self, frame: Frame, box: Box) -> tuple[torch.Tensor, torch.Tensor]:
        """The crop around a box (1, channels, 127, 127), and the box's corners (1, 4) in crop pixels."""
        window = CropWindow.around(box[:2] + box[2:] / 2, context_side(box))
        corners = to_corners(window.to_crop(box, TEMPLATE_SIZE_PX)).astype(np.float32)
        return self._crop(frame, window, TEMPLATE_SIZE_PX), torch.from_numpy(corners)[None].to(self.device)

    def _crop(self, frame: Frame, window: CropWindow, size: int) -> torch.Tensor:
        """(1, channels, size, size) float32 in about [0, 1], on the device."""
        return self._as_tensor(cut(frame, window, size, self._image, self._fill))

    def _as_tensor(self, image: NDArray[np.float32]) -> torch.Tensor:
        # A (1, channels, H, W) view of (H, W, channels) memory is channels_last already.
        return torch.from_numpy(image)[None].permute(0, 3, 1, 2).to(self.device)


def wavelengths_tensor(wavelengths_nm: Several[float] | None, bands: int, device: torch.device) -> torch.Tensor | None:
    """(bands,) float32 wavelengths in nm on the device; None where nobody knows them.

    Raises:
        CubeError: not one a band, or not finite.
    """
    if wavelengths_nm is None:
        return None
    centres = np.asarray(wavelengths_nm, dtype=np.float64)
    if centres.shape != (bands,) or not np.isfinite(centres).all():
        raise CubeError(
            f"expected {bands} finite wavelengths, one a band, found {centres.tolist()}; correct them or leave them out"
        )
    return torch.tensor(centres, dtype=torch.float32, device=device)
