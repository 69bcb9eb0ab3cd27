"""Numbers computed from an atlas or a network of points.

What everybody needs is in `lossatlas` itself; the names of this package are for what comes more
rarely: names of AUC columns, completeness as a table, estimates from independent draws, funnels,
and the parts that a picture of a tree is made of. They are listed in `__init__.pyi`, and loaded
when they are first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
