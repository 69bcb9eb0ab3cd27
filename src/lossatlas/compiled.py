"""Compilation of everything that lossatlas computes with JAX: in full precision.

On recent NVIDIA cards JAX multiplies single-precision matrices in TF32, which keeps ten bits of
each factor, unless the program asks for more. Searches are guided by Hessians in single precision,
and with only ten bits many paths fail. So every compiled function is traced with full precision
requested, whatever the caller has configured.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

import jax


def compiled(function: Callable[..., Any], **options: Any) -> Any:
    """`jax.jit` of a function whose matrix products use all bits of their factors.

    Args:
        function: a pure JAX function.
        **options: options of `jax.jit`, such as `static_argnames`.

    Examples:
        >>> import jax.numpy as jnp
        >>> product = compiled(lambda a, b: a @ b)
        >>> "HIGHEST" in product.lower(jnp.ones((2, 2)), jnp.ones((2, 2))).as_text()
        True
    """

    @wraps(function)
    def precise(*args: Any, **kwargs: Any) -> Any:
        # Inside the traced function, so that neither threads nor callers can forget it.
        with jax.default_matmul_precision("highest"):
            return function(*args, **kwargs)

    return jax.jit(precise, **options)
