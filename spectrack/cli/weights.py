"""``spectrack weights list|import|fetch``: which weights there are, and how foreign ones come in."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, cast

from tyro.conf import Positional, arg, subcommand

from spectrack.cli.console import ProgressBar, print_facts, say
from spectrack.errors import ConfigError, WeightsError


@dataclass(frozen=True)
class ListWeights:
    """Show the weights that a name can mean, with where they come from."""

    def run(self) -> int:
        """Print the table."""
        from spectrack.trackers.registry import list_methods
        from spectrack.weights.index import available, search_folders

        labels = {method.name: method.label for method in list_methods()}
        found = available()
        for item in found:
            size = f"{item.metadata.parameters / 1e6:.2f} M values, {item.path.stat().st_size / 2**20:.1f} MiB"
            method = labels.get(item.metadata.method, item.metadata.method)
            print_facts([(item.name, f"{method}, {item.metadata.profile}, {size}, {item.path}")])
        if not found:
            say("no weights found; make some with `spectrack train` or `spectrack weights import`")
        say("looked in " + ", ".join(map(str, search_folders())))
        return 0


@dataclass(frozen=True)
class ImportWeights:
    """Turn what others published into a weights file: SiamBAN, pysot, ImageNet's ResNet-50 or EfficientNet-Lite.

    Only tensors are read from the file; pickled code is refused, not run. Origin and licence, where they are known,
    stand in the file, and in every one that is trained from it.
    """

    source: Annotated[str, Positional, arg(metavar="FILE|URL#sha256=DIGITS|efficientnet-lite0")]
    """The checkpoint: .pth, .pt or .safetensors; an address with its checksum; or a backbone whose package is there."""
    out: Annotated[Path, arg(metavar="FILE.safetensors")]
    """The weights file to write."""
    kind: Annotated[str | None, arg(metavar="imagenet|pysot|siamban|siamban_acm|efficientnet_lite")] = None
    """What the checkpoint is, where it cannot be told."""
    overwrite: bool = False
    """Replace an existing file."""

    def run(self) -> int:
        """Import and say what it became."""
        if self.out.suffix != ".safetensors":
            raise ConfigError(f"expected a file name ending in .safetensors as --out, found {self.out!s}; rename it")
        from spectrack.files import FileTerms, check_file, write_file

        terms = FileTerms("weights", overwrite=self.overwrite, inputs=(Path(self.source),))
        check_file(self.out, terms)
        from spectrack.weights.files import save_weights
        from spectrack.weights.imports import Kind
        from spectrack.weights.starts import import_start

        with ProgressBar() as bar:
            imported = import_start(
                self.source,
                kind=cast("Kind | None", self.kind),
                on_progress=lambda done, total: bar.show("fetching", done, total, "bytes"),
            )
        with write_file(self.out, terms) as file:
            metadata = save_weights(file, imported.state, imported.metadata)
        facts = [
            ("source", metadata.source or ""),
            ("licence", metadata.licence),
            ("parts", ", ".join(imported.parts)),
            ("changes", "; ".join(metadata.extra["changes"]) or "names only"),
            ("written to", str(self.out)),
            ("use", use_of(self.out)),
        ]
        print_facts(facts)
        return 0


@dataclass(frozen=True)
class FetchWeights:
    """Download a file, and keep it only if its SHA-256 is the one you give."""

    url: Annotated[str, Positional, arg(metavar="URL")]
    """An https or file address."""
    sha256: Annotated[str, arg(metavar="DIGITS")] = ""
    """The checksum, 64 hexadecimal digits, from a place that you trust; without it nothing is fetched. It may also
    stand at the end of the address, as #sha256=DIGITS."""
    out: Annotated[Path | None, arg(metavar="FILE")] = None
    """Where to keep it; by default the user's cache folder, where weights are found by name."""
    overwrite: bool = False
    """Replace a file of another content."""

    def run(self) -> int:
        """Fetch and say where it is and what to do with it."""
        from spectrack.weights.fetching import fetch_weights

        with ProgressBar() as bar:
            bar.show("fetching", 0, None)
            file = fetch_weights(
                self.url,
                sha256=self.sha256,
                out=self.out,
                overwrite=self.overwrite,
                on_progress=lambda done, total: bar.show("fetching", done, total, "bytes"),
            )
        print_facts([("file", str(file)), ("use", use_of(file))])
        return 0


@dataclass(frozen=True)
class Weights:
    """List weights, import published checkpoints, fetch files with a checksum."""

    EXAMPLES: ClassVar[str] = """examples:
  spectrack weights list
  spectrack weights import siamban_model.pth --out siamban-full.safetensors
  spectrack weights import efficientnet-lite0 --out lite0.safetensors
  spectrack weights fetch https://example.org/mine.safetensors --sha256 9f86d0..."""

    action: (
        Annotated[ListWeights, subcommand("list")]
        | Annotated[ImportWeights, subcommand("import")]
        | Annotated[FetchWeights, subcommand("fetch")]
    )

    def run(self) -> int:
        """Run the action."""
        return self.action.run()


def use_of(file: Path) -> str:
    """What a file that was made or fetched is good for: mostly a command."""
    from spectrack.weights.files import read_metadata

    try:
        metadata = read_metadata(file)
    except WeightsError:
        command = f"spectrack weights import {shlex.quote(str(file))} --out FILE"
        return f"not a weights file of spectrack; a published checkpoint comes in with: {command}"
    if metadata.method == "backbone":
        return f'start = "{file}" in a recipe of profile {metadata.profile}'
    chosen = f"--tracker {metadata.method} --profile {metadata.profile} --weights {shlex.quote(str(file))}"
    return f"spectrack track SEQUENCE --box x,y,w,h {chosen} --out DIR"
