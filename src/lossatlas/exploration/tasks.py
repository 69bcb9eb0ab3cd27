"""Strategies, and the tasks that they propose: each a search and its name."""

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
"""The streams of independent draws: of minima, of saddles, and of climbs from a connected set."""


class Task(NamedTuple):
    """A search to be made, as a strategy proposes it.

    Attributes:
        key: name of the search.
        search: a function that makes the search, given the `Tools`: a generator that asks for
            kernels and returns an `Outcome`. It may yield further outcomes before, as `Found`. The
            function can be sent to another process if it can be pickled, as a `functools.partial`
            of a function of a module can.
        parts: number of outcomes that the search hands over in all; None, the default, if it is not
            known before. A search that was in flight when an exploration ended is made again when
            the exploration is continued, unless so many of its outcomes are in the log. Outcomes
            that are in the log are not stored again.

    Examples:
        >>> from functools import partial
        >>> import numpy as np
        >>> from lossatlas.search import climb_from
        >>> start, direction = np.zeros(2), np.array([1.0, 0.0])
        >>> search = partial(climb_from, start=start, direction=direction)
        >>> Task(Key("mine", (), "draw 1"), search, parts=1).key.text()
        'mine, draw 1'
    """

    key: Key
    search: Callable[[Tools], Search]
    parts: int | None = None


Propose: TypeAlias = Callable[[View], Iterator[Task]]
"""A function that proposes the tasks of a strategy, given the present view of the atlas."""


@dataclass(frozen=True)
class Strategy:
    """A way to propose searches, as the planner knows it.

    Args:
        name: name of the strategy, from 1 to 64 characters; no two strategies of an exploration may
            have the same name.
        propose: a pure function from a view of the atlas to an iterator over the tasks that it
            proposes, the best first, without those that were tried before (`View.tried`). The
            planner takes as many as it needs. Instead it may be a class that is called without
            arguments and whose instances are such functions. An instance can remember how far it
            has come, and need not look at the whole atlas in every round; every exploration makes
            one instance (see `lossatlas.exploration.agendas`).
        joins: whether the strategy connects minima to the global minimum. Such strategies get a
            larger part of a round the fewer minima are connected. Default False.
        draws: for a strategy that makes independent draws, from which completeness is estimated,
            the stream that it draws from: "minima", "saddles" or "connected". It gets a fixed part
            of each round, whatever it finds. Default None, no independent draws.
        log_name: the `Key.strategy` of its tasks, if that differs from its name. Strategies with
            the same `log_name` are judged together. Default None, the name.
        share: part of each round, from 0 to 1, that the strategy gets whatever it finds; what it
            cannot use is shared out among the others. By default the planner decides by what the
            strategy has found lately.

    Raises:
        BadInputError: if the name or `log_name` is empty or longer than an atlas can store, if
            `draws` names no stream, or if `share` is not a number from 0 to 1.

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
        """Refuse values that cannot be used."""
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
        """Return the function that proposes the searches of one exploration."""
        return self.propose() if isinstance(self.propose, type) else self.propose

    @property
    def logged(self) -> str:
        """The name that its attempts carry in the log."""
        return self.name if self.log_name is None else self.log_name


LONGEST_NAME = 64
"""Largest number of characters of a name that an atlas stores."""


def take(tasks: Iterator[Task], count: int, tried: Tried) -> list[Task]:
    """Take the first `count` tasks that were not tried, and mark them as tried.

    Args:
        tasks: the tasks in the order of preference.
        count: largest number of tasks to take.
        tried: the keys of the searches made or planned; those of the tasks taken are added.
    """

    def fresh() -> Iterator[Task]:
        for task in tasks:
            if task.key not in tried:
                tried.add(task.key)
                yield task

    return list(islice(fresh(), count))
