"""Pictures: functions that take data and `ax` and return `ax`; they compute and save nothing.

Pictures of an atlas in one call, `plot_tree` and `plot_discovery`, are in `lossatlas` itself. The
names of this package draw what was laid out before; they are listed in `__init__.pyi`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
