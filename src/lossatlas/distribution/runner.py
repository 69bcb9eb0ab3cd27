"""The interface of what makes the searches of an exploration, and searches in this process."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol, TypeAlias

from lossatlas.lanes.engine import Engine
from lossatlas.lanes.requests import Search
from lossatlas.lanes.session import Session
from lossatlas.search.known import KnownPoints
from lossatlas.search.tools import Tools, a_job_each

Maker: TypeAlias = Callable[[Tools], Search]
"""A function that makes a search from the tools."""


class Limits(NamedTuple):
    """The limits at which to end.

    Attributes:
        stop: function that tells whether to drop the searches that are in flight; it is called
            often. By default they are never dropped.
        seconds_left: function that gives the seconds left of the wall-clock time or of the CPU
            time, whichever is less; None, the default, for no limit.
        clock_seconds_left: function that gives the seconds left of the wall-clock time; None, the
            default, for no such limit.
    """

    stop: Callable[[], bool] = lambda: False
    seconds_left: Callable[[], float] | None = None
    clock_seconds_left: Callable[[], float] | None = None


class Runner(Protocol):
    """An object that makes many searches at once, in this process or elsewhere."""

    @property
    def uncompiled(self) -> dict[Any, float]:
        """The methods that there was no time to compile, and the seconds that each would take."""
        ...

    def submit(self, make: Maker, name: str, parts: int | None = None) -> int:
        """Submit a search that knows the transition states which are known now.

        Args:
            make: function that makes the search from the tools.
            name: name of the search in messages.
            parts: number of results of the search, if it is known in advance; default None.

        Returns:
            The number of the search, from 0.
        """
        ...

    def no_more(self) -> None:
        """Announce that no more searches follow, so that `results` ends when all have ended."""
        ...

    def results(self) -> Iterator[tuple[int, Any]]:
        """Yield the number of a search and a result, in the order in which results arrive.

        A result is what the search returned, or handed over earlier as `Found`.
        """
        ...

    def cpu_seconds(self) -> float:
        """CPU time that other processes have spent, in seconds."""
        ...


class Here(NamedTuple):
    """A `Runner` whose searches are made by the engine of this process.

    Attributes:
        session: an open session of the engine.
        tools: the tools of the searches.
        known: the transition states that are known; more may be added while searches are made.
    """

    session: Session
    tools: Tools
    known: KnownPoints

    @property
    def uncompiled(self) -> dict[Any, float]:
        """See `Runner`."""
        return self.session.uncompiled

    def submit(self, make: Maker, name: str, parts: int | None = None) -> int:
        """See `Runner`."""
        return self.session.submit(make(self.tools._replace(known=self.known.as_of())))

    def no_more(self) -> None:
        """See `Runner`."""
        self.session.no_more()

    def results(self) -> Iterator[tuple[int, Any]]:
        """See `Runner`."""
        return self.session.results()

    def cpu_seconds(self) -> float:
        """CPU time of other processes, which is zero."""
        return 0.0


@contextmanager
def here(engine: Engine, tools: Tools, known: KnownPoints, limits: Limits) -> Iterator[Here]:
    """A runner whose searches are made in this process, in a ``with`` block.

    Args:
        engine: the engine that makes the searches.
        tools: the tools of the searches.
        known: the transition states that are known; more may be added while searches are made.
        limits: the limits at which to end.
    """
    if engine.capacity.compiles_ahead:
        engine.compile_ahead(a_job_each(tools))
    with engine.session(limits.stop, limits.seconds_left) as session:
        yield Here(session, tools, known)
