"""Whether what a function is made of is compiled rightly.

XLA of JAX 0.10 compiles the arctangent wrongly for vectors of 512 bits in double precision, by as
much as 1.2, and these are what `lossatlas.configure` asks for, since all else is faster with them.
So each elementary function that a user's function contains is computed for many arguments at once
and for one at a time.
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
SAME = 1e-9
"""Relative difference that is no more than rounding."""


def check_elementary_functions(traced: Any, name: str) -> None:
    """Refuse a function that contains an elementary one which is compiled wrongly here.

    Args:
        traced: of the function, by `jax.make_jaxpr`.
        name: of the landscape, for messages.

    Raises:
        BadInputError: names the elementary function.

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
    """All equations, also of functions that are called in it."""
    for equation in jaxpr.eqns:
        yield equation
        for value in equation.params.values():
            for inner in value if isinstance(value, (tuple, list)) else (value,):
                inner = getattr(inner, "jaxpr", inner)
                if hasattr(inner, "eqns"):
                    yield from _equations(inner)
