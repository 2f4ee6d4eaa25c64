"""Doing many independent things at once: joblib on this machine, on a Dask cluster or on Ray, behind one function."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

from spectrack.errors import ConfigError, SpectrackError
from spectrack.extras import import_extra
from spectrack.orphans import task

Item = TypeVar("Item")
Result = TypeVar("Result")

_CONNECT_SECONDS = 20
_WORKER_SECONDS = 60


def check_parallel(jobs: int, cluster: str | None) -> None:
    """Refuse numbers and names that `in_parallel` does not know, before anything is done.

    Raises:
        ConfigError: no job at all, or a cluster of an unknown kind.
    """
    if jobs == 0 or jobs < -1:
        raise ConfigError(f"expected at least one job, found {jobs}; -1 takes as many as there are cores")
    if cluster is not None and cluster.partition("://")[0] not in ("dask", "ray"):
        raise ConfigError(
            f"expected a cluster such as dask, dask://host:port or ray, found {cluster!r}; leave it out for this "
            "machine"
        )


def in_parallel(
    function: Callable[[Item], Result], items: Iterable[Item], *, jobs: int = 1, cluster: str | None = None
) -> Iterator[Result]:
    """Results of `function` for every item, as they are finished.

    Args:
        function: picklable where there are several jobs or a cluster.
        items: its arguments; picklable likewise.
        jobs: processes on this machine, 1 for this very process, -1 for as many as there are cores. With ``dask`` the
            workers of the local cluster that is started; on a cluster that is running, tasks at a time (1 stands for
            all that fit).
        cluster: None for this machine, ``dask`` for a local Dask cluster, ``dask://host:port`` for one that is running,
            ``ray`` or ``ray://host:port``.

    Raises:
        ConfigError: see `check_parallel`, or a cluster that cannot be reached.
        MissingExtraError: the cluster's package is not installed.
        SpectrackError: a worker ended without an answer.
    """
    check_parallel(jobs, cluster)
    if cluster is None and jobs == 1:
        yield from map(function, items)
        return
    from joblib import Parallel, delayed
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    with ExitStack() as stack:
        count = jobs if cluster is None else stack.enter_context(_cluster(cluster, jobs))
        # Unordered: what is finished is stored at once, and not when everything before it is.
        parallel = Parallel(n_jobs=count, return_as="generator_unordered")
        try:
            delay = task(function) if cluster is None else delayed(function)
            yield from parallel(delay(item) for item in items)
        except TerminatedWorkerError as error:
            raise SpectrackError(
                "expected every worker to finish, found one that was ended, mostly for want of memory; take fewer "
                "--jobs and run the same "
                "command again: what was finished is kept"
            ) from error


@contextmanager
def _cluster(address: str, jobs: int) -> Iterator[int]:
    kind, _, place = address.partition("://")
    with (_dask if kind == "dask" else _ray)(place, jobs) as count:
        yield count


@contextmanager
def _dask(place: str, jobs: int) -> Iterator[int]:
    distributed = import_extra("distributed", "cluster", "dask[distributed]")
    from joblib import parallel_config

    with ExitStack() as stack:
        if place:
            client = stack.enter_context(_connected(distributed.Client, f"tcp://{place}"))
        else:
            workers: dict[str, Any] = {} if jobs == -1 else {"n_workers": jobs}
            # No dashboard: it would need another port and another package.
            local = stack.enter_context(
                distributed.LocalCluster(threads_per_worker=1, dashboard_address=None, **workers)
            )
            client = stack.enter_context(distributed.Client(local))
        stack.enter_context(client.as_current())
        stack.enter_context(parallel_config(backend="dask", wait_for_workers_timeout=_WORKER_SECONDS))
        yield -1 if not place or jobs == 1 else jobs


@contextmanager
def _connected(client: Any, address: str) -> Iterator[Any]:
    try:
        connected = client(address, timeout=_CONNECT_SECONDS)
    except (OSError, TimeoutError, ValueError) as error:
        raise ConfigError(
            f"expected a Dask scheduler at {address}, found none ({error}); start one with `dask scheduler`, or leave "
            "the address out"
        ) from error
    with connected:
        yield connected


@contextmanager
def _ray(place: str, jobs: int) -> Iterator[int]:
    ray, ray_joblib = import_extra("ray", "cluster"), import_extra("ray.util.joblib", "cluster")
    from joblib import parallel_config

    try:
        ray.init(
            address=f"ray://{place}" if place else None,
            num_cpus=None if place or jobs == -1 else jobs,
            ignore_reinit_error=True,
        )
    except Exception as error:  # Ray raises plain exceptions when it cannot start
        raise ConfigError(
            f"expected a Ray cluster at {place or 'this machine'}, found none ({error}); check the address"
        ) from error
    ray_joblib.register_ray()
    try:
        with parallel_config(backend="ray"):
            yield -1 if not place or jobs == 1 else jobs
    finally:
        ray.shutdown()
