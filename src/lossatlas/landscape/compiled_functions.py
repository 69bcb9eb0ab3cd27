"""A check that the elementary functions in a user's function are compiled correctly.

XLA of JAX 0.10 compiles the arctangent in double precision wrongly for vectors of 512 bits, with
errors of up to 1.2. `lossatlas.configure` asks for such vectors, because everything else is faster
with them. So each elementary function that a user's function contains is computed for many
arguments at once and for one at a time, and the results are compared.
"""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lossatlas.compiled import compiled
from lossatlas.errors import BadInputError

# fmt: off
ELEMENTARY = frozenset((
    "acos", "acosh", "asin", "asinh", "atan", "atanh", "cbrt", "cos", "cosh", "digamma",
    "erf", "erf_inv", "erfc", "exp", "exp2", "expm1", "lgamma", "log", "log1p", "logistic",
    "rsqrt", "sin", "sinh", "sqrt", "tan", "tanh",
))
# fmt: on
"""Names in JAX of functions of one number."""
ARGUMENTS = np.linspace(-3.0, 3.0, 61)
"""Arguments at which results are compared."""
SAME = 1e-9
"""Largest relative difference that rounding can explain."""


def check_elementary_functions(traced: Any, name: str) -> None:
    """Refuse a function that contains an elementary one which is compiled wrongly here.

    Args:
        traced: the function as `jax.make_jaxpr` traces it.
        name: name of the landscape, for messages.

    Raises:
        BadInputError: if an elementary function is compiled wrongly; the message names it.

    Examples:
        >>> check_elementary_functions(jax.make_jaxpr(jnp.sin)(1.0), "sine")
    """
    used = {equation.primitive.name: equation for equation in _equations(traced.jaxpr)}
    for kind in sorted(ELEMENTARY & used.keys()):
        function = used[kind].primitive
        with jax.enable_x64(True):
            compute = compiled(lambda x, f=function, given=used[kind].params: f.bind(x, **given))
            together = np.asarray(compute(jnp.asarray(ARGUMENTS)))
            alone = np.array([float(compute(jnp.asarray(x))) for x in ARGUMENTS])
        if not np.allclose(together, alone, rtol=SAME, atol=SAME, equal_nan=True):
            problem = f"XLA compiles its {kind} wrongly for vectors of numbers on this machine"
            remedy = "write it in another way, for example arctan2(x, 1) in place of arctan(x), "
            remedy += "or set XLA_FLAGS=--xla_cpu_prefer_vector_width=256"
            raise BadInputError(name, problem, remedy)


def _equations(jaxpr: Any) -> Iterator[Any]:
    """All equations of a traced function, including those of functions that it calls."""
    for equation in jaxpr.eqns:
        yield equation
        for value in equation.params.values():
            for inner in value if isinstance(value, (tuple, list)) else (value,):
                inner = getattr(inner, "jaxpr", inner)
                if hasattr(inner, "eqns"):
                    yield from _equations(inner)
