"""What all searches on one landscape share: the kernels and lengths."""

from typing import NamedTuple

from lossatlas.kernels.band import Band
from lossatlas.kernels.factorized.quench import FactorizedQuench
from lossatlas.kernels.method import N_SOFT as N_SOFT, method_for
from lossatlas.kernels.parts import Climber, Follower, Polisher
from lossatlas.kernels.quench import Quench
from lossatlas.landscape.base import Landscape
from lossatlas.search.known import NOTHING_KNOWN, KnownView


class Tools(NamedTuple):
    """What a search needs besides its start.

    Attributes:
        landscape: the landscape searched.
        quench, polish, climb, flow, band: the kernels, with their options; see `kernels.parts`.
        pushoff: distance from a transition state at which paths begin.
        displacement: distance from a minimum at which single-ended climbs begin.
        flow_tolerance: error of one step along a path, at first, and the tightest for paths along
            which errors grow.
        newton_ball: length of the Newton step at which a path is handed over to Newton's method.
        largest_spread: a path is followed again with a tighter tolerance if it may have strayed
            further than this from the true one.
        known: the transition states known when the search was planned; their paths are not followed
            again.
    """

    landscape: Landscape
    quench: Quench | FactorizedQuench
    polish: Polisher
    climb: Climber
    flow: Follower
    band: Band
    pushoff: float
    displacement: float
    flow_tolerance: tuple[float, float]
    newton_ball: float
    largest_spread: float
    known: KnownView = NOTHING_KNOWN


def default_tools(landscape: Landscape, method: str | None = None) -> Tools:
    """Tools with the method that suits the landscape, lengths scaled to the landscape.

    Args:
        landscape: the landscape to be searched.
        method: `"dense"`, `"factorized"` or `"matrix-free"`; default None, chosen by
            `kernels.method`.

    Raises:
        BadInputError: if there is no method of this name.
    """
    length = landscape.length_scale
    chosen = method_for(landscape, method)
    return Tools(
        landscape=landscape,
        quench=chosen.quench,
        polish=chosen.polish,
        climb=chosen.climb,
        flow=chosen.flow,
        band=chosen.band,
        pushoff=0.02 * length,
        displacement=0.5 * length,
        flow_tolerance=chosen.flow_tolerance,
        newton_ball=chosen.newton_ball,
        largest_spread=chosen.largest_spread,
    )
