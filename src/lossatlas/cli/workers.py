"""The workers of a cluster, for the commands that can use one."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from lossatlas.cli.arguments import note

if TYPE_CHECKING:
    from concurrent.futures import Executor

ClusterOption = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="Have the workers of a Dask cluster make the searches: tcp://host:8786, the path of a "
        "scheduler.json, or local:4 for so many processes on this machine.",
    ),
]


def check_cluster(address: str | None) -> None:
    """Refuse what is no address, before work is done.

    Raises:
        BadInputError: says what an address looks like.
    """
    if address is not None:
        from lossatlas.distribution.clusters import check_address

        check_address(address)


@contextmanager
def workers_of(address: str | None) -> "Iterator[Executor | None]":
    """The executor of a cluster; None where there is no address."""
    if address is None:
        yield None
        return
    from lossatlas.distribution.clusters import cluster, dashboard
    from lossatlas.distribution.executors import slots

    with cluster(address) as executor:
        shown = dashboard(executor)
        place = f", dashboard at {shown}" if shown else ""
        note(f"cluster {address}: {slots(executor)} threads of workers{place}")
        yield executor
