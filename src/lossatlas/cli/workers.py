"""The workers of a cluster, for the commands that can use them."""

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
        help="Let the workers of a Dask cluster make the searches: tcp://host:8786, the path of a "
        "scheduler.json, or local:4 for four processes on this machine.",
    ),
]


def check_cluster(address: str | None) -> None:
    """Refuse a text that is no address of a cluster, before any work is done.

    Raises:
        BadInputError: it is no address, or the package that is needed is not installed.
    """
    if address is not None:
        from lossatlas.distribution.clusters import check_address

        check_address(address)


@contextmanager
def workers_of(address: str | None) -> "Iterator[Executor | None]":
    """The executor of a cluster; None if no address is given."""
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
