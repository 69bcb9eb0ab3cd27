"""Mean and derivatives of any loss, by the fused functions of the loss where it has them."""

import jax.numpy as jnp
import numpy as np
from jax import Array

from lossatlas.parts.output_loss import OutputLoss
from lossatlas.typing import Scalar


def mean_and_slope(loss: OutputLoss, outputs: Array, targets: Array) -> tuple[Scalar, Array]:
    """Compute the mean loss and its first derivatives.

    Args:
        loss: the loss.
        outputs: (outputs, items) outputs of the network.
        targets: (outputs, items) targets.

    Returns:
        The mean loss over the items, and its (outputs, items) derivatives by the outputs.
    """
    if loss.fused is not None:
        return loss.fused(outputs, targets)
    items = outputs.shape[1]
    return loss.value(outputs, targets).mean(), loss.slope(outputs, targets) * (1.0 / items)


def output_derivatives(
    loss: OutputLoss, table: np.ndarray, outputs: Array, targets: Array, weights: Array
) -> tuple[Array, Array]:
    """Derivatives of the weighted sum of losses along k combinations of the outputs.

    Args:
        loss: the loss.
        table: (outputs, k) the combinations of outputs, as columns. It is used for a loss with
            `shifts` alone; for all others k is the number of outputs, and derivatives are taken
            by the outputs themselves.
        outputs: (outputs, items) outputs of the network.
        targets: (outputs, items) targets; for a loss that couples items, the result of
            `of_all_items` instead.
        weights: (items,) weight of each item in the sum.

    Returns:
        (k, items) first and (k, k, items) second derivatives.
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
    """First and second derivatives of a loss that couples items, from all items at once.

    The Hessian is summed over blocks of items, but these derivatives need all items.

    Args:
        loss: the loss.
        outputs: (1, items) outputs of the network.
        targets: (1, items) targets.

    Returns:
        (2, items) first and second derivatives by the output of each item.
    """
    return jnp.concatenate([loss.slope(outputs, targets), loss.curvature(outputs, targets)[0]])
