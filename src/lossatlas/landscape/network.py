"""The loss of a tanh network as a smooth function of its free weights (paper, eqs. 1-3).

    E(w) = -1/N sum_a ln p_c(a)(w; x^a) + lambda |w|^2

with softmax probabilities p of the outputs of a network with any number of tanh layers.

**Layout.** Data stand as (features, items): every product below is then a matrix product of
contiguous rows, and one weight vector's activations stay in cache.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float, Int

from lossatlas.landscape.architecture import Architecture, propagate, transposed, unpack
from lossatlas.landscape.network_hessian import data_hessian
from lossatlas.landscape.softmax_shift import from_inner, inner_regularized
from lossatlas.landscape.wide_hessian import is_wide, wide_hessian
from lossatlas.typing import Scalar

ROUNDING = 2e-7
"""Errors of a spectrum in single precision, in parts of the largest curvature."""
FACTORS = 8
"""Of a product whose logarithm is taken; no overflow in single precision up to 65,000 classes."""


class NetworkLoss(NamedTuple):
    """Softmax cross-entropy of a tanh network plus L2, eqs. (1)-(3); a pytree.

    Attributes:
        architecture: static shape.
        inputs: (features, items) float64; without the features that `seen` leaves out.
        targets: (classes, items) float64, one-hot.
        l2: () float64, lambda > 0.
        seen: (k,) the features that are not zero in every item; None if these are all. The others
            (the border pixels of an image) only cost time: the data do not see their weights.
    """

    architecture: Architecture
    inputs: Float[Array, "features items"]
    targets: Float[Array, "classes items"]
    l2: Scalar
    seen: Int[Array, " k"] | None = None

    def energy(self, w: Float[Array, " n"]) -> Scalar:
        """E(w), eq. (3)."""
        activations, logits = _forward(self, w)
        del activations
        data_term = jax.nn.logsumexp(logits, axis=0).sum() - jnp.vdot(self.targets, logits)
        return data_term / self.inputs.shape[1] + self._penalty(w)

    def value_and_gradient(self, w: Float[Array, " n"]) -> tuple[Scalar, Float[Array, " n"]]:
        """E(w) and its gradient (n,), one forward and one backward pass."""
        w = w.astype(self.inputs.dtype)
        matrices, _ = unpack(self.architecture, w)
        activations, logits = _forward(self, w)
        data_term, delta = _output_delta(logits, self.targets)
        ones = jnp.ones(delta.shape[1], delta.dtype)  # a product is faster than a sum
        blocks, sums = [], []
        for layer in range(len(matrices) - 1, -1, -1):
            block = delta @ activations[layer].T
            if layer == 0 and self.seen is not None:
                block = jax.lax.optimization_barrier(block)  # as in _forward
                block = jnp.zeros_like(matrices[0]).at[:, self.seen].set(block)
            blocks.append(block.ravel())
            sums.append(delta @ ones)
            if layer > 0:
                delta = (transposed(matrices[layer]) @ delta) * (1.0 - activations[layer] ** 2)
        gradient = jnp.concatenate(blocks[::-1] + sums[::-1])
        if self.architecture.masks is not None:
            gradient = gradient[self.architecture.free]
        penalty, slope = jax.value_and_grad(self._penalty)(w)
        return data_term + penalty, gradient + slope

    def hessian(self, w: Float[Array, " n"]) -> Float[Array, "n n"]:
        """The exact Hessian (n, n); see `network_hessian`."""
        data = from_inner(self.architecture, from_inner(self.architecture, self._data(w)).T)
        full = data + 2.0 * self.l2 * np.diag(self.architecture.regularized).astype(data.dtype)
        if self.architecture.regularize_biases:
            return full
        outputs = self.targets.shape[0]
        return full.at[-outputs:, -outputs:].add(2.0 * self.l2 / outputs)

    def inner_hessian(self, w: Float[Array, " n"]) -> Float[Array, "m m"]:
        """The exact Hessian (m, m) in the coordinates of the space without the softmax shift."""
        data = self._data(w)
        regularized = inner_regularized(self.architecture).astype(data.dtype)
        # Not `np.diag`: what is compiled would contain all the zeros.
        places = jnp.arange(len(data))
        diagonal = jnp.where(places[:, None] == places, regularized, 0.0)
        return data + (2.0 * self.l2).astype(data.dtype) * diagonal

    def from_inner(self, x: Float[Array, "m ..."]) -> Float[Array, "n ..."]:
        """Weights (n, ...) of inner coordinates (m, ...)."""
        return from_inner(self.architecture, x)

    def _data(self, w: Float[Array, " n"]) -> Float[Array, "m m"]:
        inputs = self.inputs
        if is_wide(self.architecture):
            rough = w.astype(inputs.dtype)
            return wide_hessian(self.architecture, inputs, self.targets, rough, self.seen)
        if self.seen is not None:
            shape = (self.architecture.widths[0], inputs.shape[1])
            inputs = jnp.zeros(shape, inputs.dtype).at[self.seen].set(inputs)
        return data_hessian(self.architecture, inputs, self.targets, w.astype(inputs.dtype))

    def hessian_vector_product(
        self, w: Float[Array, " n"], v: Float[Array, " n"]
    ) -> Float[Array, " n"]:
        """The exact Hessian times v (n,): the gradient's derivative along v."""
        return jax.jvp(lambda x: self.value_and_gradient(x)[1], (w,), (v,))[1]

    def without_excluded(self, v: Float[Array, " n"]) -> Float[Array, " n"]:
        """v (n,) without its part along the softmax shift.

        Adding one number to all output biases, or to all outgoing weights of a unit that is
        connected to every output, shifts all logits alike: E is exactly lambda |.|^2 along it.
        """
        columns = self.architecture.shifted_together
        part = v[columns]
        return v.at[columns].add(-part.mean(axis=1, keepdims=True))

    def rough(self) -> "NetworkLoss":
        """The loss in single precision, twice as fast; weights are converted."""
        inputs, targets, l2 = (x.astype(jnp.float32) for x in (self.inputs, self.targets, self.l2))
        return self._replace(inputs=inputs, targets=targets, l2=l2)

    def rough_will_do(self, largest: Scalar) -> Bool[Array, ""]:
        """Whether single precision resolves curvatures as soft as lambda beside the largest one.

        The rough spectrum cannot tell by its softest curvature: noise makes that larger. And
        large inputs make noise where they cancel, too.
        """
        cancelling = jnp.mean(jnp.sum(self.inputs**2, axis=0))
        return ROUNDING * jnp.maximum(largest, cancelling) < 0.1 * self.l2

    def _penalty(self, w: Float[Array, " n"]) -> Scalar:
        """lambda |w|^2; without the biases, of these only what shifts all outputs alike.

        Adding one number to all output biases changes no probability. If biases are not
        regularized, that direction would be free; this term fixes the gauge (the biases then sum to
        zero at stationary points, as they do with regularized biases) and changes no loss there.
        """
        penalty = jnp.sum(self.architecture.regularized * w * w)
        if not self.architecture.regularize_biases:
            outputs = self.targets.shape[0]
            penalty = penalty + jnp.sum(w[-outputs:]) ** 2 / outputs
        return self.l2 * penalty


