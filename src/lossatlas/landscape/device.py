"""The device that JAX computes on, or one message that says why there is none."""

from typing import Any

import jax

from lossatlas.errors import BadInputError, jax_cannot_start


def device(platform: str | None = None) -> Any:
    """The first device of JAX; the first call starts JAX.

    Args:
        platform: for example ``"cpu"``; default the one that JAX prefers.

    Raises:
        BadInputError: if JAX cannot start; names the environment variable that asks for what
            is not there.

    Examples:
        >>> device("cpu").platform
        'cpu'
    """
    try:
        return jax.devices(platform)[0]
    except Exception as error:  # of many kinds, one of them a bare assertion
        cause: BadInputError = jax_cannot_start(error)
        raise cause from error


def devices() -> tuple[Any, ...]:
    """All devices of this machine of the kind that JAX prefers.

    Raises:
        BadInputError: if JAX cannot start.

    Examples:
        >>> len(devices()) >= 1
        True
    """
    first = device()
    return tuple(jax.local_devices(backend=first.platform))
