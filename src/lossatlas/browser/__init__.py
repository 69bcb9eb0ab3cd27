"""Landscapes in the browser: the disconnectivity graph as one file or in a notebook, and a server.

All of this needs Bokeh: ``pip install 'lossatlas[browser]'``. Wherever the graph is shown, it is
drawn by the same scripts, which are part of this package.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
