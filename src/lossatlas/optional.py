"""Libraries that lossatlas does not install: imported when asked for, or one clear message."""

from importlib import import_module
from typing import Any

from lossatlas.errors import BadInputError


def optional(name: str, install: str) -> Any:
    """A library that need not be there.

    Args:
        name: of the module.
        install: what pip installs to have it, for example ``"lossatlas[torch]"``.

    Raises:
        BadInputError: if it cannot be imported; says how to install it.

    Examples:
        >>> optional("json", "nothing").dumps([1])
        '[1]'
    """
    try:
        return import_module(name)
    except ImportError as error:
        problem = f"it cannot be imported ({str(error).splitlines()[0]})"
        raise BadInputError(name, problem, f"install it: pip install '{install}'") from error
