"""The main set: the connected set of minima that an exploration with the aim "connected" grows.

As soon as a component of the network has `ESTABLISHED` minima, the largest component is the *main
set*; before, it is the component of the lowest minimum. The main set need not contain the lowest
minimum of the atlas: a random quench may end lower, in another component, an *island*. An
exploration that always followed the lowest minimum would leave its connected set behind with every
such quench. Therefore the main set stays, and the exploration tries to connect it to the island.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

ESTABLISHED = 20
"""Number of minima from which on a component stays the main set even if another one is lower."""


class MainSet(NamedTuple):
    """The main set of a network of minima.

    Attributes:
        labels: (m,) label of the component that each minimum belongs to.
        label: label of the main set; -1 if no minimum lies inside the box.
        lowest: label of the component of the lowest minimum inside the box; -1 if no minimum lies
            inside the box. This component is an island unless it is the main set.
    """

    labels: Int[np.ndarray, " m"]
    label: int
    lowest: int

    @property
    def members(self) -> Bool[np.ndarray, " m"]:
        """Whether each minimum belongs to the main set."""
        return self.labels == self.label

    @property
    def on_the_lowest_island(self) -> Bool[np.ndarray, " m"]:
        """Whether each minimum is connected to the lowest one, if that is not in the main set.

        All are False if the lowest minimum is in the main set.
        """
        return (self.labels == self.lowest) & (self.label != self.lowest)


def main_set(
    labels: Int[np.ndarray, " m"],
    energies: Float[np.ndarray, " m"],
    inside: Bool[np.ndarray, " m"] | None = None,
    established: int = ESTABLISHED,
) -> MainSet:
    """Find the main set and the component of the lowest minimum.

    Args:
        labels: (m,) label of the component of each minimum, a number from 0 to m - 1.
        energies: (m,) energies of the minima.
        inside: (m,) whether each minimum lies inside the box of the landscape, since only these
            count; by default all do.
        established: number of minima from which on a component stays the main set even if another
            one is lower; default `ESTABLISHED`.

    Examples:
        >>> labels, energies = np.array([0, 0, 2, 3]), np.array([0.2, 0.5, 0.1, 0.4])
        >>> main_set(labels, energies).members.tolist()
        [False, False, True, False]
        >>> main_set(labels, energies, established=2).members.tolist()
        [True, True, False, False]
    """
    inside = np.ones(len(labels), bool) if inside is None else inside
    if not inside.any():
        return MainSet(labels, -1, -1)
    sizes = np.bincount(labels[inside], minlength=len(labels))
    lowest = np.full(len(labels), np.inf)
    np.minimum.at(lowest, labels[inside], energies[inside])
    bottom, largest = int(np.argmin(lowest)), int(np.lexsort((lowest, -sizes))[0])
    return MainSet(labels, largest if sizes[largest] >= established else bottom, bottom)
