"""The decision on every frame: penalties, window, choice of the grid point, smoothing of the size, loss of the target.

Source: SiamBAN's published tracker, itself SiamRPN's (Li et al., CVPR 2018): with change(r) = max(r, 1 / r),
penalty = exp(-(ratio change * size change - 1) * k), score = penalty * s * (1 - i) + hanning * i, and the size moves by
penalty * s * rate towards the prediction. Loss flag and calibration on the first frame are ours.
"""

from __future__ import annotations

import copy
import functools
from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spectrack.boxes import Box, keep_in_frame
from spectrack.grid import SEARCH_SIZE_PX, TEMPLATE_SIZE_PX
from spectrack.tables import Interval, Share, require_choices, require_ranges
from spectrack.trackers.crop import CropWindow, context_side
from spectrack.trackers.spectral_prior import SpectralPrior

_AGREEMENT_POWER = 4
_BELIEVED_RATE = 0.5
"""How fast the size follows a box of likely cells that is fully believed."""

_SAME_PLACE = 0.35
"""Share of the target's size by which two predicted centres may differ and still mean one target."""


Penalty = Annotated[float, Interval("[0, 1000]")]


@dataclass(frozen=True)
class OnlineOptions:
    """Parameters of the decision.

    Attributes:
        window_influence: share of the Hanning window in the score, in [0, 1]; higher trusts the last position more.
        penalty: k in the penalty on changes of size and aspect, 0 to 1000.
        size_rate: how fast the size follows the prediction, in [0, 1].
        agreement_cells: the box is averaged, by score, over grid points up to so many cells away that see the target in
            the same place; 0 takes the best point's box alone, as SiamBAN does.
        discriminant: share in [0, 1] of the score that a discriminant learnt on this video may take away; 0 for none.
        discriminant_rate: share of its picture of the target that one frame may replace, in [0, 1].
        calibrate: share in [0, 1] of the network's error on the first, known box that is taken out later.
        lost_score: below this raw score a frame counts as doubtful, in [0, 1].
        lost_frames: after so many doubtful frames in a row the target is searched for in a larger region, at least 1.
        search_growth: factor on the search region from then on, 1 to 100.
        evidence: what the target's spectrum may add: nothing (``none``, as published), or a map of its likelihood that
            decides between places and refines the box, by rules (``prior``) or through a trained head (``channel``).
        redetection: whether the whole frame is searched for a lost target, see `redetection`.
        camera_motion: whether the search region follows the shift of the whole picture, see `camera_motion`.
    """

    window_influence: Share = 0.4
    penalty: Penalty = 0.08
    size_rate: Share = 0.35
    agreement_cells: Annotated[int, Interval("[0, 24]")] = 0
    discriminant: Share = 0.0
    discriminant_rate: Share = 0.02
    calibrate: Share = 0.0
    lost_score: Share = 0.3
    lost_frames: Annotated[int, Interval("[1, 1000000000]")] = 3
    search_growth: Annotated[float, Interval("[1, 100]")] = 1.0
    evidence: Literal["none", "prior", "channel"] = "none"
    redetection: bool = False
    camera_motion: bool = False

    def __post_init__(self) -> None:
        require_ranges(self)
        require_choices(self)


class Choice(NamedTuple):
    """The grid point taken: its box in the crop (x, y, w, h), raw score, penalty, and row and column."""

    box: NDArray[np.float64]
    score: float
    penalty: float
    cell: tuple[int, int]


