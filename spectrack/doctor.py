"""Doctor: looks at the installation and the machine, and says in one sentence how to mend each fault."""

from __future__ import annotations

import importlib
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import spectrack
from spectrack.errors import SpectrackError
from spectrack.files import cache_to_write, expanded, resolved, user_cache_folder
from spectrack.provenance import DEPENDENCIES, ENGINES, package_version, usable_cores

LEAST_PYTHON = (3, 11)
LEAST_MEMORY_GIB = 1.0
LEAST_DISK_GIB = 0.5


@dataclass(frozen=True)
class Diagnosis:
    """One thing that was looked at.

    Attributes:
        subject: the part of the installation or machine.
        found: what was found.
        remedy: one sentence that mends the fault; empty when there is none.
    """

    subject: str
    found: str
    remedy: str = ""

    @property
    def is_fault(self) -> bool:
        """Whether something must be mended."""
        return bool(self.remedy)


def examine(folder: str | os.PathLike[str] = ".") -> list[Diagnosis]:
    """Look at versions, device, threads, precision, engines, weights, video encoder, write access, memory and disk.

    Args:
        folder: where results are going to be written.

    Returns:
        Findings in the order to mend them in. A check that fails in an unforeseen way is itself a finding.
    """
    findings: list[Diagnosis] = []
    place = Path(folder)
    software = (_versions, _packages, _device, _precision, _engines, _weights, _encoder)
    rest = (lambda: _writing(place), _memory, lambda: _disk(place))
    checks: tuple[Callable[[], Iterator[Diagnosis]], ...] = (*software, *rest)
    for check in checks:
        try:
            findings.extend(check())
        except Exception as error:  # a broken library may raise anything; the report must still be complete
            name = getattr(check, "__name__", "check").strip("_<>")
            remedy = "reinstall the packages: pip install --force-reinstall spectrack"
            findings.append(Diagnosis(name, f"{type(error).__name__}: {error}", remedy))
    return findings


def _versions() -> Iterator[Diagnosis]:
    version = platform.python_version()
    wanted = ".".join(map(str, LEAST_PYTHON))
    remedy = "" if sys.version_info[:2] >= LEAST_PYTHON else f"install Python {wanted} or later"
    yield Diagnosis("Python", version, remedy)
    yield Diagnosis("spectrack", spectrack.__version__)


def _packages() -> Iterator[Diagnosis]:
    versions = []
    for module, package in DEPENDENCIES.items():
        try:
            importlib.import_module(module)
            versions.append(f"{package} {package_version(package)}")
        except (ImportError, OSError) as error:
            yield Diagnosis(package, f"cannot be imported ({error})", f"pip install --force-reinstall {package}")
    yield Diagnosis("packages", ", ".join(versions))


def _device() -> Iterator[Diagnosis]:
    import torch

    from spectrack.trackers.precision import resolve_device

    device = resolve_device("auto")
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or platform.machine()
    yield Diagnosis("device", f"{device} ({name})")
    cores, threads = usable_cores(), torch.get_num_threads()
    advice = f"set OMP_NUM_THREADS={cores} or less: more threads than cores wait for each other"
    yield Diagnosis("threads", f"{threads} of {cores} cores", advice if threads > cores else "")


def _precision() -> Iterator[Diagnosis]:
    from spectrack.trackers.loading import load_tracker
    from spectrack.trackers.registry import DEFAULT_METHOD, find_method
    from spectrack.weights.index import weights_name

    try:
        tracker: Any = load_tracker(precision="auto")
    except SpectrackError:
        return  # said of the weights
    name = weights_name(DEFAULT_METHOD, find_method(DEFAULT_METHOD).profile())
    why = f"bf16 is {tracker.bf16_gain:.2f} times as fast as fp32" if tracker.bf16_gain else "bf16 is not native"
    yield Diagnosis("precision", f"auto means {tracker.precision} for {name} here: {why}")


def _engines() -> Iterator[Diagnosis]:
    found = [f"{name} {version}" for name in ENGINES if (version := package_version(name)) is not None]
    missing = [name for name in ENGINES if package_version(name) is None]
    more = f"; not installed: {', '.join(missing)}" if missing else ""
    yield Diagnosis("engines", ", ".join(["torch", *found]) + more)


def _weights() -> Iterator[Diagnosis]:
    from spectrack.trackers.registry import list_methods
    from spectrack.weights.files import read_weights
    from spectrack.weights.index import WEIGHTS_VARIABLE, available, find_weights, weights_name

    for part in os.environ.get(WEIGHTS_VARIABLE, "").split(os.pathsep):
        if part.strip() and not expanded(part).is_dir():
            remedy = f"correct or unset the environment variable {WEIGHTS_VARIABLE}"
            yield Diagnosis(WEIGHTS_VARIABLE, f"no folder at {part}", remedy)
    yield Diagnosis("weights", ", ".join(item.name for item in available()) or "none")
    for method in list_methods():
        for profile in (name for name, origins in method.profiles.items() if "shipped" in origins):
            name = weights_name(method.name, profile)
            try:
                read_weights(find_weights(name, method=method.name, profile=profile))
            except SpectrackError as error:
                remedy = f"reinstall what brings it, or train with: spectrack train {name} --out runs/{name}"
                yield Diagnosis(name, str(error), remedy)


def _encoder() -> Iterator[Diagnosis]:
    import av

    from spectrack.reports.overlay import ENCODERS

    encoder = next((name for name in ENCODERS if name in av.codecs_available), None)
    remedy = "" if encoder else "pip install --force-reinstall --only-binary :all: av"
    yield Diagnosis("video encoder", encoder or "no H.264 encoder", remedy)


def _writing(folder: Path) -> Iterator[Diagnosis]:
    cache, used = user_cache_folder(), cache_to_write("precision")
    if cache is None or not used.is_relative_to(cache):
        where = "no home directory" if cache is None else f"{cache} cannot be written"
        yield Diagnosis("cache folder", f"{where}; what is kept there is made anew by every process")
    for subject, place, remedy in (
        ("results folder", folder, "change to a folder of your own, or give --out one"),
        ("temporary folder", Path(tempfile.gettempdir()), "set TMPDIR to a folder that you may write to"),
    ):
        try:
            with tempfile.NamedTemporaryFile(dir=place) as file:
                file.write(b"spectrack")
                file.flush()
            yield Diagnosis(subject, f"{resolved(place)} can be written")
        except OSError as error:
            yield Diagnosis(subject, f"{place.absolute()} cannot be written ({error.strerror})", remedy)


def _memory() -> Iterator[Diagnosis]:
    free = available_memory_gib()
    if free is not None:
        remedy = "" if free >= LEAST_MEMORY_GIB else f"close other programs until {LEAST_MEMORY_GIB:.0f} GiB are free"
        yield Diagnosis("free memory", f"{free:.1f} GiB", remedy)


def _disk(folder: Path) -> Iterator[Diagnosis]:
    free = shutil.disk_usage(folder).free / 2**30
    advice = f"free {LEAST_DISK_GIB} GiB on the disk, or work in a folder on another one"
    yield Diagnosis("free disk", f"{free:.1f} GiB", "" if free >= LEAST_DISK_GIB else advice)


def available_memory_gib() -> float | None:
    """Memory that can be used without swapping, in GiB; None where the system does not say."""
    try:
        text = Path("/proc/meminfo").read_text(encoding="ascii")
        return next(int(line.split()[1]) / 2**20 for line in text.splitlines() if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError):
        return None
