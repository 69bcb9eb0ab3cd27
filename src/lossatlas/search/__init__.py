"""Searches: one attempt each, without ids and without a database.

The names for strategies of your own are listed in `__init__.pyi`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
