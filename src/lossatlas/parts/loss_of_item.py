"""A loss from a function of one item, its derivatives by automatic differentiation."""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import Array

from lossatlas.parts.output_loss import OutputLoss, TargetKind

ItemLoss = Callable[[Array, Array], Array]


@dataclass(frozen=True)
class _Part:
    """The value (order 0) of each item, or its derivatives by the item's outputs."""

    function: ItemLoss
    order: int

    def __call__(self, outputs: Array, targets: Array) -> Array:
        """The derivative of this order, the items last."""
        derivative = self.function
        if self.order:
            derivative = jax.grad(derivative) if self.order == 1 else jax.hessian(derivative)
        return jnp.moveaxis(jax.vmap(derivative)(outputs.T, targets.T), 0, -1)


def loss_of_item(function: ItemLoss, name: str, targets: TargetKind = "numbers") -> OutputLoss:
    """The loss that averages a function of one item.

    Args:
        function: ``function(outputs, target)`` of the outputs (k,) and the target (k,) of an item,
            with two continuous derivatives, written with jax.numpy.
        name: what to call it, part of the fingerprint of a landscape, with values of the
            function at fixed arguments.
        targets: what the targets are, see `OutputLoss`.

    Examples:
        >>> square = loss_of_item(lambda y, t: ((y - t) ** 2).sum(), "square")
        >>> square.slope(jnp.array([[1.0, 2.0]]), jnp.array([[0.0, 0.0]])).tolist()
        [[2.0, 4.0]]
    """
    value, slope, curvature = (_Part(function, order) for order in range(3))
    return OutputLoss(name, name, targets, value, slope, curvature)
