"""The device that JAX computes on, or a clear message that says why there is none."""

import os
import sys
from typing import Any

import jax

from lossatlas.errors import BadInputError, jax_cannot_start


def jax_runs() -> bool:
    """Whether JAX has started, which it does when it first looks for devices.

    It reads the variable ``XLA_FLAGS`` at that moment, and never again.
    """
    bridge = sys.modules.get("jax._src.xla_bridge")
    started = getattr(bridge, "backends_are_initialized", None)
    return True if started is None else bool(started())  # in doubt it has


_flags = os.environ.get("XLA_FLAGS", "") if jax_runs() else None
"""The flags that JAX started with; where it ran before this module was loaded, those of then."""


def xla_flags() -> str:
    """What the variable ``XLA_FLAGS`` said when JAX started; this starts JAX.

    Later changes of the variable change nothing in this process, but would in those that it starts.

    Examples:
        >>> isinstance(xla_flags(), str)
        True
    """
    device()
    return _flags or ""


def device(platform: str | None = None) -> Any:
    """The first device of JAX. The first call starts JAX.

    Args:
        platform: kind of the device, for example ``"cpu"``; by default None, the kind that JAX
            prefers.

    Raises:
        BadInputError: if JAX cannot start; the message names the environment variable at fault.

    Examples:
        >>> device("cpu").platform
        'cpu'
    """
    global _flags
    flags = os.environ.get("XLA_FLAGS", "")
    try:
        found = jax.devices(platform)[0]
    except Exception as error:  # JAX raises many kinds, one of them a bare AssertionError
        cause: BadInputError = jax_cannot_start(error)
        raise cause from error
    if _flags is None:
        _flags = flags
    return found


def devices() -> tuple[Any, ...]:
    """All devices of this machine of the kind that JAX prefers.

    Raises:
        BadInputError: if JAX cannot start; the message names the environment variable at fault.

    Examples:
        >>> len(devices()) >= 1
        True
    """
    first = device()
    return tuple(jax.local_devices(backend=first.platform))
