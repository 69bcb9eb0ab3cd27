from .landscape_contract import check_landscape as check_landscape
from .strategy_contract import check_strategy as check_strategy, explored_view as explored_view
from .surfaces import (
    LJAT3_PLANAR as LJAT3_PLANAR,
    MUELLER_BROWN as MUELLER_BROWN,
    SIX_HUMP_CAMEL as SIX_HUMP_CAMEL,
    KnownPoint as KnownPoint,
    KnownSurface as KnownSurface,
    mueller_brown as mueller_brown,
    six_hump_camel as six_hump_camel,
)
