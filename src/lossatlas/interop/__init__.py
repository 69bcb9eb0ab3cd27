"""Exchange with other programs: torch, scikit-learn, Flax, Equinox, PATHSAMPLE and graphs.

The public names are listed in `__init__.pyi`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
