from .annotations import (
    add_scale_bar as add_scale_bar,
    count_branches as count_branches,
    label_minima as label_minima,
)
from .colors import color_map as color_map
from .discovery import draw_discovery as draw_discovery
from .formats import FORMATS as FORMATS, Format as Format, styled as styled
from .presets import PRESETS as PRESETS, Preset as Preset, preset as preset
from .tree import (
    PLAIN_COLOR as PLAIN_COLOR,
    add_colorbar as add_colorbar,
    draw_layout as draw_layout,
)
from .tree_figure import (
    TreeFigure as TreeFigure,
    TreeOptions as TreeOptions,
    tree_figure as tree_figure,
)
