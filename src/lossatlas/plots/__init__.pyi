from .discovery import draw_discovery as draw_discovery
from .tree import (
    PLAIN_COLOR as PLAIN_COLOR,
    add_colorbar as add_colorbar,
    draw_layout as draw_layout,
)
