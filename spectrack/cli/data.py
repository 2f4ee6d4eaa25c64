"""``spectrack data info|check|convert``: what a data set holds, what is wrong with it, and a fast copy of it."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, cast

from tyro.conf import Positional, arg, subcommand

from spectrack.cli.console import ProgressBar, make_table, output, print_facts
from spectrack.datasets.facts import DATASETS
from spectrack.datasets.options import DatasetPart
from spectrack.signs import counted

if TYPE_CHECKING:
    from rich.table import Table

    from spectrack.datasets.check.findings import CheckReport
    from spectrack.datasets.check.frame_checks import Depth
    from spectrack.datasets.description import DatasetDescription, PublishedList, SequenceGroup


@dataclass(frozen=True)
class DataInfo:
    """Show what a folder of sequences holds: splits, modalities, streams, frames, truth, and what is known of it.

    Files are listed, no frame is read, so this takes seconds on hundreds of gigabytes.
    """

    root: Annotated[Path, Positional, arg(metavar="ROOT")]
    """The data set, one of its splits or modalities, or a single sequence; .zip files are looked into."""
    dataset: Annotated[str, arg(metavar="|".join(DATASETS))] = "auto"
    """Which data set it is."""
    list: bool = False
    """List every sequence."""
    out: Annotated[Path | None, arg(metavar="FILE")] = None
    """Write all of it as JSON."""

    def run(self) -> int:
        """Print what was found and what is known."""
        from spectrack.datasets.description import describe_dataset
        from spectrack.files import FileTerms, check_file, write_file, write_json

        terms = FileTerms("description", inputs=(self.root,))
        if self.out is not None:
            check_file(self.out, terms)
        description = describe_dataset(self.root, name=self.dataset)
        print_facts(_facts(description))
        print_facts(describe_groups(description))
        print_facts(_remarks(description))
        if self.list:
            print_facts(describe_sequences(description))
        if self.out is not None:
            with write_file(self.out, terms) as file:
                write_json(file, description.to_json())
            print_facts([("written to", str(self.out))])
        return 0


@dataclass(frozen=True)
class DataCheck:
    """Find what is wrong with data before somebody trains or scores on them.

    Missing and extra frames, damaged files, wrong bit depth, truth of another length, boxes outside or without area,
    streams of different lengths, and sequences that are in two splits or years. Exit status 1 when something is wrong.
    """

    roots: Annotated[tuple[Path, ...], Positional, arg(metavar="ROOT")]
    """One or several data sets; several are compared with each other too."""
    dataset: Annotated[str, arg(metavar="NAME")] = "auto"
    """Which data set it is, where it cannot be told."""
    frames: Annotated[str, arg(metavar="all|some|none")] = "all"
    """Which frames to decode: all, five of each sequence, or none."""
    origin: Annotated[int | None, arg(metavar="0|1")] = None
    """Index of the first pixel in files of boxes; by default as the data set has it."""
    out: Annotated[Path | None, arg(metavar="FILE")] = None
    """Write the findings as JSON."""

    def run(self) -> int:
        """Check and print the findings."""
        from spectrack.datasets.check.checking import check_data
        from spectrack.files import FileTerms, check_file, write_file, write_json

        terms = FileTerms("findings", inputs=self.roots)
        if self.out is not None:
            check_file(self.out, terms)
        with ProgressBar() as bar:
            report = check_data(
                self.roots,
                name=self.dataset,
                frames=cast("Depth", self.frames),
                origin=self.origin,
                progress=lambda done, total, label: bar.show("checking", done, total, label),
            )
        print_facts(_finding_rows(report))
        if report.findings:
            output().print(make_findings_table(report))
        counts = ", ".join(counted(number, word) for word, number in report.counts.items())
        print_facts(
            [
                ("checked", f"{counted(report.sequences, 'sequence')}, {counted(report.frames, 'frame')} decoded"),
                ("found", counts),
            ]
        )
        if self.out is not None:
            with write_file(self.out, terms) as file:
                write_json(file, report.to_json())
            print_facts([("written to", str(self.out))])
        return 0 if report.is_clean else 1


@dataclass(frozen=True)
class DataConvert:
    """Copy a data set into another format, sequence by sequence; the source is only read.

    Every sequence is read back and compared; what an interrupted conversion had finished is kept. Exit status 1 when a
    sequence could not be converted.
    """

    root: Annotated[Path, Positional, arg(metavar="ROOT")]
    """The data set, one of its splits or modalities, or a single sequence."""
    out: Annotated[Path, arg(metavar="DIR")]
    """Folder to write; it may hold an earlier conversion, which is continued."""
    format: Annotated[str, arg(metavar="npy|hotc|envi")] = "npy"
    """One memory-mapped .npy a sequence (a crop is read without decoding the rest), 16-bit mosaic PNG, or ENVI."""
    dataset: Annotated[str, arg(metavar="NAME")] = "auto"
    """Which data set it is, where it cannot be told."""
    selection: DatasetPart = field(default_factory=DatasetPart)
    """Which of its sequences."""

    def run(self) -> int:
        """Convert and say what was done."""
        from spectrack.datasets.converting import convert_dataset
        from spectrack.datasets.opening import open_dataset

        dataset = open_dataset(self.dataset, self.root, **asdict(self.selection))
        with ProgressBar() as bar:

            def progress(done: int, total: int | None, label: str) -> None:
                bar.show("converting", done, total, label)

            done = convert_dataset(dataset, self.out, format=self.format, progress=progress)
        print_facts((f"failed {label}", sentence) for label, sentence in done.failed)
        told = f"{counted(len(done.written), 'sequence')}, {counted(done.frames, 'frame')}, each read back and compared"
        facts = [("converted", told if done.written else "no sequence")]
        if done.kept:
            facts.append(("kept", f"{counted(len(done.kept), 'sequence')} of an earlier conversion"))
        facts.append(("folder", str(done.out)))
        facts.append(("next", f"spectrack data info {shlex.quote(str(done.out))}"))
        print_facts(facts)
        return 1 if done.failed else 0


@dataclass(frozen=True)
class Data:
    """Look at data sets, check them, convert them."""

    EXAMPLES: ClassVar[str] = """examples:
  spectrack data info HOT2023/validation
  spectrack data check HOT2020 HOT2023 --frames some --out findings.json
  spectrack data convert HOT2020/test --format npy --out fast/test"""

    action: (
        Annotated[DataInfo, subcommand("info")]
        | Annotated[DataCheck, subcommand("check")]
        | Annotated[DataConvert, subcommand("convert")]
    )

    def run(self) -> int:
        """Run the action."""
        return self.action.run()


def describe_groups(description: DatasetDescription) -> Iterator[tuple[str, str]]:
    """Name and content of each split and modality."""
    for group in description.groups:
        name = " ".join(word for word in (group.split, group.modality) if word) or "all"
        more = " and more" if group.unknown else ""
        frames = f"{counted(group.sequences, 'sequence')}; {counted(group.frames, 'frame')}{more}"
        streams, known = _counted(group.streams, group.sequences), _counted(group.truth, group.sequences)
        yield name, f"{frames}; {streams}; boxes: {known}; {_storage(group)}"


def describe_sequences(description: DatasetDescription) -> Iterator[tuple[str, str]]:
    """Label (results are stored by it) and content of each sequence."""
    from spectrack.datasets.description import streams_of, truth_of

    for entry in description.entries:
        frames = "? frames" if entry.frames is None else f"{entry.frames} frames"
        parts = (frames, ", ".join(streams_of(entry)), f"boxes: {truth_of(entry)}", " ".join(entry.attributes))
        yield entry.label, "; ".join(part for part in parts if part)


def make_findings_table(report: CheckReport) -> Table:
    """Number of findings of each kind."""
    from spectrack.datasets.check.findings import SEVERITIES

    counts = Counter((finding.code, finding.severity) for finding in report.findings)
    codes = dict.fromkeys(finding.code for finding in report.findings)
    rows = [(code, *(str(counts[code, severity] or "-") for severity in SEVERITIES)) for code in codes]
    return make_table(("kind", "errors", "warnings", "notes"), rows)


def _finding_rows(report: CheckReport) -> Iterator[tuple[str, str]]:
    for finding in report.findings:
        where = f"{finding.sequence}: " if finding.sequence else ""
        yield f"{finding.severity:<7}  {finding.code}", f"{where}{finding.text}"


def _facts(description: DatasetDescription) -> list[tuple[str, str]]:
    frames = sum(group.frames for group in description.groups)
    known = "" if all(not group.unknown for group in description.groups) else " and those that only opening tells"
    facts = [
        ("data set", f"{description.name}: {description.title}"),
        ("folder", str(description.root)),
        ("sequences", f"{len(description.entries)}, {counted(frames, 'frame')}{known}"),
    ]
    facts += [("range", f"{modality} {low:g} to {high:g} nm") for modality, (low, high) in description.range_nm.items()]
    return facts


def _remarks(description: DatasetDescription) -> list[tuple[str, str]]:
    rows = [("listed", _compared(item)) for item in description.lists]
    for defect in description.defects:
        where = " ".join(word for word in (defect.split, ", ".join(defect.sequences)) if word)
        rows.append(("known", f"{where}{': ' if where else ''}{defect.text} ({defect.source})"))
    return rows + [("problem", problem) for problem in description.problems]


def _compared(item: PublishedList) -> str:
    text = f"{item.found} of the {item.listed} published sequences of {item.split} {item.modality}"
    if item.missing and item.found:
        more = f" and {len(item.missing) - 8} more" if len(item.missing) > 8 else ""
        text += f"; missing: {', '.join(item.missing[:8])}{more}"
    if item.unlisted and item.found:
        text += f"; not in the list: {', '.join(item.unlisted[:8])}{' ...' if len(item.unlisted) > 8 else ''}"
    return text


def _counted(counts: dict[str, int], most: int) -> str:
    """Words with their numbers where they are not all."""
    return ", ".join(word if number == most else f"{word} ({number})" for word, number in counts.items()) or "-"


def _storage(group: SequenceGroup) -> str:
    words = list(group.kinds)
    if group.zipped:
        words.append(f"{group.zipped} zipped")
    if group.updated:
        words.append(f"{group.updated} updated")
    return ", ".join(words) or "-"
