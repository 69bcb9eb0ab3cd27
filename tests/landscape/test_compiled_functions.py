"""Elementary functions that are compiled wrongly are refused, wherever they are used."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lossatlas.errors import BadInputError
from lossatlas.landscape import compiled_functions
from lossatlas.landscape.compiled_functions import check_elementary_functions


def traced(function):
    return jax.make_jaxpr(function)(jnp.ones(3))


def test_what_is_compiled_rightly_is_accepted():
    def function(w):
        return jnp.sum(jnp.sin(w) + jnp.exp(-(w**2)) + jnp.log(w) + jnp.sqrt(w) + jnp.tanh(w))

    check_elementary_functions(traced(function), "right")


def scanned(w):
    return jax.lax.scan(lambda carry, x: (carry + jnp.sin(x), None), 0.0, w)[0]


@pytest.mark.parametrize(
    "function",
    [
        lambda w: jnp.sum(jnp.sin(w)),
        jax.jit(lambda w: jnp.sum(jnp.sin(w))),
        lambda w: jax.lax.cond(w[0] > 0, lambda: jnp.sin(w[1]), lambda: w[2]),
        scanned,
    ],
)
def test_one_that_is_not_is_found_and_named_wherever_it_is(monkeypatch, function):
    """As if it were wrong: what is computed alone differs from what is computed together."""
    numbers = iter(np.linspace(0.0, 1.0, 100))
    monkeypatch.setattr(compiled_functions, "float", lambda x: next(numbers), raising=False)
    with pytest.raises(BadInputError, match="compiles its sin wrongly"):
        check_elementary_functions(traced(function), "wrong")


PROGRAM = """
import jax.numpy as jnp, numpy as np, lossatlas
lossatlas.configure()
from lossatlas import FunctionLandscape
from lossatlas.errors import BadInputError
x = np.linspace(-3, 3, 61)
right = np.allclose(jnp.arctan(jnp.asarray(x)), np.arctan(x))
try:
    box = np.full(60, -3.0), np.full(60, 3.0)
    FunctionLandscape(lambda w: jnp.sum(jnp.arctan(w) ** 2 + w**2), *box)
    accepted = True
except BadInputError as error:
    accepted = False
    assert "atan" in str(error) and "arctan2" in str(error), error
assert accepted == right, (accepted, right)
"""


def test_the_arctangent_is_accepted_where_it_is_right():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
