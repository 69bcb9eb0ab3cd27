"""Landscapes in the browser: one file with the graph, a notebook, an application.

Everything here needs Bokeh: ``pip install 'lossatlas[browser]'``. The graph is drawn by one engine,
the scripts of this package, wherever it is shown.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
