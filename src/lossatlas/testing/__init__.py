"""Tools for tests: surfaces with known stationary points, and checks of a user's own classes.

`check_landscape` and `check_strategy` raise an `AssertionError` that lists the rules which a
landscape or a strategy breaks. The public names are listed in `__init__.pyi`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
