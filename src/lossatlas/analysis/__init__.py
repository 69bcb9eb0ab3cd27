"""Numbers computed from an atlas or a network of points.

The functions that most users need can be imported from `lossatlas` itself. This package has what is
needed more rarely: the names of AUC columns, completeness as a table, estimates from independent
draws, funnels, and the parts that a picture of a tree is made of. The names are listed in
`__init__.pyi`, and each is loaded when it is first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
