"""The parts that every family of kernels has: their jobs and their results.

Polish, climb and flow exist in each of the families `dense`, `factorized` and `matrix_free`. A part
has the same job and the same result in all of them, so that a search asks for it without knowing
the family:

| part | job | result |
|---|---|---|
| quench | `(w, rms)` | `Quenched` |
| polish | `(w, downhill)` | `Polished` |
| climb | `(w, mode)` | `Climbed` |
| flow | `(w, tolerance, ball, symmetrizer, deviation)` | `Flowed` |

`w` and `mode` are vectors (n,) with one number for each weight. A quench ends at an RMS gradient
below `rms`. With `downhill` True a polish leads to a minimum, otherwise to the nearest stationary
point of any Hessian index. `tolerance` bounds the error of one step along a path, and `ball` is the
length of the Newton step at which a path is handed over to Newton's method, both in units of the
weights. `symmetrizer` projects onto the subspace of symmetric weights that gradient flow cannot
leave, so that rounding errors do not make it leave; it is the identity for a point without
symmetry. `deviation` is the distance that `w` may have from the true path where a path is
continued.

The attributes of results are JAX arrays in compiled code and NumPy arrays outside.
"""

from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple, Protocol, TypeAlias, runtime_checkable

from lossatlas.lanes.requests import HostCall, Kernel

PRODUCT_COST = 2
"""Cost of a product of the Hessian and a vector, in gradients. The product is the derivative of a
gradient along the vector, computed by forward over reverse differentiation."""


class Polished(NamedTuple):
    """A point after Newton steps, and the spectrum of its Hessian.

    Attributes:
        w: (n,) the point.
        energy: loss at the point.
        rms_gradient: root-mean-square of the components of the gradient.
        newton_length: length |H^-1 g| of the Newton step, or a bound of it, which tells how far the
            exact stationary point may be, in units of the weights; NaN if there is no spectrum.
        eigenvalues: (m,) the lowest eigenvalues, ascending, without those of excluded modes. They
            are all eigenvalues in the dense family, and otherwise the lowest ones up to at least
            one positive, none of them left out.
        modes: (k, n) eigenvectors of the k lowest eigenvalues.
        largest_eigenvalue: size of the eigenvalue that is largest in size.
        curvature_change: relative change of the curvature between the point and another one near
            the exact stationary point (`kernels.steadiness`).
        gradients: number of gradients computed, where a Hessian-vector product counts as
            `PRODUCT_COST`.
        hessians: number of Hessians computed.
        status: CONVERGED, NOT_STATIONARY, UNDECIDED, WRONG_SPECTRUM or NOT_FINITE.
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
    """The end of a climb.

    Attributes:
        w: (n,) the last point.
        mode: (n,) unit vector of the mode that was followed.
        gradients: number of gradients computed, where a Hessian-vector product counts as
            `PRODUCT_COST`.
        hessians: number of Hessians computed.
        status: CONVERGED, TOO_MANY_STEPS or NOT_FINITE.
    """

    w: Any
    mode: Any
    gradients: Any
    hessians: Any
    status: Any


class Flowed(NamedTuple):
    """The point at which a path was handed over to Newton's method.

    Attributes:
        w: (n,) the last point.
        deviation: distance that the last point may have from the true path, in units of the
            weights.
        spread: the largest such distance on the way.
        newton: length of the Newton step at the last point, or a bound of it.
        gradients: number of gradients computed, where a Hessian-vector product counts as
            `PRODUCT_COST`.
        hessians: number of Hessians computed.
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
        """Return the point reached and its spectrum."""
        ...


@runtime_checkable
class PolishCall(HostCall, Protocol):
    """A polish that runs to its end on the host."""

    @property
    def call(self) -> Callable[..., Polished]:
        """The function `call(surface, w, downhill)`, which polishes `w` (n,)."""
        ...


Polisher: TypeAlias = PolishKernel | PolishCall
"""A polish of any family; requests treat kernels and host calls alike."""


@runtime_checkable
class Climber(Kernel, Protocol):
    """A climb of any family, which goes uphill along one mode and downhill across it."""

    def result(self, state: Any) -> Climbed:
        """Return where the climb ended."""
        ...


@runtime_checkable
class Follower(Kernel, Protocol):
    """A flow of any family, which follows gradient flow to the Newton ball of a minimum.

    Attributes:
        method: name of the method, as links in an atlas have it: ``"exponential"`` or
            ``"chebyshev"``.
    """

    method: ClassVar[str]

    def result(self, state: Any) -> Flowed:
        """Return where the path was handed over."""
        ...
