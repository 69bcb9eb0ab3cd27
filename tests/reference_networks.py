"""Networks written a second time, item by item, and everything brute force can say about them."""

import itertools
import math

import jax
import numpy as np
import scipy.optimize

from lossatlas.landscape import NetworkLandscape, symmetry


def small_data(items=30, features=2, classes=3, seed=0):
    """Normal inputs; labels of a noisy rule, every class present."""
    random = np.random.default_rng(seed)
    inputs = random.normal(size=(items, features))
    score = inputs @ random.normal(size=(features, classes))
    labels = np.argmax(score + random.gumbel(size=score.shape), axis=1)
    labels[:classes] = np.arange(classes)
    return inputs, labels


def small_landscape(hidden, *, l2=1e-2, items=30, features=2, classes=3, seed=0, **options):
    inputs, labels = small_data(items, features, classes, seed)
    return NetworkLandscape(inputs, labels, hidden, l2, **options)


def layers_of(landscape, w, xp=np):
    """Matrices and biases, masked weights at zero, from the documented weight order."""
    widths, masks = landscape.architecture.widths, landscape.architecture.masks
    matrices, biases, used = [], [], 0
    for layer, (after, before) in enumerate(zip(widths[1:], widths[:-1], strict=True)):
        place, kept = np.zeros((after, before), int), np.ones((after, before))
        for j in range(after):
            for k in range(before):
                if masks is None or masks[layer][j][k]:
                    place[j, k] = used
                    used += 1
                else:
                    kept[j, k] = 0.0
        matrices.append(xp.asarray(w)[place] * kept)
    for width in widths[1:]:
        biases.append(w[used : used + width])
        used += width
    assert used == len(w)
    return matrices, biases


def reference_outputs(landscape, w, inputs, xp=np):
    """(items, classes) by eq. (1), items as rows."""
    matrices, biases = layers_of(landscape, w, xp)
    values = inputs
    for matrix, bias in zip(matrices[:-1], biases[:-1], strict=True):
        values = xp.tanh(values @ matrix.T + bias)
    return values @ matrices[-1].T + biases[-1]


def reference_loss(landscape, w, xp=np):
    """Eq. (3): mean of -ln p of the right class, plus lambda times the sum of squares."""
    outputs = reference_outputs(landscape, w, landscape.inputs, xp)
    shifted = outputs - outputs.max(axis=1, keepdims=True)
    log_p = shifted - xp.log(xp.exp(shifted).sum(axis=1, keepdims=True))
    right = log_p[np.arange(len(landscape.labels)), landscape.labels]
    penalty = (w**2).sum()
    if not landscape.architecture.regularize_biases:
        widths = landscape.architecture.widths
        gauge = w[len(w) - widths[-1] :].sum() ** 2 / widths[-1]
        penalty = (w[: len(w) - sum(widths[1:])] ** 2).sum() + gauge
    return -right.mean() + landscape.l2 * penalty


def group_elements(landscape):
    """Every permutation and sign of hidden units that keeps the mask, as (index, sign) maps.

    An element carries w over into ``sign * w[index]``. Found without any cleverness: all
    permutations of all layers are applied to the table of kept weights.
    """
    architecture = landscape.architecture
    widths, shapes = architecture.widths, architecture.matrix_shapes
    place = np.full(architecture.n_full, -1)
    place[architecture.free] = np.arange(architecture.n_weights)
    starts = np.concatenate([[0], np.cumsum([a * b for a, b in shapes])])
    bias_starts = starts[-1] + np.concatenate([[0], np.cumsum(widths[1:])])
    outer_in, outer_out = np.arange(widths[0]), np.arange(widths[-1])
    choices = [
        list(
            itertools.product(
                itertools.permutations(range(h)), itertools.product([1, -1], repeat=h)
            )
        )
        for h in widths[1:-1]
    ]
    for element in itertools.product(*choices):
        order = [outer_in, *[np.array(p) for p, _ in element], outer_out]
        signs = [
            np.ones(len(outer_in)),
            *[np.array(s) for _, s in element],
            np.ones(len(outer_out)),
        ]
        index, factor = [], []
        for layer, (after, before) in enumerate(shapes):
            table = starts[layer] + np.arange(after * before).reshape(after, before)
            index.append(table[np.ix_(order[layer + 1], order[layer])].ravel())
            factor.append(np.outer(signs[layer + 1], signs[layer]).ravel())
        for layer, width in enumerate(widths[1:]):
            index.append((bias_starts[layer] + np.arange(width))[order[layer + 1]])
            factor.append(signs[layer + 1])
        source = place[np.concatenate(index)]
        if ((source >= 0) == (place >= 0)).all():
            free = architecture.free
            yield source[free], np.concatenate(factor)[free]


