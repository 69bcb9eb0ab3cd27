"""The points as an atlas stores them, and their comparison with points computed again."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection, Table, select

from lossatlas.atlas import Atlas, schema
from lossatlas.atlas.columns import read_columns, stack
from lossatlas.exploration.claims import UNKNOWN
from lossatlas.landscape.base import Landscape
from lossatlas.search.identity import deviation, energy_window, same_point
from lossatlas.search.known import Known, KnownPoints, KnownView
from lossatlas.search.outcome import StationaryPoint

EIGENVALUE, LOG_DETERMINANT = 1e-4, 1e-3
"""Largest differences from stored values that are accepted: of an eigenvalue, relative to itself,
and of a log-determinant."""
LONGEST = 1e4
"""Upper bound of the length of the weights, in the search for points that may be stored twice."""


class StoredRow(NamedTuple):
    """One row of a table of points.

    Attributes:
        table: name of the table, "minimum" or "transition_state".
        id: id of the point.
        columns: the stored values, by the names of the columns.
    """

    table: str
    id: int
    columns: dict[str, Any]

    @property
    def kind(self) -> str:
        """Name of the kind of point in messages: "minimum" or "transition state"."""
        return self.table.replace("_", " ")

    @property
    def weights(self) -> np.ndarray:
        """(n,) weights of the point."""
        return schema.from_blob(self.columns["weights"])

    def point(self) -> StationaryPoint:
        """Return the point in the form in which a search hands it over."""
        stored = self.columns
        log_determinant = stored["log_determinant"]
        return StationaryPoint(
            self.weights,
            stored["energy"],
            stored["rms_gradient"],
            int(self.table == schema.transition_state.name),
            schema.from_blob(stored["lowest_eigenvalues"]),
            np.nan if log_determinant is None else log_determinant,
            stored["uncertainty"],
            schema.from_blob(stored["invariants"]),
            int(stored["orbit_size"]),
            bool(stored["outside"]),
        )

    def differences(self, landscape: Landscape, found: StationaryPoint) -> list[str]:
        """Compare the row with the point that was computed again from its weights.

        Args:
            landscape: the landscape of the atlas.
            found: the point computed again.

        Returns:
            One text for each difference.
        """
        stored, wrong = self.point(), []
        if abs(found.energy - stored.energy) > energy_window(stored.energy):
            wrong.append(f"loss {found.energy:.12g}, stored {stored.energy:.12g}")
        if deviation(found, stored.uncertainty, stored.invariants) > 1.0:
            wrong.append("the stored invariants are not those of the stored weights")
        wrong += _spectrum(landscape, stored, found)
        if self.columns["lowest_eigenvalue"] != stored.lowest_eigenvalues[0]:
            wrong.append("the lowest eigenvalue is not the first of the stored ones")
        if found.orbit_size != stored.orbit_size:
            wrong.append(f"orbit size {found.orbit_size}, stored {stored.orbit_size}")
        outside = not landscape.inside(stored.weights[None])[0]
        if outside != stored.outside:
            now, before = ("outside", "inside") if outside else ("inside", "outside")
            wrong.append(f"it lies {now} the box, but is stored as lying {before}")
        return wrong


def _spectrum(
    landscape: Landscape, stored: StationaryPoint, found: StationaryPoint
) -> Iterator[str]:
    own, other = stored.lowest_eigenvalues, found.lowest_eigenvalues
    zero = landscape.zero_tolerance
    allowed = EIGENVALUE * np.abs(other) + (1e-8 * np.abs(other).max() if zero is None else zero)
    if own.shape != other.shape or (np.abs(own - other) > allowed).any():
        listed = [", ".join(f"{x:.6g}" for x in values.tolist()) for values in (other, own)]
        yield f"lowest eigenvalues {listed[0]}, stored {listed[1]}"
    apart = abs(found.log_determinant - stored.log_determinant)
    # False if one of the two is NaN, which stands for a log-determinant that was not computed.
    if apart > LOG_DETERMINANT * max(1.0, 1e-3 * abs(found.log_determinant)):
        yield f"log-determinant {found.log_determinant:.8g}, stored {stored.log_determinant:.8g}"


class StoredPoints:
    """The points of one table of an atlas, in a form in which copies of them are recognized.

    Args:
        connection: a connection to the atlas.
        table: ``schema.minimum`` or ``schema.transition_state``.

    Attributes:
        kind: ``"minimum"`` or ``"transition state"``.
        ids: (m,) ids of the points, ascending.
        known: what is needed to recognize the points.
    """

    def __init__(self, connection: Connection, table: Table) -> None:
        """Read all points, but not their weights."""
        self.table, self.kind = table, table.name.replace("_", " ")
        c = table.c
        query = select(c.id, c.energy, c.uncertainty, c.invariants).order_by(c.id)
        read = read_columns(connection, query)
        self.ids = read["id"].astype(np.int64)
        self.known = Known(
            self.ids,
            read["energy"].astype(np.float64),
            read["uncertainty"].astype(np.float64),
            stack(read["invariants"].tolist()),
        )
        self._view = _view_of(self.known)

    def recognized(self, point: StationaryPoint) -> int:
        """Return the id of the stored point that a point is a copy of; `UNKNOWN` without one."""
        found = self._view.find(point)
        return UNKNOWN if found is None else found

    def rows(self, atlas: Atlas, ids: Sequence[int]) -> list[StoredRow]:
        """Read whole rows, in the order of `ids`."""
        if not ids:
            return []
        query = select(self.table).where(self.table.c.id.in_(ids))
        with atlas.reading() as connection:
            found = {row["id"]: dict(row) for row in connection.execute(query).mappings()}
        return [StoredRow(self.table.name, i, found[i]) for i in ids]


def _view_of(rows: Known) -> KnownView:
    table = KnownPoints()
    if len(rows.keys):
        table.append(rows)
    return table.as_of()


def duplicates(atlas: Atlas, points: StoredPoints) -> Iterator[str]:
    """Yield a message for each point that is stored twice, as two copies under different ids."""
    for first, second in _suspects(points.known):
        rows = points.rows(atlas, [int(first), int(second)])
        one, other = (row.point() for row in rows)
        if same_point(one, other) or same_point(other, one):
            name = f"{points.kind} {max(first, second)}"
            yield f"{name}: it is the same point as {points.kind} {min(first, second)}"


def _suspects(known: Known) -> list[tuple[int, int]]:
    """Return pairs of ids of points that may be the same, by their energies and invariants."""
    order = np.argsort(known.energies, kind="stable")
    energies, invariants = known.energies[order], known.invariants[order]
    windows = np.array([energy_window(energy) for energy in energies.tolist()])
    found: list[tuple[int, int]] = []
    for step in range(1, len(order)):
        near = np.flatnonzero(energies[step:] - energies[:-step] <= windows[:-step])
        if near.size == 0:
            break
        apart = np.abs(invariants[near + step] - invariants[near]).max(axis=1)
        unsure = known.uncertainties[order[near]] + known.uncertainties[order[near + step]]
        likely = near[apart <= LONGEST * (unsure + 1e-8)]
        found += zip(
            known.keys[order[likely]].tolist(),
            known.keys[order[likely + step]].tolist(),
            strict=True,
        )
    return found
