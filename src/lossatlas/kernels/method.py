"""The choice of method for a landscape, made here and nowhere else.

What suits a landscape depends on the number of its weights, on what one of its Hessians costs, and
on the device. `CHOICES` is the table of it; `method_for` reads its row and fills in the lengths,
which are multiples of the landscape's length scale.
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
"""The families of kernels: with spectra of exact Hessians, with factorizations of exact Hessians,
or with products of the Hessian and vectors."""


class Choice(NamedTuple):
    """A row of the table.

    Attributes:
        platform: `"cpu"`, or `"gpu"` for any other device.
        up_to: number of weights up to which the row applies.
        dear: whether it applies where a Hessian costs more than a gradient for each weight, as with
            automatic differentiation.
        name: the family of polish, climb and flow.
        full_matrix: whether quenches of a family without a quench of its own keep a full matrix,
            refreshed by the Hessian, in place of `PAIRS` pairs.
        long_calls: whether device calls are `LONG_CALLS` times as long.
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
    # A spectrum costs some twenty factorizations. Above, the Hessian does not fit the memory of
    # several workers.
    Choice("cpu", 10_000, False, "factorized", full_matrix=False, long_calls=False),
    # Where Hessians are dear their spectrum is not what costs time.
    Choice("cpu", 1000, True, "dense", full_matrix=False, long_calls=False),
    Choice("cpu", inf, True, "matrix-free", full_matrix=False, long_calls=False),
    # Hessians and spectra are cheap: of 3504 weights 3 and 79 ms.
    Choice("gpu", 400, True, "dense", full_matrix=True, long_calls=False),
    Choice("gpu", 8000, False, "dense", full_matrix=False, long_calls=False),
    Choice("gpu", 1000, True, "dense", full_matrix=False, long_calls=False),
    Choice("gpu", inf, True, "matrix-free", full_matrix=False, long_calls=False),
)
"""The first row of the platform that is large enough applies."""

LONG_CALLS = 4
"""Steps of a long device call, over those of a kernel by itself. Only on a CPU, where a lane that
has finished executes nothing; vectorized lanes wait for the last of them."""

REFRESH = 25
"""Evaluations between two refreshments of a quench by the Hessian, or as many as the Hessian costs
gradients if that is more: so Hessians never cost more than the gradients between them."""

FACTORIZATION, SHARE = 30, 4
"""Evaluations between two factorizations of a quench: as many, or this part of what a Hessian with
its spectrum costs in gradients if that is more. So the factorizations cost no more than the
gradients between them, and a quench that needs few has none at all."""

DEAR = 1000
"""A factorization that is worth so many gradients is not made before a polish has tried to do with
as many products."""

PAIRS = 50
"""Pairs of the limited-memory model of a quench."""

N_SOFT = 8
"""Soft modes of a minimum that single-ended searches can choose from, excluded modes aside."""


@dataclass(frozen=True)
class Method:
    """The kernels for one landscape, with their options.

    Attributes:
        name: the family of polish, climb and flow, `"dense"`, `"factorized"` or `"matrix-free"`.
        quench: from a start to the bottom of its basin.
        polish: Newton steps and the spectrum that certifies what they reach.
        climb: from a minimum to a transition state.
        flow: down from a transition state.
        band: a chain of images between two minima.
        flow_tolerance: error of one step along a path in weight units, at first, and the tightest
            for paths along which errors grow.
        largest_spread: a path is followed again with a tighter tolerance if it may have strayed
            further than this from the true one, in weight units.
        newton_ball: length of the Newton step at which a path is handed over to Newton's method.
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
    """The method for a landscape: kernels with options that were measured to work.

    Args:
        landscape: its number of weights, the cost of its Hessian and its length scale decide.
        name: the family to use whatever the size, `"dense"`, `"factorized"` or `"matrix-free"`;
            default None, by the number of weights, the cost of a Hessian and the device.

    Raises:
        BadInputError: if there is no family of this name.

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
    """The row of the table; of a family asked for by name the largest row if none is enough."""
    if name is not None and name not in get_args(MethodName):
        known = " or ".join(repr(known) for known in get_args(MethodName))
        raise BadInputError("method", f"{name!r} is no family of kernels", f"use {known}")
    dear = landscape.hessian_cost > landscape.n_weights
    rows = [row for row in CHOICES if name in (None, row.name)]
    # A family that a platform has no row of can be asked for all the same.
    rows = [row for row in rows if row.platform == platform] or rows
    if name is None:
        rows = [row for row in rows if row.dear or not dear]
    return next((row for row in rows if landscape.n_weights <= row.up_to), rows[-1])


def _quench(landscape: Landscape, choice: Choice) -> Quench | FactorizedQuench:
    """The quench; one that knows the curvature by the Hessian does better with short steps."""
    if choice.name == "factorized":
        refresh = max(FACTORIZATION, ceil(landscape.hessian_cost / SHARE))
        return FactorizedQuench(max_step=1.0 * landscape.length_scale, refresh=refresh)
    length = landscape.length_scale
    if not choice.full_matrix:
        return Quench(max_step=1.0 * length, memory=PAIRS)
    refresh = max(REFRESH, ceil(landscape.hessian_cost))
    if choice.platform == "cpu":
        return Quench(max_step=0.3 * length, refresh=refresh)
    # Whole intervals a device call, or whole calls an interval: so all lanes of a block, which
    # began with some call, are refreshed at the same step.
    steps = Quench.steps - Quench.steps % refresh or Quench.steps
    refresh = refresh if refresh <= steps else steps * ceil(refresh / steps)
    return Quench(max_step=0.3 * length, refresh=refresh, steps=steps)


def _dense(length: float, quench: Quench | FactorizedQuench, band: Band) -> Method:
    """With exact Hessians.

    The first tolerance is one at which links are right; at ten times the tolerance one in 3,000 was
    not, with a spread of 0.26 to 0.30 length scales. `benchmarks.links` shows how many are wrong
    and how large their spread is, `benchmarks.paths` what a path costs at each tolerance.

    With a ball of ten times this size 2 of 506 links of a GELU regression with 17 weights were
    wrong at any tolerance, since shoulders passed for minima; this one takes 7 % more Hessians on
    the paths of a tanh network with 74.
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
    """With factorizations of exact Hessians; lengths and tolerances as with their spectra."""
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
    """With gradients and Hessian-vector products only.

    The flow is of lower order, so that its errors say less: its tolerances are tighter. A path at
    the first takes 11 % more gradients than at ten times the tolerance, at which more than half of
    the paths have to be followed again.
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
    """The method with `LONG_CALLS` times as many steps in a device call.

    Bands stay as they are: one of their iterations evaluates all images.
    """
    quench, polish, climb, flow = (
        replace(part, steps=LONG_CALLS * part.steps)  # type: ignore[union-attr]
        for part in (method.quench, method.polish, method.climb, method.flow)
    )
    return replace(method, quench=quench, polish=polish, climb=climb, flow=flow)
