"""The kernels and lengths that all searches on one landscape share."""

from dataclasses import replace
from math import ceil
from typing import NamedTuple

import jax

from lossatlas.kernels.band import Band
from lossatlas.kernels.dense.climb import Climb
from lossatlas.kernels.dense.flow import Flow
from lossatlas.kernels.dense.polish import Polish
from lossatlas.kernels.matrix_free.climb import HybridClimb
from lossatlas.kernels.matrix_free.flow import ChebyshevFlow
from lossatlas.kernels.matrix_free.polish import IterativePolish
from lossatlas.kernels.quench import Quench
from lossatlas.landscape.base import Landscape
from lossatlas.search.known import NOTHING_KNOWN, KnownView

N_SOFT = 8
"""Soft modes of a minimum that single-ended searches can choose from, excluded modes aside."""

REFRESH = 25
"""Evaluations between two refreshments of a quench by the Hessian, unless that costs more."""

LONG_CALLS, SMALL = 4, 200
"""Steps of a device call on a CPU with at most so many weights, over those of a kernel by itself: a
lane that has finished executes nothing there, and a call costs as much as a step."""

DENSE = 1000
"""Weights up to which Hessians are formed; above, searches use Hessian-vector products."""

FLOW_TOLERANCE, LARGEST_SPREAD = (3e-2, 3e-3, 3e-4), 0.6
"""For paths with exact Hessians; how many ends are wrong at which tolerance, and how many of them
are flagged, `benchmarks.paths` shows."""

CHEBYSHEV_TOLERANCE, CHEBYSHEV_SPREAD = (1e-2, 1e-4, 1e-5), 0.05
"""For paths with gradients only, by a method of lower order."""


class Tools(NamedTuple):
    """What a search needs besides its start.

    Attributes:
        landscape: the landscape searched.
        quench, polish, climb, flow, band: the kernels, with their options.
        pushoff: distance from a transition state at which paths begin.
        displacement: distance from a minimum at which single-ended climbs begin.
        flow_tolerance: error of one step along a path, and the tighter ones, one after the other,
            for paths along which errors grow.
        newton_ball: length of the Newton step at which a path is handed over to Newton's method.
        largest_spread: a path is followed again with a tighter tolerance if it may have strayed
            further than this from the true one.
        known: the transition states known when the search was planned; their paths are not followed
            again.
    """

    landscape: Landscape
    quench: Quench
    polish: Polish | IterativePolish
    climb: Climb | HybridClimb
    flow: Flow | ChebyshevFlow
    band: Band
    pushoff: float
    displacement: float
    flow_tolerance: tuple[float, ...] = FLOW_TOLERANCE
    newton_ball: float = 0.1
    largest_spread: float = LARGEST_SPREAD
    known: KnownView = NOTHING_KNOWN


def default_tools(landscape: Landscape) -> Tools:
    """Kernels with options that were measured to work, lengths scaled to the landscape.

    Full-matrix BFGS up to 400 weights, limited memory above. Exact Hessians up to 1000 weights,
    Hessian-vector products above. Quenches use Hessians so seldom that these cost no more than
    the gradients between them, and only on a CPU: vectorized lanes would all pay at every step.
    """
    length = landscape.length_scale
    if landscape.n_weights <= DENSE:
        kernels, tolerance, spread = _exact_kernels(landscape), FLOW_TOLERANCE, LARGEST_SPREAD
    else:
        kernels, tolerance, spread = _product_kernels(length), CHEBYSHEV_TOLERANCE, CHEBYSHEV_SPREAD
    return Tools(
        landscape=landscape,
        quench=_quench(landscape),
        polish=kernels[0],
        climb=kernels[1],
        flow=kernels[2],
        band=Band(max_step=0.2 * length),
        pushoff=0.02 * length,
        displacement=0.5 * length,
        flow_tolerance=tuple(x * length for x in tolerance),
        newton_ball=0.1 * length,
        largest_spread=spread * length,
    )


def _quench(landscape: Landscape) -> Quench:
    """The quench; one that knows the curvature by the Hessian does better with short steps."""
    length = landscape.length_scale
    if landscape.n_weights > 400:
        return Quench(max_step=1.0 * length, memory=50)
    if jax.default_backend() != "cpu":
        return Quench(max_step=1.0 * length)
    refresh = max(REFRESH, ceil(landscape.hessian_cost))
    return Quench(
        max_step=0.3 * length, refresh=refresh, steps=_call_length(landscape) * Quench.steps
    )


def _exact_kernels(landscape: Landscape) -> tuple[Polish, Climb, Flow]:
    """Polish, climb and flow with exact Hessians."""
    length = landscape.length_scale
    polish = Polish(n_modes=N_SOFT, max_step=0.3 * length)
    climb = Climb(newton_length=1e-3 * length, radius=1.0 * length, max_radius=4.0 * length)
    flow = Flow(max_step=0.5 * length)
    times = _call_length(landscape)
    return (
        replace(polish, steps=times * polish.steps),
        replace(climb, steps=times * climb.steps),
        replace(flow, steps=times * flow.steps),
    )


def _call_length(landscape: Landscape) -> int:
    """Steps of a device call, over those of a kernel by itself."""
    small = landscape.n_weights <= SMALL and jax.default_backend() == "cpu"
    return LONG_CALLS if small else 1


def _product_kernels(length: float) -> tuple[IterativePolish, HybridClimb, ChebyshevFlow]:
    """Polish, climb and flow with gradients and Hessian-vector products only."""
    return (
        IterativePolish(n_modes=N_SOFT, max_step=0.3 * length),
        HybridClimb(
            newton_length=0.01 * length,
            radius=0.2 * length,
            max_radius=0.6 * length,
            max_step=0.2 * length,
        ),
        ChebyshevFlow(max_step=0.5 * length),
    )
