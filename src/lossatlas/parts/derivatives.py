"""Mean, slope and derivatives of any loss, by its own fast ways where it has them."""

import jax.numpy as jnp
import numpy as np
from jax import Array

from lossatlas.parts.output_loss import OutputLoss
from lossatlas.typing import Scalar


def mean_and_slope(loss: OutputLoss, outputs: Array, targets: Array) -> tuple[Scalar, Array]:
    """The mean loss of items, and (outputs, items) its derivatives by the outputs."""
    if loss.fused is not None:
        return loss.fused(outputs, targets)
    items = outputs.shape[1]
    return loss.value(outputs, targets).mean(), loss.slope(outputs, targets) * (1.0 / items)


def output_derivatives(
    loss: OutputLoss, table: np.ndarray, outputs: Array, targets: Array, weights: Array
) -> tuple[Array, Array]:
    """Derivatives of the weighted sum over items, by what a table makes of the outputs.

    Args:
        loss: the loss.
        table: (outputs, k) what takes the place of the outputs.
        outputs: (outputs, items).
        targets: (outputs, items); of a loss that couples items, what `of_all_items` gives.
        weights: (items,) of each item.

    Returns:
        first (k, items) and second (k, k, items) derivatives.
    """
    if loss.contrasted is not None:
        return loss.contrasted(table, outputs, targets, weights)
    if loss.coupling is not None:
        return targets[:1] * weights, targets[None, 1:] * weights
    first, second = loss.slope(outputs, targets), loss.curvature(outputs, targets)
    if loss.shifts:
        columns = jnp.asarray(table, outputs.dtype)
        first = columns.T @ first
        second = jnp.einsum("ir,ija,js->rsa", columns, second, columns)
    return first * weights, second * weights


def of_all_items(loss: OutputLoss, outputs: Array, targets: Array) -> Array:
    """(2, items) first and second derivatives by the single output, where items are coupled.

    These need all items, and the Hessian is summed over some at a time.
    """
    return jnp.concatenate([loss.slope(outputs, targets), loss.curvature(outputs, targets)[0]])
