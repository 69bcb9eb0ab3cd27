"""Functions that cannot be explored are refused when the landscape is made, with what to change."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special

from lossatlas.errors import BadInputError
from lossatlas.landscape import FunctionLandscape
from lossatlas.testing.surfaces import ljat3_planar

RANDOM = np.random.default_rng(0)
CALLS = itertools.count()


def branch(w):
    return w[0] ** 2 if w[0] > 0 else w[1] ** 2


def loop(w):
    x = w[0]
    while x > 1.0:
        x = x / 2.0
    return x**2


def three(w):
    x, y, z = w
    return x**2 + y**2 + z**2


REFUSED = {
    "NumPy": (lambda w: np.sin(3 * w[0]) + w @ w, "cannot trace", "jax.numpy in place of NumPy"),
    "NumPy array": (lambda w: np.array(w).sum(), "cannot trace", "place of NumPy"),
    "SciPy": (lambda w: scipy.special.erf(w[0]), "cannot trace", "jax.numpy"),
    "math": (lambda w: math.sin(w[0]), "cannot trace", "leave out float()"),
    "if": (branch, "cannot trace", "jnp.where or jax.lax.cond"),
    "while": (loop, "cannot trace", "jnp.where or jax.lax.cond"),
    "max": (lambda w: max(w[0], w[1]) ** 2, "cannot trace", "max"),
    "float": (lambda w: float(w[0]) ** 2, "cannot trace", "leave out float()"),
    "item": (lambda w: w[0].item() ** 2, "cannot trace", "leave out"),
    "mask": (lambda w: jnp.sum(w[w > 0] ** 2), "cannot trace", "jnp.where"),
    "list": (lambda w: [1.0, 2.0][w[0].astype(int)] * w @ w, "cannot trace", "jnp.take"),
    "its own error": (lambda w: {}["key"], "KeyError: 'key'", "pure function"),
    "more variables": (three, "cannot trace it: ValueError", "pure function"),
    "more variables by index": (lambda w: w[0] ** 2 + w[2] ** 2, "out of bounds", "not 2"),
    "more variables in a product": (lambda w: (w @ np.ones(3)) ** 2, "cannot trace", "pure"),
    "vector": (lambda w: w**2, r"array of shape \(2,\)", "jnp.sum"),
    "one in a vector": (lambda w: (w @ w)[None], r"array of shape \(1,\)", "jnp.sum"),
    "pair": (lambda w: (w @ w, w), "returns a tuple", "one float64"),
    "nothing": (lambda w: None, "returns a NoneType", "one float64"),
    "float32": (lambda w: jnp.sum(w.astype(jnp.float32) ** 2), "float32", "precision"),
    "integer": (lambda w: jnp.sum(jnp.round(w).astype(int)), "int64", "precision"),
    "complex": (lambda w: jnp.sum(w**2 + 1j), "complex128", "precision"),
    "truth": (lambda w: w[0] > 0, "bool", "precision"),
    "not-a-number": (lambda w: jnp.nan * w @ w, "returns nan", "box"),
    "infinite": (lambda w: jnp.inf + w @ w, "returns inf", "box"),
    "logarithm": (lambda w: jnp.log(-9.0 - w @ w), "returns nan", "box"),
    "gradient": (lambda w: w @ w + jnp.sqrt(jnp.sum(0 * w)), "gradient .* not finite", "roots"),
    "gradient of the branch not taken": (
        lambda w: jnp.where(w[0] > 0, jnp.sqrt(w[0]), 0.0) + w @ w,
        "gradient .* not finite",
        "jnp.where does not take",
    ),
    "Hessian": (
        lambda w: w @ w + jnp.sum(jnp.abs(0.0 * w) ** 1.5),
        "Hessian .* not finite",
        "square roots",
    ),
    "absolute values": (lambda w: jnp.sum(jnp.abs(w)), "second derivatives are zero", "smooth"),
    "steps": (lambda w: jnp.sum(jnp.round(w)), "second derivatives are zero", "smooth"),
    "constant": (lambda w: jnp.float64(3.0), "second derivatives are zero", "derivatives"),
    "gradient stopped": (
        lambda w: jax.lax.stop_gradient(w @ w),
        "second derivatives are zero",
        "derivatives",
    ),
    "no derivative": (
        lambda w: jax.pure_callback(np.sum, jax.ShapeDtypeStruct((), float), w**2),
        "cannot differentiate",
        "pure function",
    ),
    "noise": (lambda w: w @ w + RANDOM.normal(), "the next time", "random numbers once"),
    "memory": (lambda w: w @ w + next(CALLS), "the next time", "w alone"),
    "no function": (3.0, "it cannot be called", "jax.numpy"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_with_what_to_change(name):
    function, problem, remedy = REFUSED[name]
    with pytest.raises(BadInputError, match=problem) as caught:
        FunctionLandscape(function, [-1, -1], [1, 1.5], "mine")
    assert caught.value.where == "mine"
    assert remedy in caught.value.remedy
    assert "\n" not in str(caught.value)


def schwefel(w):
    """Its gradient is not-a-number at zero, in the middle of the box, and nowhere else."""
    return 418.9829 * len(w) - jnp.sum(w * jnp.sin(jnp.sqrt(jnp.abs(w))))


ACCEPTED = {
    "Schwefel": (schwefel, [-500, -500], [500, 500]),
    "not finite in a part of the box": (lambda w: w @ w - jnp.log(w[0]), [-1, -1], [3, 1]),
    "jitted": (jax.jit(lambda w: w @ w), [-1, -1], [1, 1]),
    "a callable object": (type("F", (), {"__call__": lambda _, w: w @ w})(), [-1, -1], [1, 1]),
    "flat along a coordinate": (lambda w: w[0] ** 2 + 0 * w[1], [-1, -1], [1, 1]),
    "arrays closed over": (lambda w: jnp.sum((w - np.arange(2.0)) ** 2), [-1, -1], [1, 1]),
    "an array of its own": (lambda w: jnp.sum(w.at[0].set(w[1]) ** 2), [-1, -1], [1, 1]),
    "LJAT3": (ljat3_planar, [0.8, -2, 0], [2, 2, 2]),
    "one coordinate": (lambda w: jnp.sum(w**4 - w**2), [-1], [1]),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_it_is_accepted(name):
    function, low, high = ACCEPTED[name]
    assert FunctionLandscape(function, low, high, name).n_weights == len(low)


def test_a_function_of_many_variables_is_tried_out_without_its_hessian():
    """The Hessian of 1500 variables would take 1500 gradients at each point."""
    n = 1500
    landscape = FunctionLandscape(lambda w: jnp.sum(w**4 - w**2), [-1] * n, [1] * n, "long")
    assert landscape.n_weights == n
    with pytest.raises(BadInputError, match="second derivatives are zero"):
        FunctionLandscape(lambda w: jnp.sum(jnp.abs(w)), [-1] * n, [1] * n, "long")
