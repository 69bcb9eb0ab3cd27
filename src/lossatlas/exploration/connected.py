"""Strategies that grow one connected set of minima, instead of finding as many minima as possible.

Where quenches find far more minima than could ever be joined, a database of connected minima has to
be grown from within: a climb from a connected minimum along one of its soft modes ends nearly
always at a transition state that joins this minimum to another one, so what it finds is connected
at once. Climbs that start elsewhere create islands. Therefore climbs start from the *main set*
(`main_set`), which begins at the lowest of the minima that the first chains of basin-hopping reach.
If the lowest minimum lies on an island, that island is climbed from too, and bands are made to join
it to the main set. Other islands are left alone.

Bands within the main set, and bands from it to near minima outside of it, compete with the climbs
by what they find. Climbs have the same names in the log as in explorations with another aim, and a
pair of minima is tried by one band only: in an atlas that was explored with another aim before, no
search is made twice.
"""

from collections.abc import Iterator
from functools import partial
from itertools import islice

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from lossatlas.analysis.missing import DRAWS as CONNECTED_DRAWS
from lossatlas.exploration.agendas import Levels, Numbered
from lossatlas.exploration.checkpoint import CONNECTED
from lossatlas.exploration.independent import climb_of_random_mode
from lossatlas.exploration.neighbors import NEIGHBORS
from lossatlas.exploration.random_starts import random_numbers
from lossatlas.exploration.strategies import (
    BASIN_HOPPING,
    CLIMB_LEVELS,
    FindMinima,
    band,
    climbs,
)
from lossatlas.exploration.tasks import Key, Task
from lossatlas.exploration.view import View
from lossatlas.search.known import Rows

CLIMB_CONNECTED, GROW_ISLAND = "climb-connected", "grow-island"
FIND_LOWEST, BRIDGE = "find-lowest", "bridge"
WITHIN, OUTWARD = "within", "outward"
CHAINS = 24
"""Number of chains of basin-hopping that an exploration begins with."""
ABUTMENTS = 20
"""Number of the lowest minima of the lowest island from which direct bands to the main set may be
made."""
WAYS = 3
"""Number of ways to the lowest island that are proposed in one round."""


class FindLowest:
    """The chains of basin-hopping that find the first minima."""

    def __init__(self) -> None:
        """Begin at the first chain."""
        self._chains = FindMinima()

    def __call__(self, view: View) -> Iterator[Task]:
        """Propose the first chains that were not made yet."""
        made = len(view.tried.whats(BASIN_HOPPING))
        return islice(self._chains(view), max(0, CHAINS - made))


class ClimbConnected:
    """Climbs from the minima of the main set.

    All minima are climbed from along their softest mode before any is along the next mode. At each
    level the minima of lowest energy come first.
    """

    def __init__(self) -> None:
        """Begin without any minimum."""
        self._members = _Members()

    def __call__(self, view: View) -> Iterator[Task]:
        """Propose the climbs that were not made yet."""
        main = view.main_set
        self._members.update(view, (main.label,), main.members & view.inside)
        return self._members.levels.tasks(view, partial(climbs, view))


class BandsWithin:
    """Bands between minima of the main set that are near neighbors and have no band yet.

    They add transition states between minima that are connected already, and minima on the way. All
    minima are paired with their nearest neighbor before any is paired with its second, the minima
    of lowest energy first.
    """

    def __init__(self) -> None:
        """Begin without any minimum."""
        self._members = _Members(NEIGHBORS)

    def __call__(self, view: View) -> Iterator[Task]:
        """Propose the bands that were not made yet."""
        main = view.main_set
        self._members.update(view, (main.label,), main.members & view.inside)
        return self._members.levels.tasks(view, partial(_within, view))


def _within(view: View, position: int, rank: int) -> Iterator[Task]:
    near = view.neighbors[position]
    other = int(near[rank]) if rank < len(near) else -1
    if other >= 0 and view.inside[other] and view.main_set.members[other]:
        yield from band(WITHIN, view, position, other)


