"""The commands of the program: a thin layer over the library.

The modules and the help texts load nothing heavy: every command imports what it needs when it
runs. What commands of other packages may use, as `reproduce` of `lossatlas.paper` does, is listed
in `__init__.pyi` and loaded when it is first used: how a command ends, options that several have,
output, progress, pictures.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
