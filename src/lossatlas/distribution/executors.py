"""What there is to know of an executor: any `concurrent.futures.Executor` can make searches."""

import os
from concurrent.futures import BrokenExecutor, Executor
from typing import Any

from lossatlas.errors import BadInputError, ClusterError

WORKER_DIED = ("KilledWorker", "WorkerLost", "ManagerLost")
"""Exceptions by which Dask and Parsl say that a worker has died; others can go on."""
CONNECTION_LOST = ("FutureCancelledError", "CancelledError", "CommClosedError")
"""Exceptions by which they say that none of them can be reached any more."""
NOT_RUNNING = ("connecting", "closing", "closed")
"""What a client of Dask calls itself where no scheduler answers it."""
KEPT = "all that was committed is safe; start it again and run the same command to go on"
LOST = f"the connection to the cluster is lost; {KEPT}"


def check_executor(executor: Any) -> None:
    """Refuse what is no executor, and processes that are forked: JAX does not survive a fork.

    Raises:
        BadInputError: says what to use.
    """
    where = "explore: executor"
    if not isinstance(executor, Executor):
        remedy = "give a concurrent.futures.Executor, e.g. that of lossatlas.cluster('local:4')"
        raise BadInputError(where, f"{type(executor).__name__} is no executor", remedy)
    context = getattr(executor, "_mp_context", None)
    if context is not None and context.get_start_method() == "fork":
        remedy = "give it mp_context=multiprocessing.get_context('spawn')"
        raise BadInputError(where, "its processes are forked, in which JAX hangs", remedy)


def slots(executor: Executor) -> int:
    """Batches that an executor works on at once, now: its threads, those of all workers together.

    Of an executor that does not say it, as many as this machine has cores.

    Raises:
        ClusterError: if its scheduler does not answer.
    """
    check_connection(executor)
    client = getattr(executor, "_client", None)
    if client is not None and hasattr(client, "nthreads"):  # Dask; workers join and leave
        try:
            return sum(client.nthreads().values())
        except (OSError, RuntimeError) as error:  # whatever it is, no file is at fault
            raise executor_lost(error) or ClusterError(f"{LOST} ({error})") from error
    workers = getattr(executor, "_max_workers", None)
    return workers if isinstance(workers, int) else (os.cpu_count() or 1)


def check_connection(executor: Executor) -> None:
    """Refuse a client of Dask that knows that its scheduler is gone: it would wait for it.

    Raises:
        ClusterError: says how to go on.
    """
    if getattr(getattr(executor, "_client", None), "status", None) in NOT_RUNNING:
        raise ClusterError(LOST)


def worker_died(error: BaseException) -> bool:
    """Whether an exception says that the worker of a batch has died, and the executor lives."""
    return type(error).__name__ in WORKER_DIED


def executor_lost(error: BaseException) -> ClusterError | None:
    """What to say where an exception says that the executor can make no more batches."""
    if isinstance(error, BrokenExecutor):
        return ClusterError(f"a process of the executor has died, which ends it ({error}); {KEPT}")
    if type(error).__name__ in CONNECTION_LOST:
        return ClusterError(LOST)
    return None