def _forward(loss: NetworkLoss, w: Float[Array, " n"]) -> tuple[list[Array], Array]:
    matrices, biases = unpack(loss.architecture, w)
    if loss.seen is not None:
        # The barrier keeps XLA from transposing the product to suit the gathered columns: it then
        # misses its fast matrix product, and takes twice as long.
        columns = jax.lax.optimization_barrier(matrices[0][:, loss.seen])
        matrices = [columns, *matrices[1:]]
    return propagate((matrices, biases), loss.inputs)


def _output_delta(
    outputs: Float[Array, "classes items"], targets: Float[Array, "classes items"]
) -> tuple[Scalar, Float[Array, "classes items"]]:
    """Mean cross-entropy and (p - y)/N, (classes, items)."""
    items = outputs.shape[1]
    top = outputs.max(axis=0)
    exponentials = jnp.exp(outputs - top)
    total = exponentials.sum(axis=0)
    entropy = (top - (targets * outputs).sum(axis=0)).sum() + _sum_of_logarithms(total)
    return entropy / items, (exponentials * (1.0 / total) - targets) * (1.0 / items)


def _sum_of_logarithms(total: Float[Array, " items"]) -> Scalar:
    """Of numbers between one and the number of classes; logarithms are dear, so of products."""
    rows = jnp.pad(total, (0, -len(total) % FACTORS), constant_values=1.0).reshape(FACTORS, -1)
    return jnp.log(rows.prod(axis=0)).sum()
