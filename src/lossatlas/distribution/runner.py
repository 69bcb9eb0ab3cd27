"""What makes the searches of an exploration: this process, or the workers of an executor."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol, TypeAlias

from lossatlas.lanes.engine import Engine
from lossatlas.lanes.requests import Search
from lossatlas.lanes.session import Session
from lossatlas.search.known import KnownPoints
from lossatlas.search.tools import Tools

Maker: TypeAlias = Callable[[Tools], Search]
"""Makes a search, given the tools."""


class Limits(NamedTuple):
    """When to end.

    Attributes:
        stop: whether searches that are in flight are to be dropped; asked often.
        seconds_left: until then, of the clock or of CPU time, whichever are fewer; None where
            there is no limit.
        clock_seconds_left: until then, of the clock alone; None where it sets no limit.
    """

    stop: Callable[[], bool] = lambda: False
    seconds_left: Callable[[], float] | None = None
    clock_seconds_left: Callable[[], float] | None = None


class Runner(Protocol):
    """Makes searches, many at once.

    Attributes:
        uncompiled: methods that there was no time to compile, and how many seconds each would take.
    """

    @property
    def uncompiled(self) -> dict[Any, float]:
        """See above."""
        ...

    def submit(self, make: Maker, name: str, parts: int | None = None) -> int:
        """Have a search made that knows the transition states known now; its number, from 0.

        Args:
            make: makes it, given the tools.
            name: what it is called in messages.
            parts: how many results it hands over in all, if that is known.
        """
        ...

    def no_more(self) -> None:
        """Nothing will be submitted any more: `results` ends when all have ended."""
        ...

    def results(self) -> Iterator[tuple[int, Any]]:
        """Yield (number, what the search returned, or handed over as `Found`) as they come."""
        ...

    def cpu_seconds(self) -> float:
        """CPU time that other processes have spent."""
        ...


class Here(NamedTuple):
    """Searches made by the engine of this process."""

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
        """None: there are no other processes."""
        return 0.0


@contextmanager
def here(engine: Engine, tools: Tools, known: KnownPoints, limits: Limits) -> Iterator[Here]:
    """Searches made in this process.

    Args:
        engine: that makes them.
        tools: of the searches.
        known: the transition states that are known; it may grow.
        limits: when to end.
    """
    with engine.session(limits.stop, limits.seconds_left) as session:
        yield Here(session, tools, known)
