"""The compiled code of vectorized lanes, which is different for each number of lanes.

A block that fills and empties needs the code for several numbers of lanes soon, and a compilation
takes ten seconds of one core. Therefore they are compiled at the same time, each in a thread.

For graphics cards XLA tries several ways of multiplying matrices and keeps the fastest. This takes
most of the time of a compilation and can make a Hessian twice as fast (`benchmarks.kernels` shows
the gain). Therefore they are made for the code that does most of the work, which is that of many
lanes, and not for that of few lanes, which is needed first.
"""

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import cache, partial
from typing import Any

import jax

from lossatlas.lanes.turns import in_turn

UNTRIED = {"xla_gpu_autotune_level": 0}
"""The option of XLA that switches these trials off."""

_known: dict[tuple[Any, ...], "Future[Any]"] = {}
_lock = threading.Lock()


def executable(
    function: Any, *arguments: Any, device: Any = None, tried: bool = False, **static: Any
) -> "Future[Any]":
    """Compile a function for arguments of given shapes, in a thread.

    Args:
        function: a function made by `jax.jit`.
        arguments: arrays, or trees of them, or objects with their `shape` and `dtype`.
        device: the device that it is compiled for; default None, the one that JAX prefers.
        tried: whether XLA tries several ways of multiplying matrices on a graphics card; default
            False.
        static: the static arguments, by name.

    Returns:
        A future with the compiled function, which is called without the static arguments. Later
        calls return the same future, unless the compilation has failed.

    Examples:
        >>> import jax.numpy as jnp
        >>> twice = jax.jit(lambda x, by: by * x, static_argnames="by")
        >>> executable(twice, jnp.zeros(2), by=3).result()(jnp.array([1.0, 2.0])).tolist()
        [3.0, 6.0]
    """
    shapes = jax.tree.map(shape_of, arguments)
    leaves, structure = jax.tree.flatten(shapes)
    types = tuple((x.shape, x.dtype) for x in leaves)
    key = function, structure, types, device, tried, *static.items()
    with _lock:
        known = _known.get(key)
        # A compilation that has failed is tried again, since there may be enough memory now.
        if known is None or (known.done() and known.exception() is not None):
            compilation = partial(_compiled, function, shapes, device, tried, static)
            known = _compilers().submit(compilation)
            _known[key] = known
        return known


@cache
def _compilers() -> ThreadPoolExecutor:
    """Return the threads that compile; the program waits for them at its end."""
    return ThreadPoolExecutor(thread_name_prefix="compilation")


def _compiled(function: Any, shapes: Any, device: Any, tried: bool, static: Any) -> Any:
    platform = jax.default_backend() if device is None else device.platform
    with jax.enable_x64(True), jax.default_device(device):
        lowered = function.lower(*shapes, **static)
        with in_turn(lowered.as_text()):
            if platform != "gpu":
                return lowered.compile()
            if tried:
                # Trials need memory of the card, and searches may have taken what was left.
                with suppress(jax.errors.JaxRuntimeError):
                    return lowered.compile()
            return lowered.compile(UNTRIED)


def shape_of(x: Any) -> jax.ShapeDtypeStruct:
    """Return the shape and type of an array, or of a number."""
    return jax.ShapeDtypeStruct(jax.numpy.shape(x), jax.numpy.result_type(x))
