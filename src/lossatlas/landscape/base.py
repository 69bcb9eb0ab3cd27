"""What every landscape offers, and the landscape of a user's own function."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float

from lossatlas.errors import BadInputError
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


@jax.tree_util.register_static
@dataclass(frozen=True)
class StaticFunction:
    """A function as static data of a pytree."""

    call: Callable[[Array], Array]


class FunctionSurface(NamedTuple):
    """A user's smooth JAX function of a flat float64 vector; a pytree."""

    function: StaticFunction

    def energy(self, w: Float[Array, " n"]) -> Scalar:
        """E(w)."""
        return self.function.call(w)

    def value_and_gradient(self, w: Float[Array, " n"]) -> tuple[Scalar, Float[Array, " n"]]:
        """E(w) and its gradient."""
        return jax.value_and_grad(self.function.call)(w)

    def hessian(self, w: Float[Array, " n"]) -> Float[Array, "n n"]:
        """The exact Hessian by automatic differentiation."""
        return jax.hessian(self.function.call)(w)

    def inner_hessian(self, w: Float[Array, " n"]) -> Float[Array, "m m"]:
        """The Hessian: nothing is excluded."""
        return self.hessian(w)

    def from_inner(self, x: Float[Array, "m ..."]) -> Float[Array, "n ..."]:
        """The weights themselves."""
        return x

    def hessian_vector_product(
        self, w: Float[Array, " n"], v: Float[Array, " n"]
    ) -> Float[Array, " n"]:
        """The exact Hessian times v, forward over reverse."""
        return jax.jvp(jax.grad(self.function.call), (w,), (v,))[1]

    def without_excluded(self, v: Float[Array, " n"]) -> Float[Array, " n"]:
        """The vector itself: nothing is known of the function."""
        return v

    def rough(self) -> "FunctionSurface":
        """The surface itself: a user's function may need its double precision."""
        return self

    def rough_will_do(self, largest: Scalar) -> Bool[Array, ""]:
        """Always: it is not rough."""
        return jnp.asarray(True)


