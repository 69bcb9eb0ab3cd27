"""Products of weight matrices with the numbers of many items.

A weight matrix has few columns, so its product takes little arithmetic. On a processor it is
fastest as a matrix product. On a graphics card such a product is an operation of its own, which
reads its factors from memory and writes its result there. As a sum over the columns XLA computes it
together with the functions before and after it, which takes less time (`benchmarks.kernels --lanes
1024` shows how much).
"""

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from lossatlas.landscape.device import device

FEW = 16
"""Largest number of columns of a matrix whose products are sums on graphics cards."""


def product(matrix: Float[Array, "j k"], tensor: Float[Array, "k ..."]) -> Float[Array, "j ..."]:
    """Multiply a matrix (j, k) and a tensor (k, ...), which gives a tensor (j, ...).

    Examples:
        >>> product(jnp.array([[1.0, 2.0], [0.0, 1.0]]), jnp.array([3.0, 4.0])).tolist()
        [11.0, 4.0]
    """
    if device().platform == "cpu" or matrix.shape[1] > FEW:
        return jnp.tensordot(matrix, tensor, axes=1)
    columns = matrix.T.reshape(*matrix.T.shape, *[1] * (tensor.ndim - 1))
    total = columns[0] * tensor[0]
    for column, row in zip(columns[1:], tensor[1:], strict=True):
        total = total + column * row
    return total
