"""The database of a landscape, which keeps every certified point once, up to symmetry.

A batch of results is stored in one transaction, so that a program that dies loses at most the batch
that it is writing.
"""

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
