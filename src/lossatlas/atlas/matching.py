"""Identity: is this stationary point one that the atlas has, up to symmetry?

What makes two points one is said in `search.identity`; here the candidates are found, by the index
on the energy. All points of a batch are looked up together (`Known`), and recognize each other.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from functools import cache
from typing import NamedTuple

import numpy as np
from sqlalchemy import Connection, Table, TextClause, text

from lossatlas.atlas.schema import from_blob
from lossatlas.search.identity import energy_window, match
from lossatlas.search.outcome import StationaryPoint

WINDOWS = (8, 16, 32, 64, 128, 256)
"""Windows of energy that one query looks into; one with room for all, if there is one."""
Window = tuple[float, float]
"""The lowest and the highest energy of a window."""
NOWHERE: Window = (1.0, 0.0)
"""A window that contains nothing."""


class Candidate(NamedTuple):
    """A stored point that may be the one looked for."""

    energy: float
    id: int
    uncertainty: float
    invariants: np.ndarray


class Known:
    """The stored points of a table with energies near those of a batch, and those that it adds.

    Args:
        connection: inside the transaction that will store the batch, so that nobody else can.
        table: ``schema.minimum`` or ``schema.transition_state``.
        energies: of the points of the batch.
    """

    def __init__(self, connection: Connection, table: Table, energies: Iterable[float]) -> None:
        """Read what may match."""
        rows = (
            row
            for windows in _together(list(_windows(energies)))
            for row in connection.execute(_query(table.name, len(windows)), _parameters(windows))
        )
        self._candidates = sorted(
            (Candidate(e, i, u, from_blob(blob)) for e, i, u, blob in rows), key=lambda c: c[:2]
        )
        self._energies = [candidate.energy for candidate in self._candidates]

    def ids(self) -> list[int]:
        """The ids of all candidates."""
        return [candidate.id for candidate in self._candidates]

    def match(self, point: StationaryPoint) -> int | None:
        """The id of the point that ``point`` is a copy of; None if it is new.

        Its index is the caller's business.
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
        """From now on this point is known, too."""
        energy = float(point.energy)
        place = bisect_right(self._energies, energy)
        candidate = Candidate(energy, identifier, float(point.uncertainty), point.invariants)
        self._energies.insert(place, energy)
        self._candidates.insert(place, candidate)


def _windows(energies: Iterable[float]) -> Iterator[Window]:
    """Where to look for points of these energies; no two overlap, so that none is found twice."""
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
    """Windows for one query each, filled up with empty ones."""
    for first in range(0, len(windows), WINDOWS[-1]):
        some = windows[first : first + WINDOWS[-1]]
        size = next(size for size in WINDOWS if len(some) <= size)
        yield some + [NOWHERE] * (size - len(some))


@cache
def _query(table: str, size: int) -> TextClause:
    """Each window has a query of its own: one condition for all of them would not use the index."""
    one = f"SELECT energy, id, uncertainty, invariants FROM {table} WHERE energy BETWEEN "
    return text(" UNION ALL ".join(f"{one} :low_{k} AND :high_{k}" for k in range(size)))


def _parameters(windows: list[Window]) -> dict[str, float]:
    return {
        name: bound
        for k, (low, high) in enumerate(windows)
        for name, bound in ((f"low_{k}", low), (f"high_{k}", high))
    }
