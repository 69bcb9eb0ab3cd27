"""Dask clusters by their address; the package `distributed` is an optional extra.

Dask itself is configured as usual, by its files and environment variables. This holds for TLS
(``DASK_DISTRIBUTED__COMM__TLS__CA_FILE`` and similar variables, with an address ``tls://``),
time-outs and the dashboard.
"""

import re
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

from lossatlas.errors import BadInputError, ClusterError

BATCHES = 64
"""Number of batches that a process on this machine makes at once if its lanes are vectorized. They
share its lanes, and the more they are, the fewer searches wait for the slowest of their batch."""
KINDS = "tcp://host:8786, tls://host:8786, scheduler.json or local:4"
"""Examples of addresses, for messages."""
URL = r"(tcp|tls|ucx|ws|wss)://(\[[0-9a-fA-F:.]+\]|[^\s:/@]+):(\d+)/?"
"""Pattern of the address of a scheduler."""
MOST_LOCAL = 4096
"""Largest number of processes on this machine."""
SETTINGS: dict[str, Any] = {
    # Dask must not send the batch of a dead worker again: the dispatcher counts such deaths itself,
    # for each search.
    "distributed.scheduler.allowed-failures": 0,
    # Dask has workers return all memory that they free to the system, which takes a fifth of the
    # time of the searches.
    "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": None,
    # What Dask does every 10 or 20 ms to watch a worker interrupts the searches, which takes a
    # tenth of their time.
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "1s",
}
"""Settings of Dask for processes on this machine; `benchmarks.cluster` measures what they gain."""
CONNECT_SECONDS = 30.0
"""Seconds to wait for a scheduler, which a job script may start together with this program."""
FILE_SECONDS = 300.0
"""Seconds to wait for the file of a scheduler that is being started."""
RESTART_SECONDS = 5.0
"""Seconds between two looks for processes on this machine that have ended, to start them again."""


def check_address(address: str) -> None:
    """Refuse a text that is no address of a cluster.

    Args:
        address: the address, as for `cluster`.

    Raises:
        BadInputError: it is no address, the folder of a scheduler file does not exist, or the
            package `distributed` is not installed.

    Examples:
        >>> check_address("local:0")
        Traceback (most recent call last):
        ...
        lossatlas.errors.BadInputError: --cluster: 'local:0' has no number of processes from 1 \
to 4,096; use e.g. local:4
    """
    where = "--cluster"
    if address.startswith("local"):
        number = address.removeprefix("local:")
        if not (number.isascii() and number.isdigit() and 0 < int(number) <= MOST_LOCAL):
            problem = f"{address!r} has no number of processes from 1 to {MOST_LOCAL:,}"
            raise BadInputError(where, problem, "use e.g. local:4")
    elif "://" in address:
        found = re.fullmatch(URL, address)
        if not found or not 0 < int(found[3]) < 65536:
            raise BadInputError(where, f"{address!r} is no address of a scheduler", f"use {KINDS}")
    elif not address.endswith(".json"):
        raise BadInputError(where, f"{address!r} is no cluster", f"use {KINDS}")
    elif not Path(address).expanduser().parent.is_dir():
        folder = Path(address).expanduser().parent
        raise BadInputError(where, f"there is no folder {folder}", "give the path of the file")
    try:
        import distributed  # noqa: F401
    except ImportError as error:
        remedy = "run: pip install 'lossatlas[cluster]'"
        raise BadInputError(where, "the package distributed is missing", remedy) from error


@contextmanager
def cluster(address: str) -> Iterator[Executor]:
    """Connect to a Dask cluster, for use in a ``with`` block.

    Args:
        address: address of the scheduler of an existing cluster, ``"tcp://host:8786"`` or
            ``"tls://host:8786"``; or the path of its scheduler file, such as ``"scheduler.json"``;
            or ``"local:4"`` to start four processes on this machine, which end with the block and
            cannot be reached from other machines. Each uses one core, or all graphics cards, which
            the processes then share.

    Yields:
        An executor for the argument ``executor`` of `explore` and `verify`.

    Raises:
        BadInputError: the address is not valid, the extra ``cluster`` is not installed, or JAX
            cannot start, which ``"local:4"`` starts to see whether there is a graphics card.
        ClusterError: the scheduler cannot be reached.

    Examples:
        >>> with cluster("local:4") as executor:                     # doctest: +SKIP
        ...     explore("d2.toml", executor=executor, minutes=10)
    """
    check_address(address)
    from dask import config
    from distributed import Client

    with config.set(SETTINGS):
        started = _local(int(address.removeprefix("local:"))) if address[:6] == "local:" else None
    try:
        kept = nullcontext() if started is None else _kept_alive(started)
        with _client(Client, address, started) as client, kept:
            yield client.get_executor(pure=False)
    finally:
        if started is not None:
            started.close(timeout=10)


def dashboard(executor: Executor) -> str:
    """The address of the dashboard of a cluster; empty if there is none."""
    client = getattr(executor, "_client", None)
    return "" if client is None else str(client.dashboard_link or "")


def _local(processes: int) -> Any:
    """Start a cluster of some processes on this machine, which only this machine can reach."""
    from distributed import LocalCluster

    from lossatlas.landscape.device import device

    return LocalCluster(
        n_workers=processes,
        threads_per_worker=1 if device().platform == "cpu" else BATCHES,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        worker_dashboard_address=None,
        memory_limit=0,  # Dask would end a worker that uses more than its share of the memory.
        silence_logs=50,
    )


@contextmanager
def _kept_alive(started: Any) -> Iterator[None]:
    """Start processes of a cluster on this machine again that end in a ``with`` block.

    Dask does so itself. However, 15 seconds after the death of a process it gives up the one that
    has taken its place if that one has just died too.
    """
    from tornado.ioloop import PeriodicCallback

    async def look() -> None:
        for name, nanny in list(started.workers.items()):
            if nanny.status.name in ("closed", "failed"):
                del started.workers[name]
        with suppress(Exception):  # If another one dies, the next look finds it.
            await started._correct_state()

    again = PeriodicCallback(look, 1000.0 * RESTART_SECONDS)
    started.loop.add_callback(again.start)
    try:
        yield
    finally:
        started.loop.add_callback(again.stop)


@contextmanager
def _client(connect: Any, address: str, started: Any) -> Iterator[Any]:
    where: dict[str, Any] = {"address": started if started is not None else address}
    if started is None and address.endswith(".json"):
        where = {"scheduler_file": str(_file(Path(address).expanduser()))}
    try:
        client = connect(**where, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        reason = " ".join(str(error).split())
        problem = f"{address}: the scheduler cannot be reached ({reason})"
        raise ClusterError(f"{problem}; check the address, and that it runs") from error
    with client:
        yield client


def _file(path: Path) -> Path:
    """Wait until the file of a scheduler exists; return its path.

    Raises:
        ClusterError: no scheduler has written the file after `FILE_SECONDS`.
    """
    import time

    until = time.monotonic() + FILE_SECONDS
    while not (path.exists() and path.stat().st_size):
        if time.monotonic() > until:
            raise ClusterError(f"{path}: no scheduler has written this file; start one")
        time.sleep(0.5)
    return path
