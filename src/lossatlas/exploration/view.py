"""What strategies see: the network of points as committed, never what is in flight."""

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
    """A picture of the atlas for one round of planning; it holds until the next one is planned.

    What costs more the larger the atlas (`points`, `component`, `tree`, `by_energy`) is computed
    when it is asked for.

    Attributes:
        landscape: the landscape.
        minimum_ids: (m,) ids of the minima, ascending; positions below are positions in this.
        minimum_energies: (m,) of the minima.
        weights: (m, n) of the minima.
        inside: (m,) whether each minimum lies inside the box of the landscape; searches begin at
            these only.
        minima_inside: (i,) positions of those that do.
        lowest: position of the lowest of these, -1 if there is none.
        transition_state_ids: (t,) ids of the transition states, ascending.
        transition_state_energies: (t,) of the transition states.
        transition_states: (k, n) weights of the transition states inside.
        links: which minima the transition states join, by positions.
        tried: the names of all searches made or in flight.
        components: the connected components of the minima.
        near: the nearest minima of each by their descriptors.
        checkpoint: lists of pairs of minima from the last checkpoint.
        recent: what the last attempts of each strategy, by its name in the log, found and cost.
        seed: of the random numbers that strategies draw, see `random_numbers`.
        as_of: id of the last attempt in the log that this is a picture of.
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
        """(m, k) how far they are, as distances of descriptors."""
        return self.near.distances

    @cached_property
    def points(self) -> Network:
        """The network of points: energies and links, without the columns of tables."""
        ids = self.minimum_ids, self.minimum_energies
        return Network(*ids, self.transition_state_ids, self.transition_state_energies, self.links)

    @cached_property
    def main_set(self) -> MainSet:
        """The connected set with the most minima, and the islands that hold something lower."""
        return main_set(self.components.labels(), self.minimum_energies, self.inside)

    @property
    def component(self) -> np.ndarray:
        """(m,) the connected component of each minimum."""
        return self.points.components

    @property
    def tree(self) -> Tree | None:
        """The exact disconnectivity tree; None without minima."""
        return self.points.tree if len(self.minimum_ids) else None

    def by_energy(self) -> np.ndarray:
        """Positions of the minima inside the box, lowest first."""
        order = np.argsort(self.minimum_energies, kind="stable")
        return order[self.inside[order]]

    def ids(self, *positions: int) -> tuple[int, ...]:
        """Ids of minima by position."""
        return tuple(int(self.minimum_ids[k]) for k in positions)

    def pair(self, first: int, second: int) -> tuple[int, int]:
        """Ids of two minima by position, the lower first, as keys of bands have them."""
        low, high = self.ids(min(first, second), max(first, second))
        return low, high

    def neighbors_changed(self, mark: int) -> np.ndarray:
        """Positions of minima whose neighbors changed, in the order in which they did.

        Args:
            mark: how many of these are known already.
        """
        return self.near.changed_since(mark)

    def connected_part(self) -> float:
        """The part of the minima inside the box that is connected to the lowest; 1 without any."""
        if self.lowest < 0:
            return 1.0
        return self.components.inside(self.lowest) / len(self.minima_inside)


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
    fold: Fold = field(init=False)

    def __post_init__(self) -> None:
        """Nothing read yet."""
        self.fold = Fold(self.atlas, self.landscape)

    def view(self, as_of: int | None = None) -> View:
        """The atlas as of an attempt, by default as it is now.

        Args:
            as_of: id of an attempt that is no earlier than that of the view before.

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
        """The transition states that the view shows, for searches to recognize."""
        return self.fold.known.as_of()
