"""The space without the softmax shift: inner coordinates, in which the Hessian is smaller.

Adding one number to all output biases, or to all outgoing weights of a unit that is connected to
every output, shifts all logits by the same amount. Along these directions E is exactly
lambda |.|^2 plus a constant, so a weight vector at a stationary point has no component along them,
and no search needs to follow them. Inner coordinates leave them out: C output weights that shift
together become C - 1 contrasts. The contrasts come after all other weights, which are unchanged, in
the order of `Architecture.shifted_together`. The transformation is orthonormal, so spectra are the
same, without the curvature 2 lambda of each shift.
"""

from functools import lru_cache

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from lossatlas.landscape.architecture import Architecture


@lru_cache
def contrasts(outputs: int) -> Float[np.ndarray, "outputs contrasts"]:
    """(C, C - 1) orthonormal columns that sum to zero (Helmert contrasts), for C outputs."""
    table = np.zeros((outputs, outputs - 1))
    for k in range(1, outputs):
        table[:k, k - 1], table[k, k - 1] = 1.0, -k
    return table / np.linalg.norm(table, axis=0)


def shifts_everywhere(architecture: Architecture) -> bool:
    """Whether every unit of the last hidden layer is connected to every output."""
    return len(architecture.shifted_together) == architecture.widths[-2] + 1


def n_inner(architecture: Architecture) -> int:
    """The number of inner coordinates."""
    return architecture.n_weights - len(architecture.shifted_together)


def to_inner(architecture: Architecture, x: Float[Array, "n ..."]) -> Float[Array, "m ..."]:
    """The inner coordinates (m, ...) of weights (n, ...)."""
    columns = architecture.shifted_together
    if not len(columns):
        return x
    table = contrasts(columns.shape[1]).T.astype(x.dtype)
    inner = jnp.einsum("rc,kc...->kr...", table, x[columns])
    return jnp.concatenate([x[_others(architecture)], inner.reshape(-1, *x.shape[1:])])


def from_inner(architecture: Architecture, x: Float[Array, "m ..."]) -> Float[Array, "n ..."]:
    """The weights (n, ...) with inner coordinates (m, ...) and no component along the shift."""
    columns, others = architecture.shifted_together, _others(architecture)
    if not len(columns):
        return x
    outputs = columns.shape[1]
    table = contrasts(outputs).astype(x.dtype)
    inner = x[len(others) :].reshape(len(columns), outputs - 1, *x.shape[1:])
    weights = jnp.einsum("cr,kr...->kc...", table, inner).reshape(-1, *x.shape[1:])
    order = np.argsort(np.concatenate([others, columns.ravel()]))
    return jnp.concatenate([x[: len(others)], weights])[order]


def inner_ends(architecture: Architecture) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each inner coordinate, (m,) its layer, its receiving node and its sending node.

    Only for networks whose last hidden units are connected to every output. The contrasts then take
    the place of the outputs, of which there is one less.
    """
    others, last = _others(architecture), len(architecture.matrix_shapes) - 1
    ends = [end[others] for end in architecture.ends]
    sources, nodes = np.divmod(
        np.arange(n_inner(architecture) - len(others)), architecture.widths[-1] - 1
    )
    inner = (np.full(len(nodes), last), nodes, sources)
    layer, node, source = (np.concatenate(pair) for pair in zip(ends, inner, strict=True))
    return layer, node, source


def inner_regularized(architecture: Architecture) -> np.ndarray:
    """(m,) 1.0 for inner coordinates that the L2 term includes, else 0.0."""
    columns = architecture.shifted_together
    regularized = architecture.regularized
    inner = np.repeat(regularized[columns[:, 0]], columns.shape[1] - 1)
    return np.concatenate([regularized[_others(architecture)], inner])


def _others(architecture: Architecture) -> np.ndarray:
    """Positions of the weights that no shift changes."""
    return np.setdiff1d(np.arange(architecture.n_weights), architecture.shifted_together)
