"""A check of links: both paths from a transition state are followed again, much more tightly."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lossatlas.errors import Status
from lossatlas.exploration.recomputing import stricter
from lossatlas.landscape import NetworkLandscape
from lossatlas.lanes.engine import Engine
from lossatlas.search.certify import certified
from lossatlas.search.pathway import follow
from lossatlas.search.tools import default_tools

SAME_ENERGY = 2e-8
"""The programs converge minima to an RMS gradient of 1e-9 and print ten or more digits."""


class Links(NamedTuple):
    """The numbers of transition states that were checked, that join other minima, and that are not
    transition states."""

    checked: int
    wrong: int
    no_saddle: int

    def text(self) -> str:
        """The numbers in words."""
        return (
            f"{self.wrong} of {self.checked} links wrong, {self.no_saddle} not of Hessian index one"
        )


def check(
    landscape: NetworkLandscape, saddles: Sequence[tuple[np.ndarray, tuple[float, float]]]
) -> Links:
    """Compare the claimed energies of the two ends with those that gradient flow reaches.

    If a side reaches several minima, a claim is correct if it names one of them.

    Args:
        landscape: the landscape of the points.
        saddles: for each transition state its weights, and the energies of the minima that it is
            claimed to join.
    """
    tools = stricter(default_tools(landscape))

    def ends(w: np.ndarray):
        certificate = yield from certified(tools, w)
        if certificate.point is None or certificate.point.index != 1:
            return None
        followed = yield from follow(tools, certificate.point, certificate.modes[0])
        if followed.status is not Status.CONVERGED:
            return [], []
        reached = followed.pathways[-1].ends
        return tuple([e.minimum.energy for e in reached if e.side == side] for side in (0, 1))

    found = dict(Engine(landscape.surface).run(ends(w) for w, _ in saddles))
    wrong = sum(
        found[k] is not None and not (_names(said, found[k]) or _names(said[::-1], found[k]))
        for k, (_, said) in enumerate(saddles)
    )
    return Links(len(saddles), wrong, sum(end is None for end in found.values()))


def _names(said: Sequence[float], reached: Sequence[Sequence[float]]) -> bool:
    """Whether each claimed energy is among those that are reached on its side."""
    return all(
        any(abs(energy - other) < SAME_ENERGY for other in side)
        for energy, side in zip(said, reached, strict=True)
    )
