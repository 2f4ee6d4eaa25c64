"""Functions of a network as exported models: traced by torch once, kept in the user's cache, run by another engine.

What is traced is the network as it is, with the shapes and constants of the first call; whatever in it depends on
Python numbers (how many bands, their order by wavelength) is decided then and for good, so other shapes and constants
make another model. A model is found again by what it is made of: weights, shape, inputs, constants, the code of the
networks and the version of torch.
"""

from __future__ import annotations

import sys
import warnings
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from spectrack.engines.engine import Engine, Function, Precision
from spectrack.engines.quantising import Arrays, Samples, quantise
from spectrack.engines.structure import flatten, names_in, parameter_names, rebuild
from spectrack.errors import ConfigError, MissingExtraError, SpectrackError
from spectrack.files.caches import make_in_cache, reuse_log
from spectrack.files.fingerprints import array_digest, file_digest, values_digest
from spectrack.provenance import package_version, source_digest
from spectrack.tables import to_table

MODEL = "model.onnx"

_OPSET = 17
"""The first with layer normalisation as one operator; every ONNX Runtime and OpenVINO that is allowed reads it."""

_CODE = ("networks", "methods", "engines", "grid.py", "scaling.py")
"""Parts of the package that decide what a function computes."""

Session = Callable[[Arrays], Sequence[NDArray[np.float32]]]
"""A loaded model: arrays by name, whether it needs them or not, to arrays in the order of its outputs."""


@dataclass(frozen=True)
class Program:
    """A function for inputs of one shape.

    Attributes:
        name: of the function.
        model: the exported file.
        inputs: name and shape of each tensor that it takes.
        outputs: likewise of what it gives.
        run: the loaded model.
        like: what the function returns; its tensors give nothing but their places.
        in_bytes: whether the model is one in int8.
    """

    name: str
    model: Path
    inputs: dict[str, tuple[int, ...]]
    outputs: dict[str, tuple[int, ...]]
    run: Session
    like: Any
    in_bytes: bool = False


class _How(NamedTuple):
    """What `Engine.function` was told."""

    name: str
    outputs: tuple[str, ...]
    exact: bool
    in_bytes: bool


