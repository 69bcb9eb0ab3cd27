from .basin_hopping import quench as quench
from .outcome import (
    Cost as Cost,
    Outcome as Outcome,
    Pathway as Pathway,
    PathwayEnd as PathwayEnd,
    StationaryPoint as StationaryPoint,
)
from .tools import Tools as Tools, default_tools as default_tools
from .transition_states import (
    climb_from as climb_from,
    double_ended as double_ended,
    from_the_middle as from_the_middle,
    single_ended as single_ended,
)
