"""The device that JAX computes on, or a clear message that says why there is none."""

from typing import Any

import jax

from lossatlas.errors import BadInputError, jax_cannot_start


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
    try:
        return jax.devices(platform)[0]
    except Exception as error:  # JAX raises many kinds, one of them a bare AssertionError
        cause: BadInputError = jax_cannot_start(error)
        raise cause from error


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
