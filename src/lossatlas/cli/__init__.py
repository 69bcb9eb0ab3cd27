"""The commands of the program, as a thin layer over the library.

Loading the modules and showing the help loads nothing heavy, since every command imports what it
needs when it runs. `__init__.pyi` lists the names that commands of other packages may use, such as
`reproduce` of `lossatlas.paper`; each is loaded when it is first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
