"""Agendas: what a strategy still wants to try, kept so that a round costs what it proposes.

A strategy proposes its best searches first and leaves out those that were made before. Sorting all
minima anew for each round would take longer the larger the atlas is. Therefore an agenda remembers
how far it has come: in each round it adds what is new and drops for good what can never come back.
What it proposes depends only on the view, not on the rounds before. An agenda that is begun at a
later view proposes the same searches, so an exploration that is continued goes on as if it had
never been interrupted.
"""

from collections.abc import Callable, Iterator
from heapq import heapify, heappop, heappush, heapreplace
from itertools import count

import numpy as np

from lossatlas.exploration.tasks import Task
from lossatlas.exploration.view import View


def always(*_: int) -> bool:
    """Return True whatever the arguments are: the default test, which drops nothing."""
    return True


class Levels:
    """Minima ordered by level, then by energy: all are searched at one level before the next.

    A level numbers the searches that a strategy makes from a minimum, for example by the mode that
    a climb follows. Every minimum has one entry. When all searches of a minimum at its level are
    made, it moves to the next level. A minimum without a further level, or one that is no longer
    useful, is dropped.

    Args:
        levels: number of levels, which are numbered 0, 1, ..., `levels` - 1.
        useful: says for the position of a minimum whether a search from it can still be useful;
            once the answer is False it must stay False. By default every minimum is useful.
    """

    def __init__(self, levels: int, useful: Callable[[int], bool] = always) -> None:
        """Begin without any minimum."""
        self.levels, self.useful = levels, useful
        self._level: list[int] = []  # of each minimum; `levels` where there is no entry
        self._entries: list[tuple[int, float, int]] = []
        self._waiting: list[tuple[int, float, int]] = []

    def add_new(self, view: View) -> None:
        """Add the useful minima inside the box that no earlier view contained.

        Args:
            view: the present state of the atlas.
        """
        read = len(self._level)
        new = np.flatnonzero(view.inside[read:]) + read
        self._level += [self.levels] * (len(view.inside) - read)
        large = len(new) > len(self._entries)
        for energy, position in zip(view.minimum_energies[new].tolist(), new.tolist(), strict=True):
            if self.useful(position):
                self._level[position] = 0
                entry = (0, energy, position)
                self._entries.append(entry) if large else heappush(self._entries, entry)
        if large:
            heapify(self._entries)

    def add(self, view: View, positions: np.ndarray) -> None:
        """Add minima at the first level, for agendas that do not take every minimum of the atlas.

        Args:
            view: the present state of the atlas, which contains these minima.
            positions: (k,) positions of minima that were not added before.
        """
        self._level += [self.levels] * (len(view.inside) - len(self._level))
        energies = view.minimum_energies[positions].tolist()
        for energy, position in zip(energies, positions.tolist(), strict=True):
            self._level[position] = 0
            heappush(self._entries, (0, energy, position))

    def begin_again(self, view: View, position: int) -> None:
        """Move a minimum back to the first level, because there is something new to try from it.

        Nothing happens if the minimum lies outside the box or is no longer useful.

        Args:
            view: the present state of the atlas.
            position: position of a minimum that was added before.
        """
        if self._level[position] > 0 and view.inside[position] and self.useful(position):
            self._level[position] = 0
            heappush(self._entries, (0, float(view.minimum_energies[position]), position))

    def tasks(self, view: View, searches: Callable[[int, int], Iterator[Task]]) -> Iterator[Task]:
        """Yield the searches that were not made yet, in order of level and then of energy.

        Args:
            view: the present state of the atlas, which knows the searches made.
            searches: returns the tasks from the minimum at a position, at a level.
        """
        entries = self._entries
        while self._waiting:  # proposed in the round before, and not taken by the planner
            heappush(entries, self._waiting.pop())
        while entries:
            level, _, position = entries[0]
            if self._level[position] != level:  # begun again since: a newer entry replaces this one
                heappop(entries)
                continue
            new: list[Task] = []
            if self.useful(position):
                new = [task for task in searches(position, level) if task.key not in view.tried]
                yield from new
                level += 1
            else:
                level = self.levels
            if any(task.key not in view.tried for task in new):
                self._waiting.append(heappop(entries))
            else:
                self._go_on(position, level)

    def _go_on(self, position: int, level: int) -> None:
        """Move the minimum at a position, which has the first entry, to another level."""
        self._level[position] = level
        if level < self.levels:
            heapreplace(self._entries, (level, self._entries[0][1], position))
        else:
            heappop(self._entries)


class Numbered:
    """Independent draws, numbered 0, 1, ...; the leading ones that were made are skipped only once.

    Args:
        strategy: name in the log of the strategy that draws.
    """

    def __init__(self, strategy: str) -> None:
        """Begin at draw 0."""
        self.strategy, self._made = strategy, 0

    def draws(self, view: View, name: Callable[[int], str]) -> Iterator[tuple[int, str]]:
        """Yield number and name of each draw that was not made, ascending and without end.

        Args:
            view: the present state of the atlas, which knows the searches made.
            name: returns the name of the draw with a number, as it stands in the log.
        """
        made = view.tried.whats(self.strategy)
        while name(self._made) in made:
            self._made += 1
        for number in count(self._made):
            what = name(number)
            if what not in view.tried.whats(self.strategy):
                yield number, what


class Listed:
    """Pairs of minima that a checkpoint lists; the leading ones that are done are skipped once."""

    def __init__(self) -> None:
        """Begin at the first pair of the next checkpoint."""
        self._as_of, self._passed = -1, 0

    def pairs(
        self, view: View, listed: np.ndarray, useful: Callable[[int, int], bool] = always
    ) -> Iterator[tuple[int, int]]:
        """Yield the positions of each pair that was not tried, in the order of the list.

        Args:
            view: the present state of the atlas, which knows the pairs tried.
            listed: (p, 2) positions of minima, a list of the view's checkpoint.
            useful: says for the positions of a pair whether a band between them can be useful; once
                the answer is False it must stay False. By default every pair is useful.
        """
        if self._as_of != view.checkpoint.as_of:
            self._as_of, self._passed = view.checkpoint.as_of, 0
        for number in range(self._passed, len(listed)):
            first, second = listed[number].tolist()
            pair = view.pair(first, second)
            if not view.tried.joined(*pair) and useful(first, second):
                yield first, second
                if not view.tried.joined(*pair):
                    continue  # not taken by the planner: it is proposed again in the next round
            if number == self._passed:
                self._passed += 1
