"""What strategies see: the network of points as committed, never what is in flight."""

from dataclasses import dataclass, field

import numpy as np
from scipy.spatial import KDTree
from sqlalchemy import select

from lossatlas.analysis.disconnectivity import Tree, build_tree
from lossatlas.atlas import Atlas, Snapshot, components, schema, snapshot
from lossatlas.atlas.log import Entry, read_log
from lossatlas.atlas.matching import deviation, energy_window
from lossatlas.landscape.base import Landscape
from lossatlas.search.outcome import StationaryPoint

NEIGHBORS = 10
"""Nearest minima, by their invariants, that pairs are chosen from."""


@dataclass(frozen=True)
class View:
    """An immutable picture of the atlas for one round of planning.

    Attributes:
        landscape: the landscape.
        points: the network of points; positions below are positions in its arrays.
        weights: (m, n) of the minima.
        transition_states: weights (n,) of each transition state.
        tried: (strategy, origin, detail) of every attempt made or in flight.
        component: (m,) connected component of each minimum.
        neighbors: (m, k) positions of the nearest minima by their invariants, nearest first.
        distances: (m, k) how far they are, as distances of invariants.
        tree: the exact disconnectivity tree.
    """

    landscape: Landscape
    points: Snapshot
    weights: np.ndarray
    transition_states: tuple[np.ndarray, ...]
    tried: set[tuple[str, tuple[int, ...], str]]
    component: np.ndarray
    neighbors: np.ndarray
    distances: np.ndarray
    tree: Tree | None

    def by_energy(self) -> np.ndarray:
        """Positions of the minima, lowest first."""
        return np.argsort(self.points.minimum_energies, kind="stable")

    def ids(self, *positions: int) -> tuple[int, ...]:
        """Ids of minima by position."""
        return tuple(int(self.points.minimum_ids[k]) for k in positions)


@dataclass
class Observer:
    """Keeps what views are made of up to date, reading only what is new.

    Args:
        atlas: the atlas.
        landscape: its landscape.
    """

    atlas: Atlas
    landscape: Landscape
    entries: list[Entry] = field(default_factory=list)
    planned: set[tuple[str, tuple[int, ...], str]] = field(default_factory=set)
    _weights: list[np.ndarray] = field(default_factory=list)
    _transition_states: list[np.ndarray] = field(default_factory=list)
    _invariants: list[np.ndarray] = field(default_factory=list)

    def view(self) -> View:
        """The atlas as it is now."""
        for entry in read_log(self.atlas, self.entries[-1].id if self.entries else 0):
            self.entries.append(entry)
            self.planned.add((entry.strategy, entry.origin, entry.detail))
        points = snapshot(self.atlas)
        self._read_new_weights(points)
        weights = np.array(self._weights).reshape(-1, self.landscape.n_weights)
        count = len(points.minimum_ids)
        neighbors, distances = _nearest(self._invariants)
        return View(
            landscape=self.landscape,
            points=points,
            weights=weights,
            transition_states=tuple(self._transition_states),
            tried=self.planned,
            component=components(points) if count else np.zeros(0, int),
            neighbors=neighbors,
            distances=distances,
            tree=build_tree(
                points.minimum_energies,
                points.transition_state_energies,
                points.minimum_1,
                points.minimum_2,
            )
            if count
            else None,
        )

    def _read_new_weights(self, points: Snapshot) -> None:
        new = points.minimum_ids[len(self._weights) :]
        if len(new):
            fresh = self.atlas.minimum_weights(int(i) for i in new)
            self._weights.extend(fresh)
            self._invariants.extend(self.landscape.invariants(w) for w in fresh)
        states = points.transition_state_ids[len(self._transition_states) :]
        if len(states):
            fresh = self.atlas.transition_state_weights(int(i) for i in states)
            self._transition_states.extend(fresh)


def _nearest(invariants: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """(m, k) positions of the nearest rows, the row itself left out, and their distances."""
    count = len(invariants)
    k = max(0, min(NEIGHBORS, count - 1))
    if k == 0:
        return np.zeros((count, 0), int), np.zeros((count, 0))
    rows = np.array(invariants)
    distances, found = map(np.asarray, KDTree(rows).query(rows, k=k + 1))
    # The row itself is first, unless another lies at the same place.
    other = found != np.arange(count)[:, None]
    other[other.all(axis=1), -1] = False
    return found[other].reshape(count, k), distances[other].reshape(count, k)


class KnownTransitionStates:
    """Recognizes transition states that the atlas had when a round was planned.

    Only points that were committed by then count, whatever has been committed since: what a search
    does must not depend on the timing of others.
    """

    def __init__(self, atlas: Atlas) -> None:
        """Nothing read yet."""
        self.atlas = atlas
        self.last_id = 0
        self._rows: list[tuple[float, int, float, np.ndarray]] = []

    def as_of_now(self):
        """A function from a point to the id of the transition state it is a copy of, or None."""
        table = schema.transition_state.c
        query = (
            select(table.energy, table.id, table.uncertainty, table.invariants)
            .where(table.id > self.last_id)
            .order_by(table.id)
        )
        with self.atlas.reading() as connection:
            new = [
                (energy, identity, uncertainty, schema.from_blob(blob))
                for energy, identity, uncertainty, blob in connection.execute(query)
            ]
        if new:
            self.last_id = new[-1][1]
            self._rows = sorted([*self._rows, *new], key=lambda row: row[:2])
        rows = self._rows
        energies = np.array([row[0] for row in rows])

        def known(point: StationaryPoint) -> int | None:
            window = energy_window(point.energy)
            first, last = np.searchsorted(energies, [point.energy - window, point.energy + window])
            for _, identity, uncertainty, invariants in rows[first:last]:
                if deviation(point, uncertainty, invariants) <= 1.0:
                    return identity
            return None

        return known