class BandsOutward:
    """Bands from minima of the main set to near neighbors outside of it that have no band yet.

    All minima are paired with their nearest neighbor before any is paired with its second, the
    minima of lowest energy first.
    """

    def __init__(self) -> None:
        """Begin without any minimum."""
        self._members, self._mark = _Members(NEIGHBORS), 0

    def __call__(self, view: View) -> Iterator[Task]:
        """Propose the bands that were not made yet."""
        main, members = view.main_set, self._members
        members.update(view, (main.label,), main.members & view.inside)
        changed = view.neighbors_changed(self._mark)
        self._mark += len(changed)
        for position in changed.tolist():
            if main.members[position]:
                members.levels.begin_again(view, position)
        return members.levels.tasks(view, partial(_outward, view))


def _outward(view: View, position: int, rank: int) -> Iterator[Task]:
    near = view.neighbors[position]
    other = int(near[rank]) if rank < len(near) else -1
    if other >= 0 and view.inside[other] and not view.main_set.members[other]:
        yield from band(OUTWARD, view, position, other)


class GrowLowestIsland:
    """Climbs from the minima of the lowest island, if the lowest minimum is not in the main set.

    They are ordered as those of `ClimbConnected` are.
    """

    def __init__(self) -> None:
        """Begin without any minimum."""
        self._members = _Members()

    def __call__(self, view: View) -> Iterator[Task]:
        """Propose the climbs that were not made yet."""
        main = view.main_set
        token = (main.label, main.lowest)
        self._members.update(view, token, main.on_the_lowest_island & view.inside)
        return self._members.levels.tasks(view, partial(climbs, view))


class _Members:
    """The minima of a growing set, ordered by levels; if the set is replaced, they begin anew.

    Args:
        levels: number of levels (`agendas.Levels`); by default that of climbs.
    """

    def __init__(self, levels: int = CLIMB_LEVELS) -> None:
        self._count, self._token, self._seen = levels, (), np.zeros(0, bool)
        self.levels = Levels(levels)

    def update(self, view: View, token: tuple[int, ...], members: np.ndarray) -> None:
        """Add the minima that have become members.

        Args:
            view: the present state of the atlas.
            token: identifies the set; another token than before stands for another set.
            members: (m,) whether each minimum belongs to the set.
        """
        if token != self._token:
            self.levels, self._token = Levels(self._count), token
            self._seen = np.zeros(0, bool)
        seen = np.zeros(len(members), bool)
        seen[: len(self._seen)] = self._seen
        self.levels.add(view, np.flatnonzero(members & ~seen))
        self._seen = seen | members


class BridgeToLowest:
    """Bands that join the lowest minimum to the main set, if it is not part of it.

    The pairs follow from a missing-connection search (Carr, Trygubenko and Wales, J. Chem. Phys.
    122, 234903 (2005)) between components. Two components are joined by an edge if they contain
    near neighbors that were not tried yet; it costs the squared distance of the nearest such pair.
    The lowest minima of the island have edges to the nearest minima of the main set as well. The
    pairs on the shortest way are proposed first, then those on the shortest way without them.
    """

    def __init__(self) -> None:
        """Begin without the descriptors of any minimum."""
        self._described = Rows()

    def __call__(self, view: View) -> Iterator[Task]:
        """Propose the bands that were not made yet."""
        main = view.main_set
        if main.label == main.lowest:
            return
        pairs, costs = self._open_pairs(view)
        for _ in range(WAYS):
            way = shortest_way(main.labels, pairs, costs, (main.label, main.lowest))
            for row in way.tolist():
                first, second = pairs[row].tolist()
                yield from band(BRIDGE, view, first, second)
            costs = costs.copy()
            costs[way] = np.inf

    def _open_pairs(self, view: View) -> tuple[np.ndarray, np.ndarray]:
        """Return untried pairs (p, 2) of minima in different components, and their costs (p,)."""
        near, apart = view.neighbors, view.distances
        here, there = np.repeat(np.arange(len(near)), near.shape[1]), near.ravel()
        labels, inside = view.main_set.labels, view.inside
        chosen = (there >= 0) & (labels[here] != labels[there]) & inside[here] & inside[there]
        pairs = np.stack([here[chosen], there[chosen]], axis=1)
        direct, lengths = self._direct(view)
        pairs = np.sort(np.concatenate([pairs, direct]), axis=1)
        costs = np.concatenate([apart.ravel()[chosen] ** 2, lengths])
        pairs, first = np.unique(pairs, axis=0, return_index=True)
        ids = view.minimum_ids[pairs].tolist()
        fresh = np.array([not view.tried.joined(*pair) for pair in ids], bool)
        return pairs[fresh], costs[first][fresh]

    def _direct(self, view: View) -> tuple[np.ndarray, np.ndarray]:
        """Pair the lowest minima of the lowest island with the nearest minima of the main set.

        Returns:
            The pairs (d, 2) and their squared distances (d,).
        """
        main = view.main_set
        self._described.extend(view.landscape.descriptors(view.weights[len(self._described) :]))
        described, members = self._described.array, np.flatnonzero(main.members & view.inside)
        island = np.flatnonzero(main.on_the_lowest_island & view.inside)
        order = np.argsort(view.minimum_energies[island], kind="stable")
        pairs, lengths = [], []
        for position in island[order[:ABUTMENTS]].tolist():
            apart = np.square(described[members] - described[position]).sum(axis=1)
            nearest = np.argsort(apart, kind="stable")[:NEIGHBORS]
            pairs += [(position, int(other)) for other in members[nearest]]
            lengths += apart[nearest].tolist()
        return np.array(pairs, np.int64).reshape(-1, 2), np.array(lengths)


