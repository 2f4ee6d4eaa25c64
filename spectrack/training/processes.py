"""Several processes with a batch in common: what one process takes over the whole batch, they take together.

Every process has as many pairs, and gradients are means over processes. So that the number of processes changes nothing
but rounding, means over points count the points of all processes, means over the batch are common, batch normalisation
that is trained sees the whole batch, and random numbers are drawn for all pairs before each process takes its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, cast

import torch
import torch.distributed
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

_APART = ContextVar("apart", default=False)


def count_processes() -> int:
    """How many processes train together; 1 outside of a training."""
    together = torch.distributed.is_available() and torch.distributed.is_initialized() and not _APART.get()
    return torch.distributed.get_world_size() if together else 1


@contextmanager
def apart() -> Iterator[None]:
    """What one process computes alone, while others wait or do something else: nothing in it is asked of them."""
    token = _APART.set(True)
    try:
        yield
    finally:
        _APART.reset(token)


def mean_over_processes(values: Tensor) -> Tensor:
    """The mean of a tensor that every process has, with gradient; of one process the tensor itself."""
    return cast(Tensor, _Mean.apply(values)) if count_processes() > 1 else values  # type: ignore[no-untyped-call]


def mean_values(values: Mapping[str, float], device: torch.device) -> dict[str, float]:
    """Means of named figures over processes, all of which have the same names."""
    if count_processes() == 1:
        return dict(values)
    means = _reduce(torch.tensor(list(values.values()), device=device)).tolist()
    return dict(zip(values, means, strict=True))


def common_count(count: Tensor) -> Tensor:
    """What to divide a process's sum by, for a mean over the whole batch: the mean number of things a process has.

    Args:
        count: how many things this process has, any shape; 0 counts as 1 where no process has any.
    """
    processes = count_processes()
    return mean_over_processes(count.float()).clamp(min=1 / processes) if processes > 1 else count.clamp(min=1)


def rand_for_rows(shape: torch.Size, generator: torch.Generator, device: torch.device) -> Tensor:
    """Uniform numbers for this process's rows of a batch, the same as one process draws for them."""
    processes, rows = count_processes(), shape[0]
    first = rows * (torch.distributed.get_rank() if processes > 1 else 0)
    whole = torch.rand((rows * processes, *shape[1:]), generator=generator, device=device)
    return whole[first : first + rows]


def share_batch_norm(module: nn.Module) -> None:
    """Let all batch normalisation in a module take mean and variance over the processes where it is trained.

    Torch's own (`torch.nn.SyncBatchNorm`) does that on GPUs alone. Parameters and buffers stay the same tensors.
    """
    for name, child in module.named_children():
        if isinstance(child, _BatchNorm):
            setattr(module, name, _SharedBatchNorm(child))
        else:
            share_batch_norm(child)


def share_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Put means over processes in the place of gradients; a parameter that no process has used keeps none."""
    if count_processes() == 1:
        return
    listed = [parameter for parameter in parameters if parameter.requires_grad]
    used = _reduce(torch.tensor([float(parameter.grad is not None) for parameter in listed], device=listed[0].device))
    chosen = [parameter for parameter, share in zip(listed, used.tolist(), strict=True) if share > 0]
    for parameter in chosen:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
    gradients = [cast(Tensor, parameter.grad) for parameter in chosen]
    common = _reduce(torch.cat([gradient.reshape(-1) for gradient in gradients]))
    means = torch.split(common, [gradient.numel() for gradient in gradients])
    for gradient, mean in zip(gradients, means, strict=True):
        gradient.copy_(mean.view(gradient.shape))


class _Mean(torch.autograd.Function):
    """The mean over processes, whose gradient is the mean of their gradients."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        return _reduce(values)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return _reduce(gradient)


def _reduce(values: Tensor) -> Tensor:
    total = values.detach().clone(memory_format=torch.contiguous_format)
    torch.distributed.all_reduce(total)
    return total / count_processes()


class _SharedBatchNorm(_BatchNorm):
    """Batch normalisation of any number of dimensions, over the batches of all processes in training mode.

    Args:
        own: the layer whose place it takes.
    """

    def __init__(self, own: _BatchNorm) -> None:
        super().__init__(own.num_features, own.eps, own.momentum, own.affine, own.track_running_stats)
        # The same tensors, not copies: optimisers and averages hold them.
        self._parameters, self._buffers, self.training = own._parameters, own._buffers, own.training

    def _check_input_dim(self, input: Tensor) -> None:
        """Any shape will do: the layer that stood here has seen to it."""

    def forward(self, input: Tensor) -> Tensor:
        if not self.training:
            return super().forward(input)
        maps = input.float()
        axes = [0, *range(2, maps.dim())]
        mean = mean_over_processes(maps.mean(dim=axes))
        shape = [1, -1] + [1] * (maps.dim() - 2)
        centred = maps - mean.view(shape)
        variance = mean_over_processes(centred.square().mean(dim=axes))
        self._track(mean.detach(), variance.detach(), maps.numel() // maps.shape[1] * count_processes())
        normalised = centred * (variance + self.eps).rsqrt().view(shape)
        if self.affine:
            normalised = normalised * self.weight.view(shape) + self.bias.view(shape)
        return normalised.to(input.dtype)

    def _track(self, mean: Tensor, variance: Tensor, count: int) -> None:
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked.add_(1)
        share = 1.0 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(variance * (count / max(1, count - 1)), share)
