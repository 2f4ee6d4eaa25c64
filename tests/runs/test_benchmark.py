"""Benchmarks: several trackers, kills at any moment, and the same bytes from one process, two, and a Dask cluster."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from types import ModuleType

import pytest

from spectrack.errors import ConfigError, MissingExtraError
from spectrack.files import MANIFEST
from spectrack.runs.benchmark import benchmark
from spectrack.runs.options import RunOptions, RunSources
from spectrack.runs.reading import read_runs
from spectrack.runs.workers import in_parallel
from tests.fixtures.refusals import refuses

TIMES = {"frames_per_second", "median_ms", "date", "jobs", "cluster"}


def content(place):
    """Every file of a benchmark, times and dates aside, and the manifests, which hold digests of them."""
    files = (path for path in sorted(place.rglob("*")) if path.is_file() and path.name != MANIFEST)
    return {path.relative_to(place).as_posix(): without_times(path) for path in files}


def without_times(path):
    if path.suffix == ".csv":
        with path.open(newline="") as stream:
            return [(row["frame"], row["score"], row["lost"]) for row in csv.DictReader(stream)]
    if path.suffix == ".json" and path.name != "scores.json":
        return pruned(json.loads(path.read_text()))
    return path.read_bytes()


def pruned(value):
    if isinstance(value, dict):
        return {key: pruned(inner) for key, inner in value.items() if key not in TIMES}
    return [pruned(inner) for inner in value] if isinstance(value, list) else value


@pytest.fixture(scope="module")
def one_process(workshop, tmp_path_factory):
    """An uninterrupted benchmark in this process."""
    place = tmp_path_factory.mktemp("one") / "run"
    result = benchmark(workshop.entries(), {"chasing": workshop.Chasing}, place)
    return result, content(place)


def test_what_a_benchmark_holds(one_process, workshop):
    result, files = one_process
    assert set(files) >= {
        "benchmark.json",
        "chasing/run.json",
        "chasing/scores.json",
        "chasing/plan.json",
        "chasing/boxes/clip7.txt",
    }
    assert "chasing/truth/clip0-visibility.txt" in files
    assert len(files) == 1 + 3 + 8 * 6
    scores = json.loads((result.directory / "chasing" / "scores.json").read_text())
    assert scores["attributes"].keys() == {"FM", "OCC", "SV"}
    assert scores["intervals"]["auc"]["low"] < result.runs["chasing"].scores.auc < scores["intervals"]["auc"]["high"]
    assert scores["lost_flag"]["hidden"]["positives"] == 16  # the last two frames of each clip
    assert scores["robustness"]["share_lost"] == 0
    assert sum(scores["reliability"]["frames"]) == 8 * 11
    (stored,) = read_runs(result.directory)
    assert stored.tracker == "chasing"
    assert stored.speed.median_ms["network"] > 0


def test_killed_and_started_again(one_process, workshop, tmp_path):
    place = tmp_path / "run"
    code = "import sys, benchmark_workshop as w; from spectrack.runs.benchmark import benchmark; "
    code += "benchmark(w.entries(), {'chasing': w.Slow}, sys.argv[1])"
    path = os.pathsep.join([os.path.dirname(workshop.__file__), *sys.path])
    for enough in (2, 5):
        process = subprocess.Popen([sys.executable, "-c", code, str(place)], env={**os.environ, "PYTHONPATH": path})
        while len(list(place.glob("chasing/done/[!.]*.json"))) < enough:
            assert process.poll() is None
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not (place / "chasing" / "run.json").exists()
    tracked = []
    benchmark(
        workshop.entries(),
        {"chasing": workshop.Chasing},
        place,
        progress=lambda _, item, *rest: tracked.append(item.label),
    )
    assert 0 < len(tracked) <= 3
    assert content(place) == one_process[1]


def test_two_processes_give_the_same_bytes(one_process, workshop, tmp_path):
    benchmark(workshop.entries(), {"chasing": workshop.Chasing}, tmp_path / "run", options=RunOptions(jobs=2))
    assert content(tmp_path / "run") == one_process[1]


@pytest.fixture(scope="module")
def cluster(workshop):
    """The address of a Dask cluster of two worker processes, running on this machine."""
    distributed = pytest.importorskip("distributed", reason="dask[distributed] is not installed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as running:
        yield running.scheduler_address.replace("tcp://", "dask://")


def test_a_dask_cluster_gives_the_same_bytes(cluster, one_process, workshop, tmp_path):
    benchmark(workshop.entries(), {"chasing": workshop.Chasing}, tmp_path / "run", options=RunOptions(cluster=cluster))
    assert content(tmp_path / "run") == one_process[1]


def test_a_dask_cluster_works_in_two_processes(cluster, workshop):
    found = list(in_parallel(workshop.where, range(12), cluster=cluster))
    assert sorted(item for item, _ in found) == list(range(12))
    processes = {process for _, process in found}
    assert len(processes) == 2
    assert os.getpid() not in processes


def test_an_exception_of_this_package_comes_back_from_a_worker(workshop, tmp_path):
    here = os.getpid()

    class Renamed(workshop.Chasing):
        def describe(self):
            return {"name": "chasing" if os.getpid() == here else "renamed"}

    with refuses(ConfigError, '"chasing"', '"renamed"'):
        benchmark(workshop.entries(frames=3)[:1], {"chasing": Renamed}, tmp_path / "run", options=RunOptions(jobs=2))


# ---------------------------------------------------------------- several trackers, and what is refused


def test_trackers_are_compared_in_pairs(workshop, small, tmp_path):
    trackers = {"chasing": workshop.Chasing, "still": small.Still}
    result = benchmark(iter(workshop.entries()), trackers, tmp_path, sources=RunSources({"name": "walks"}))
    auc = {name: run.scores.auc for name, run in result.runs.items()}
    assert auc["chasing"] > auc["still"]
    record = json.loads((tmp_path / "benchmark.json").read_text())
    assert list(record["trackers"]) == ["chasing", "still"]
    assert record["dataset"] == {"name": "walks"}
    first = record["differences"][0]
    assert (first["tracker"], first["baseline"], first["figure"]) == ("still", "chasing", "auc")
    assert first["estimate"] == pytest.approx(auc["still"] - auc["chasing"])
    assert {item["figure"] for item in record["differences"]} == {
        "auc", "dp20", "average_overlap", "success_rate_50", "success_rate_75", "normalised_precision",
    }  # fmt: skip
    assert record["trackers"]["still"]["figures"]["auc"] == auc["still"]
    assert [run.tracker for run in read_runs(tmp_path)] == ["chasing", "still"]


def test_failures_are_named(workshop, small, tmp_path):
    class Failing(small.Still):
        def update(self, frame):
            raise RuntimeError("no memory left on the device")

    result = benchmark(workshop.entries()[:2], {"failing": Failing}, tmp_path)
    assert result.failures == [
        f"failing on clip{n}, frame 1: RuntimeError: no memory left on the device" for n in (0, 1)
    ]
    assert list(json.loads((tmp_path / "benchmark.json").read_text())["trackers"]["failing"]["failures"]) == [
        "clip0",
        "clip1",
    ]


def test_without_truth_nothing_is_scored(small, tmp_path):
    result = benchmark([small.Walk("a", truth=None)], {"still": small.Still, "other": small.Still}, tmp_path)
    assert result.comparison is None
    assert "figures" not in json.loads((tmp_path / "benchmark.json").read_text())["trackers"]["still"]


def test_what_is_refused(workshop, small, tmp_path):
    entries = workshop.entries()[:1]
    with refuses(ConfigError, "tracker", "none"):
        benchmark(entries, {}, tmp_path)
    with refuses(ConfigError, "'../x'"):
        benchmark(entries, {"../x": small.Still}, tmp_path)
    benchmark(entries, {"still": small.Still}, tmp_path)
    with refuses(ConfigError, tmp_path / "still"):
        benchmark(entries, {"still": small.Still}, tmp_path / "still")
    (tmp_path / "file").write_text("")
    with refuses(ConfigError, tmp_path / "file"):
        benchmark(entries, {"still": small.Still}, tmp_path / "file")


def test_a_cluster_that_is_not_there(workshop, small, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with refuses(MissingExtraError, "dask[distributed]", "'spectrack[cluster]'"):
        benchmark(workshop.entries()[:1], {"still": small.Still}, tmp_path, options=RunOptions(cluster="dask"))
    monkeypatch.setitem(sys.modules, "ray", None)
    with refuses(MissingExtraError, "ray", "'spectrack[cluster]'"):
        list(in_parallel(abs, [1], cluster="ray"))


@pytest.fixture
def ray(monkeypatch):
    """A stand-in for Ray, which is too large to test with: what is asked of it is kept, and threads do its work."""
    from joblib import register_parallel_backend
    from joblib.parallel import ThreadingBackend

    def init(**options):
        asked.append(options)
        if options["address"] == "ray://nowhere:1":
            raise Exception("no such host")

    asked = []
    module, joblib_part = ModuleType("ray"), ModuleType("ray.util.joblib")
    module.init, module.shutdown = init, lambda: asked.append("shutdown")
    joblib_part.register_ray = lambda: register_parallel_backend("ray", ThreadingBackend)
    monkeypatch.setitem(sys.modules, "ray", module)
    monkeypatch.setitem(sys.modules, "ray.util.joblib", joblib_part)
    return asked


def test_ray_is_started_used_and_stopped(ray):
    assert sorted(in_parallel(abs, [-3, 1, -2], jobs=2, cluster="ray")) == [1, 2, 3]
    assert ray == [{"address": None, "num_cpus": 2, "ignore_reinit_error": True}, "shutdown"]
    assert sorted(in_parallel(abs, [-3, 1], cluster="ray://10.0.0.1:10001")) == [1, 3]
    assert ray[2]["address"] == "ray://10.0.0.1:10001"
    with refuses(ConfigError, "nowhere:1", "(no such host)"):
        list(in_parallel(abs, [1], cluster="ray://nowhere:1"))


def test_a_scheduler_that_does_not_answer(cluster, monkeypatch):
    monkeypatch.setattr("spectrack.runs.workers._CONNECT_SECONDS", 0.2)
    with refuses(ConfigError, "tcp://127.0.0.1:9"):
        list(in_parallel(abs, [1], cluster="dask://127.0.0.1:9"))