class FunctionLandscape:
    """The landscape of a smooth JAX function of a vector.

    Args:
        function: E(w), a pure JAX function of w (n,) with two derivatives.
        low: (n,) lower corner of the box that random starts are drawn from.
        high: (n,) upper corner.
        name: what to call it; part of the fingerprint.
        symmetry: (g, n, n) orthogonal matrices, a finite group under which E is invariant,
            the identity included; None for no symmetry.
        length_scale: a typical distance between minima.
        hessian_cost: of one Hessian with its spectrum, in gradients; None for 4 n, what automatic
            differentiation costs. Quenches use Hessians no more often than they can afford.

    Raises:
        BadInputError: if the corners do not describe a box, E inside it is not one finite float64,
            or `symmetry` is not a group that E has.

    Example:
        >>> import jax.numpy as jnp
        >>> double_well = FunctionLandscape(
        ...     lambda w: (w[0] ** 2 - 1) ** 2 + w[1] ** 2, low=[-2, -2], high=[2, 2], name="wells"
        ... )
        >>> double_well.n_weights
        2
    """

    zero_tolerance: float | None = None

    def __init__(
        self,
        function: Callable[[Array], Array],
        low: Any,
        high: Any,
        name: str = "function",
        *,
        symmetry: np.ndarray | None = None,
        length_scale: float = 1.0,
        hessian_cost: float | None = None,
    ) -> None:
        self.low, self.high = np.asarray(low, float), np.asarray(high, float)
        if self.low.ndim != 1 or self.low.shape != self.high.shape or (self.low >= self.high).any():
            raise BadInputError(name, "low and high are not corners of a box", "give low < high")
        if not length_scale > 0:
            raise BadInputError(name, f"length_scale {length_scale} is not positive", "use e.g. 1")
        self.n_weights = len(self.low)
        self.hessian_cost = 4.0 * self.n_weights if hessian_cost is None else hessian_cost
        if not 0 < self.hessian_cost < np.inf:
            raise BadInputError(name, f"hessian_cost {hessian_cost} is no cost", "use e.g. 10")
        self.name, self.length_scale = name, length_scale
        self.surface = FunctionSurface(StaticFunction(function))
        self.symmetry = np.eye(self.n_weights)[None] if symmetry is None else np.asarray(symmetry)
        self.excluded_modes, self.excluded_curvatures = np.zeros((0, self.n_weights)), np.zeros(0)
        inside = 0.3 * self.low + 0.7 * self.high
        value = self._value(inside)
        if value.shape != () or value.dtype != np.float64 or not np.isfinite(value):
            raise BadInputError(
                name,
                f"inside the box it returns {value!r}",
                "it must return one finite float64 for a float64 vector",
            )
        self._check_group(inside)

    def random_start(self, random: np.random.Generator) -> Float[np.ndarray, " n"]:
        """Uniform in the box."""
        return random.uniform(self.low, self.high)

    def copies(self, w: Float[np.ndarray, " n"]) -> Float[np.ndarray, "g n"]:
        """(g, n) the images of w under the group."""
        return self.symmetry @ w

    def invariants(self, w: Float[np.ndarray, " n"]) -> Float[np.ndarray, " k"]:
        """The coordinates of the copy that is last in lexicographic order."""
        copies = self.copies(w)
        rounded = np.round(copies / self.length_scale, 6)
        return copies[np.lexsort(rounded.T[::-1])[-1]]

    def descriptors(self, w: Float[np.ndarray, "b n"]) -> Float[np.ndarray, "b k"]:
        """The invariants of each."""
        return np.array([self.invariants(x) for x in w]).reshape(len(w), self.n_weights)

    def nearest_copy(
        self, w: Float[np.ndarray, " n"], target: Float[np.ndarray, " n"]
    ) -> Float[np.ndarray, " n"]:
        """The image of w nearest to target."""
        copies = self.copies(w)
        return copies[np.argmin(np.linalg.norm(copies - target, axis=1))]

    def neighbor_copies(self, w: Float[np.ndarray, " n"]) -> list[Float[np.ndarray, " n"]]:
        """All other images."""
        return [copy for copy in self.copies(w) if not self._same(copy, w)]

    def orbit_size(self, w: Float[np.ndarray, " n"]) -> int:
        """Group order over the number of group elements that leave w where it is."""
        return len(self.symmetry) // len(self._stabilizer(w))

    def symmetrizer(self, w: Float[np.ndarray, " n"]) -> Float[np.ndarray, "n n"]:
        """The average of the group elements that leave w where it is."""
        return self._stabilizer(w).mean(axis=0)

    def breaking_directions(
        self, w: Float[np.ndarray, " n"], modes: Float[np.ndarray, "d n"]
    ) -> Float[np.ndarray, "k n"]:
        """The modes as they are: a small group has no canonical choice to offer."""
        return modes

    def fingerprint(self) -> dict[str, str]:
        """The name, the box and the group."""
        group = hashlib.sha256(np.ascontiguousarray(self.symmetry, np.float64).tobytes())
        return {
            "function": self.name,
            "box": f"{self.low.tolist()} to {self.high.tolist()}",
            "symmetry": f"{len(self.symmetry)} elements, {group.hexdigest()[:16]}",
        }

    def _value(self, w: np.ndarray) -> np.ndarray:
        with jax.enable_x64(True):
            return np.asarray(self.surface.function.call(jax.numpy.asarray(w)))

    def _check_group(self, w: np.ndarray) -> None:
        """The matrices must be orthogonal, closed under products, and leave E(w) as it is."""
        n, group = self.n_weights, self.symmetry
        problem = None
        if group.ndim != 3 or group.shape[1:] != (n, n):
            problem = f"has shape {group.shape}, not (elements, {n}, {n})"
        elif not np.allclose(group @ group.transpose(0, 2, 1), np.eye(n)):
            problem = "has a matrix that is not orthogonal"
        elif not all(np.isclose(group, a @ b).all(axis=(1, 2)).any() for a in group for b in group):
            problem = "is not closed under products, or lacks the identity"
        elif not np.allclose([self._value(g @ w) for g in group], self._value(w)):
            problem = "has a matrix that changes E"
        if problem:
            raise BadInputError(f"{self.name}: symmetry", problem, "give a group that E has")

    def _same(self, a: np.ndarray, b: np.ndarray) -> bool:
        return bool(np.linalg.norm(a - b) < 1e-6 * self.length_scale)

    def _stabilizer(self, w: np.ndarray) -> np.ndarray:
        return np.stack([g for g in self.symmetry if self._same(g @ w, w)])
