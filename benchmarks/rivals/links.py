"""Are links right? Both paths of a transition state followed again, much more tightly."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lossatlas.errors import Status
from lossatlas.exploration.verification import stricter
from lossatlas.landscape import NetworkLandscape
from lossatlas.lanes.engine import Engine
from lossatlas.search.certify import certified
from lossatlas.search.pathway import follow
from lossatlas.search.tools import default_tools

SAME_ENERGY = 2e-8
"""The programs converge minima to an RMS gradient of 1e-9 and print ten or more digits."""


class Links(NamedTuple):
    """How many transition states were checked; how many join other minima, or are none."""

    checked: int
    wrong: int
    no_saddle: int

    def text(self) -> str:
        """In words."""
        return (
            f"{self.wrong} of {self.checked} links wrong, {self.no_saddle} not of Hessian index one"
        )


def check(
    landscape: NetworkLandscape, saddles: Sequence[tuple[np.ndarray, tuple[float, float]]]
) -> Links:
    """Compare the energies of the two ends claimed with those that gradient flow reaches.

    Args:
        landscape: of the points.
        saddles: weights of a transition state and the energies of the minima it is said to join.
    """
    tools = stricter(default_tools(landscape))

    def ends(w: np.ndarray):
        certificate = yield from certified(tools, w)
        if certificate.point is None or certificate.point.index != 1:
            return None
        followed = yield from follow(tools, certificate.point, certificate.modes[0])
        if followed.status is not Status.CONVERGED:
            return ()
        return tuple(sorted(end.minimum.energy for end in followed.pathways[-1].ends))

    found = dict(Engine(landscape.surface).run(ends(w) for w, _ in saddles))
    wrong = sum(
        found[k] is not None
        and not (found[k] and np.abs(np.subtract(found[k], sorted(said))).max() < SAME_ENERGY)
        for k, (_, said) in enumerate(saddles)
    )
    return Links(len(saddles), wrong, sum(end is None for end in found.values()))
