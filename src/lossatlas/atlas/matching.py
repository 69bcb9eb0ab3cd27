"""Identity: is this stationary point one that the atlas has, up to symmetry?

Symmetry copies of a point have equal invariants (`Landscape.invariants`), so two certified
points are the same if their invariants agree as well as the points are known. A certified
point lies within u = |H^-1 g| (its ``uncertainty``) of the exact one, and an invariant f moves
by at most |grad f| u. For networks |grad f| grows like the weight vector's length: the
gradient of |w|^2 is 2 w, that of a logit at a probe input x at most about |w| |x|. Hence

    |f_a - f_b| <= SLOPE max(1, |w|) (u_a + u_b + WEIGHT_ROUNDOFF) + ROUNDOFF max(1, |f|)

for every invariant. The energy moves only in second order, by g.H^-1 g / 2, far below the
roundoff at certified points: it must agree to ENERGY_ROUNDOFF, which is the narrow window in
which the index on the energy finds the candidates. The cost of a match does not grow with the
atlas. All points of a batch are looked up together (`Known`), and recognize each other.

The energy alone decides nothing: distinct points may have equal energies.

The two sides are far apart in practice: on a polished landscape of a [2, 10, 4] network one
point found twice differs by 3e-7 of the tolerance, the nearest distinct ones by 1e6 of it.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from functools import cache
from typing import NamedTuple

import numpy as np
from sqlalchemy import Connection, Table, TextClause, text

from lossatlas.atlas.schema import from_blob
from lossatlas.search.outcome import StationaryPoint

SLOPE = 10.0
"""Bound on an invariant's gradient norm, in units of max(1, |w|)."""
WEIGHT_ROUNDOFF = 1e-9
"""Distance left by roundoff of the gradient alone (1e-16 a component over a soft mode)."""
ROUNDOFF = 1e-10
"""Relative agreement of an invariant evaluated at one point by two programs."""
ENERGY_ROUNDOFF = 1e-10
"""Agreement of the energy of one point, relative to max(1, |E|)."""
WINDOWS = 50
"""Windows of energy that one query looks into."""
NOWHERE = (1.0, 0.0)
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
        windows = list(_windows(energies))
        rows = (
            row
            for first in range(0, len(windows), WINDOWS)
            for row in connection.execute(
                _query(table.name), _parameters(windows[first : first + WINDOWS])
            )
        )
        self._candidates = sorted(
            (Candidate(e, i, u, from_blob(blob)) for e, i, u, blob in rows), key=lambda c: c[:2]
        )
        self._energies = [candidate.energy for candidate in self._candidates]

    def match(self, point: StationaryPoint) -> int | None:
        """The id of the point that ``point`` is a copy of; None if it is new.

        Its index is the caller's business.
        """
        window = energy_window(point.energy)
        first = bisect_left(self._energies, point.energy - window)
        last = bisect_right(self._energies, point.energy + window)
        found = [
            (deviation(point, candidate.uncertainty, candidate.invariants), candidate.id)
            for candidate in self._candidates[first:last]
        ]
        closest, identifier = min(found, default=(np.inf, 0))
        return identifier if closest <= 1.0 else None

    def add(self, identifier: int, point: StationaryPoint) -> None:
        """From now on this point is known, too."""
        energy = float(point.energy)
        place = bisect_right(self._energies, energy)
        candidate = Candidate(energy, identifier, float(point.uncertainty), point.invariants)
        self._energies.insert(place, energy)
        self._candidates.insert(place, candidate)


def energy_window(energy: float) -> float:
    """How far the energy of the same point may be off."""
    return ENERGY_ROUNDOFF * max(1.0, abs(energy))


def deviation(point: StationaryPoint, uncertainty: float, invariants: np.ndarray) -> float:
    """The largest difference of invariants in units of what is tolerated; same point if <= 1.

    Args:
        point: one of the two points; energies are not compared here.
        uncertainty: that of the other, in weight units.
        invariants: (k,) of the other.

    Example:
        >>> one = np.ones(3)
        >>> point = StationaryPoint(one, 0.5, 1e-14, 0, one, 0.0, 1e-9, np.array([0.5, 3.0]), 8)
        >>> deviation(point, 1e-9, np.array([0.5, 3.0 + 1e-9])) < 1
        True
        >>> deviation(point, 1e-9, np.array([0.5, 3.0 + 1e-6])) < 1
        False
    """
    length = max(1.0, float(np.linalg.norm(point.weights)))
    known_to = SLOPE * length * (point.uncertainty + uncertainty + WEIGHT_ROUNDOFF)
    tolerance = known_to + ROUNDOFF * np.maximum(1.0, np.abs(point.invariants))
    return float(np.max(np.abs(point.invariants - invariants) / tolerance))


def find_match(connection: Connection, table: Table, point: StationaryPoint) -> int | None:
    """The id of the stored point that ``point`` is a copy of; None if it is new (see `Known`)."""
    return Known(connection, table, [point.energy]).match(point)


def _windows(energies: Iterable[float]) -> Iterator[tuple[float, float]]:
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


@cache
def _query(table: str) -> TextClause:
    """Each window has a query of its own: one condition for all of them would not use the index."""
    one = f"SELECT energy, id, uncertainty, invariants FROM {table} WHERE energy BETWEEN "
    return text(" UNION ALL ".join(f"{one} :low_{k} AND :high_{k}" for k in range(WINDOWS)))


def _parameters(windows: list[tuple[float, float]]) -> dict[str, float]:
    padded = windows + [NOWHERE] * (WINDOWS - len(windows))
    return {
        name: bound
        for k, (low, high) in enumerate(padded)
        for name, bound in ((f"low_{k}", low), (f"high_{k}", high))
    }
