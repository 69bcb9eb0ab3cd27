"""Agendas: what a strategy still wants to try, kept so that a round costs what it proposes.

A strategy proposes its best searches first, whatever was tried left out. To sort all minima anew
for each round would cost more, the larger the atlas. An agenda remembers how far it has come: in
each round it adds what is new and drops for good what can never come back. What it proposes depends
on the view alone, not on the rounds before: an agenda that begins at a later view proposes the
same, so an exploration that is continued goes on as it would have.
"""

from collections.abc import Callable, Iterator
from heapq import heapify, heappop, heappush, heapreplace
from itertools import count

import numpy as np

from lossatlas.exploration.tasks import Task
from lossatlas.exploration.view import View


def always(*_: int) -> bool:
    """Of use, whatever it is."""
    return True


class Levels:
    """Minima in order of level, then of energy: all are taken at one level before the next.

    Every minimum has one entry. One whose searches at its level are all made goes on to the next
    level; one that has no further level, or is of no use any more, is dropped.

    Args:
        levels: how many there are: 0, 1, ...
        useful: whether any search from a position is of use; once it says no it always will.
    """

    def __init__(self, levels: int, useful: Callable[[int], bool] = always) -> None:
        """No minimum yet."""
        self.levels, self.useful = levels, useful
        self._level: list[int] = []  # of each minimum; `levels` where there is no entry
        self._entries: list[tuple[int, float, int]] = []
        self._waiting: list[tuple[int, float, int]] = []

    def add_new(self, view: View) -> None:
        """Add the minima inside the box that are new in a view, if of any use."""
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
        """Add minima at the first level, each once: those that have come to be of use.

        Args:
            view: has their energies.
            positions: of minima that were not added before.
        """
        self._level += [self.levels] * (len(view.inside) - len(self._level))
        energies = view.minimum_energies[positions].tolist()
        for energy, position in zip(energies, positions.tolist(), strict=True):
            self._level[position] = 0
            heappush(self._entries, (0, energy, position))

    def begin_again(self, view: View, position: int) -> None:
        """Take a minimum at all levels once more: there is something new to try from it."""
        if self._level[position] > 0 and view.inside[position] and self.useful(position):
            self._level[position] = 0
            heappush(self._entries, (0, float(view.minimum_energies[position]), position))

    def tasks(self, view: View, searches: Callable[[int, int], Iterator[Task]]) -> Iterator[Task]:
        """What was not tried, in order.

        Args:
            view: says what was tried.
            searches: those from a position at a level.
        """
        entries = self._entries
        while self._waiting:  # was proposed and not taken
            heappush(entries, self._waiting.pop())
        while entries:
            level, _, position = entries[0]
            if self._level[position] != level:  # was begun again, there is another entry
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
        """Move the first entry, that of a position, to another level."""
        self._level[position] = level
        if level < self.levels:
            heapreplace(self._entries, (level, self._entries[0][1], position))
        else:
            heappop(self._entries)


class Numbered:
    """Draws numbered through; those that were made are passed once.

    Args:
        strategy: its name in the log.
    """

    def __init__(self, strategy: str) -> None:
        """No draw was passed yet."""
        self.strategy, self._made = strategy, 0

    def draws(self, view: View, name: Callable[[int], str]) -> Iterator[tuple[int, str]]:
        """Numbers and names of the draws that were not made, ascending, without end.

        Args:
            view: says what was tried.
            name: what the draw of a number is called.
        """
        made = view.tried.whats(self.strategy)
        while name(self._made) in made:
            self._made += 1
        for number in count(self._made):
            what = name(number)
            if what not in view.tried.whats(self.strategy):
                yield number, what


class Listed:
    """Pairs of minima that a checkpoint lists; those tried, or of no use, are passed once."""

    def __init__(self) -> None:
        """No list was looked at yet."""
        self._as_of, self._passed = -1, 0

    def pairs(
        self, view: View, listed: np.ndarray, useful: Callable[[int, int], bool] = always
    ) -> Iterator[tuple[int, int]]:
        """Positions of the pairs that were not tried, in the order listed.

        Args:
            view: says what was tried.
            listed: (p, 2) pairs of the view's checkpoint.
            useful: whether a pair is of use; once it says no it always will.
        """
        if self._as_of != view.checkpoint.as_of:
            self._as_of, self._passed = view.checkpoint.as_of, 0
        for number in range(self._passed, len(listed)):
            first, second = listed[number].tolist()
            pair = view.pair(first, second)
            if not view.tried.joined(*pair) and useful(first, second):
                yield first, second
                if not view.tried.joined(*pair):
                    continue  # was not taken, and is proposed again
            if number == self._passed:
                self._passed += 1
