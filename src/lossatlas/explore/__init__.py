"""Growing an atlas: strategies propose searches, a planner chooses, the engine runs them."""

from lossatlas.explore.explorer import Exploration, ExploreOptions, Progress, explore
from lossatlas.explore.verification import Verification, verify

__all__ = ["Exploration", "ExploreOptions", "Progress", "Verification", "explore", "verify"]
