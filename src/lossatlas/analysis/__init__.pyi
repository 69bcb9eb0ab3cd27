from .abundance import (
    DiscoveryCurve as DiscoveryCurve,
    Interval as Interval,
    chao1 as chao1,
    chapman as chapman,
    coverage as coverage,
    discovery_curve as discovery_curve,
)
from .auc import Rule as Rule
from .auc_columns import auc_columns as auc_columns
from .completeness import completeness_table as completeness_table
from .diversity import (
    Hill as Hill,
    common_coverage as common_coverage,
    coverage_of as coverage_of,
    hill_numbers as hill_numbers,
)
from .funnels import Funnel as Funnel, funnel as funnel
from .missing import Missing as Missing, missing_below as missing_below
from .persistence import (
    Funnels as Funnels,
    Persistence as Persistence,
    frustration as frustration,
    funnels_at as funnels_at,
    loss_range as loss_range,
    persistences as persistences,
)
from .tree_layout import (
    Layout as Layout,
    discretize as discretize,
    layout as layout,
    prune as prune,
    shown_tree as shown_tree,
    suggested_top as suggested_top,
)