def shortest_way(
    labels: np.ndarray, pairs: np.ndarray, costs: np.ndarray, ends: tuple[int, int]
) -> np.ndarray:
    """Find the pairs of minima that lead from one component to another at the lowest total cost.

    Args:
        labels: (m,) component of each minimum.
        pairs: (p, 2) positions of the minima that a band might join.
        costs: (p,) cost of each pair, at least zero; infinite for pairs that must not be used.
        ends: labels of the components at the beginning and at the end of the way.

    Returns:
        The rows of `pairs` on the way, in order; empty if there is no way.

    Examples:
        >>> labels, pairs = np.array([0, 1, 2, 2]), np.array([[0, 1], [1, 2], [0, 3]])
        >>> shortest_way(labels, pairs, np.array([1.0, 1.0, 3.0]), (0, 2)).tolist()
        [0, 1]
    """
    rows = np.flatnonzero(np.isfinite(costs))
    nodes = np.sort(labels[pairs[rows]], axis=1)
    order = np.lexsort((costs[rows], nodes[:, 1], nodes[:, 0]))
    kept = np.ones(len(order), bool)
    kept[1:] = (nodes[order][1:] != nodes[order][:-1]).any(axis=1)
    cheapest = order[kept]
    edge = {tuple(nodes[k].tolist()): int(rows[k]) for k in cheapest}
    count = len(labels)
    # In a sparse graph an edge of cost zero would be no edge at all.
    weights = np.maximum(costs[rows[cheapest]], CONNECTED)
    graph = coo_array((weights, nodes[cheapest].T), shape=(count, count)).tocsr()
    _, before = dijkstra(graph, directed=False, indices=ends[0], return_predecessors=True)
    way, node = [], ends[1]
    while node != ends[0]:
        if before[node] < 0:
            return np.zeros(0, np.int64)
        way.append(edge[min(node, int(before[node])), max(node, int(before[node]))])
        node = int(before[node])
    return np.array(way[::-1], np.int64)


class DrawConnected:
    """Independent draws: climbs from minima of the main set, with minimum, mode and sign random."""

    def __init__(self) -> None:
        """Begin at draw 0."""
        self._draws = Numbered(CONNECTED_DRAWS)

    def __call__(self, view: View) -> Iterator[Task]:
        """Propose the draws that were not made yet."""
        members = np.flatnonzero(view.main_set.members & view.inside)
        for number, what in self._draws.draws(view, f"seed {view.seed} draw {{}}".format):
            if not len(members):
                return
            random = random_numbers(view.seed, 5, number)
            position = int(members[random.integers(len(members))])
            search = climb_of_random_mode(view, position, random)
            yield Task(Key(CONNECTED_DRAWS, view.ids(position), what), search, 1)
