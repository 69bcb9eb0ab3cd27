"""The main set: the connected set of minima that an exploration grows, and what lies outside of it.

Of the components of a network the *main set* is the largest, once one has `ESTABLISHED` minima, and
that of the lowest minimum before. It need not hold the lowest minimum of the atlas: a random quench
may have ended below it, on an *island*. An exploration that followed the lowest minimum would leave
its connected set behind with every such quench, so it stays, and bridges to the island instead.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

ESTABLISHED = 20
"""Minima of a component that is not left for a lower one any more."""


class MainSet(NamedTuple):
    """The main set of a network of minima.

    Attributes:
        labels: (m,) component of each minimum.
        label: that of the main set; -1 if no minimum lies inside the box.
        lowest: label of the component of the lowest minimum inside the box; -1 without any. It is
            an island unless it is the main set.
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
        """Whether each minimum is joined to the lowest one, where that is not in the main set."""
        return (self.labels == self.lowest) & (self.label != self.lowest)


def main_set(
    labels: Int[np.ndarray, " m"],
    energies: Float[np.ndarray, " m"],
    inside: Bool[np.ndarray, " m"] | None = None,
    established: int = ESTABLISHED,
) -> MainSet:
    """The main set, and the component of the lowest minimum.

    Args:
        labels: component of each minimum, numbers from 0 to m - 1.
        energies: of the minima.
        inside: whether each lies inside the box of the landscape; only these count. Default all.
        established: minima of a component that is not left for a lower one any more.

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
