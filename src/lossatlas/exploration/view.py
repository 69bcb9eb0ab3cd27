"""Views: what a strategy sees of the atlas, everything committed and nothing that is in flight."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from lossatlas.atlas import Atlas
from lossatlas.exploration.checkpoint import Checkpoint
from lossatlas.exploration.components import Components
from lossatlas.exploration.fold import Fold, Recent
from lossatlas.exploration.main_set import MainSet, main_set
from lossatlas.exploration.neighbors import Neighbors
from lossatlas.exploration.tried import Tried
from lossatlas.landscape.base import Landscape
from lossatlas.network.disconnectivity import Tree
from lossatlas.network.links import Links
from lossatlas.network.points import Network
from lossatlas.search.known import KnownView


@dataclass(frozen=True)
class View:
    """The state of the atlas that a round is planned from; it is valid until the next is planned.

    What takes longer to compute the larger the atlas is (`points`, `main_set`, `component`, `tree`,
    `by_energy`) is computed when it is asked for.

    Attributes:
        landscape: the landscape of the atlas.
        minimum_ids: (m,) ids of the minima, ascending. The *position* of a minimum is its place in
            this array.
        minimum_energies: (m,) energies of the minima.
        weights: (m, n) weights of the minima.
        inside: (m,) whether each minimum lies inside the box of the landscape; searches begin only
            at such minima.
        minima_inside: (i,) positions of the minima inside the box.
        lowest: position of the lowest minimum inside the box; -1 if there is none.
        transition_state_ids: (t,) ids of the transition states, ascending.
        transition_state_energies: (t,) energies of the transition states.
        transition_states: (k, n) weights of the transition states inside the box.
        links: the links, which say which minima each transition state joins, by position.
        tried: the keys of all searches made or in flight.
        components: the connected components of the minima.
        near: the nearest minima of each minimum by their descriptors.
        checkpoint: the pairs of minima that were chosen at the last checkpoint.
        recent: what the last attempts of each strategy found and cost, by its name in the log.
        seed: seed of the random numbers that strategies draw; default 0.
        as_of: id of the last attempt in the log that the view includes; 0 before the first.

    Examples:
        >>> import tempfile
        >>> from lossatlas import FunctionLandscape, explore
        >>> wells = FunctionLandscape(
        ...     lambda w: (w[0] ** 2 - 1) ** 2 + w[1] ** 2, low=[-2, -2], high=[2, 2], name="wells"
        ... )
        >>> path = f"{tempfile.mkdtemp()}/wells.atlas"
        >>> with explore(wells, path, minima=2, progress=False) as atlas:
        ...     view = Observer(atlas, wells).view()
        >>> view.ids(*view.by_energy()), view.neighbors.tolist(), view.connected_part()
        ((1, 2), [[1], [0]], 0.5)
    """

    landscape: Landscape
    minimum_ids: np.ndarray
    minimum_energies: np.ndarray
    weights: np.ndarray
    inside: np.ndarray
    minima_inside: np.ndarray
    lowest: int
    transition_state_ids: np.ndarray
    transition_state_energies: np.ndarray
    transition_states: np.ndarray
    links: Links
    tried: Tried
    components: Components
    near: Neighbors
    checkpoint: Checkpoint
    recent: Mapping[str, Recent]
    seed: int = 0
    as_of: int = 0

    @property
    def neighbors(self) -> np.ndarray:
        """(m, k) positions of the nearest minima of each by their descriptors, nearest first."""
        return self.near.found

    @property
    def distances(self) -> np.ndarray:
        """(m, k) distances to the minima in `neighbors`, between their descriptors."""
        return self.near.distances

    @cached_property
    def points(self) -> Network:
        """The network of points: energies and links, without weights and measures."""
        ids = self.minimum_ids, self.minimum_energies
        return Network(*ids, self.transition_state_ids, self.transition_state_energies, self.links)

    @cached_property
    def main_set(self) -> MainSet:
        """The main set of the aim "connected", and the component of the lowest minimum."""
        return main_set(self.components.labels(), self.minimum_energies, self.inside)

    @property
    def component(self) -> np.ndarray:
        """(m,) label of the connected component of each minimum."""
        return self.points.components

    @property
    def tree(self) -> Tree | None:
        """The exact disconnectivity tree; None if there is no minimum."""
        return self.points.tree if len(self.minimum_ids) else None

    def by_energy(self) -> np.ndarray:
        """Return the positions of the minima inside the box, lowest first."""
        order = np.argsort(self.minimum_energies, kind="stable")
        return order[self.inside[order]]

    def ids(self, *positions: int) -> tuple[int, ...]:
        """Return the ids of the minima at some positions."""
        return tuple(int(self.minimum_ids[k]) for k in positions)

    def pair(self, first: int, second: int) -> tuple[int, int]:
        """Return the ids of the minima at two positions, the lower first, as in keys of bands."""
        low, high = self.ids(min(first, second), max(first, second))
        return low, high

    def neighbors_changed(self, mark: int) -> np.ndarray:
        """Return the positions of the minima whose lists of neighbors changed, in this order.

        Args:
            mark: number of changes that the caller has seen before, which are left out.
        """
        return self.near.changed_since(mark)

    def connected_part(self) -> float:
        """Return the part of the minima inside the box that is connected to the lowest one.

        It is a number from 0 to 1, and 1 if no minimum lies inside the box.
        """
        if self.lowest < 0:
            return 1.0
        return self.components.inside(self.lowest) / len(self.minima_inside)


@dataclass
class Observer:
    """Makes views of an atlas, and reads only what is new in it each time.

    Args:
        atlas: an open atlas.
        landscape: the landscape of the atlas.
        seed: seed of the exploration; default 0.

    Attributes:
        fold: the state of the planner, from which views are made.
    """

    atlas: Atlas
    landscape: Landscape
    seed: int = 0
    fold: Fold = field(init=False)

    def __post_init__(self) -> None:
        """Begin before the first attempt."""
        self.fold = Fold(self.atlas, self.landscape)

    def view(self, as_of: int | None = None) -> View:
        """Return a view of the atlas as of an attempt.

        Args:
            as_of: id of an attempt that is not earlier than that of the view before; by default the
                last one in the log.

        Raises:
            AtlasError: if the atlas cannot be read or is damaged.
        """
        fold = self.fold
        fold.advance(as_of)
        return View(
            landscape=self.landscape,
            minimum_ids=fold.minima.ids.array,
            minimum_energies=fold.minima.energies.array,
            weights=fold.minima.weights.array,
            inside=fold.minima.inside.array,
            minima_inside=fold.minima.among_inside.array,
            lowest=fold.lowest,
            transition_state_ids=fold.states.ids.array,
            transition_state_energies=fold.states.energies.array,
            transition_states=fold.states.weights_inside.array,
            links=Links(*(rows.array for rows in fold.links)),
            tried=fold.tried,
            components=fold.components,
            near=fold.near,
            checkpoint=fold.checkpoint,
            recent=dict(fold.recent),
            seed=self.seed,
            as_of=fold.as_of,
        )

    def known(self) -> KnownView:
        """Return the transition states of the last view, in the form that searches recognize."""
        return self.fold.known.as_of()
