"""The width of an exploration: how many searches are in flight, planned and not yet committed.

They are planned in two rounds of half as many. Results are committed in the order planned, and the
next round is planned when a whole round is committed: while the slowest searches of one round
finish, the other keeps the lanes busy. So a round has to hold several searches for each lane of
each worker. But searches in flight do not know of each other: the wider, the more attempts a new
point takes (`benchmarks.width` measures how many). So the width is no larger than the machine
needs. It decides what is found, and so it belongs to the atlas: an exploration that is continued
keeps it, on whatever machine.
"""

import jax
import numpy as np
from sqlalchemy import select

from lossatlas.atlas import Atlas, schema
from lossatlas.errors import BadInputError
from lossatlas.exploration.stop_rules import MOST_SEARCHES, ExploreOptions
from lossatlas.kernels.method import method_for
from lossatlas.landscape.base import Landscape
from lossatlas.lanes.capacity import Capacity
from lossatlas.lanes.memory import available_memory, device_memory

LEAST = 48
"""The width on one or two lanes in all."""
PER_LANE, PER_VECTORIZED = 24, 2
"""Searches in flight for each lane of each worker. A worker advances one kernel at a time. Where
its lanes are vectorized, and many, twice as many searches fill those of all kernels; where it has
one lane, a round has to outlast its slowest search."""
MEMORY = 0.5
"""Part of the memory that searches in flight may take."""
VECTORS = 32
"""Vectors of as many numbers as there are weights that a search holds at most: the images of a band
or the modes of a certificate, its starts, and the points found, which wait to be committed."""
OBJECTS = 16_384
"""Bytes of all else that a search holds; most hold a third of it."""


def chosen_width(
    options: ExploreOptions, atlas: Atlas, landscape: Landscape, capacity: Capacity
) -> int:
    """The width of an exploration that begins: what is asked for, else that of the last attempt
    in the atlas, else the default.

    Args:
        options: how it is run.
        atlas: the atlas to be begun or continued.
        landscape: its landscape.
        capacity: of the engine that runs it.

    Raises:
        BadInputError: if so many searches do not fit into the memory.
    """
    if options.width is not None:
        check_width(options.width, landscape)
        return int(options.width)
    stored = last_width(atlas)
    if stored is not None:
        check_width(stored, landscape, f"{atlas.name}: width")
        return stored
    lanes = capacity.lanes * capacity.workers
    width = default_width(lanes, capacity.vectorized)
    return min(width, max(2, largest_width(landscape)))


def default_width(lanes: int, vectorized: bool = False) -> int:
    """The width that keeps so many lanes busy, those of all workers together.

    Examples:
        >>> default_width(1), default_width(2), default_width(16)
        (48, 48, 384)
        >>> default_width(2048, vectorized=True)
        4096
    """
    return min(max(LEAST, (PER_VECTORIZED if vectorized else PER_LANE) * lanes), MOST_SEARCHES)


def check_lanes(lanes: int, landscape: Landscape) -> None:
    """Refuse lanes of which not even the spectra fit into the memory of the device.

    What else a lane needs depends on its kernel; where that does not fit the engine notices, and
    uses fewer. Methods without spectra need little.

    Raises:
        BadInputError: says how many fit at most.
    """
    memory = device_memory()
    if memory is None or method_for(landscape).name != "dense":
        return
    most = memory // (8 * landscape.n_weights**2)
    if lanes > most:
        problem = (
            f"the spectra of {lanes:,} lanes, {landscape.n_weights:,} weights each, do not fit "
            f"into the {memory / 2**30:,.1f} GiB of the device"
        )
        remedy = f"use at most {most:,}, or leave it out" if most else "use a smaller network"
        raise BadInputError("explore: lanes", problem, remedy)


def check_width(width: int, landscape: Landscape, where: str = "explore: width") -> None:
    """Refuse a width of which the searches do not fit into the memory.

    Raises:
        BadInputError: says how many do.
    """
    largest = largest_width(landscape)
    if largest < 2:
        problem = f"searches of {landscape.n_weights:,} weights do not fit into half of the memory"
        raise BadInputError(where, problem, "use a machine with more memory, or a smaller network")
    if width > largest:
        gigabytes = width * bytes_of_a_search(landscape) / 2**30
        problem = (
            f"{width:,} searches in flight of {landscape.n_weights:,} weights need about "
            f"{gigabytes:,.1f} GiB, more than half of the memory"
        )
        raise BadInputError(where, problem, f"use a width of at most {largest:,}")


def largest_width(landscape: Landscape) -> int:
    """How many searches fit into the memory that they may take."""
    memory = available_memory()
    if memory is None:
        return MOST_SEARCHES
    return min(int(MEMORY * memory / bytes_of_a_search(landscape)), MOST_SEARCHES)


def bytes_of_a_search(landscape: Landscape) -> int:
    """What one search in flight takes at most, roughly; lanes of kernels not counted."""
    point = landscape.random_start(np.random.default_rng(0))
    # Each path down from a transition state has its own.
    symmetrizers = 2 * sum(x.nbytes for x in jax.tree.leaves(landscape.symmetrizer(point)))
    return OBJECTS + VECTORS * point.nbytes + symmetrizers


def last_width(atlas: Atlas) -> int | None:
    """The width of the last attempt in an atlas; None if it has none."""
    attempt = schema.attempt.c
    query = select(attempt.width).where(attempt.width > 0).order_by(attempt.id.desc()).limit(1)
    with atlas.reading() as connection:
        return connection.execute(query).scalar()
