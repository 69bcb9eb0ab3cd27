"""Growing an atlas: strategies propose searches, a planner chooses, the engine runs them."""

from lossatlas.exploration.explorer import Exploration, ExploreOptions, Progress, explore
from lossatlas.exploration.verification import Verification, verify

__all__ = ["Exploration", "ExploreOptions", "Progress", "Verification", "explore", "verify"]
