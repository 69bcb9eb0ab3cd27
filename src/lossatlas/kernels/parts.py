"""The parts of both families of kernels: what each is asked, and what it answers.

Polish, climb and flow exist with exact Hessians (`dense`) and with products of the Hessian and
vectors (`matrix_free`). A part has the same job and the same result in both, so that a search asks
for it without knowing the family:

| part | job | result |
|---|---|---|
| polish | `(w, downhill)` | `Polished` |
| climb | `(w, mode)` | `Climbed` |
| flow | `(w, tolerance, ball, symmetrizer, deviation)` | `Flowed` |

`w` and `mode` are weight vectors (n,). With `downhill` True a polish leads to a minimum, otherwise
to the nearest stationary point of any index. `tolerance` bounds the error of one step along a path,
`ball` is the Newton step at which a path is handed over to Newton's method, both in weight units;
`symmetrizer` projects onto the subspace of symmetric weight vectors that the flow cannot leave (the
identity if there is none), so that rounding errors do not make it leave; `deviation` is how far `w`
may be from the path already, where one is continued.

Results are JAX arrays inside compiled code and NumPy arrays outside.
"""

from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple, Protocol, TypeAlias, runtime_checkable

from lossatlas.lanes.requests import HostCall, Kernel

PRODUCT_COST = 2
"""A product of the Hessian and a vector counts as so many gradients: it is the derivative of one
gradient along the vector, computed forward over reverse."""


class Polished(NamedTuple):
    """A point after Newton steps, and the spectrum of its Hessian.

    Attributes:
        w: (n,) the point.
        energy: loss.
        rms_gradient: root-mean-square gradient.
        newton_length: |H^-1 g|, how far the exact stationary point may be, or a bound of it; NaN if
            there is no spectrum.
        eigenvalues: (m,) ascending, those of excluded modes left out, but none else from below: all
            of them from `dense.polish`, the lowest few up to at least one positive from
            `matrix_free.polish`.
        modes: (k, n) eigenvectors of the k lowest eigenvalues.
        largest_eigenvalue: the largest in size.
        curvature_change: relative change of the curvature where the exact stationary point may be;
            see `kernels.steadiness`.
        gradients: gradients used.
        hessians: Hessians used.
        status: CONVERGED, NOT_STATIONARY, UNDECIDED or NOT_FINITE.
    """

    w: Any
    energy: Any
    rms_gradient: Any
    newton_length: Any
    eigenvalues: Any
    modes: Any
    largest_eigenvalue: Any
    curvature_change: Any
    gradients: Any
    hessians: Any
    status: Any


class Climbed(NamedTuple):
    """Where a climb ended.

    Attributes:
        w: (n,) the point.
        mode: (n,) the unit vector of the mode followed.
        gradients: gradients used.
        hessians: Hessians used.
        status: CONVERGED, TOO_MANY_STEPS or NOT_FINITE.
    """

    w: Any
    mode: Any
    gradients: Any
    hessians: Any
    status: Any


class Flowed(NamedTuple):
    """Where a path was handed over to Newton's method.

    Attributes:
        w: (n,) the last point.
        deviation: how far it may be from the true path at the last point, in weight units.
        spread: the largest deviation on the way.
        newton: length of the Newton step at the last point, or a bound of it.
        gradients: gradients used.
        hessians: Hessians used.
        status: CONVERGED, TOO_MANY_STEPS or NOT_FINITE.
    """

    w: Any
    deviation: Any
    spread: Any
    newton: Any
    gradients: Any
    hessians: Any
    status: Any


@runtime_checkable
class PolishKernel(Kernel, Protocol):
    """A polish that runs in lanes."""

    def result(self, state: Any) -> Polished:
        """The point reached and its spectrum."""
        ...


@runtime_checkable
class PolishCall(HostCall, Protocol):
    """A polish that runs to its end on the host."""

    @property
    def call(self) -> Callable[..., Polished]:
        """`call(surface, w, downhill)`."""
        ...


Polisher: TypeAlias = PolishKernel | PolishCall
"""A polish of either family; requests treat kernels and host calls alike."""


@runtime_checkable
class Climber(Kernel, Protocol):
    """A climb of either family: uphill along one mode, downhill across it."""

    def result(self, state: Any) -> Climbed:
        """Where the climb ended."""
        ...


@runtime_checkable
class Follower(Kernel, Protocol):
    """A flow of either family: follows the gradient flow to the Newton ball of a minimum.

    Attributes:
        method: how it does, as links say it: ``"exponential"`` or ``"chebyshev"``.
    """

    method: ClassVar[str]

    def result(self, state: Any) -> Flowed:
        """Where the path was handed over."""
        ...
