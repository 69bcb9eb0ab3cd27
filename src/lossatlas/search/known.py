"""Known points: a table that is appended to, and what searches are shown of it.

A search recognizes the transition states that were known when it was planned, whatever has been
found since: what it does must not depend on the timing of others. So the table is only ever
appended to, and searches get an immutable view of its first rows. Rows can be sent to a table
elsewhere (`KnownPoints.since`), which then shows the same.
"""

from typing import NamedTuple

import numpy as np

from lossatlas.search.identity import energy_window, match
from lossatlas.search.outcome import StationaryPoint

TAIL = 256
"""Rows that are looked through one by one before they are sorted in, at least."""


class Rows:
    """An array that grows by rows; what `array` gave is never changed.

    Args:
        none: an array without rows, of the type and the length of row that is meant; by default
            numbers, and the first rows tell how long they are.

    Examples:
        >>> rows = Rows()
        >>> rows.extend(np.ones((2, 3)))
        >>> before = rows.array
        >>> rows.extend(np.zeros((1, 3)))
        >>> before.shape, rows.array.shape
        ((2, 3), (3, 3))
    """

    def __init__(self, none: np.ndarray | None = None) -> None:
        """No row yet."""
        self._buffer = np.zeros((0,)) if none is None else none
        self._count = 0

    def __len__(self) -> int:
        """How many there are."""
        return self._count

    @property
    def array(self) -> np.ndarray:
        """All rows, read-only."""
        rows = self._buffer[: self._count]
        rows.flags.writeable = False
        return rows

    def extend(self, new: np.ndarray) -> None:
        """Add rows (k, ...)."""
        if len(new) == 0:
            return
        total = self._count + len(new)
        if total > len(self._buffer):
            grown = np.empty((max(64, 2 * total), *new.shape[1:]), new.dtype)
            if self._count:
                grown[: self._count] = self._buffer[: self._count]
            self._buffer = grown
        self._buffer[self._count : total] = new
        self._count = total


class Known(NamedTuple):
    """Some rows of a table: what is needed to recognize each point.

    Attributes:
        keys: (m,) how each is called by who keeps them: its id in an atlas.
        energies, uncertainties: (m,).
        invariants: (m, k).
    """

    keys: np.ndarray
    energies: np.ndarray
    uncertainties: np.ndarray
    invariants: np.ndarray


class KnownView(NamedTuple):
    """The first rows of a table, immutable and picklable.

    Attributes:
        rows: the rows.
        order: positions of rows by ascending energy. Those of later rows may be among them, and do
            not count; rows that are not among them are looked through.
        ordered_energies: of the rows in that order.
    """

    rows: Known
    order: np.ndarray
    ordered_energies: np.ndarray

    def find(self, point: StationaryPoint) -> int | None:
        """The key of the point that this one is a copy of; None if it is not known."""
        near = self._of_energy(point.energy)
        if len(near) == 0:
            return None
        which = match(point, self.rows.uncertainties[near], self.rows.invariants[near])
        return None if which is None else int(self.rows.keys[near[which]])

    def _of_energy(self, energy: float) -> np.ndarray:
        """Positions of the rows of nearly this energy."""
        low, high = energy - energy_window(energy), energy + energy_window(energy)
        first = np.searchsorted(self.ordered_energies, low)
        last = np.searchsorted(self.ordered_energies, high, side="right")
        among, tail = self.order[first:last], self.rows.energies[len(self.order) :]
        late = np.flatnonzero((low <= tail) & (tail <= high)) + len(self.order)
        return np.concatenate([among[among < len(self.rows.keys)], late])


class _Columns(NamedTuple):
    """As `Known`, growing."""

    keys: Rows
    energies: Rows
    uncertainties: Rows
    invariants: Rows


class KnownPoints:
    """A table of known points of one Hessian index.

    Examples:
        >>> point = StationaryPoint(
        ...     np.ones(3), 0.5, 1e-14, 1, -np.ones(3), 0.0, 1e-9, np.array([0.5, 3.0]), 8
        ... )
        >>> table, copy = KnownPoints(), KnownPoints()
        >>> before = table.as_of()
        >>> table.append(
        ...     Known(np.array([7]), np.array([0.5]), np.array([1e-9]), np.array([[0.5, 3.0]]))
        ... )
        >>> copy.append(table.since(0))
        >>> before.find(point), table.as_of().find(point), copy.as_of().find(point)
        (None, 7, 7)
    """

    def __init__(self) -> None:
        """Nothing known."""
        self._columns = _Columns(Rows(), Rows(), Rows(), Rows())
        self._order, self._ordered = np.zeros(0, int), np.zeros(0)

    def __len__(self) -> int:
        """How many points are known."""
        return len(self._columns.keys)

    def append(self, new: Known) -> None:
        """Add rows, in an order that a table elsewhere gets them in too.

        They are sorted in when there are many of them: what a row costs grows as the logarithm of
        their number.
        """
        for column, values in zip(self._columns, new, strict=True):
            column.extend(np.asarray(values))
        unsorted = len(self) - len(self._order)
        if unsorted > max(TAIL, len(self) // 8):
            energies = self._columns.energies.array
            self._order = np.argsort(energies, kind="stable")
            self._ordered = energies[self._order]

    def since(self, count: int) -> Known:
        """The rows after the first `count`: what a table that has those lacks."""
        return Known(*(column.array[count:] for column in self._columns))

    def as_of(self, count: int | None = None) -> KnownView:
        """What was known when there were `count` rows; default all."""
        rows = Known(*(column.array[:count] for column in self._columns))
        return KnownView(rows, self._order, self._ordered)


NOTHING_KNOWN = KnownPoints().as_of()
"""Every point is new."""
