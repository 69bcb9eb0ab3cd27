"""The choice of method for a landscape.

Which kernels suit a landscape depends on the number of its weights, on the cost of its Hessian, and
on the device. `CHOICES` is the table of this choice. `method_for` reads a row of it and fills in
the lengths, which are multiples of the length scale of the landscape.
"""

from dataclasses import dataclass, replace
from math import ceil, inf
from typing import Literal, NamedTuple, TypeAlias, get_args

from lossatlas.errors import BadInputError
from lossatlas.kernels.band import Band
from lossatlas.kernels.dense.climb import Climb
from lossatlas.kernels.dense.flow import Flow
from lossatlas.kernels.dense.polish import Polish
from lossatlas.kernels.factorized.climb import FactorizedClimb
from lossatlas.kernels.factorized.flow import FactorizedFlow
from lossatlas.kernels.factorized.polish import FactorizedPolish
from lossatlas.kernels.factorized.quench import FactorizedQuench
from lossatlas.kernels.matrix_free.climb import HybridClimb
from lossatlas.kernels.matrix_free.flow import ChebyshevFlow
from lossatlas.kernels.matrix_free.polish import IterativePolish
from lossatlas.kernels.parts import Climber, Follower, Polisher
from lossatlas.kernels.quench import Quench
from lossatlas.landscape.base import Landscape
from lossatlas.landscape.device import device

MethodName: TypeAlias = Literal["dense", "factorized", "matrix-free"]
"""The families of kernels, which use spectra of exact Hessians ("dense"), factorizations of exact
Hessians ("factorized"), or products of the Hessian and vectors ("matrix-free")."""


class Choice(NamedTuple):
    """A row of the table of methods.

    Attributes:
        platform: `"cpu"`, or `"gpu"` for any other device.
        up_to: number of weights up to which the row applies.
        dear: whether the row also applies to expensive Hessians, which cost more gradients than
            there are weights, as they do with automatic differentiation.
        name: the family of polish, climb and flow.
        full_matrix: whether quenches keep a full matrix that is refreshed by the Hessian, instead
            of `PAIRS` pairs of the limited-memory model. It does not matter for the factorized
            family, which has a quench of its own.
        long_calls: whether a device call makes `LONG_CALLS` times as many steps.
    """

    platform: Literal["cpu", "gpu"]
    up_to: float
    dear: bool
    name: MethodName
    full_matrix: bool
    long_calls: bool


CHOICES = (
    # A device call costs about as much as a step of a kernel on so small a landscape.
    Choice("cpu", 200, True, "dense", full_matrix=True, long_calls=True),
    # The full matrix needs fewer steps than any number of pairs; above, products with it, n^2
    # operations each, cost more than this saves.
    Choice("cpu", 400, True, "dense", full_matrix=True, long_calls=False),
    # A spectrum costs some twenty factorizations. With more than 10,000 weights the Hessians of
    # several workers do not fit into the memory.
    Choice("cpu", 10_000, False, "factorized", full_matrix=False, long_calls=False),
    # Where Hessians are expensive, their spectra take little of the time.
    Choice("cpu", 1000, True, "dense", full_matrix=False, long_calls=False),
    Choice("cpu", inf, True, "matrix-free", full_matrix=False, long_calls=False),
    # Hessians and spectra are cheap on a GPU: 3 ms and 79 ms for 3504 weights.
    Choice("gpu", 400, True, "dense", full_matrix=True, long_calls=False),
    Choice("gpu", 8000, False, "dense", full_matrix=False, long_calls=False),
    Choice("gpu", 1000, True, "dense", full_matrix=False, long_calls=False),
    Choice("gpu", inf, True, "matrix-free", full_matrix=False, long_calls=False),
)
"""The table of methods. For a landscape, the first row of the platform applies that is for so many
weights and, if its Hessians are expensive, for such Hessians."""

LONG_CALLS = 12
"""Factor by which long device calls make more steps than a kernel does by default. Calls are long
only on a CPU, where a lane that has finished executes nothing; vectorized lanes wait for the last
of them. Between calls a worker holds Python's interpreter lock for some tenths of a millisecond,
and all others wait (`benchmarks.replay`)."""

