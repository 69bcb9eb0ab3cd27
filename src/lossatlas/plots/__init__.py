"""Pictures: functions that draw data into matplotlib axes and return the axes.

They save no files. `plot_tree` and `plot_discovery` draw a picture of an atlas in one call, and can
also be imported from `lossatlas` itself. The other functions draw what was computed before. The
public names are listed in `__init__.pyi`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
