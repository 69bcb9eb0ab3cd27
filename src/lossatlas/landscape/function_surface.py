"""The surface of a user's function, with derivatives by automatic differentiation."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float

from lossatlas.typing import Scalar


@jax.tree_util.register_static
@dataclass(frozen=True)
class StaticFunction:
    """A function as static data of a pytree, by whose identity compiled code is looked up."""

    call: Callable[[Array], Array]


class FunctionSurface(NamedTuple):
    """The surface of a smooth JAX function of a flat float64 vector; a pytree.

    Attributes:
        function: the function.

    Examples:
        >>> import jax.numpy as jnp
        >>> import lossatlas as la
        >>> wells = la.FunctionLandscape(
        ...     lambda w: (w[0] ** 2 - 1) ** 2 + w[1] ** 2, low=[-2, -2], high=[2, 2], name="wells"
        ... )
        >>> energy, gradient = wells.surface.value_and_gradient(jnp.array([0.0, 1.0]))
        >>> float(energy), gradient.tolist()
        (2.0, [0.0, 2.0])
    """

    function: StaticFunction

    def energy(self, w: Float[Array, " n"]) -> Scalar:
        """E(w) of a vector w (n,)."""
        return self.function.call(w)

    def value_and_gradient(self, w: Float[Array, " n"]) -> tuple[Scalar, Float[Array, " n"]]:
        """E(w) and its gradient (n,)."""
        return jax.value_and_grad(self.function.call)(w)

    def hessian(self, w: Float[Array, " n"]) -> Float[Array, "n n"]:
        """The exact Hessian (n, n)."""
        return jax.hessian(self.function.call)(w)

    def inner_hessian(self, w: Float[Array, " n"]) -> Float[Array, "m m"]:
        """The exact Hessian (n, n), since a function has no excluded modes."""
        return self.hessian(w)

    def from_inner(self, x: Float[Array, "m ..."]) -> Float[Array, "n ..."]:
        """The weights themselves, since a function has no excluded modes."""
        return x

    def hessian_vector_product(
        self, w: Float[Array, " n"], v: Float[Array, " n"]
    ) -> Float[Array, " n"]:
        """The exact Hessian times v (n,), by forward over reverse differentiation."""
        return jax.jvp(jax.grad(self.function.call), (w,), (v,))[1]

    def without_excluded(self, v: Float[Array, " n"]) -> Float[Array, " n"]:
        """The vector itself, since a function has no excluded modes."""
        return v

    def rough(self) -> "FunctionSurface":
        """The surface itself, since a user's function may need double precision."""
        return self

    def rough_will_do(self, largest: Scalar) -> Bool[Array, ""]:
        """Always True, since `rough` returns the surface itself."""
        return jnp.asarray(True)
