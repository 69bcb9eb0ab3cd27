"""The neighbor lists of the minima: which earlier minima were found near each when it was added.

A list is fixed once it is written, and names minima of smaller ids only: what is nearest now
follows from the lists alone, whoever wrote them.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from sqlalchemy import Connection, insert, select

from lossatlas.atlas import schema
from lossatlas.atlas.checksums import checksum


class NeighborLists(NamedTuple):
    """Neighbor lists of k minima, at most c neighbors each.

    Attributes:
        minimum: (k,) int64 ids of the minima, ascending.
        candidates: (k, c) int64 ids of minima near each, all smaller than its own; -1 where a list
            is shorter.
        distances: (k, c) float64, how far these are, as distances of descriptors; infinite where a
            list is shorter.
    """

    minimum: np.ndarray
    candidates: np.ndarray
    distances: np.ndarray


def read_neighbors(connection: Connection, after: int = 0) -> NeighborLists:
    """The stored lists of all minima with ids above `after`; c is the length of the longest.

    Args:
        connection: of an atlas, see `Atlas.reading`.
        after: 0 for all.
    """
    table = schema.neighbors.c
    query = select(table.minimum, table.candidates, table.distances).where(table.minimum > after)
    rows = connection.execute(query.order_by(table.minimum)).all()
    ids, candidates, distances = zip(*rows, strict=True) if rows else ((), (), ())
    return NeighborLists(
        np.array(ids, np.int64),
        _padded(candidates, schema.LITTLE_ENDIAN_INT64, -1),
        _padded(distances, schema.LITTLE_ENDIAN_FLOAT64, np.inf),
    )


def write_neighbors(connection: Connection, lists: NeighborLists) -> None:
    """Store lists, except those of minima that have one: another program wrote the same.

    Args:
        connection: of a transaction that writes, see `Atlas.writing`.
        lists: of minima that are in the atlas.
    """
    if not len(lists.minimum):
        return
    table = schema.neighbors
    first, last = int(lists.minimum[0]), int(lists.minimum[-1])
    query = select(table.c.minimum).where(table.c.minimum.between(first, last))
    there = set(connection.execute(query).scalars())
    listed = lists.candidates >= 0
    rows = [
        {
            "minimum": minimum,
            "candidates": schema.ids_to_blob(lists.candidates[k, listed[k]]),
            "distances": schema.to_blob(lists.distances[k, listed[k]]),
        }
        for k, minimum in enumerate(lists.minimum.tolist())
        if minimum not in there
    ]
    if rows:
        summed = [{**row, "checksum": checksum(table, row)} for row in rows]
        connection.execute(insert(table), summed)


def _padded(blobs: Sequence[bytes], kind: np.dtype, blank: float) -> np.ndarray:
    """One row for each blob, filled up with ``blank`` to the length of the longest."""
    lengths = np.array([len(blob) // kind.itemsize for blob in blobs], int)
    table = np.full((len(blobs), lengths.max(initial=0)), blank, kind.newbyteorder("="))
    table[np.arange(table.shape[1]) < lengths[:, None]] = np.frombuffer(b"".join(blobs), kind)
    return table
