"""Neighbor lists of minima: the earlier minima that were found near each when it was added.

A list never changes after it is written, and names only minima with smaller ids. The minima that
are nearest to another one at present follow from the lists alone.
"""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from sqlalchemy import Connection, Select, bindparam, select

from lossatlas.atlas import schema
from lossatlas.atlas.statements import insert_rows

NOBODY = -1
"""The id that marks an empty place of a list."""


class NeighborLists(NamedTuple):
    """Neighbor lists of k minima, with c places each.

    Attributes:
        minimum: (k,) int64 ids of the minima, ascending.
        candidates: (k, c) int64 ids of minima near each, all smaller than its own id; -1 in empty
            places.
        distances: (k, c) float64 distances to these, measured between descriptors; infinite in
            empty places.
    """

    minimum: np.ndarray
    candidates: np.ndarray
    distances: np.ndarray


def read_neighbors(
    connection: Connection, after: int = 0, until: int | None = None
) -> NeighborLists:
    """Read stored neighbor lists; shorter ones are filled up to the length c of the longest.

    Args:
        connection: a connection to the atlas, see `Atlas.reading`.
        after: only lists of minima with larger ids are read; default 0, for all.
        until: the last id whose list is read; by default there is no last one.
    """
    ends = {"after": after} if until is None else {"after": after, "until": until}
    rows = connection.execute(_lists_query(until is not None), ends).all()
    ids, candidates, distances = zip(*rows, strict=True) if rows else ((), (), ())
    return NeighborLists(
        np.array(ids, np.int64),
        _padded(candidates, schema.LITTLE_ENDIAN_INT64, NOBODY),
        _padded(distances, schema.LITTLE_ENDIAN_FLOAT64, np.inf),
    )


@cache
def _lists_query(ends: bool) -> Select:
    """The query of `read_neighbors`, which is built once: that takes longer than a short read.

    Args:
        ends: whether there is a last id.
    """
    table = schema.neighbors.c
    query = select(table.minimum, table.candidates, table.distances).order_by(table.minimum)
    query = query.where(table.minimum > bindparam("after"))
    return query.where(table.minimum <= bindparam("until")) if ends else query


def write_neighbors(connection: Connection, lists: NeighborLists) -> None:
    """Store the neighbor lists of minima that have none yet.

    A minimum that has a list got the same one from another program.

    Args:
        connection: a connection of a transaction that writes, see `Atlas.writing`.
        lists: neighbor lists of minima that are in the atlas.
    """
    if not len(lists.minimum):
        return
    table = schema.neighbors
    first, last = int(lists.minimum[0]), int(lists.minimum[-1])
    query = select(table.c.minimum).where(table.c.minimum.between(first, last))
    there = set(connection.execute(query).scalars())
    rows = [
        {
            "minimum": minimum,
            "candidates": schema.ids_to_blob(lists.candidates[k]),
            "distances": schema.to_blob(lists.distances[k]),
        }
        for k, minimum in enumerate(lists.minimum.tolist())
        if minimum not in there
    ]
    insert_rows(connection, table, rows)


def _padded(blobs: Sequence[bytes], kind: np.dtype, blank: float) -> np.ndarray:
    """An array with a row for each blob, filled up with ``blank`` to the length of the longest."""
    lengths = np.array([len(blob) // kind.itemsize for blob in blobs], int)
    table = np.full((len(blobs), lengths.max(initial=0)), blank, kind.newbyteorder("="))
    table[np.arange(table.shape[1]) < lengths[:, None]] = np.frombuffer(b"".join(blobs), kind)
    return table
