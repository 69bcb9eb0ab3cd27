"""The database of a landscape: points recognised up to symmetry, on disk, never lost."""

from lossatlas.atlas.records import Attempt, Committed, Problem, Recorded
from lossatlas.atlas.snapshot import Snapshot, components, snapshot
from lossatlas.atlas.store import Atlas

__all__ = [
    "Atlas",
    "Attempt",
    "Committed",
    "Problem",
    "Recorded",
    "Snapshot",
    "components",
    "snapshot",
]
