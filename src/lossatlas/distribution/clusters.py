"""Clusters by their address: Dask's `distributed`, which is an extra.

What Dask can do is configured as its users know it, by its files and environment variables: TLS
(``DASK_DISTRIBUTED__COMM__TLS__CA_FILE`` and its like, with an address ``tls://``), time-outs,
the dashboard.
"""

import re
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lossatlas.errors import BadInputError, ClusterError

KINDS = "tcp://host:8786, tls://host:8786, scheduler.json or local:4"
"""What an address looks like."""
URL = r"(tcp|tls|ucx|ws|wss)://(\[[0-9a-fA-F:.]+\]|[^\s:/@]+):(\d+)/?"
MOST_LOCAL = 4096
"""More processes than this no machine runs."""
CONNECT_SECONDS = 30.0
"""How long a scheduler is waited for; a job script may start it together with the explorer."""
FILE_SECONDS = 300.0
"""How long its file is waited for, likewise."""


def check_address(address: str) -> None:
    """Refuse what is no address of a cluster, and say what is missing for one.

    Raises:
        BadInputError: says what an address looks like, or which extra to install.

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
    """An executor for `explore` and `verify` that has the workers of a Dask cluster.

    Args:
        address: ``"tcp://host:8786"`` (or ``tls://``) or the path of the scheduler file
            ``"scheduler.json"`` of a cluster that is there; or ``"local:4"``: so many processes on
            this machine, with one core each, which end with the block and cannot be reached from
            other machines.

    Raises:
        BadInputError: for what is no address, and if the extra ``cluster`` is not installed.
        ClusterError: if the scheduler cannot be reached.

    Examples:
        >>> with cluster("local:4") as executor:                     # doctest: +SKIP
        ...     explore("d2.toml", executor=executor, minutes=10)
    """
    check_address(address)
    from dask import config
    from distributed import Client

    # Each death of a worker is counted by us, with the searches that it was at.
    with config.set({"distributed.scheduler.allowed-failures": 0}):
        started = _local(int(address.removeprefix("local:"))) if address[:6] == "local:" else None
    try:
        with _client(Client, address, started) as client:
            yield client.get_executor(pure=False)
    finally:
        if started is not None:
            started.close(timeout=10)


def dashboard(executor: Executor) -> str:
    """Where the dashboard of a cluster is; nothing if it has none."""
    client = getattr(executor, "_client", None)
    return "" if client is None else str(client.dashboard_link or "")


def _local(processes: int) -> Any:
    """A cluster on this machine, on its loopback."""
    from distributed import LocalCluster

    return LocalCluster(
        n_workers=processes,
        threads_per_worker=1,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        worker_dashboard_address=None,
        memory_limit=0,  # the operating system knows better than a share of the memory
        silence_logs=50,
    )


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
    """The file of a scheduler, once it is there."""
    import time

    until = time.monotonic() + FILE_SECONDS
    while not (path.exists() and path.stat().st_size):
        if time.monotonic() > until:
            raise ClusterError(f"{path}: no scheduler has written this file; start one")
        time.sleep(0.5)
    return path
