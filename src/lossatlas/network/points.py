"""The network of points: minima, the transition states that join them, and what follows.

Everything here is determined by energies and links: the connected components, the exact
disconnectivity tree, barriers, lowest paths. Where the points come from is not known here: an
atlas, the files of other programs, arrays. Points are named by their ids from outside and by their
positions in arrays inside.
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
"""What is computed once from energies and links, and stays true whatever the columns say."""


@dataclass(frozen=True, eq=False, repr=False)
class Network:
    """m minima and t transition states; the arrays are read-only.

    Get one by `Atlas.network`, by `lossatlas.interop.pathsample.read_database`, or from arrays by
    `Network.of_pairs`.

    Attributes:
        minimum_ids: ascending.
        minimum_energies: energies, or losses, of the minima.
        transition_state_ids: ascending.
        transition_state_energies: of the transition states.
        links: which minima they join, by positions in the arrays above.
        columns: values of the minima by the name of the column, e.g. ``"test_auc"``; each (m,).
        transition_state_columns: likewise of the transition states; each (t,).
        minimum_weights: one row a minimum, None where they were not asked for.
        transition_state_weights: one row a transition state, or None.

    Raises:
        BadInputError: lengths do not match, ids do not ascend, an energy is not finite, or a link
            leads to no point; see `check_links`.

    Examples:
        >>> network = Network.of_pairs(
        ...     np.array([0.1, 0.2, 0.3]), np.array([0.9, 0.5]), np.array([0, 1]), np.array([1, 2])
        ... )
        >>> float(network.barrier(1, 3)), float(network.barrier(2, 3))
        (0.9, 0.5)
        >>> [point.id for point in network.path(1, 3)]
        [1, 1, 2, 2, 3]
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
        """A network from arrays, each transition state with one minimum a side; ids are from 1.

        Args:
            energies: of the minima.
            transition_state_energies: of the transition states.
            minimum_1: position in ``energies`` of the minimum on one side of each of them.
            minimum_2: position of that on the other side.
            columns: values of the minima by name.

        Raises:
            BadInputError: as the class.
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
        """The network of some of the points; transition states that lose a minimum are left out.

        Args:
            minima: which minima are kept.
            states: which transition states are kept, if all minima that they join are.
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

        Raises:
            BadInputError: for a column that has not one value for every minimum.
        """
        return self.with_values(columns={**self.columns, **columns})

    def with_values(self, **changes: object) -> Self:
        """The same points and links with other columns or weights, given by the name of the field.

        What is known of energies and links already, such as the tree, is not computed again.

        Raises:
            BadInputError: for lengths that do not match.
        """
        changed = replace(self, **changes)  # type: ignore[arg-type]
        changed.__dict__.update({k: v for k, v in self.__dict__.items() if k in DERIVED})
        return changed

    @cached_property
    def minimum_1(self) -> Int[np.ndarray, " t"]:
        """Position of one minimum of each transition state: of each side the first, the smaller."""
        return np.minimum(*self._first_ends)

    @cached_property
    def minimum_2(self) -> Int[np.ndarray, " t"]:
        """Position of the other one."""
        return np.maximum(*self._first_ends)

    @cached_property
    def degenerate(self) -> Bool[np.ndarray, " t"]:
        """Which transition states join a minimum to its own symmetry copy, and nothing else."""
        return linking.joins_one(self.links)

    def edges(self) -> Edges:
        """The pairs of different minima that are joined, for algorithms on graphs.

        A transition state whose sides reach k different minima makes k (k - 1) / 2 pairs.
        """
        return self._edges

    @cached_property
    def components(self) -> Int[np.ndarray, " m"]:
        """The connected component of each minimum, from 0 in the order of their first minima."""
        return linking.components(self._edges, self.minimum_ids.size)

    @cached_property
    def heights(self) -> Float[np.ndarray, " t"]:
        """Energies at which transition states join minima: their own, but for rounding.

        Raises:
            BadInputError: a transition state lies below one of its minima.
        """
        floor = linking.highest_minimum(self.links, self.minimum_energies)
        energies = self.transition_state_energies
        return disconnectivity.join_energies(energies, floor, self.transition_state_ids)

    @cached_property
    def tree(self) -> Tree:
        """The exact disconnectivity tree, by positions of the minima.

        Raises:
            BadInputError: there are no minima, or a transition state lies below one of them.
        """
        state, *ends = self._edges
        return disconnectivity.build_tree(self.minimum_energies, self.heights[state], *ends)

    def barrier(
        self, a: int | Int[np.ndarray, "*batch"], b: int | Int[np.ndarray, "*batch"]
    ) -> Float[np.ndarray, "*batch"]:
        """The lowest energy below which two minima are connected.

        Args:
            a: id of a minimum, or an array of ids.
            b: likewise; the two are broadcast.

        Returns:
            The highest point of the lowest path; infinite if no path joins them, the energy of
            the minimum itself for ``a == b``.

        Raises:
            BadInputError: for an unknown id, or a network that has no tree (see `tree`).
        """
        return disconnectivity.barrier(self.tree, self.positions(a), self.positions(b))

    def path(self, a: int, b: int) -> list[PathPoint]:
        """The lowest path between two minima; of several that of the fewest transition states.

        Args:
            a: id of the minimum to start from.
            b: id of the minimum to go to.

        Returns:
            Minima and transition states in turn, from ``a`` to ``b``; ``a`` alone if they are
            one, nothing if no path joins them. ``pandas.DataFrame(network.path(a, b))`` is a table.

        Raises:
            BadInputError: for an unknown id, or a network that has no tree (see `tree`).
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
        """Which minima are connected through transition states not above an energy.

        Returns:
            One label for every minimum: 0 for the superbasin of the lowest minimum, and so on by
            ascending lowest minimum; -1 for minima above the energy.
        """
        return disconnectivity.superbasins(self.tree, energy)

    def positions(self, ids: int | Int[np.ndarray, "*batch"]) -> Int[np.ndarray, "*batch"]:
        """Positions in the arrays of the minima with these ids.

        Raises:
            BadInputError: for an id that no minimum has.
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
        """Counts."""
        return (
            f"Network({self.minimum_ids.size} minima, "
            f"{self.transition_state_ids.size} transition states)"
        )

    def _repr_html_(self) -> str:
        """Counts and the lowest minima, in a notebook."""
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
    """Empty lists have no integers to tell their type by."""
    return values.astype(np.int64) if values.size == 0 else values


def _read_only(value: object) -> object:
    if isinstance(value, np.ndarray):
        view = value.view()
        view.setflags(write=False)
        return view
    if isinstance(value, Links):
        return Links(*(_read_only(column) for column in value))  # type: ignore[arg-type]
    return {k: _read_only(v) for k, v in value.items()} if isinstance(value, Mapping) else value