REFRESH = 25
"""Number of evaluations between two refreshments of a quench by the Hessian. It is the cost of a
Hessian in gradients if that is larger, so that Hessians never cost more than the gradients between
them."""

FACTORIZATION, SHARE = 30, 4
"""Number of evaluations between two factorizations of a quench. It is the cost of a Hessian with
its spectrum in gradients, divided by the second value, if that is larger. Therefore factorizations
cost no more than the gradients between them, and a short quench has none at all."""

DEAR = 1000
"""If a factorization costs at least so many gradients, a polish first tries to converge with as
many Hessian-vector products instead."""

PAIRS = 50
"""Number of pairs of the limited-memory model of a quench."""

N_SOFT = 8
"""Number of soft modes of a minimum that single-ended searches can choose from, without excluded
modes."""


@dataclass(frozen=True)
class Method:
    """The kernels for one landscape, with their options.

    Attributes:
        name: the family of polish, climb and flow: `"dense"`, `"factorized"` or `"matrix-free"`.
        quench: the kernel that leads from a start to the bottom of its basin.
        polish: the kernel of Newton steps, with the spectrum that certifies what they reach.
        climb: the kernel that leads from a minimum to a transition state.
        flow: the kernel that follows gradient flow down from a transition state.
        band: the kernel that relaxes a chain of images between two minima.
        flow_tolerance: largest error of one step along a path, in units of the weights: the value
            that is used first, and the tightest, for paths along which errors grow.
        largest_spread: a path is followed again with a tighter tolerance if it may have strayed
            further than this from the true path, in units of the weights.
        newton_ball: length of the Newton step at which a path is handed over to Newton's method,
            in units of the weights.
    """

    name: MethodName
    quench: Quench | FactorizedQuench
    polish: Polisher
    climb: Climber
    flow: Follower
    band: Band
    flow_tolerance: tuple[float, float]
    largest_spread: float
    newton_ball: float


def method_for(landscape: Landscape, name: str | None = None) -> Method:
    """Return the kernels for a landscape, with options that were found to work by measurement.

    Args:
        landscape: the landscape to be searched, of which the number of weights, the cost of a
            Hessian and the length scale are used.
        name: the family of kernels to use: `"dense"`, `"factorized"` or `"matrix-free"`. By default
            it is chosen by the number of weights, the cost of a Hessian and the device.

    Raises:
        BadInputError: if there is no family with this name.

    Examples:
        >>> import numpy as np
        >>> from lossatlas.landscape import FunctionLandscape
        >>> bowl = FunctionLandscape(lambda w: w @ w, -np.ones(3), np.ones(3), "bowl")
        >>> method_for(bowl).name, method_for(bowl, "matrix-free").name
        ('dense', 'matrix-free')
    """
    on_cpu = device().platform == "cpu"
    choice = _choice(landscape, "cpu" if on_cpu else "gpu", name)
    quench = _quench(landscape, choice)
    band = Band(max_step=0.2 * landscape.length_scale)
    families = {"dense": _dense, "factorized": _factorized, "matrix-free": _matrix_free}
    method = families[choice.name](landscape.length_scale, quench, band)
    return _with_long_calls(method) if choice.long_calls else method


def _choice(landscape: Landscape, platform: str, name: str | None) -> Choice:
    """Return the row of the table, or the last row of a family that is asked for by name."""
    if name is not None and name not in get_args(MethodName):
        known = " or ".join(repr(known) for known in get_args(MethodName))
        raise BadInputError("method", f"{name!r} is not a family of kernels", f"use {known}")
    dear = landscape.hessian_cost > landscape.n_weights
    rows = [row for row in CHOICES if name in (None, row.name)]
    # A family that the platform has no row of can still be asked for by name.
    rows = [row for row in rows if row.platform == platform] or rows
    if name is None:
        rows = [row for row in rows if row.dear or not dear]
    return next((row for row in rows if landscape.n_weights <= row.up_to), rows[-1])


