"""Loss landscapes of neural networks: certified minima, transition states, disconnectivity graphs.

The public names are loaded when they are first used, so that importing the package takes no time
and changes nothing: no JAX setting, no matplotlib setting, no log handler, no folder. They are
listed in `__init__.pyi`, once for people, type checkers and the loader.

Examples:
    >>> import tempfile
    >>> import lossatlas as la
    >>> wells = la.FunctionLandscape(
    ...     lambda w: (w[0] ** 2 - 1) ** 2 + w[1] ** 2, low=[-2, -2], high=[2, 2], name="wells"
    ... )
    >>> path = f"{tempfile.mkdtemp()}/wells.atlas"
    >>> atlas = la.explore(wells, path, transition_states=1, progress=False)
    >>> round(float(atlas.network().barrier(1, 2)), 9)
    1.0
"""

from typing import Any

import lazy_loader

_load, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used."""
    if name == "__version__":
        from importlib.metadata import version

        return version("lossatlas")
    if name in __all__:
        return _load(name)
    from lossatlas.old_names import refuse

    refuse(__name__, name)
