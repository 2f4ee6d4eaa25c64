"""Writes the README's table of what was measured from benchmarks/results, by ``python docs/measured_table.py``."""

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PAGE, RESULTS = ROOT / "README.md", ROOT / "benchmarks" / "results"
BEGIN, END = "<!-- measured:begin (python docs/measured_table.py) -->\n", "<!-- measured:end -->"

METHODS = ("siamban", "bcrnet", "ssfnet")
ORDINARY, HARD = "without CAM and TWIN", "CAM or TWIN"
SUITE = "`python benchmarks/suite.py --tracker NAME --profile {}`"


def read(name: str) -> Any:
    """A record of benchmarks/results."""
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


def auc(name: str, part: str) -> str:
    """AUC on a part of the suite, with its interval."""
    found = read(name)["parts"][part]
    low, high = found["auc_interval"]
    return f"{found['auc']:.3f} [{low:.3f}, {high:.3f}]"


def suite(part: str, what: str) -> list[list[str]]:
    """Rows of a part of the suite: as the weights come, without evidence, and by the profile compact."""
    forms = {what: "lite", "the same, the networks alone as published": "lite_none", "the same, `compact`": "compact"}
    commands = [
        SUITE.format("lite"),
        SUITE.format("lite --set evidence=none redetection=false"),
        SUITE.format("compact"),
    ]
    rows = []
    for (words, form), command in zip(forms.items(), commands, strict=True):
        filter_alone = auc("suite_cf", part) if words == what else ""
        rows.append([words, *(auc(f"suite_{method}_{form}", part) for method in METHODS), filter_alone, command])
    return rows


def real() -> list[list[str]]:
    """Rows of the real clips, likewise."""
    means, command = read("real_clips")["mean_iou"], "`python benchmarks/real_clips.py`"
    forms = {
        "ten real clips of three bands, mean IoU": "{}-lite",
        "the same, the networks alone as published": "{}-lite:none",
        "the same, `compact`, trained on simulated video alone": "{}-compact",
    }
    rows = [[words, *(f"{means[form.format(method)]:.3f}" for method in METHODS)] for words, form in forms.items()]
    return [[*row, f"{means['cf']:.3f}" if row is rows[0] else "", command] for row in rows]


def speed() -> list[list[str]]:
    """Rows of frames a second."""
    found, command = read("engine_speed")["results"], "`python benchmarks/engines.py`"
    forms = {
        "512x256x16 as .npy, file to box, two cores, network alone, frames/s: OpenVINO in bfloat16": (
            "lite",
            "openvino",
        ),
        "the same by torch in bfloat16": ("lite", "torch"),
        "the same, `compact`": ("compact", "torch"),
    }
    rows = []
    for words, (profile, engine) in forms.items():
        rates = [found[f"{method}-{profile}"]["forms"][f"{engine} bf16"]["frames_per_second"] for method in METHODS]
        rows.append([words, *(f"{rate:.0f}" for rate in rates), "", command])
    return rows


def measured_table() -> str:
    """The table as Markdown."""
    heads = ["what", *(f"{method}-lite" for method in METHODS), "cf (no weights)", "command"]
    rows = [heads, ["---"] * len(heads), *real()]
    rows += suite(ORDINARY, "simulated suite, 33 sequences that false colour can tell, AUC (`hot`)")
    rows += suite(HARD, "simulated suite, 15 sequences with camouflage or twins, AUC")
    return "".join(f"| {' | '.join(row)} |\n" for row in [*rows, *speed()])


def with_table(text: str) -> str:
    """The README's text with the table between its markers."""
    before, _, rest = text.partition(BEGIN)
    return before + BEGIN + measured_table() + END + rest.partition(END)[2]


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
