"""A trained network in the form in which it is put to work: folded, in a number format, in the fastest layout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import nn

from spectrack.networks.folding import fold_batch_norm
from spectrack.networks.siamese import SiameseNetwork
from spectrack.networks.winograd import with_winograd

AnyNetwork = TypeVar("AnyNetwork", bound=nn.Module)


def for_inference(
    network: AnyNetwork, device: torch.device, kind: torch.dtype, *, exact: Sequence[str] = (), fast: bool = True
) -> AnyNetwork:
    """A folded copy in channels_last and the number type asked for, wide convolutions in the fastest form for that.

    Args:
        network: trained; not changed.
        device: where the copy goes.
        kind: float32 or bfloat16.
        exact: modules in it that always stay float32, such as ``bimm.phi``, as the input's mean and deviation do.
        fast: put wide convolutions into Winograd's form, which is for torch alone.
    """
    folded = fold_batch_norm(network, memory_format=torch.channels_last).to(device)
    exact_names = tuple(f"{name}." for name in exact)
    for name, module in folded.named_modules():
        if not f"{name}.".startswith(exact_names or ("\0",)):
            for parameter in module.parameters(recurse=False):
                parameter.data = parameter.data.to(kind)
            if not isinstance(module, SiameseNetwork):
                for key, buffer in module.named_buffers(recurse=False):
                    module.register_buffer(key, buffer.to(kind) if buffer.is_floating_point() else buffer)
    return with_winograd(folded) if fast and kind == torch.float32 and device.type == "cpu" else folded
