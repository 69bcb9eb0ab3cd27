"""The compiled half of a user's function: value and derivatives, by automatic differentiation."""

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
