"""What holds for every test: one torch thread, no time limits from hypothesis, and a line that says whether the golden
test ran.
"""

from pathlib import Path

import hypothesis
import pytest
import torch

from spectrack.tables import to_table
from spectrack.trackers import registry

pytest_plugins = (
    "tests.fixtures.hand_made_runs",
    "tests.fixtures.moving_things",
    "tests.fixtures.own_pictures",
    "tests.fixtures.refusals",
    "tests.fixtures.repeatable",
    "tests.fixtures.small_runs",
    "tests.fixtures.tiny_training",
    "tests.fixtures.tiny_networks",
    "tests.fixtures.viewers",
    "tests.fixtures.writing_commands",
)

GOLDEN_TEST = "test_golden_scores.py"

# Two workers share two cores and other work may run beside them: a slow example is not a wrong one.
hypothesis.settings.register_profile(
    "spectrack", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("spectrack")
torch.set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def _cache_of_its_own(tmp_path_factory):
    """What is measured or made once a machine is not looked for, nor left, in the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session", autouse=True)
def _no_lines_of_progress():
    """Tests compare what is printed, however long a busy machine takes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("spectrack.cli.console.SECONDS_BETWEEN_LINES", float("inf"))
        yield


@pytest.fixture(autouse=True)
def _methods_as_they_were(monkeypatch):
    """What a test registers is gone after it."""
    monkeypatch.setattr(registry, "_REGISTERED", dict(registry._REGISTERED))


@pytest.fixture(scope="session")
def random_weights(tmp_path_factory) -> Path:
    """A folder with siamban-compact weights that nobody trained: enough to see that everything runs."""
    from spectrack.networks.siamese import SiameseConfig, SiameseNetwork
    from spectrack.weights.files import save_weights

    torch.manual_seed(0)
    config = SiameseConfig()
    folder = tmp_path_factory.mktemp("weights")
    described = {"method": "siamban", "profile": "compact", "config": to_table(config), "recipe": "none, random"}
    save_weights(folder / "siamban-compact.safetensors", SiameseNetwork(config).eval().state_dict(), described)
    return folder


@pytest.fixture
def with_random_weights(random_weights, monkeypatch) -> Path:
    """Let the name siamban-compact mean the random weights."""
    monkeypatch.setenv("SPECTRACK_WEIGHTS", str(random_weights))
    return random_weights


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say whether the published scores were reproduced in this run or skipped for want of the boxes."""
    stats = terminalreporter.stats
    ran = [report for kind in ("passed", "failed") for report in stats.get(kind, []) if GOLDEN_TEST in report.nodeid]
    skipped = [report for report in stats.get("skipped", []) if GOLDEN_TEST in report.nodeid]
    if ran:
        passed = sum(report.passed for report in ran)
        terminalreporter.write_line(f"golden test: ran, {passed} of {len(ran)} checks of published scores passed")
    elif skipped:
        reason = skipped[0].longrepr[-1] if isinstance(skipped[0].longrepr, tuple) else "see above"
        terminalreporter.write_line(f"golden test: did not run ({str(reason).removeprefix('Skipped: ')})")
