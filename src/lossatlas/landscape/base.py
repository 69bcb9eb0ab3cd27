"""The protocols of landscapes: the attributes and methods that searches rely on."""

from typing import Any, Protocol, runtime_checkable

import numpy as np
from jax import Array
from jaxtyping import Bool, Float

from lossatlas.typing import Scalar


@runtime_checkable
class Surface(Protocol):
    """The compiled half of a landscape: a scalar function E(w) and its derivatives.

    A surface is a pytree with its data as arrays, so that other data of the same shape do not
    compile anything again. All methods can be compiled by JAX, and take and return float64.

    Examples:
        >>> import jax.numpy as jnp
        >>> import lossatlas as la
        >>> wells = la.FunctionLandscape(
        ...     lambda w: (w[0] ** 2 - 1) ** 2 + w[1] ** 2, low=[-2, -2], high=[2, 2], name="wells"
        ... )
        >>> isinstance(wells.surface, Surface)
        True
        >>> wells.surface.hessian(jnp.array([1.0, 0.0])).tolist()
        [[8.0, 0.0], [0.0, 2.0]]
    """

    def energy(self, w: Float[Array, " n"]) -> Scalar:
        """E(w) of a weight vector w (n,)."""
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
        """The weights (n, ...) with the coordinates (m, ...) of `inner_hessian`."""
        ...

    def hessian_vector_product(
        self, w: Float[Array, " n"], v: Float[Array, " n"]
    ) -> Float[Array, " n"]:
        """The exact Hessian times v (n,), without computing the Hessian.

        It takes about as long as two gradients.
        """
        ...

    def without_excluded(self, v: Float[Array, " n"]) -> Float[Array, " n"]:
        """v (n,) without its component along the excluded modes of the landscape."""
        ...

    def rough(self) -> "Surface":
        """The same function in single precision if that is faster, otherwise the surface itself.

        Searches use it for curvatures that guide their steps; points are never certified with it.
        """
        ...

    def rough_will_do(self, largest: Scalar) -> Bool[Array, ""]:
        """Whether curvatures of `rough` are precise enough to guide steps at a point.

        Args:
            largest: the largest curvature at the point.
        """
        ...


@runtime_checkable
class Symmetrizer(Protocol):
    """A linear operator on weights that is applied by ``@``: a matrix, or something faster.

    It is a pytree of arrays whose shapes depend on the landscape alone, so that it can be an
    argument of a compiled kernel.
    """

    def __matmul__(self, other: Any, /) -> Any:
        """The operator applied to a vector (n,) or to the columns of a matrix (n, k)."""
        ...


@runtime_checkable
class Landscape(Protocol):
    """A surface together with its symmetry. All methods take and return NumPy arrays.

    Two points are symmetry copies if an element of the symmetry group of E maps one to the other.
    `lossatlas.testing.check_landscape` checks what a landscape must guarantee.

    Attributes:
        n_weights: number n of weights, the dimension of the landscape.
        length_scale: a typical distance between minima, in weight units. Lengths in searches are
            multiples of it.
        hessian_cost: rough cost of one Hessian with its spectrum, in units of one gradient.
        zero_tolerance: size below which the sign of a Hessian eigenvalue is undecided; None for
            1e-8 times the largest eigenvalue.
        excluded_modes: (k, n) orthonormal directions along which E is known exactly, and that no
            search needs to follow.
        excluded_curvatures: (k,) second derivatives of E along the excluded modes, which are the
            same at all points.

    Examples:
        >>> import lossatlas as la
        >>> wells = la.FunctionLandscape(
        ...     lambda w: (w[0] ** 2 - 1) ** 2 + w[1] ** 2, low=[-2, -2], high=[2, 2], name="wells"
        ... )
        >>> isinstance(wells, Landscape)
        True
    """

    n_weights: int
    length_scale: float
    hessian_cost: float
    zero_tolerance: float | None
    excluded_modes: np.ndarray
    excluded_curvatures: np.ndarray

    @property
    def surface(self) -> Surface:
        """The surface, for compiled code."""
        ...

    def random_start(self, random: np.random.Generator) -> Float[np.ndarray, " n"]:
        """Random weights (n,) at which a quench can start."""
        ...

    def invariants(self, w: Float[np.ndarray, " n"]) -> Float[np.ndarray, " k"]:
        """(k,) numbers that identify a point up to symmetry.

        They are equal for symmetry copies and differ for all other points, and their slopes by the
        weights are about one.
        """
        ...

    def descriptors(self, w: Float[np.ndarray, "b n"]) -> Float[np.ndarray, "b k"]:
        """(b, k) coordinates in which the neighbors of b points are looked up.

        They are equal for symmetry copies, and mostly close for points that have close copies.
        """
        ...

    def nearest_copy(
        self, w: Float[np.ndarray, " n"], target: Float[np.ndarray, " n"]
    ) -> Float[np.ndarray, " n"]:
        """The symmetry copy of w (n,) nearest to target (n,)."""
        ...

    def neighbor_copies(self, w: Float[np.ndarray, " n"]) -> list[Float[np.ndarray, " n"]]:
        """Symmetry copies of w (n,) other than w, nearest first.

        Bands from w to them find degenerate rearrangements.
        """
        ...

    def orbit_size(self, w: Float[np.ndarray, " n"]) -> int:
        """The number of symmetry copies of w (n,), itself included."""
        ...

    def representative(self, w: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """The symmetry copy of w (n,) that an atlas stores, inside of the box if there is one."""
        ...

    def inside(self, w: Float[np.ndarray, "b n"]) -> Bool[np.ndarray, " b"]:
        """(b,) whether weights (b, n) have a copy inside of the box that is explored."""
        ...

    def symmetrizer(self, w: Float[np.ndarray, " n"]) -> Symmetrizer:
        """The projector onto the weights that have all symmetries of w (n,)."""
        ...

    def breaking_directions(
        self, w: Float[np.ndarray, " n"], modes: Float[np.ndarray, "d n"]
    ) -> Float[np.ndarray, "k n"]:
        """(k, n) canonical directions in the span of degenerate modes (d, n) at a point w (n,)."""
        ...

    def fingerprint(self) -> dict[str, str]:
        """Texts that identify the landscape, by their names; an atlas refuses any other one."""
        ...