class ExportedEngine(Engine):
    """An engine that runs exported models; a subclass loads them.

    Args:
        precision: number format that it computes in.
        threads: of the processor; torch's number by default.

    Attributes:
        programs: everything that was exported so far.
        version: of the engine's package.
        samples: what ranges of int8 are taken from; whoever asks for int8 gives them before the first call.
    """

    package: str
    extra: str
    formats: tuple[Precision, ...]
    samples: Samples | None = None

    def __init__(self, precision: Precision = "fp32", threads: int | None = None) -> None:
        if precision not in self.formats:
            known = " or ".join(self.formats)
            raise ConfigError(f"expected precision {known} for engine {self.name}, found {precision}; take one of them")
        self.precision, self.threads = precision, threads or torch.get_num_threads()
        self.programs: list[Program] = []
        self.version = package_version(self.package)
        # ONNX is how models are kept for every engine here; torch writes it with the help of this package.
        for name in (self.package, "onnx"):
            if package_version(name) is None:
                raise MissingExtraError(
                    f"expected the package {name} for engine {self.name}, found none; "
                    f"pip install 'spectrack[{self.extra}]'"
                )
        self._by_torch = False
        self._taken: dict[str, list[Arrays]] | None = None
        self._owners: dict[int, tuple[Any, Any]] = {}

    @property
    def label(self) -> str:
        """Name and version."""
        return f"{self.name} {self.version}"

    @abstractmethod
    def load(self, model: Path, *, exact: bool) -> Session:
        """A model from its file, ready to run; in float32 where it is `exact`."""

    def function(
        self, name: str, call: Function, *, outputs: Sequence[str] = (), exact: bool = False, coarse: bool = False
    ) -> Function:
        """The function, exported at its first call for every shape and every constant."""
        programs: dict[Any, Program] = {}

        def computed(*arguments: Any, **constants: Any) -> Any:
            if self._by_torch:
                return call(*arguments, **constants)
            tensors = flatten(arguments)
            key = tuple(tensor.shape for tensor in tensors), tuple(map(_plain, constants.values()))
            program = programs.get(key)
            if program is None:
                how = _How(name, tuple(outputs), exact, coarse and self.precision == "int8")
                program = programs[key] = self._program(how, call, arguments, constants)
                self.programs.append(program)
            arrays = {label: tensor.contiguous().numpy() for label, tensor in zip(program.inputs, tensors, strict=True)}
            if self._taken is not None:
                self._taken.setdefault(name, []).append({label: array.copy() for label, array in arrays.items()})
            found = program.run(arrays)
            return rebuild(program.like, map(torch.from_numpy, found))

        return computed

    @contextmanager
    def by_torch(self) -> Iterator[None]:
        """Inside, all functions are computed by torch, for comparison."""
        self._by_torch = True
        try:
            yield
        finally:
            self._by_torch = False

    @contextmanager
    def taking(self) -> Iterator[dict[str, list[Arrays]]]:
        """Inside, the inputs of every call are kept, by the function's name."""
        self._taken = {}
        try:
            yield self._taken
        finally:
            self._taken = None

    def _program(self, how: _How, call: Function, arguments: tuple[Any, ...], constants: dict[str, Any]) -> Program:
        """The function's model for arguments like these, from the cache or exported into it."""
        # Outside inference mode, whose tensors cannot be traced.
        with torch.inference_mode(False), torch.no_grad():
            arguments = rebuild(arguments, (tensor.clone() for tensor in flatten(arguments)))
            like = call(*arguments, **constants)
            labels = parameter_names(call, len(arguments))
            inputs = dict(zip(names_in(arguments, names=labels), _shapes(arguments), strict=True))
            named = dict(zip(names_in(like, names=how.outputs), _shapes(like), strict=True))
            made_of = [
                how.name,
                self._made_of(call),
                inputs,
                named,
                {key: _plain(value) for key, value in constants.items()},
            ]
            made_of += [source_digest(*_CODE), torch.__version__]
            kept_as = f"{how.name}-{values_digest(made_of)[:16]}"
            traced = _Traced(call, arguments, constants)
            try:
                place, made = make_in_cache(
                    "models", kept_as, lambda folder: _export(traced, folder / MODEL, list(inputs), list(named))
                )
                if made:
                    reuse_log.info("exported %s for engine %s to %s, once for this machine", how.name, self.name, place)
                model = (self._in_bytes(how.name, place) if how.in_bytes else place) / MODEL
                run = self.load(model, exact=how.exact)
            except (SpectrackError, OSError):
                raise
            except Exception as error:  # exporter and engines have errors of their own for what they do not know
                reason = str(error).partition("\n")[0][:200]
                raise ConfigError(
                    f"expected a network that engine {self.name} can compute, found {type(error).__name__} in "
                    f"{how.name}: {reason}; take engine torch"
                ) from error
        return Program(how.name, model, inputs, named, run, like, how.in_bytes)

    def _in_bytes(self, name: str, place: Path) -> Path:
        """The folder with the model of a function in int8, made from the one in float32."""
        samples = self.samples
        if samples is None:
            raise ConfigError(f"expected samples of {name} for int8, found none; take precision fp32")
        kept_as = f"{place.name}-int8-{values_digest([samples.key, self.version])[:16]}"
        return make_in_cache(
            "models", kept_as, lambda folder: quantise(place / MODEL, folder / MODEL, samples.take(name))
        )[0]

    def _made_of(self, call: Function) -> Any:
        """What the network behind a function is made of: shape, weights, and code that is not this package's."""
        owner = _owner(call)
        # The owner is kept beside its digest, so that no other object gets its number.
        if id(owner) not in self._owners:
            config = to_table(owner.config) if hasattr(owner, "config") else None
            state = {key: array_digest(tensor.numpy()) for key, tensor in owner.state_dict().items()}
            file = getattr(sys.modules.get(type(owner).__module__), "__file__", None)
            self._owners[id(owner)] = owner, [config, state, file_digest(file) if file else None]
        return self._owners[id(owner)][1]


class _Traced(nn.Module):
    """A function of nested tuples as a module of tensors, which is what can be traced."""

    def __init__(self, call: Function, arguments: tuple[Any, ...], constants: dict[str, Any]) -> None:
        super().__init__()
        # Not by `eval`, which would reach into the network and let it forget what it has prepared.
        self.training = False
        self.owner = _owner(call)
        self._call, self._like, self._constants = [call], arguments, constants

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """The function's tensors, in their order."""
        return tuple(flatten(self._call[0](*rebuild(self._like, iter(tensors)), **self._constants)))


def _export(traced: _Traced, file: Path, inputs: list[str], outputs: list[str]) -> None:
    """Write the model.

    Tracing, and not `torch.export`: it decides on Python numbers by their values, as the band axis needs it, and asks
    for no package but onnx.
    """
    with warnings.catch_warnings():
        # That Python numbers are decided for good, which is meant, and that tracing is the older way.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            traced,
            tuple(flatten(traced._like)),
            str(file),
            dynamo=False,
            opset_version=_OPSET,
            input_names=inputs,
            output_names=outputs,
        )


def _owner(call: Function) -> Any:
    """The module whose weights a function uses."""
    return call if isinstance(call, nn.Module) else getattr(call, "__self__")  # noqa: B009 - a method, as promised


def _shapes(value: Any) -> list[tuple[int, ...]]:
    return [tuple(tensor.shape) for tensor in flatten(value)]


def _plain(constant: Any) -> Any:
    """A constant as something that can be compared and written down."""
    if isinstance(constant, Tensor):
        return (*map(float, constant.flatten()),)
    return constant
