"""Properties of executors; any `concurrent.futures.Executor` can make searches."""

import os
import traceback
from concurrent.futures import BrokenExecutor, Executor, ThreadPoolExecutor
from typing import Any

from lossatlas.errors import BadInputError, ClusterError

WORKER_DIED = ("KilledWorker", "WorkerLost", "ManagerLost")
"""Exceptions of Dask and Parsl that mean that a worker has died while others can go on."""
DASK_EXECUTOR = "distributed.cfexecutor"
"""Name of the module with the executor of Dask."""
CONNECTION_LOST = ("FutureCancelledError", "CancelledError", "CommClosedError")
"""Exceptions of Dask and Parsl that mean that no worker can be reached any more."""
NOT_RUNNING = ("connecting", "closing", "closed")
"""States of a Dask client to which no scheduler answers."""
KEPT = "all that was committed is safe; start it again and run the same command to go on"
"""The end of messages about an executor that cannot go on."""
LOST = f"the connection to the cluster is lost; {KEPT}"
"""The message about a lost connection."""


def check_executor(executor: Any) -> None:
    """Refuse an object that is no executor, or whose processes are forked, as JAX hangs in these.

    Raises:
        BadInputError: it is no executor, or a pool of forked processes; the message says what to
            use instead.
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
    """The number of batches that an executor can work on at once at present.

    It is the number of threads of all workers together. For an executor that does not tell it, it
    is the number of cores of this machine.

    Raises:
        ClusterError: the scheduler does not answer.
    """
    threads = _threads_of_dask(executor)
    if threads is not None:
        return sum(threads)
    workers = getattr(executor, "_max_workers", None)
    return workers if isinstance(workers, int) else (os.cpu_count() or 1)


def processes(executor: Executor) -> int:
    """The number of processes of workers that an executor has at present.

    All batches of a process share one engine. For an executor that does not tell how many processes
    it has, each batch is taken to have a process of its own.

    Raises:
        ClusterError: the scheduler does not answer.
    """
    if isinstance(executor, ThreadPoolExecutor):
        return 1
    threads = _threads_of_dask(executor)
    return slots(executor) if threads is None else len(threads)


def _threads_of_dask(executor: Executor) -> list[int] | None:
    """The number of threads of each worker of Dask, which join and leave; None without Dask.

    Raises:
        ClusterError: the scheduler does not answer.
    """
    check_connection(executor)
    client = getattr(executor, "_client", None)
    if client is None or not hasattr(client, "nthreads"):
        return None
    try:
        return list(client.nthreads().values())
    except (OSError, RuntimeError) as error:  # An OSError here does not concern a file.
        raise executor_lost(error) or ClusterError(f"{LOST} ({error})") from error


def check_connection(executor: Executor) -> None:
    """Refuse a Dask client whose scheduler is gone, which would wait for the scheduler otherwise.

    Raises:
        ClusterError: the connection is lost; the message says how to go on.
    """
    if getattr(getattr(executor, "_client", None), "status", None) in NOT_RUNNING:
        raise ClusterError(LOST)


def worker_died(error: BaseException) -> bool:
    """Whether an exception means that the worker of a batch has died while the executor goes on.

    If the worker dies while its answer is on the way, Dask takes the answer for an exception. Then
    its executor raises an error of its own, because the answer does not have the parts of one.
    """
    if type(error).__name__ in WORKER_DIED:
        return True
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    within = frames[-1].f_globals.get("__name__") if frames else None
    unpacking = isinstance(error, ValueError | TypeError) and "unpack" in str(error)
    return unpacking and within == DASK_EXECUTOR


def executor_lost(error: BaseException) -> ClusterError | None:
    """The error to raise if an exception means that the executor cannot go on; otherwise None."""
    if isinstance(error, BrokenExecutor):
        return ClusterError(f"a process of the executor has died, which ends it ({error}); {KEPT}")
    if type(error).__name__ in CONNECTION_LOST:
        return ClusterError(LOST)
    return None
