"""What every landscape offers: the protocols."""

from typing import Any, Protocol, runtime_checkable

import numpy as np
from jax import Array
from jaxtyping import Bool, Float

from lossatlas.typing import Scalar


@runtime_checkable
class Surface(Protocol):
    """The compiled half of a landscape: a pytree, so that new data do not recompile anything."""

    def energy(self, w: Float[Array, " n"]) -> Scalar:
        """E(w) for w (n,), float64."""
        ...

    def value_and_gradient(self, w: Float[Array, " n"]) -> tuple[Scalar, Float[Array, " n"]]:
        """E(w) and its gradient (n,)."""
        ...

    def hessian(self, w: Float[Array, " n"]) -> Float[Array, "n n"]:
        """The exact Hessian (n, n)."""
        ...

    def inner_hessian(self, w: Float[Array, " n"]) -> Float[Array, "m m"]:
        """The exact Hessian (m, m) in orthonormal coordinates of the space without excluded modes.

        No second derivative mixes these with the excluded modes.
        """
        ...

    def from_inner(self, x: Float[Array, "m ..."]) -> Float[Array, "n ..."]:
        """Weights (n, ...) of such coordinates (m, ...)."""
        ...

    def hessian_vector_product(
        self, w: Float[Array, " n"], v: Float[Array, " n"]
    ) -> Float[Array, " n"]:
        """The exact Hessian times v (n,), without the Hessian itself: about two gradients."""
        ...

    def without_excluded(self, v: Float[Array, " n"]) -> Float[Array, " n"]:
        """v (n,) without its part along the excluded modes of the landscape."""
        ...

    def rough(self) -> "Surface":
        """The same function, in single precision if that is faster: to steer by, not to certify."""
        ...

    def rough_will_do(self, largest: Scalar) -> Bool[Array, ""]:
        """Whether rough curvatures are good enough to steer by where the largest has this size."""
        ...


@runtime_checkable
class Symmetrizer(Protocol):
    """A linear operator on weights, applied by ``@``: a matrix, or anything cheaper.

    It is a pytree of arrays whose shapes depend on the landscape alone, so that it can be part of
    the job of a compiled kernel.
    """

    def __matmul__(self, other: Any, /) -> Any:
        """The operator applied to a vector (n,) or to the columns of a matrix (n, k)."""
        ...


@runtime_checkable
class Landscape(Protocol):
    """A surface, and what identifies a point on it up to symmetry. NumPy in, NumPy out.

    Attributes:
        n_weights: dimension n.
        length_scale: a typical distance between minima; lengths in the searches are multiples.
        zero_tolerance: an eigenvalue smaller in size than this has no certain sign; None: 1e-8 of
            the largest.
        excluded_modes: (k, n) orthonormal directions along which E is known exactly and that no
            search needs to follow.
        excluded_curvatures: (k,) second derivatives of E along them, the same everywhere.
        hessian_cost: of one Hessian with its spectrum, in gradients, roughly.
    """

    n_weights: int
    length_scale: float
    hessian_cost: float
    zero_tolerance: float | None
    excluded_modes: np.ndarray
    excluded_curvatures: np.ndarray

    @property
    def surface(self) -> Surface:
        """The function itself, for compiled code."""
        ...

    def random_start(self, random: np.random.Generator) -> Float[np.ndarray, " n"]:
        """A start for a quench, (n,)."""
        ...

    def invariants(self, w: Float[np.ndarray, " n"]) -> Float[np.ndarray, " k"]:
        """(k,) numbers, equal for symmetry copies and for nothing else, of slope about one."""
        ...

    def descriptors(self, w: Float[np.ndarray, "b n"]) -> Float[np.ndarray, "b k"]:
        """(b, k) of weights (b, n), equal for symmetry copies, mostly near for near points."""
        ...

    def nearest_copy(
        self, w: Float[np.ndarray, " n"], target: Float[np.ndarray, " n"]
    ) -> Float[np.ndarray, " n"]:
        """The symmetry copy of w (n,) nearest to target (n,)."""
        ...

    def neighbor_copies(self, w: Float[np.ndarray, " n"]) -> list[Float[np.ndarray, " n"]]:
        """Copies of w other than w, nearest first: ends of degenerate rearrangements."""
        ...

    def orbit_size(self, w: Float[np.ndarray, " n"]) -> int:
        """The number of symmetry copies of w."""
        ...

    def representative(self, w: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """The copy of w (n,) that an atlas stores: one inside the box if there is one."""
        ...

    def inside(self, w: Float[np.ndarray, "b n"]) -> Bool[np.ndarray, " b"]:
        """(b,) whether weights (b, n) have a copy in the box that the landscape is explored in."""
        ...

    def symmetrizer(self, w: Float[np.ndarray, " n"]) -> Symmetrizer:
        """The projector onto the weights that share the symmetry of w."""
        ...

    def breaking_directions(
        self, w: Float[np.ndarray, " n"], modes: Float[np.ndarray, "d n"]
    ) -> Float[np.ndarray, "k n"]:
        """Canonical directions (k, n) in the span of degenerate modes (d, n) at w."""
        ...

    def fingerprint(self) -> dict[str, str]:
        """What makes it this landscape, part by part; an atlas refuses any other."""
        ...
