"""Recognize stationary points that an atlas already has, up to symmetry.

`search.identity` decides whether two points are the same. Here the stored candidates are found, by
the database index on the energy. All points of a batch are looked up together (`Known`), and points
that the batch adds are recognized when they occur in it again.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from functools import cache
from typing import NamedTuple

import numpy as np
from sqlalchemy import Connection, Table, TextClause, text

from lossatlas.atlas.schema import from_blob
from lossatlas.atlas.statements import rows_of
from lossatlas.search.identity import energy_window, match
from lossatlas.search.outcome import StationaryPoint

WINDOWS = (8, 16, 32, 64, 128, 256)
"""Numbers of energy windows for which there are queries; the smallest sufficient one is used."""
Window = tuple[float, float]
"""The lowest and the highest energy of a window."""
NOWHERE: Window = (1.0, 0.0)
"""A window that contains no energy, with which a query is filled up."""


class Candidate(NamedTuple):
    """A stored point that may be the same as another one.

    Attributes:
        energy: its energy.
        id: its id.
        uncertainty: distance in weights within which the exact stationary point lies.
        invariants: numbers that are equal for all of its symmetry copies.
    """

    energy: float
    id: int
    uncertainty: float
    invariants: np.ndarray


class Known:
    """The stored points with energies near those of a batch, and the points that the batch adds.

    Args:
        connection: connection of the transaction that will store the batch, so that no other
            program adds points meanwhile.
        table: ``schema.minimum`` or ``schema.transition_state``.
        energies: energies of the points of the batch.
    """

    def __init__(self, connection: Connection, table: Table, energies: Iterable[float]) -> None:
        """Read the stored points that may match."""
        rows = (
            row
            for windows in _together(list(_windows(energies)))
            for row in rows_of(connection, _query(table.name, len(windows)), _parameters(windows))
        )
        self._candidates = sorted(
            (Candidate(e, i, u, from_blob(blob)) for e, i, u, blob in rows), key=lambda c: c[:2]
        )
        self._energies = [candidate.energy for candidate in self._candidates]

    def ids(self) -> list[int]:
        """The ids of all candidates."""
        return [candidate.id for candidate in self._candidates]

    def match(self, point: StationaryPoint) -> int | None:
        """The id of the known point of which ``point`` is a symmetry copy; None if it is new.

        The Hessian index of the point is not compared; the caller has to choose the right table.
        """
        window = energy_window(point.energy)
        first = bisect_left(self._energies, point.energy - window)
        last = bisect_right(self._energies, point.energy + window)
        near = self._candidates[first:last]
        if not near:
            return None
        uncertainties = np.array([candidate.uncertainty for candidate in near])
        which = match(point, uncertainties, np.array([candidate.invariants for candidate in near]))
        return None if which is None else near[which].id

    def add(self, identifier: int, point: StationaryPoint) -> None:
        """Add a new point with its id, so that it is recognized from now on."""
        energy = float(point.energy)
        place = bisect_right(self._energies, energy)
        candidate = Candidate(energy, identifier, float(point.uncertainty), point.invariants)
        self._energies.insert(place, energy)
        self._candidates.insert(place, candidate)


def _windows(energies: Iterable[float]) -> Iterator[Window]:
    """Windows around these energies; overlapping ones are joined, so no point is found twice."""
    low = high = None
    for energy in sorted(map(float, energies)):
        window = energy_window(energy)
        if high is not None and low is not None and energy - window <= high:
            high = max(high, energy + window)
            continue
        if high is not None and low is not None:
            yield low, high
        low, high = energy - window, energy + window
    if high is not None and low is not None:
        yield low, high


def _together(windows: list[Window]) -> Iterator[list[Window]]:
    """Lists of windows for one query each, filled up with empty windows."""
    for first in range(0, len(windows), WINDOWS[-1]):
        some = windows[first : first + WINDOWS[-1]]
        size = next(size for size in WINDOWS if len(some) <= size)
        yield some + [NOWHERE] * (size - len(some))


@cache
def _query(table: str, size: int) -> TextClause:
    """A query for some number of windows.

    Each window is a query of its own in a union, since a single condition for all windows would not
    use the index on the energy.
    """
    one = f"SELECT energy, id, uncertainty, invariants FROM {table} WHERE energy BETWEEN "
    return text(" UNION ALL ".join(f"{one} :low_{k} AND :high_{k}" for k in range(size)))


def _parameters(windows: list[Window]) -> dict[str, float]:
    return {
        name: bound
        for k, (low, high) in enumerate(windows)
        for name, bound in ((f"low_{k}", low), (f"high_{k}", high))
    }
