"""Loss landscapes of neural networks: certified minima, transition states, disconnectivity graphs.

The public names are loaded when they are first used, so that importing the package takes no time
and changes nothing: no JAX setting, no matplotlib setting, no log handler, no folder. They are
listed in `__init__.pyi`, once for people, type checkers and the loader.

Example:
    >>> import lossatlas
    >>> study = lossatlas.Study.model_validate(
    ...     {
    ...         "data": {"source": "sklearn", "name": "iris", "train": 100, "test": 50},
    ...         "network": {"hidden": [3]},
    ...         "loss": {"l2": 1e-3},
    ...     }
    ... )
    >>> lossatlas.prepare(study).landscape.n_weights
    27
"""

from typing import Any

import lazy_loader

_load, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used."""
    if name == "__version__":
        from importlib.metadata import version

        return version("lossatlas")
    return _load(name)