class TargetState:
    """Position, size and confidence of one target from frame to frame.

    Args:
        box: the first box, cube pixels.
        height: of the frame, cube pixels.
        width: of the frame, cube pixels.
        options: parameters of the decision.

    Attributes:
        prior: what the spectrum says beside the network; None for nothing.
    """

    def __init__(self, box: Box, height: int, width: int, options: OnlineOptions) -> None:
        self.box, self.height, self.width, self.options = box.copy(), height, width, options
        self.doubtful_frames = 0
        self.prior: SpectralPrior | None = None
        self._shift = np.zeros(2)
        self._stretch = np.ones(2)

    @property
    def lost(self) -> bool:
        """Whether the last frames were all doubtful, so that the search grows; what is told is `self_assessment`'s."""
        return self.doubtful_frames >= self.options.lost_frames

    def search_window(self, size_px: int = SEARCH_SIZE_PX) -> CropWindow:
        """The window to search in the next frame, which becomes a crop of `size_px` pixels."""
        side = context_side(self.box) * size_px / TEMPLATE_SIZE_PX
        return CropWindow.around(self._centre(), side * (self.options.search_growth if self.lost else 1.0))

    def choose(self, scores: NDArray[np.float32], corners: NDArray[np.float32], window: CropWindow) -> Choice:
        """Pick the grid point.

        Args:
            scores: (25, 25) raw target probability.
            corners: (4, 25, 25) x0, y0, x1, y1 in search-crop pixels.
            window: where the search crop was cut.
        """
        raw = scores
        if self.prior is not None:
            scores, corners = self.prior.correct(scores, corners, self.box)
        centres = (corners[:2] + corners[2:]) / 2.0
        width = np.maximum((corners[2] - corners[0]) * self._stretch[0], 1e-3)
        height = np.maximum((corners[3] - corners[1]) * self._stretch[1], 1e-3)
        size = self.box[2:] * (SEARCH_SIZE_PX / window.side)
        ratio_change = _change((size[0] / size[1]) / (width / height))
        size_change = _change(_padded_size(width, height) / _padded_size(size[0], size[1]))
        penalty = np.exp(-(ratio_change * size_change - 1.0) * self.options.penalty)
        ranking = self._ranking(penalty, scores)
        if self.prior is not None:
            sides = np.stack([width, height])
            boxes = np.concatenate([centres + self._shift[:, None, None] * sides - sides / 2, sides])
            scores = self.prior.weigh(scores, ranking, np.moveaxis(boxes, 0, -1))
            ranking = self._ranking(penalty, scores)
        row, column = (int(index) for index in np.unravel_index(int(np.argmax(ranking)), ranking.shape))
        weights = _agreement(scores, centres, np.sqrt(width * height), (row, column), self.options.agreement_cells)
        centre = (centres * weights).sum(axis=(1, 2), dtype=np.float64)
        sides = np.exp((np.log(np.stack([width, height])) * weights).sum(axis=(1, 2), dtype=np.float64))
        centre += self._shift * sides
        return Choice(
            np.concatenate([centre - sides / 2, sides]),
            float(raw[row, column]),
            float(penalty[row, column]),
            (row, column),
        )

    def move(self, choice: Choice, window: CropWindow, *, absent: bool = False) -> Box:
        """Take a choice over, as the prior corrects it: position at once, size by degrees.

        Args:
            choice: the network's.
            window: where the search crop was cut.
            absent: whether the frame is doubtful whatever the score.

        Returns:
            The new box, cube pixels.
        """
        wanted, rate = choice.box, choice.penalty * choice.score * self.options.size_rate
        if self.prior is not None:
            wanted, believed = self.prior.refine(wanted, choice.score)
            rate += believed * (_BELIEVED_RATE - rate)
        found = window.to_frame(wanted, SEARCH_SIZE_PX)
        size = self.box[2:] * (1.0 - rate) + found[2:] * rate
        centre = found[:2] + found[2:] / 2
        self.box = keep_in_frame(np.concatenate([centre - size / 2, size]), self.height, self.width)
        doubtful = absent or choice.score < self.options.lost_score
        self.doubtful_frames = self.doubtful_frames + 1 if doubtful else 0
        if self.prior is not None:
            self.prior.learn(self.box)
        return self.box

    def jump(self, box: Box) -> None:
        """Go on from where the target was found again."""
        self.box = keep_in_frame(box, self.height, self.width)
        self.doubtful_frames = 0

    def shift(self, by: NDArray[np.float64]) -> None:
        """Move along with the picture, by (x, y) cube pixels."""
        self.box = keep_in_frame(np.concatenate([self.box[:2] + by, self.box[2:]]), self.height, self.width)

    def elsewhere(self, box: Box) -> TargetState:
        """The same decision for a target that is looked for at another place, by the network alone."""
        other = copy.copy(self)
        other.box, other.prior = box, None
        return other

    def calibrate(self, choice: Choice, window: CropWindow) -> None:
        """Learn from the first frame, where the truth is known, how the network's box differs from the user's.

        Users draw boxes tighter, wider or off centre; the network has one habit. The difference is kept relative to the
        size, bounded, and applied to every later prediction.
        """
        strength = self.options.calibrate
        truth = window.to_crop(self.box, SEARCH_SIZE_PX)
        if strength == 0.0 or choice.score < self.options.lost_score:
            return
        error = (truth[:2] + truth[2:] / 2) - (choice.box[:2] + choice.box[2:] / 2)
        if (np.abs(error) > 0.35 * truth[2:]).any():
            return
        self._stretch = np.clip(truth[2:] / choice.box[2:], 0.5, 2.0) ** strength
        self._shift = strength * error / truth[2:]

    def _ranking(self, penalty: NDArray[np.float64], scores: NDArray[np.float32]) -> NDArray[np.float64]:
        influence = self.options.window_influence
        return np.asarray(penalty * scores * (1.0 - influence) + _hanning(scores.shape[0]) * influence)

    def _centre(self) -> NDArray[np.float64]:
        return np.asarray(self.box[:2] + self.box[2:] / 2)


@functools.cache
def _hanning(cells: int) -> NDArray[np.float64]:
    """(cells, cells) window, 1 in the middle and 0 on the border."""
    side = np.hanning(cells)
    return np.outer(side, side)


def _agreement(
    scores: NDArray[np.float32],
    centres: NDArray[np.float32],
    sizes: NDArray[np.float32],
    cell: tuple[int, int],
    reach: int,
) -> NDArray[np.float64]:
    """(25, 25) weights, sum 1: powers of the score, near `cell`, where the predicted centre is nearly that of `cell`.

    A single point's box jitters; its neighbours saw the same target through other receptive fields. Points that look at
    something else disagree about the centre and stay out.
    """
    row, column = cell
    weights = np.zeros(scores.shape)
    weights[row, column] = 1.0
    near = np.s_[max(0, row - reach) : row + reach + 1, max(0, column - reach) : column + reach + 1]
    distance = np.hypot(*(centres[(slice(None), *near)] - centres[:, row, column, None, None]))
    if reach:
        weights[near] = scores[near].astype(np.float64) ** _AGREEMENT_POWER * (
            distance < _SAME_PLACE * sizes[row, column]
        )
    total = weights.sum()
    if total <= 0:
        weights[row, column] = total = 1.0
    return np.asarray(weights / total)


def _change(ratio: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.maximum(ratio, 1.0 / ratio)


def _padded_size(width: NDArray[np.float64], height: NDArray[np.float64]) -> NDArray[np.float64]:
    margin = (width + height) / 2.0
    return np.sqrt((width + margin) * (height + margin))
