"""Where a number comes from: date, commit, versions and machine, as run directories and benchmark results hold it."""

from __future__ import annotations

import datetime
import functools
import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import spectrack
from spectrack.files.fingerprints import Ingredients, content
from spectrack.signs import counted

_SOURCE_SUFFIXES = (".py", ".csv", ".json", ".toml", ".html", ".js", ".css")

DEPENDENCIES = {
    "torch": "torch",
    "lightning_fabric": "lightning-fabric",
    "numpy": "numpy",
    "cv2": "opencv-python-headless",
    "safetensors": "safetensors",
    "matplotlib": "matplotlib",
    "av": "av",
    "scipy": "scipy",
    "tifffile": "tifffile",
    "h5py": "h5py",
    "spectral": "spectral",
    "joblib": "joblib",
}
"""Modules that spectrack computes with, and the packages that bring them."""


ENGINES = ("onnxruntime", "openvino")
"""Packages of extras that compute networks instead of torch; see `spectrack.engines`."""


def provenance() -> dict[str, Any]:
    """Everything needed to judge or repeat a measurement, JSON-serialisable; no host name, user name or path.

    Returns:
        ``date`` (UTC, ISO 8601), ``spectrack``, ``commit`` (None outside a git checkout), ``uncommitted_changes``,
        ``python``, ``system``, ``processor``, ``cores`` (usable by this process), ``memory_gib``, ``packages`` and,
        when torch is loaded, ``torch_threads`` and ``gpu``.
    """
    commit, changed = source_commit()
    record: dict[str, Any] = {
        "date": datetime.datetime.now(datetime.UTC).replace(microsecond=0).isoformat(),
        "spectrack": spectrack.__version__,
        "commit": commit,
        "uncommitted_changes": changed,
        "python": platform.python_version(),
        "system": platform.platform(),
        "processor": _processor(),
        "cores": usable_cores(),
        "memory_gib": _memory_gib(),
        "packages": {
            name: version
            for name in (*DEPENDENCIES.values(), *ENGINES)
            if (version := package_version(name)) is not None
        },
    }
    torch = sys.modules.get("torch")
    if torch is not None:
        record["torch_threads"] = torch.get_num_threads()
        record["gpu"] = torch.cuda.get_device_name(0) if torch.cuda.is_available() else None
    return record


def machine_name(device: str = "cpu") -> str:
    """The machine that a speed belongs to: its processor with the cores usable here, or its accelerator; no host name.

    Args:
        device: where a network runs, as torch writes it: ``cpu``, ``cuda``, ``cuda:1``.
    """
    torch = sys.modules.get("torch")
    if device.startswith("cuda") and torch is not None and torch.cuda.is_available():
        return str(torch.cuda.get_device_name(device))
    cores = usable_cores()
    return f"{_processor()}, {counted(cores, 'core')}"


def source_commit() -> tuple[str | None, bool | None]:
    """Commit of the checkout this package runs in, and whether tracked files differ from it; (None, None) elsewhere."""
    package = Path(__file__).resolve().parent
    # An installed copy may lie in a virtual environment in somebody else's checkout: does git track this file?
    if _git(package, "ls-files", "--error-unmatch", "__init__.py") is None:
        return None, None
    commit = _git(package, "rev-parse", "HEAD")
    status = _git(package, "status", "--porcelain", "--untracked-files=no")
    return commit, None if status is None else bool(status)


@functools.cache
def source_digest(*parts: str) -> str:
    """Twelve digits that change with the package's own source, so that what other code made is never taken for its own.

    Args:
        parts: only these files and folders of the package, such as ``simulation`` and ``sensors.py``; all by default.
    """
    package = Path(__file__).resolve().parent
    places = [package / part for part in parts] or [package]
    found = {file for place in places for file in (place.rglob("*") if place.is_dir() else [place])}
    files = sorted(file for file in found if file.suffix in _SOURCE_SUFFIXES)
    names = [file.relative_to(package).as_posix() for file in files]
    return content(Ingredients(tuple(files), names))[:12]


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def package_version(distribution: str) -> str | None:
    """The installed version of a distribution; None when it is not installed."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def usable_cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _memory_gib() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (AttributeError, OSError, ValueError):
        return None
