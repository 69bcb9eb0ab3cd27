"""The table of known points, and the views of it that searches are given.

A search recognizes the transition states that were known when it was planned, and no others,
because its result must not depend on the timing of other searches. So rows are only ever appended
to the table, and a search is given an immutable view of its first rows. Rows can be sent to a table
in another process (`KnownPoints.since`), whose views are then the same.
"""

from typing import NamedTuple

import numpy as np

from lossatlas.search.identity import energy_window, match
from lossatlas.search.outcome import StationaryPoint

TAIL = 256
"""Least number of new rows that are searched one by one before all rows are sorted again."""


class Rows:
    """An array that grows by rows; an array that was returned once never changes.

    Args:
        none: an array without rows, which has the type and the shape of the rows to come. By
            default rows are float64, with the shape of the first ones that are added.

    Examples:
        >>> rows = Rows()
        >>> rows.extend(np.ones((2, 3)))
        >>> before = rows.array
        >>> rows.extend(np.zeros((1, 3)))
        >>> before.shape, rows.array.shape
        ((2, 3), (3, 3))
    """

    def __init__(self, none: np.ndarray | None = None) -> None:
        """Begin without rows."""
        self._buffer = np.zeros((0,)) if none is None else none
        self._count = 0

    def __len__(self) -> int:
        """The number of rows."""
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
    """Rows of a table of points, with what is needed to recognize each point.

    Attributes:
        keys: (m,) ids of the points in the atlas.
        energies: (m,) energies.
        uncertainties: (m,) distances at which the exact points may lie, in weight units.
        invariants: (m, k) invariants.
    """

    keys: np.ndarray
    energies: np.ndarray
    uncertainties: np.ndarray
    invariants: np.ndarray


class KnownView(NamedTuple):
    """The first rows of a table, immutable and picklable.

    Attributes:
        rows: the rows that the view shows.
        order: positions of rows of the table by ascending energy. Positions beyond `rows` are
            ignored; rows whose positions are missing are searched one by one.
        ordered_energies: energies of the rows in that order.
    """

    rows: Known
    order: np.ndarray
    ordered_energies: np.ndarray

    def find(self, point: StationaryPoint) -> int | None:
        """The key of the known point of which this one is a symmetry copy; None if it is new."""
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
    """The columns of `Known` as arrays that grow."""

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
        """Begin with an empty table."""
        self._columns = _Columns(Rows(), Rows(), Rows(), Rows())
        self._order, self._ordered = np.zeros(0, int), np.zeros(0)

    def __len__(self) -> int:
        """The number of points."""
        return len(self._columns.keys)

    def append(self, new: Known) -> None:
        """Add rows; a table in another process must get them in the same order.

        Rows are sorted by energy only when there are many new ones, so that the time for each row
        grows as the logarithm of their number.
        """
        for column, values in zip(self._columns, new, strict=True):
            column.extend(np.asarray(values))
        unsorted = len(self) - len(self._order)
        if unsorted > max(TAIL, len(self) // 8):
            energies = self._columns.energies.array
            self._order = np.argsort(energies, kind="stable")
            self._ordered = energies[self._order]

    def since(self, count: int) -> Known:
        """The rows after the first `count`, for a table that has these already."""
        return Known(*(column.array[count:] for column in self._columns))

    def as_of(self, count: int | None = None) -> KnownView:
        """The view of the first `count` rows; by default of all rows."""
        rows = Known(*(column.array[:count] for column in self._columns))
        return KnownView(rows, self._order, self._ordered)


NOTHING_KNOWN = KnownPoints().as_of()
"""A view without rows, for which every point is new."""
