"""Import of optional libraries, with a clear message if one is not installed."""

from importlib import import_module
from typing import Any

from lossatlas.errors import BadInputError


def optional(name: str, install: str) -> Any:
    """Import a library that lossatlas does not require.

    Args:
        name: name of the module.
        install: what to give to pip to install it, for example ``"lossatlas[torch]"``.

    Returns:
        The module.

    Raises:
        BadInputError: if the module cannot be imported; the message says how to install it.

    Examples:
        >>> optional("json", "nothing").dumps([1])
        '[1]'
    """
    try:
        return import_module(name)
    except ImportError as error:
        problem = f"it cannot be imported ({str(error).splitlines()[0]})"
        raise BadInputError(name, problem, f"install it: pip install '{install}'") from error
