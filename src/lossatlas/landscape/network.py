"""The loss of a network as a smooth function of its free weights (paper, eqs. 1-3).

    E(w) = 1/N sum_a loss(y(w; x^a), target^a) + lambda |w|^2

with the outputs y of a network with any number of hidden layers. Activation and loss are parts of
its architecture; the paper uses tanh and softmax cross-entropy.

**Layout.** Data are stored as (features, items), so that every product is a matrix product of
contiguous rows, and the activations for one weight vector stay in the cache.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float, Int

from lossatlas.landscape.architecture import Architecture, Passed, propagate, transposed, unpack
from lossatlas.landscape.network_hessian import between_items, data_hessian
from lossatlas.landscape.products import product
from lossatlas.landscape.softmax_shift import from_inner, inner_regularized
from lossatlas.landscape.wide_hessian import is_wide, wide_hessian
from lossatlas.parts.derivatives import mean_and_slope, of_all_items
from lossatlas.typing import Scalar

ROUNDING = 2e-7
"""Errors of a spectrum in single precision, as a fraction of the largest curvature."""


class NetworkLoss(NamedTuple):
    """The surface of a network: its mean loss plus L2 (paper, eqs. 1-3); a pytree.

    Attributes:
        architecture: the shape and the parts of the network, static.
        inputs: (features, items) float64 inputs, without the features that `seen` leaves out.
        targets: (outputs, items) float64 targets in the form that the loss needs.
        l2: () float64, lambda > 0.
        seen: (k,) numbers of the features that are not zero in every item; None if no feature is.
            The others, such as border pixels of images, are left out to save time: the data do not
            depend on their weights.
    """

    architecture: Architecture
    inputs: Float[Array, "features items"]
    targets: Float[Array, "classes items"]
    l2: Scalar
    seen: Int[Array, " k"] | None = None

    def energy(self, w: Float[Array, " n"]) -> Scalar:
        """E(w), eq. (3)."""
        outputs = _forward(self, w).outputs
        return self.architecture.loss.value(outputs, self.targets).mean() + self._penalty(w)

    def value_and_gradient(self, w: Float[Array, " n"]) -> tuple[Scalar, Float[Array, " n"]]:
        """E(w) and its gradient (n,), by one forward and one backward pass."""
        w = w.astype(self.inputs.dtype)
        matrices, _ = unpack(self.architecture, w)
        passed = _forward(self, w)
        activations, slopes = passed.activations, passed.slopes(self.architecture.activation)
        data_term, delta = mean_and_slope(self.architecture.loss, passed.outputs, self.targets)
        ones = jnp.ones(delta.shape[1], delta.dtype)  # a product with ones is faster than a sum
        blocks, sums = [], []
        for layer in range(len(matrices) - 1, -1, -1):
            block = delta @ activations[layer].T
            if layer == 0 and self.seen is not None:
                block = jax.lax.optimization_barrier(block)  # for the reason given in _forward
                block = jnp.zeros_like(matrices[0]).at[:, self.seen].set(block)
            blocks.append(block.ravel())
            sums.append(delta @ ones)
            if layer > 0:
                delta = product(transposed(matrices[layer]), delta) * slopes[layer - 1]
        gradient = jnp.concatenate(blocks[::-1] + sums[::-1])
        if self.architecture.masks is not None:
            gradient = gradient[self.architecture.free]
        penalty, slope = jax.value_and_grad(self._penalty)(w)
        return data_term + penalty, gradient + slope

    def hessian(self, w: Float[Array, " n"]) -> Float[Array, "n n"]:
        """The exact Hessian (n, n); see `network_hessian`."""
        data = from_inner(self.architecture, from_inner(self.architecture, self._data(w)).T)
        full = data + 2.0 * self.l2 * np.diag(self.architecture.regularized).astype(data.dtype)
        if not self._fixes_gauge():
            return full
        outputs = self.targets.shape[0]
        return full.at[-outputs:, -outputs:].add(2.0 * self.l2 / outputs)

    def inner_hessian(self, w: Float[Array, " n"]) -> Float[Array, "m m"]:
        """The exact Hessian (m, m) in inner coordinates, which leave out the softmax shift."""
        data = self._data(w)
        regularized = inner_regularized(self.architecture).astype(data.dtype)
        # `np.diag` would put all of its zeros into the compiled code.
        places = jnp.arange(len(data))
        diagonal = jnp.where(places[:, None] == places, regularized, 0.0)
        return data + (2.0 * self.l2).astype(data.dtype) * diagonal

    def from_inner(self, x: Float[Array, "m ..."]) -> Float[Array, "n ..."]:
        """The weights (n, ...) with the inner coordinates (m, ...)."""
        return from_inner(self.architecture, x)

    def _data(self, w: Float[Array, " n"]) -> Float[Array, "m m"]:
        inputs, targets = self.inputs, self.targets
        w = w.astype(inputs.dtype)
        loss = self.architecture.loss
        outputs = _forward(self, w).outputs  # XLA leaves this out unless the loss couples items
        if loss.coupling is not None:
            targets = of_all_items(loss, outputs, self.targets)
        if is_wide(self.architecture):
            full = wide_hessian(self.architecture, inputs, targets, w, self.seen)
        else:
            full = data_hessian(self.architecture, self._all_features(), targets, w)
        if loss.coupling is None:
            return full
        coupling = loss.coupling(outputs, self.targets)
        return full + between_items(self.architecture, self._all_features(), coupling, w)

    def _all_features(self) -> Float[Array, "features items"]:
        """The inputs, including the features that are zero in every item."""
        if self.seen is None:
            return self.inputs
        shape = (self.architecture.widths[0], self.inputs.shape[1])
        return jnp.zeros(shape, self.inputs.dtype).at[self.seen].set(self.inputs)

    def _fixes_gauge(self) -> bool:
        """Whether only an additional term in E determines the sum of the output biases."""
        return self.architecture.loss.shifts and not self.architecture.regularize_biases

    def hessian_vector_product(
        self, w: Float[Array, " n"], v: Float[Array, " n"]
    ) -> Float[Array, " n"]:
        """The exact Hessian times v (n,), as the derivative of the gradient along v."""
        return jax.jvp(lambda x: self.value_and_gradient(x)[1], (w,), (v,))[1]

    def without_excluded(self, v: Float[Array, " n"]) -> Float[Array, " n"]:
        """v (n,) without its component along the softmax shift.

        Adding one number to all output biases, or to all outgoing weights of a unit that is
        connected to every output, shifts all logits by the same amount. Along such a direction E
        is exactly lambda |.|^2 plus a constant.
        """
        columns = self.architecture.shifted_together
        if not len(columns):
            return v
        part = v[columns]
        return v.at[columns].add(-part.mean(axis=1, keepdims=True))

    def rough(self) -> "NetworkLoss":
        """The loss in single precision, which is twice as fast; it converts weights itself."""
        inputs, targets, l2 = (x.astype(jnp.float32) for x in (self.inputs, self.targets, self.l2))
        return self._replace(inputs=inputs, targets=targets, l2=l2)

    def rough_will_do(self, largest: Scalar) -> Bool[Array, ""]:
        """Whether single precision resolves curvatures of the size of lambda.

        It depends on the largest curvature, which sets the size of rounding errors, and on large
        inputs, which make rounding errors where they cancel. The softest curvature of the rough
        spectrum cannot decide it, because rounding errors make it larger.

        Args:
            largest: the largest curvature.
        """
        cancelling = jnp.mean(jnp.sum(self.inputs**2, axis=0))
        return ROUNDING * jnp.maximum(largest, cancelling) < 0.1 * self.l2

    def _penalty(self, w: Float[Array, " n"]) -> Scalar:
        """lambda |w|^2, with or without the biases, and a term that fixes the gauge.

        Adding one number to all output biases changes no probability of a softmax. If biases are
        not regularized, E would not depend on that direction. An additional term makes the biases
        sum to zero at stationary points, as they do with regularized biases, and vanishes there.
        """
        penalty = jnp.sum(self.architecture.regularized * w * w)
        if self._fixes_gauge():
            outputs = self.targets.shape[0]
            penalty = penalty + jnp.sum(w[-outputs:]) ** 2 / outputs
        return self.l2 * penalty


def _forward(loss: NetworkLoss, w: Float[Array, " n"]) -> Passed:
    matrices, biases = unpack(loss.architecture, w)
    if loss.seen is not None:
        # Without the barrier XLA transposes the product to suit the gathered columns. It then does
        # not use its fast matrix product, and takes twice as long.
        columns = jax.lax.optimization_barrier(matrices[0][:, loss.seen])
        matrices = [columns, *matrices[1:]]
    return propagate(loss.architecture.activation, (matrices, biases), loss.inputs)
