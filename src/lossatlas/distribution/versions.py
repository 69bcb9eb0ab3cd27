"""The versions of what decides about results."""

import platform
from importlib.metadata import version


def versions() -> dict[str, str]:
    """Of Python, this package, and those it computes with.

    Examples:
        >>> sorted(versions())
        ['jax', 'jaxlib', 'lossatlas', 'numpy', 'python', 'scipy']
    """
    names = ("lossatlas", "jax", "jaxlib", "numpy", "scipy")
    return {"python": platform.python_version(), **{name: version(name) for name in names}}
