"""The database of a landscape: points recognised up to symmetry, on disk, never lost."""

from lossatlas.atlas.ending import Exploration
from lossatlas.atlas.records import Attempt, Committed, Problem, Recorded
from lossatlas.atlas.store import Atlas

__all__ = [
    "Atlas",
    "Attempt",
    "Committed",
    "Exploration",
    "Problem",
    "Recorded",
]
