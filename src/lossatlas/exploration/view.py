"""What strategies see: the network of points as committed, never what is in flight."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from sqlalchemy import select

from lossatlas.atlas import Atlas, schema
from lossatlas.atlas.log import Entry, read_log
from lossatlas.exploration.neighbors import BLOCK, Neighbors
from lossatlas.exploration.tried import Key, Tried
from lossatlas.landscape.base import Landscape
from lossatlas.network.disconnectivity import Tree
from lossatlas.network.points import Network
from lossatlas.search.known import Known, KnownPoints, KnownView, Rows

MEMORY = 200
"""Attempts of a strategy that the planner judges it by."""


@dataclass(frozen=True)
class View:
    """An immutable picture of the atlas for one round of planning.

    Attributes:
        landscape: the landscape.
        points: the network of points; positions below are positions in its arrays.
        weights: (m, n) of the minima.
        inside: (m,) whether each minimum lies inside the box of the landscape; searches begin at
            these only.
        transition_states: (k, n) weights of the transition states inside.
        tried: the names of all searches made or in flight.
        component: (m,) connected component of each minimum.
        neighbors: (m, k) positions of the nearest minima by their descriptors, nearest first.
        distances: (m, k) how far they are, as distances of descriptors.
        tree: the exact disconnectivity tree; None without minima.
        recent: the last attempts (`MEMORY`) of each strategy by its name in the log, the oldest
            first.
        seed: of the random numbers that strategies draw, see `random_numbers`.
        as_of: id of the last attempt in the log that this is a picture of.
    """

    landscape: Landscape
    points: Network
    weights: np.ndarray
    inside: np.ndarray
    transition_states: np.ndarray
    tried: Tried
    component: np.ndarray
    neighbors: np.ndarray
    distances: np.ndarray
    tree: Tree | None
    recent: Mapping[str, Sequence[Entry]]
    seed: int = 0
    as_of: int = 0

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
        seed: of the exploration.
    """

    atlas: Atlas
    landscape: Landscape
    seed: int = 0
    tried: Tried = field(default_factory=Tried)
    _recent: dict[str, deque[Entry]] = field(default_factory=dict)
    _as_of: int = 0
    _weights: Rows = field(default_factory=Rows)
    _inside: Rows = field(default_factory=Rows)
    _transition_states: Rows = field(default_factory=Rows)
    _read_states: int = 0
    _known: KnownPoints = field(default_factory=KnownPoints)
    _last_known: int = 0
    _near: Neighbors = field(default_factory=Neighbors)

    def view(self) -> View:
        """The atlas as it is now."""
        for entry in read_log(self.atlas, self._as_of):
            self._as_of = entry.id
            self._recent.setdefault(entry.strategy, deque(maxlen=MEMORY)).append(entry)
            self.tried.add(Key(entry.strategy, entry.origins, entry.what))
        points = self.atlas.network(outside=True)
        self._read_new_weights(points)
        return View(
            landscape=self.landscape,
            points=points,
            weights=self._rows(self._weights),
            inside=self._inside.array.reshape(-1).astype(bool),
            transition_states=self._rows(self._transition_states),
            tried=self.tried,
            component=points.components,
            neighbors=self._near.found,
            distances=self._near.distances,
            tree=points.tree if len(points.minimum_ids) else None,
            recent={name: tuple(entries) for name, entries in self._recent.items()},
            seed=self.seed,
            as_of=self._as_of,
        )

    def known(self) -> KnownView:
        """The transition states that the atlas has now, for searches to recognize."""
        new = known_after(self.atlas, self._last_known)
        if len(new.keys):
            self._known.append(new)
            self._last_known = int(new.keys[-1])
        return self._known.as_of()

    def _rows(self, rows: Rows) -> np.ndarray:
        return rows.array.reshape(-1, self.landscape.n_weights)

    def _read_new_weights(self, points: Network) -> None:
        new = points.minimum_ids[len(self._weights) :]
        if len(new):
            fresh = self.atlas.minimum_weights(int(i) for i in new)
            self._weights.extend(fresh)
            self._inside.extend(self.landscape.inside(fresh))
            for first in range(0, len(fresh), BLOCK):
                block = np.asarray(fresh[first : first + BLOCK])
                self._near.add(self.landscape.descriptors(block))
        states = points.transition_state_ids[self._read_states :]
        if len(states):
            fresh = self.atlas.transition_state_weights(int(i) for i in states)
            self._transition_states.extend(fresh[self.landscape.inside(fresh)])
            self._read_states += len(states)


def known_after(atlas: Atlas, last_id: int) -> Known:
    """What is needed to recognize the transition states with ids above `last_id`, ascending."""
    table = schema.transition_state.c
    query = (
        select(table.id, table.energy, table.uncertainty, table.invariants)
        .where(table.id > last_id)
        .order_by(table.id)
    )
    with atlas.reading() as connection:
        rows = connection.execute(query).all()
    ids, energies, uncertainties, blobs = zip(*rows, strict=True) if rows else ((), (), (), ())
    return Known(
        np.array(ids, int),
        np.array(energies, float),
        np.array(uncertainties, float),
        np.array([schema.from_blob(blob) for blob in blobs]),
    )
