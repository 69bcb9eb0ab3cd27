"""What strategies see: the network of points as committed, never what is in flight."""

from dataclasses import dataclass, field

import numpy as np
from sqlalchemy import select

from lossatlas.atlas import Atlas, schema
from lossatlas.atlas.log import Entry, read_log
from lossatlas.atlas.matching import deviation, energy_window
from lossatlas.exploration.neighbors import BLOCK, Neighbors
from lossatlas.landscape.base import Landscape
from lossatlas.network.disconnectivity import Tree
from lossatlas.network.points import Network
from lossatlas.search.outcome import StationaryPoint


@dataclass(frozen=True)
class View:
    """An immutable picture of the atlas for one round of planning.

    Attributes:
        landscape: the landscape.
        points: the network of points; positions below are positions in its arrays.
        weights: (m, n) of the minima.
        inside: (m,) whether each minimum lies inside the box of the landscape; searches begin at
            these only.
        transition_states: weights (n,) of each transition state that does.
        tried: (strategy, origin, detail) of every attempt made or in flight.
        component: (m,) connected component of each minimum.
        neighbors: (m, k) positions of the nearest minima by their descriptors, nearest first.
        distances: (m, k) how far they are, as distances of descriptors.
        tree: the exact disconnectivity tree.
    """

    landscape: Landscape
    points: Network
    weights: np.ndarray
    inside: np.ndarray
    transition_states: tuple[np.ndarray, ...]
    tried: set[tuple[str, tuple[int, ...], str]]
    component: np.ndarray
    neighbors: np.ndarray
    distances: np.ndarray
    tree: Tree | None

    def by_energy(self) -> np.ndarray:
        """Positions of the minima inside the box, lowest first."""
        order = np.argsort(self.points.minimum_energies, kind="stable")
        return order[self.inside[order]]

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
    _inside: list[bool] = field(default_factory=list)
    _transition_states: list[np.ndarray] = field(default_factory=list)
    _read_states: int = 0
    _near: Neighbors = field(default_factory=Neighbors)

    def view(self) -> View:
        """The atlas as it is now."""
        for entry in read_log(self.atlas, self.entries[-1].id if self.entries else 0):
            self.entries.append(entry)
            self.planned.add((entry.strategy, entry.origins, entry.what))
        points = self.atlas.network(outside=True)
        self._read_new_weights(points)
        weights = np.array(self._weights).reshape(-1, self.landscape.n_weights)
        return View(
            landscape=self.landscape,
            points=points,
            weights=weights,
            inside=np.array(self._inside, bool),
            transition_states=tuple(self._transition_states),
            tried=self.planned,
            component=points.components,
            neighbors=self._near.found,
            distances=self._near.distances,
            tree=points.tree if len(points.minimum_ids) else None,
        )

    def _read_new_weights(self, points: Network) -> None:
        new = points.minimum_ids[len(self._weights) :]
        if len(new):
            fresh = self.atlas.minimum_weights(int(i) for i in new)
            self._weights.extend(fresh)
            self._inside.extend(self.landscape.inside(fresh).tolist())
            for first in range(0, len(fresh), BLOCK):
                block = np.asarray(fresh[first : first + BLOCK])
                self._near.add(self.landscape.descriptors(block))
        states = points.transition_state_ids[self._read_states :]
        if len(states):
            fresh = self.atlas.transition_state_weights(int(i) for i in states)
            self._transition_states.extend(fresh[self.landscape.inside(fresh)])
            self._read_states += len(states)


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
