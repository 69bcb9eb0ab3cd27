"""What strategies propose: tasks, each a search and its name."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal, NamedTuple, TypeAlias, get_args

from lossatlas.errors import BadInputError
from lossatlas.exploration.tried import Key, Tried
from lossatlas.exploration.view import View
from lossatlas.lanes.requests import Search
from lossatlas.search.tools import Tools

__all__ = ["Key", "Strategy", "Stream", "Task", "take"]

Stream: TypeAlias = Literal["minima", "saddles", "connected"]
"""What independent draws are draws of."""


class Task(NamedTuple):
    """A search to be made.

    Attributes:
        key: its name.
        search: makes the search, given the tools; it returns an `Outcome` and may hand over others
            before as `Found`. Picklable, as a `functools.partial` of a module's function is, so
            that the search can be made in another process.
        parts: how many outcomes it hands over in all; None if that is not known before. A search
            that was in flight when an exploration ended is made again when it is continued, unless
            so many are in the log; what is in the log already is not stored again.
    """

    key: Key
    search: Callable[[Tools], Search]
    parts: int | None = None


Propose: TypeAlias = Callable[[View], Iterator[Task]]
"""What is proposed in a view."""


@dataclass(frozen=True)
class Strategy:
    """A way to propose searches, as the planner knows it.

    Args:
        name: what it is called; no two strategies of an exploration have the same.
        propose: a pure function from a view of the atlas to the tasks it proposes, the best first,
            none that was tried before (`View.tried`). The planner takes as many as it wants. Or a
            class whose instances are such functions and remember how far they have come, so that
            they need not look at the whole atlas each time: an exploration makes one of its own
            (see `lossatlas.exploration.agendas`).
        joins: whether it joins minima to the global minimum: such strategies get more the less is
            connected.
        draws: for independent draws, from which completeness is estimated, what they are draws of;
            they get a fixed share of each round, whatever they find.
        share: part of each round that it gets whatever it finds, from 0 to 1; what it cannot use
            is shared out among the others. By default the planner decides by what it found lately.
        log_name: the `Key.strategy` of its tasks, if that is not its name: strategies that share
            one are judged together.

    Raises:
        BadInputError: for a name that is empty or longer than the atlas can store, for unknown
            draws, and for a share that is none.

    Examples:
        >>> Strategy("nothing", lambda view: iter(())).logged
        'nothing'
    """

    name: str
    propose: Propose | type
    joins: bool = False
    draws: Stream | None = None
    log_name: str | None = None
    share: float | None = None

    def __post_init__(self) -> None:
        """Refuse what the log cannot hold."""
        for name in (self.name, self.logged):
            if not 0 < len(name) <= LONGEST_NAME:
                problem = f"the name {name!r} has {len(name)} characters"
                raise BadInputError("strategy", problem, f"use 1 to {LONGEST_NAME}")
        if self.draws not in (None, *get_args(Stream)):
            problem, remedy = (
                f"{self.draws!r} cannot be drawn",
                f"use {' or '.join(get_args(Stream))}",
            )
            raise BadInputError(f"strategy {self.name}: draws", problem, remedy)
        if self.share is not None and not 0 <= self.share <= 1:
            problem = f"{self.share!r} is not a number from 0 to 1"
            raise BadInputError(f"strategy {self.name}: share", problem, "use e.g. 0.1")

    def begin(self) -> Propose:
        """What proposes the searches of one exploration."""
        return self.propose() if isinstance(self.propose, type) else self.propose

    @property
    def logged(self) -> str:
        """The name that its attempts carry in the log."""
        return self.name if self.log_name is None else self.log_name


LONGEST_NAME = 64
"""Characters of a name that an atlas stores."""


def take(tasks: Iterator[Task], count: int, tried: Tried) -> list[Task]:
    """The first `count` tasks that were not tried; from now on they count as tried."""

    def fresh() -> Iterator[Task]:
        for task in tasks:
            if task.key not in tried:
                tried.add(task.key)
                yield task

    return list(islice(fresh(), count))
