"""The kernels and lengths that all searches on one landscape share."""

from typing import Any, NamedTuple

import numpy as np

from lossatlas.kernels.band import Band
from lossatlas.kernels.factorized.quench import FactorizedQuench
from lossatlas.kernels.method import N_SOFT as N_SOFT, method_for
from lossatlas.kernels.parts import Climber, Follower, Polisher
from lossatlas.kernels.quench import Quench
from lossatlas.landscape.base import Landscape
from lossatlas.landscape.invariant_subspace import invariant_subspace
from lossatlas.lanes.requests import HostCall, Kernel
from lossatlas.search.known import NOTHING_KNOWN, KnownView


class Tools(NamedTuple):
    """The kernels and lengths that a search needs besides its start. Lengths are in weight units.

    Attributes:
        landscape: the landscape that is searched.
        quench: the kernel that minimizes the energy.
        polish: the kernel that refines and certifies a stationary point by Newton's method.
        climb: the kernel that climbs to a transition state by eigenvector-following.
        flow: the kernel that follows gradient flow down from a transition state.
        band: the kernel that relaxes a band of images between two minima.
        pushoff: distance from a transition state at which paths begin.
        displacement: distance from a minimum at which single-ended climbs begin.
        flow_tolerance: error of one step along a path: that of the first attempt, and the tightest
            one for paths along which errors grow.
        newton_ball: length of the Newton step at which Newton's method takes over from gradient
            flow.
        largest_spread: largest distance by which a path may have strayed from the true one; a path
            that may have strayed further is followed again with a tighter tolerance.
        known: the transition states that were known when the search was planned, whose paths are
            not followed again; default none.

    Examples:
        >>> import lossatlas as la
        >>> from lossatlas.testing import six_hump_camel
        >>> camel = la.FunctionLandscape(six_hump_camel, [-2, -1], [2, 1], "camel")
        >>> tools = default_tools(camel)
        >>> further = tools._replace(displacement=2 * tools.displacement)
        >>> further.displacement == camel.length_scale
        True
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


def a_job_each(tools: Tools) -> list[tuple[Kernel, tuple[Any, ...]]]:
    """Return each kernel with a job of it, from which code is compiled before a search needs it.

    The jobs have the shapes of those that searches ask for, and their values mean nothing.

    Examples:
        >>> import lossatlas as la
        >>> from lossatlas.testing import six_hump_camel
        >>> camel = la.FunctionLandscape(six_hump_camel, [-2, -1], [2, 1], "camel")
        >>> [type(kernel).__name__ for kernel, _ in a_job_each(default_tools(camel))]
        ['Quench', 'Polish', 'Climb', 'Flow', 'Band']
    """
    w, number = tools.landscape.random_start(np.random.default_rng(0)), np.asarray(1.0)
    symmetrizer = invariant_subspace(tools.landscape, w)
    jobs: list[tuple[Any, tuple[Any, ...]]] = [
        (tools.quench, (w, number)),
        (tools.polish, (w, np.asarray(True))),
        (tools.climb, (w, w)),
        (tools.flow, (w, number, number, symmetrizer, number)),
        (tools.band, (w, w)),
    ]
    return [(kernel, job) for kernel, job in jobs if not isinstance(kernel, HostCall)]


def default_tools(landscape: Landscape, method: str | None = None) -> Tools:
    """Make the tools for a landscape, with lengths in proportion to its length scale.

    Args:
        landscape: the landscape to be searched.
        method: the family of kernels: ``"dense"`` (full spectra of the Hessian), ``"factorized"``
            (Cholesky factors of it) or ``"matrix-free"`` (Hessian-vector products alone). By
            default None: `kernels.method` chooses by the number of weights.

    Raises:
        BadInputError: if there is no method of this name.

    Examples:
        >>> import lossatlas as la
        >>> from lossatlas.testing import six_hump_camel
        >>> camel = la.FunctionLandscape(six_hump_camel, [-2, -1], [2, 1], "camel")
        >>> default_tools(camel).flow.method
        'exponential'
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
