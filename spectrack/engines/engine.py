"""What an engine is: it takes functions of a trained network and gives back ones that compute the same, faster.

A tracker asks for each function that it calls on a frame once, by name::

    match = engine.function("match", network.match, outputs=("logits", "distances"))
    logits, distances = match(kernels, search)

torch, the reference, gives the function back as it is. The others (`spectrack.engines.exported`) export it at its
first call, with that call's tensors as the example, and run the exported model from then on. Positional arguments are
tensors, or tuples of them, that change from call to call; keyword arguments are constants, part of what is exported.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

Precision = Literal["fp32", "bf16", "int8"]
"""Number format of a network; fp32 is the reference. int8 is another model, and for functions that allow it."""

EngineName = Literal["torch", "onnxruntime", "openvino"]

Function = Callable[..., Any]
"""Of tensors and tuples of tensors."""


class Engine(ABC):
    """Computes the functions of one network.

    Attributes:
        name: which engine.
        is_reference: whether it is torch itself, so that there is nothing to compare it with.
        told: whether it was told how far its boxes are from torch's.
    """

    name: EngineName
    is_reference: bool = False
    told: bool = False

    @property
    def label(self) -> str:
        """Its name, with the version whose digits it gives where that is not torch's."""
        return self.name

    @abstractmethod
    def function(
        self, name: str, call: Function, *, outputs: Sequence[str] = (), exact: bool = False, coarse: bool = False
    ) -> Function:
        """The same function, computed by this engine.

        Args:
            name: of the function, in files and messages.
            call: a method of a network in inference form, or a module of it.
            outputs: names of the tensors that it returns, where they are no fields of a named tuple.
            exact: compute it in float32 in any precision.
            coarse: it may be computed in int8 where that is the precision.
        """

    @contextmanager
    def by_torch(self) -> Iterator[None]:
        """Inside, all functions are computed by torch, for comparison."""
        yield


class TorchEngine(Engine):
    """torch itself."""

    name: EngineName = "torch"
    is_reference = True

    def function(
        self, name: str, call: Function, *, outputs: Sequence[str] = (), exact: bool = False, coarse: bool = False
    ) -> Function:
        """The function as it is."""
        return call
