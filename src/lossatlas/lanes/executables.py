"""Compiled code of vectorized lanes, which exists for each number of lanes separately.

A block that fills and runs empty needs all of them soon, and a compilation takes ten seconds of one
core. So they are compiled at the same time, each in a thread.

For graphics cards XLA tries several ways to multiply matrices, on the card, and keeps the fastest.
That takes most of the time of a compilation, more so where several compile at once, and matrices of
searches are small. So it is left out.
"""

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache, partial
from typing import Any

import jax

UNTRIED = {"xla_gpu_autotune_level": 0}
"""How XLA is told not to try."""

_known: dict[tuple[Any, ...], "Future[Any]"] = {}
_lock = threading.Lock()


def executable(function: Any, *arguments: Any, device: Any = None, **static: Any) -> "Future[Any]":
    """The compiled code of a function for arguments of these shapes, as soon as it is there.

    Args:
        function: made by `jax.jit`.
        arguments: arrays, or trees of them, or what has their `shape` and `dtype`.
        device: that it is compiled for; None for the one that JAX prefers.
        static: its static arguments, by name.

    Returns:
        What is to be called with such arguments, the static ones left out. Asked for again it is
        the same, unless it could not be compiled.

    Examples:
        >>> import jax.numpy as jnp
        >>> twice = jax.jit(lambda x, by: by * x, static_argnames="by")
        >>> executable(twice, jnp.zeros(2), by=3).result()(jnp.array([1.0, 2.0])).tolist()
        [3.0, 6.0]
    """
    shapes = jax.tree.map(_shape, arguments)
    leaves, structure = jax.tree.flatten(shapes)
    key = function, structure, tuple((x.shape, x.dtype) for x in leaves), device, *static.items()
    with _lock:
        known = _known.get(key)
        if known is None or (known.done() and known.exception() is not None):  # it may fit in now
            known = _compilers().submit(partial(_compiled, function, shapes, device, static))
            _known[key] = known
        return known


@cache
def _compilers() -> ThreadPoolExecutor:
    """Threads that compile; the program waits for them at its end, since they cannot be cut."""
    return ThreadPoolExecutor(thread_name_prefix="compilation")


def _compiled(function: Any, shapes: Any, device: Any, static: dict[str, Any]) -> Any:
    platform = jax.default_backend() if device is None else device.platform
    with jax.enable_x64(True), jax.default_device(device):
        lowered = function.lower(*shapes, **static)
        return lowered.compile(UNTRIED if platform == "gpu" else None)


def _shape(x: Any) -> Any:
    return jax.ShapeDtypeStruct(jax.numpy.shape(x), jax.numpy.result_type(x))
