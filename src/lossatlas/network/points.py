"""The network of points: minima, and the transition states that join them.

Energies and links determine everything that a network computes: its connected components, the exact
disconnectivity tree, barriers and lowest paths. The points may come from an atlas, from the files
of other programs or from arrays. Arguments of methods name points by their ids; arrays refer to
points by their positions.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Self

import numpy as np
from jaxtyping import Bool, Float, Int

from lossatlas.errors import BadInputError
from lossatlas.network import disconnectivity, links as linking
from lossatlas.network.disconnectivity import Tree
from lossatlas.network.html import as_html
from lossatlas.network.links import Edges, Links
from lossatlas.network.paths import PathPoint, shortest_below

DERIVED = (
    "minimum_1",
    "minimum_2",
    "degenerate",
    "components",
    "heights",
    "tree",
    "_ends",
    "_edges",
)
"""Properties that follow from energies and links alone. They are computed once, and kept when
columns or weights change."""


@dataclass(frozen=True, eq=False, repr=False)
class Network:
    """A network of m minima and t transition states. Its arrays are read-only.

    `Atlas.network` returns one, and so does `lossatlas.interop.read_database`; `Network.of_pairs`
    makes one from arrays.

    Args:
        minimum_ids: (m,) ids of the minima, ascending.
        minimum_energies: (m,) energies, or losses, of the minima.
        transition_state_ids: (t,) ids of the transition states, ascending.
        transition_state_energies: (t,) energies of the transition states.
        links: the minima that each transition state joins, by positions in the arrays above.
        columns: (m,) values of the minima by the name of the column, e.g. ``"test_auc"``; default
            none.
        transition_state_columns: (t,) values of the transition states by the name of the column;
            default none.
        minimum_weights: (m, n) weights of the minima; None if they were not read.
        transition_state_weights: (t, n) weights of the transition states; None if they were not
            read.

    Raises:
        BadInputError: if lengths do not match, ids do not ascend, an energy is not finite, or the
            links are not consistent (see `check_links`).

    Examples:
        >>> network = Network.of_pairs(
        ...     np.array([0.1, 0.2, 0.3]), np.array([0.9, 0.5]), np.array([0, 1]), np.array([1, 2])
        ... )
        >>> network.barrier(np.array([1, 2, 3]), 3).tolist()
        [0.9, 0.5, 0.3]
        >>> [point.id for point in network.path(1, 3)]
        [1, 1, 2, 2, 3]
        >>> network.superbasins(0.6).tolist()
        [0, 1, 1]
        >>> network.with_values(minimum_weights=np.ones((3, 5))).minimum_weights.shape
        (3, 5)
    """

    minimum_ids: Int[np.ndarray, " m"]
    minimum_energies: Float[np.ndarray, " m"]
    transition_state_ids: Int[np.ndarray, " t"]
    transition_state_energies: Float[np.ndarray, " t"]
    links: Links
    columns: Mapping[str, np.ndarray] = field(default_factory=dict)
    transition_state_columns: Mapping[str, np.ndarray] = field(default_factory=dict)
    minimum_weights: Float[np.ndarray, "m n"] | None = None
    transition_state_weights: Float[np.ndarray, "t n"] | None = None

    def __post_init__(self) -> None:
        """Check that everything fits together, and make the arrays read-only."""
        m, t = len(self.minimum_ids), len(self.transition_state_ids)
        _check_points("minima", self.minimum_ids, self.minimum_energies)
        kind = "transition states"
        _check_points(kind, self.transition_state_ids, self.transition_state_energies)
        linking.check_links(self.links, m, t)
        rows = [(name, values, m) for name, values in self.columns.items()]
        rows += [(name, values, t) for name, values in self.transition_state_columns.items()]
        rows += [("minimum_weights", self.minimum_weights, m)]
        rows += [("transition_state_weights", self.transition_state_weights, t)]
        for name, values, size in rows:
            if values is not None and len(values) != size:
                raise BadInputError(name, f"{len(values)} values", f"give one for each of {size}")
        for one in fields(self):
            object.__setattr__(self, one.name, _read_only(getattr(self, one.name)))

    @classmethod
    def of_pairs(
        cls,
        energies: Float[np.ndarray, " m"],
        transition_state_energies: Float[np.ndarray, " t"],
        minimum_1: Int[np.ndarray, " t"],
        minimum_2: Int[np.ndarray, " t"],
        columns: Mapping[str, np.ndarray] | None = None,
    ) -> Self:
        """Make a network from arrays, with one minimum on each side of a transition state.

        Minima and transition states get ids from 1, in the order of the arrays.

        Args:
            energies: (m,) energies of the minima.
            transition_state_energies: (t,) energies of the transition states.
            minimum_1: (t,) position in ``energies`` of the minimum on one side of each transition
                state.
            minimum_2: (t,) position of the minimum on the other side.
            columns: (m,) values of the minima by the name of the column; default none.

        Raises:
            BadInputError: if lengths do not match, an energy is not finite, or a position does not
                exist.
        """
        energies = np.asarray(energies, np.float64)
        heights = np.asarray(transition_state_energies, np.float64)
        sides = np.asarray(minimum_1), np.asarray(minimum_2)
        if not heights.shape == sides[0].shape == sides[1].shape:
            problem = "arrays of different lengths"
            raise BadInputError("transition states", problem, "give one entry each")
        ids = np.arange(1, energies.size + 1), np.arange(1, heights.size + 1)
        links = Links.of_pairs(*(_integers(side) for side in sides))
        return cls(ids[0], energies, ids[1], heights, links, columns or {})

    def restricted(self, minima: Bool[np.ndarray, " m"], states: Bool[np.ndarray, " t"]) -> Self:
        """The network of some of the points.

        Args:
            minima: (m,) which minima are kept.
            states: (t,) which transition states are kept. A transition state that joins a minimum
                which is not kept is left out in any case.
        """
        complete = states.copy()
        complete[self.links.transition_state[~minima[self.links.minimum]]] = False
        links = self.links.restricted(minima, complete)
        weights = self.minimum_weights, self.transition_state_weights
        return type(self)(
            self.minimum_ids[minima],
            self.minimum_energies[minima],
            self.transition_state_ids[complete],
            self.transition_state_energies[complete],
            links,
            {name: values[minima] for name, values in self.columns.items()},
            {name: values[complete] for name, values in self.transition_state_columns.items()},
            None if weights[0] is None else weights[0][minima],
            None if weights[1] is None else weights[1][complete],
        )

    def with_columns(self, **columns: np.ndarray) -> Self:
        """The same network with columns of the minima added or replaced.

        Args:
            **columns: (m,) values of the minima, by the name of the column.

        Raises:
            BadInputError: if a column does not have one value for every minimum.

        Examples:
            >>> network = Network.of_pairs(
            ...     np.array([0.1, 0.2]), np.array([0.9]), np.array([0]), np.array([1])
            ... )
            >>> list(network.with_columns(norm=np.array([3.0, 4.0])).columns)
            ['norm']
        """
        return self.with_values(columns={**self.columns, **columns})

    def with_values(self, **changes: object) -> Self:
        """The same points and links with other columns or weights.

        Properties that follow from energies and links, such as the tree, are not computed again.

        Args:
            **changes: new values of fields of the network, such as `columns`, `minimum_weights` or
                `transition_state_columns`.

        Raises:
            BadInputError: if lengths do not match.
        """
        changed = replace(self, **changes)  # type: ignore[arg-type]
        changed.__dict__.update({k: v for k, v in self.__dict__.items() if k in DERIVED})
        return changed

    @cached_property
    def minimum_1(self) -> Int[np.ndarray, " t"]:
        """(t,) position of one minimum of each transition state.

        Of several minima on one side the first is taken; of the two sides, `minimum_1` is the
        minimum with the smaller position and `minimum_2` the other one.
        """
        return np.minimum(*self._first_ends)

    @cached_property
    def minimum_2(self) -> Int[np.ndarray, " t"]:
        """(t,) position of the other minimum of each transition state; see `minimum_1`."""
        return np.maximum(*self._first_ends)

    @cached_property
    def degenerate(self) -> Bool[np.ndarray, " t"]:
        """(t,) which transition states join only copies of one and the same minimum."""
        return linking.joins_one(self.links)

    def edges(self) -> Edges:
        """The pairs of different minima that are joined, for algorithms on graphs.

        A transition state whose sides reach k different minima makes k (k - 1) / 2 pairs.
        """
        return self._edges

    @cached_property
    def components(self) -> Int[np.ndarray, " m"]:
        """(m,) number of the connected component of each minimum, from 0 in order of first minimum.

        Two minima are connected if pathways lead from one to the other, at whatever energy.
        """
        return linking.components(self._edges, self.minimum_ids.size)

    @cached_property
    def heights(self) -> Float[np.ndarray, " t"]:
        """(t,) energies at which transition states join minima.

        They are the energies of the transition states, raised to those of their minima where
        rounding has put them below.

        Raises:
            BadInputError: if a transition state lies below one of its minima.
        """
        floor = linking.highest_minimum(self.links, self.minimum_energies)
        energies = self.transition_state_energies
        return disconnectivity.join_energies(energies, floor, self.transition_state_ids)

    @cached_property
    def tree(self) -> Tree:
        """The exact disconnectivity tree, in which minima are named by their positions.

        Raises:
            BadInputError: if there are no minima, or a transition state lies below one of its
                minima.
        """
        state, *ends = self._edges
        return disconnectivity.build_tree(self.minimum_energies, self.heights[state], *ends)

    def barrier(
        self, a: int | Int[np.ndarray, "*batch"], b: int | Int[np.ndarray, "*batch"]
    ) -> Float[np.ndarray, "*batch"]:
        """The lowest energy below which two minima are connected.

        Args:
            a: id of a minimum, or an array of ids.
            b: id of another minimum, or an array of ids; the two are broadcast.

        Returns:
            The energy of the highest point of the lowest path. It is infinite if no path joins the
            two minima, and the energy of the minimum itself for ``a == b``.

        Raises:
            BadInputError: if an id is unknown, or the network has no tree (see `tree`).
        """
        return disconnectivity.barrier(self.tree, self.positions(a), self.positions(b))

    def path(self, a: int, b: int) -> list[PathPoint]:
        """The lowest path between two minima, whose highest transition state is as low as possible.

        Of several such paths the one with the fewest transition states is returned.

        Args:
            a: id of the minimum at which the path starts.
            b: id of the minimum at which it ends.

        Returns:
            Minima and transition states in turn, from ``a`` to ``b``. The list holds ``a`` alone if
            the two are equal, and is empty if no path joins them.
            ``pandas.DataFrame(network.path(a, b))`` makes a table of it.

        Raises:
            BadInputError: if an id is unknown, or the network has no tree (see `tree`).
        """
        first, last = (int(self.positions(one)) for one in (a, b))
        ceiling = float(self.barrier(a, b))
        if not np.isfinite(ceiling):
            return []
        minima, states = shortest_below(self._ends, self.heights, ceiling, first, last)
        points = [self._minimum(minima[0])]
        for state, minimum in zip(states, minima[1:], strict=True):
            points += [self._transition_state(state), self._minimum(minimum)]
        return points

    def superbasins(self, energy: float) -> Int[np.ndarray, " m"]:
        """Group minima that are connected through transition states not above an energy.

        Args:
            energy: the energy.

        Returns:
            (m,) the number of the superbasin of every minimum. Superbasins are numbered from 0 by
            the energies of their lowest minima. Minima above the energy have the number -1.

        Raises:
            BadInputError: if the network has no tree (see `tree`).
        """
        return disconnectivity.superbasins(self.tree, energy)

    def positions(self, ids: int | Int[np.ndarray, "*batch"]) -> Int[np.ndarray, "*batch"]:
        """Find the positions of minima by their ids.

        Args:
            ids: id of a minimum, or an array of ids.

        Returns:
            Positions in `minimum_ids`, with the shape of `ids`.

        Raises:
            BadInputError: if no minimum has one of the ids.
        """
        wanted = np.asarray(ids)
        found = np.searchsorted(self.minimum_ids, wanted)
        inside = np.minimum(found, max(self.minimum_ids.size - 1, 0))
        known = found < self.minimum_ids.size
        if self.minimum_ids.size:
            known &= self.minimum_ids[inside] == wanted
        if not np.all(known):
            unknown = wanted[~known].flat[0] if wanted.ndim else wanted
            raise BadInputError(f"minimum {unknown}", "is not in the network", "use minimum_ids")
        return found

    def __repr__(self) -> str:
        """A short text with the numbers of points."""
        return (
            f"Network({self.minimum_ids.size} minima, "
            f"{self.transition_state_ids.size} transition states)"
        )

    def _repr_html_(self) -> str:
        """The numbers of points and a table of the lowest minima, as HTML for a notebook."""
        counts = {
            "minima": self.minimum_ids.size,
            "transition states": self.transition_state_ids.size,
            "degenerate rearrangements": int(self.degenerate.sum()),
            "connected components": int(self.components.max(initial=-1)) + 1,
        }
        return as_html(counts, self.minimum_ids, self.minimum_energies, self.columns)

    def _minimum(self, position: int) -> PathPoint:
        energy = float(self.minimum_energies[position])
        return PathPoint("minimum", int(self.minimum_ids[position]), energy)

    def _transition_state(self, position: int) -> PathPoint:
        energy = float(self.transition_state_energies[position])
        return PathPoint("transition state", int(self.transition_state_ids[position]), energy)

    @cached_property
    def _ends(self) -> tuple[np.ndarray, np.ndarray]:
        return linking.ends(self.links, self.minimum_ids.size)

    @cached_property
    def _edges(self) -> Edges:
        return linking.pairs(self.links, self.minimum_ids.size)

    @property
    def _first_ends(self) -> tuple[np.ndarray, np.ndarray]:
        return linking.lowest_end(self.links, 0), linking.lowest_end(self.links, 1)


def _check_points(kind: str, ids: np.ndarray, energies: np.ndarray) -> None:
    if ids.ndim != 1 or ids.shape != energies.shape:
        raise BadInputError(kind, "ids and energies of different lengths", "give one each")
    if ids.dtype.kind not in "iu" or (np.diff(ids) <= 0).any():
        raise BadInputError(kind, "ids that do not ascend", "give integers, each once, in order")
    bad = np.flatnonzero(~np.isfinite(energies))
    if bad.size:
        where = f"{kind}: id {ids[bad[0]]}"
        raise BadInputError(where, f"energy {energies[bad[0]]}", "leave such points out")


def _integers(values: np.ndarray) -> np.ndarray:
    """An array of integers, also from an empty list, of which NumPy would make floats."""
    return values.astype(np.int64) if values.size == 0 else values


def _read_only(value: object) -> object:
    if isinstance(value, np.ndarray):
        view = value.view()
        view.setflags(write=False)
        return view
    if isinstance(value, Links):
        return Links(*(_read_only(column) for column in value))  # type: ignore[arg-type]
    return {k: _read_only(v) for k, v in value.items()} if isinstance(value, Mapping) else value
