"""When a second template is taken from the running video, and when it is dropped again.

Source: BCR-Net (Remote Sensing 17(22), 2025, 3689) section 3.1 names a dynamic template update in one clause and gives
no rule. The rule is ours: the first template is kept for ever beside one slot that is overwritten, never blended.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from spectrack.boxes import Box
from spectrack.tables import Interval, Share, require_ranges


@dataclass(frozen=True)
class TemplateUpdateOptions:
    """The rule's numbers.

    Attributes:
        template_update: whether there is a second template at all.
        update_every: frames between two looks for a better one, at least 1.
        update_score: the raw fused peak must reach this, in [0, 1] ...
        update_share: ... and this share of the mean peak so far, at least 0 ...
        update_change: ... and the size must have changed by less than this share since the last frame ...
        update_evidence: ... and, with ``evidence = prior``, the box must have this share of the first one's spectral
            contrast, in [0, 1].
        update_mix: weight of the second template's response, in [0, 1].
        drop_score: below this peak a frame counts against the second template, in [0, 1].
        drop_frames: after so many such frames in a row it is dropped, at least 1.
    """

    template_update: bool = True
    update_every: Annotated[int, Interval("[1, 1000000000]")] = 10
    update_score: Share = 0.8
    update_share: Annotated[float, Interval("[0, inf)")] = 0.9
    update_change: Annotated[float, Interval("[0, inf)")] = 0.3
    update_evidence: Share = 0.0
    update_mix: Share = 0.3
    drop_score: Share = 0.5
    drop_frames: Annotated[int, Interval("[1, 1000000000]")] = 5

    def __post_init__(self) -> None:
        require_ranges(self)


class TemplateUpdateRule:
    """Watches the peaks of one target and says what to do with the second template.

    Args:
        options: the rule's numbers.
    """

    def __init__(self, options: TemplateUpdateOptions) -> None:
        self.options = options
        self._frames, self._doubtful, self._sum = 0, 0, 0.0

    def observe(self, peak: float, before: Box, after: Box, fit: float = 1.0) -> tuple[bool, bool]:
        """Take one tracked frame in.

        Args:
            peak: highest raw score of the fused response, before window and penalty.
            before: the box of the frame before.
            after: the box of this frame.
            fit: its spectral contrast over the first one's; 1 where nobody asks the spectra.

        Returns:
            Whether to take a new second template from this frame, and whether to drop the one that is there.
        """
        options = self.options
        wanted = max(options.update_score, options.update_share * self._sum / self._frames if self._frames else 0.0)
        self._frames += 1
        self._sum += peak
        self._doubtful = self._doubtful + 1 if peak < options.drop_score else 0
        ratio = float((after[2] * after[3] / (before[2] * before[3])) ** 0.5)
        steady = max(ratio, 1.0 / ratio) - 1.0 < options.update_change
        due = self._frames % options.update_every == 0
        fits = options.update_evidence == 0 or fit >= options.update_evidence
        take = options.template_update and due and peak >= wanted and steady and fits
        return take, self._doubtful >= options.drop_frames