def allowed_signed_swaps(landscape, random):
    """A random product of single-layer symmetries, by the module's own description."""

    def apply(w):
        for layer in landscape.symmetry.layers:
            units = len(layer.positions)
            order = np.arange(units)
            for unit in range(units):
                partner = random.choice(np.flatnonzero(layer.interchangeable[unit]))
                order[[unit, partner]] = order[[partner, unit]]
            w = symmetry.act(layer, w, order, random.choice([-1.0, 1.0], units))
        return w

    return apply


def random_element(landscape, random):
    """One signed permutation of every hidden layer; only for networks without a mask."""
    assert landscape.architecture.masks is None
    widths, shapes = landscape.architecture.widths, landscape.architecture.matrix_shapes
    order = [random.permutation(h) for h in widths[1:-1]]
    signs = [random.choice([-1.0, 1.0], h) for h in widths[1:-1]]

    def apply(w):
        new = w.copy()
        matrices, biases = layers_of(landscape, np.arange(len(w)))
        values, value_biases = layers_of(landscape, w)
        for k, (p, s) in enumerate(zip(order, signs, strict=True)):
            values[k] = s[:, None] * values[k][p]
            value_biases[k] = s * value_biases[k][p]
            values[k + 1] = values[k + 1][:, p] * s
        for place, value in zip([*matrices, *biases], [*values, *value_biases], strict=True):
            new[place.ravel().astype(int)] = value.ravel()
        return new

    assert len(shapes) == len(order) + 1
    return apply


def full_group_order(hidden):
    return math.prod(math.factorial(h) * 2**h for h in hidden)


def set_unit(landscape, w, layer, unit, values):
    """w with all weights of a hidden unit replaced: its incoming ones, bias, outgoing ones."""
    w = w.copy()
    positions = landscape.symmetry.layers[layer].positions[unit]
    w[positions[positions >= 0]] = np.asarray(values)[positions >= 0]
    return w


def unit_vector(landscape, w, layer, unit):
    return landscape.symmetry.layers[layer].vectors(w)[unit]


@jax.jit
def _value_and_gradient(surface, w):
    return surface.value_and_gradient(w)


@jax.jit
def hessian_of(surface, w):
    """Compiled as a whole: operation by operation it takes hundreds of compilations."""
    return surface.hessian(w)


@jax.jit
def inner_hessian_of(surface, w):
    return surface.inner_hessian(w)


def compiled(landscape):
    """NumPy functions of w: loss and gradient; Hessian."""

    def loss(w):
        value, gradient = _value_and_gradient(landscape.surface, w)
        return float(value), np.asarray(gradient)

    return loss, lambda w: np.asarray(hessian_of(landscape.surface, w))


def newton(w, loss, hessian, steps=8):
    """Plain Newton steps to the nearest stationary point of any index."""
    for _ in range(steps):
        w = w - np.linalg.solve(hessian(w), loss(w)[1])
    return w


def scipy_minimum(start, loss, hessian):
    """A minimum by SciPy's BFGS, then Newton's method."""
    found = scipy.optimize.minimize(loss, start, jac=True, method="BFGS", options={"gtol": 1e-8})
    return newton(found.x, loss, hessian)
