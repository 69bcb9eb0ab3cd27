"""A loss made from a function of one item, with derivatives by automatic differentiation."""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import Array

from lossatlas.parts.output_loss import OutputLoss, TargetKind

ItemLoss = Callable[[Array, Array], Array]


@dataclass(frozen=True)
class _Part:
    """The loss of each item, or its derivatives by the outputs of the item.

    Attributes:
        function: the loss of one item.
        order: order of the derivative: 0 (the value), 1 or 2.
    """

    function: ItemLoss
    order: int

    def __call__(self, outputs: Array, targets: Array) -> Array:
        """The derivative of this order; the last axis counts the items."""
        derivative = self.function
        if self.order:
            derivative = jax.grad(derivative) if self.order == 1 else jax.hessian(derivative)
        return jnp.moveaxis(jax.vmap(derivative)(outputs.T, targets.T), 0, -1)


def loss_of_item(function: ItemLoss, name: str, targets: TargetKind = "numbers") -> OutputLoss:
    """Make a loss that is the mean over the items of a function of one item.

    Args:
        function: ``function(outputs, target)`` of the outputs (k,) and the target (k,) of an item,
            with two continuous derivatives, written with jax.numpy.
        name: the name of the loss. The fingerprint of a landscape contains it and values of the
            function at fixed arguments.
        targets: the kind of the targets, see `OutputLoss`; default ``"numbers"``.

    Examples:
        >>> square = loss_of_item(lambda y, t: ((y - t) ** 2).sum(), "square")
        >>> square.slope(jnp.array([[1.0, 2.0]]), jnp.array([[0.0, 0.0]])).tolist()
        [[2.0, 4.0]]
    """
    value, slope, curvature = (_Part(function, order) for order in range(3))
    return OutputLoss(name, name, targets, value, slope, curvature)
