"""Conversion between the weight vector of a network landscape and layers of other programs.

Other programs have one matrix and one vector of biases for each layer, and the plain activation. A
landscape has one vector, without the weights that a mask has removed, and its activation may be
shifted to be odd (`parts.centered`), which changes the biases.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from lossatlas.errors import BadInputError
from lossatlas.landscape.architecture import Architecture

Layer = tuple[np.ndarray, np.ndarray]
"""A matrix (receiving, sending) and the biases (receiving,)."""


def plain_layers(architecture: Architecture, w: Float[np.ndarray, " n"]) -> list[Layer]:
    """The layers of a network, from the inputs up, with zeros for weights that a mask removed.

    Args:
        architecture: the architecture of the landscape.
        w: (n,) the weight vector.

    Examples:
        >>> layers = plain_layers(Architecture((2, 3, 1)), np.arange(13.0))
        >>> [matrix.shape for matrix, _ in layers]
        [(3, 2), (1, 3)]
    """
    full = np.zeros(architecture.n_full)
    full[architecture.free] = w
    matrices, start = [], 0
    for rows, columns in architecture.matrix_shapes:
        matrices.append(full[start : start + rows * columns].reshape(rows, columns).copy())
        start += rows * columns
    layers = []
    for number, (matrix, width) in enumerate(zip(matrices, architecture.widths[1:], strict=True)):
        bias = full[start : start + width].copy()
        start += width
        if number > 0:
            bias -= architecture.activation.less * matrix.sum(axis=1)
        layers.append((matrix, bias))
    return layers


def weights_of_layers(
    architecture: Architecture, layers: Sequence[Layer], where: str = "model"
) -> Float[np.ndarray, " n"]:
    """The weight vector (n,) of a network with the given layers, the inverse of `plain_layers`.

    Args:
        architecture: the architecture of the landscape.
        layers: the matrix and the biases of each layer, from the inputs up.
        where: where the layers come from, for messages; default ``"model"``.

    Raises:
        BadInputError: if the layers have another shape, or a weight that the mask has removed is
            not zero.
    """
    found = (layers[0][0].shape[1], *(len(matrix) for matrix, _ in layers)) if layers else ()
    shapes = [matrix.shape for matrix, _ in layers]
    if found != architecture.widths or shapes != list(architecture.matrix_shapes):
        problem = f"its layers are {'-'.join(map(str, found)) or 'none'}"
        if found == architecture.widths:
            problem = f"its matrices (receiving, sending) have the shapes {shapes}"
        remedy = f"give a network of the shape {'-'.join(map(str, architecture.widths))}"
        raise BadInputError(where, problem, remedy)
    biases = []
    for number, (matrix, bias) in enumerate(layers):
        shift = architecture.activation.less * matrix.sum(axis=1) if number > 0 else 0.0
        biases.append(bias + shift)
    full = np.concatenate([*(matrix.ravel() for matrix, _ in layers), *biases]).astype(np.float64)
    w = full[architecture.free]
    full[architecture.free] = 0.0
    if full.any():
        problem = "it has weights that the mask of the landscape has removed"
        raise BadInputError(where, problem, "set them to zero")
    return w