def _quench(landscape: Landscape, choice: Choice) -> Quench | FactorizedQuench:
    """Return the quench; one that is refreshed by Hessians converges faster with short steps."""
    if choice.name == "factorized":
        refresh = max(FACTORIZATION, ceil(landscape.hessian_cost / SHARE))
        return FactorizedQuench(max_step=1.0 * landscape.length_scale, refresh=refresh)
    length = landscape.length_scale
    if not choice.full_matrix:
        return Quench(max_step=1.0 * length, memory=PAIRS)
    refresh = max(REFRESH, ceil(landscape.hessian_cost))
    if choice.platform == "cpu":
        return Quench(max_step=0.3 * length, refresh=refresh)
    # A device call has a whole number of intervals, or an interval a whole number of calls. So all
    # lanes of a block, each of which begins with some call, are refreshed at the same step.
    steps = Quench.steps - Quench.steps % refresh or Quench.steps
    refresh = refresh if refresh <= steps else steps * ceil(refresh / steps)
    return Quench(max_step=0.3 * length, refresh=refresh, steps=steps)


def _dense(length: float, quench: Quench | FactorizedQuench, band: Band) -> Method:
    """Return the kernels that compute spectra of exact Hessians.

    With the first tolerance no link was found to be wrong; with ten times this tolerance one link
    in 3,000 was, on a path with a spread of 0.26 to 0.30 length scales. `benchmarks.links` shows
    how many links are wrong and how large their spread is, and `benchmarks.paths` shows the cost of
    a path at each tolerance.

    With a ball of ten times this size, shoulders of valleys passed for minima in regressions with
    GELU units, whatever the tolerance. The smaller ball takes a few more Hessians for each path.
    """
    return Method(
        name="dense",
        quench=quench,
        polish=Polish(n_modes=N_SOFT, max_step=0.3 * length),
        climb=Climb(newton_length=1e-3 * length, radius=1.0 * length, max_radius=4.0 * length),
        flow=Flow(max_step=0.5 * length),
        band=band,
        flow_tolerance=(3e-3 * length, 3e-5 * length),
        largest_spread=0.2 * length,
        newton_ball=0.01 * length,
    )


def _factorized(length: float, quench: Quench | FactorizedQuench, band: Band) -> Method:
    """Return the kernels that factorize exact Hessians, with the lengths of the dense family.

    Only the Newton ball is larger. Whether shoulders of valleys pass for minima with it has not
    been measured.
    """
    worth = quench.refresh or 0
    products = worth if worth >= DEAR else 0
    return Method(
        name="factorized",
        quench=quench,
        polish=FactorizedPolish(n_modes=N_SOFT, max_step=0.3 * length, products=products),
        climb=FactorizedClimb(
            newton_length=1e-3 * length, radius=1.0 * length, max_radius=4.0 * length
        ),
        flow=FactorizedFlow(max_step=0.5 * length),
        band=band,
        flow_tolerance=(3e-3 * length, 3e-5 * length),
        largest_spread=0.2 * length,
        newton_ball=0.1 * length,
    )


def _matrix_free(length: float, quench: Quench | FactorizedQuench, band: Band) -> Method:
    """Return the kernels that use only gradients and Hessian-vector products.

    Their flow is of lower order, so that its error estimates are less reliable and its tolerances
    are tighter. A path with the first tolerance takes 11 % more gradients than with ten times this
    tolerance, with which more than half of the paths have to be followed again.
    """
    return Method(
        name="matrix-free",
        quench=quench,
        polish=IterativePolish(n_modes=N_SOFT, max_step=0.3 * length),
        climb=HybridClimb(
            newton_length=0.01 * length,
            radius=0.2 * length,
            max_radius=0.6 * length,
            max_step=0.2 * length,
        ),
        flow=ChebyshevFlow(max_step=0.5 * length),
        band=band,
        flow_tolerance=(1e-3 * length, 1e-5 * length),
        largest_spread=0.05 * length,
        newton_ball=0.1 * length,
    )


def _with_long_calls(method: Method) -> Method:
    """Return the method with `LONG_CALLS` times as many steps in a device call."""
    quench, polish, climb, flow, band = (
        replace(part, steps=LONG_CALLS * part.steps)  # type: ignore[union-attr]
        for part in (method.quench, method.polish, method.climb, method.flow, method.band)
    )
    return replace(method, quench=quench, polish=polish, climb=climb, flow=flow, band=band)
