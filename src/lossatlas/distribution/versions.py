"""The versions of the libraries on which results depend."""

import platform
from importlib.metadata import version


def versions() -> dict[str, str]:
    """The versions of Python, of this package, and of the packages with which it computes.

    Examples:
        >>> sorted(versions())
        ['jax', 'jaxlib', 'lossatlas', 'numpy', 'python', 'scipy']
    """
    names = ("lossatlas", "jax", "jaxlib", "numpy", "scipy")
    return {"python": platform.python_version(), **{name: version(name) for name in names}}
