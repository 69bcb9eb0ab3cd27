"""The width of an exploration: the number of searches in flight, planned and not yet committed.

They are planned in two rounds of half as many. Results are committed in the order planned, and the
next round is planned when a whole round is committed: while the slowest searches of one round
finish, the other round keeps the lanes busy. Therefore a round has to contain several searches for
each lane of each worker. On the other hand, searches in flight do not know what the others find:
the larger the width, the more attempts a new point takes (`benchmarks.width` measures how many).
Therefore the width is no larger than the machine needs. It decides what is found, so it belongs to
the atlas: an exploration that is continued keeps its width, on whatever machine.
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
"""Smallest default of the width, which holds for up to two lanes in all."""
PER_LANE, PER_VECTORIZED = 24, 2
"""Number of searches in flight for each lane of each worker, and the same if lanes are vectorized.
A worker advances one kernel at a time. If it has many vectorized lanes, twice as many searches fill
the lanes of all kernels. If it has one lane, a round must take longer than its slowest search."""
MEMORY = 0.5
"""Part of the memory that searches in flight may use."""
VECTORS = 32
"""Largest number of vectors with one number for each weight that a search keeps: the images of a
band or the modes of a certificate, its starts, and the points found that wait to be committed."""
OBJECTS = 16_384
"""Bytes of everything else that a search keeps; most searches keep a third of it."""


def chosen_width(
    options: ExploreOptions, atlas: Atlas, landscape: Landscape, capacity: Capacity
) -> int:
    """Choose the width of an exploration that begins.

    It is the width that the options ask for, else that of the last attempt in the atlas, else the
    default for the number of lanes, as far as the memory allows.

    Args:
        options: the options of the exploration.
        atlas: the atlas that is begun or continued.
        landscape: the landscape of the atlas.
        capacity: lanes and workers of the engines that make the searches.

    Raises:
        BadInputError: if the searches of a width that is asked for or stored do not fit into the
            memory.
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
    """Return the width that keeps lanes busy.

    Args:
        lanes: number of lanes of all workers together.
        vectorized: whether the lanes of a worker are advanced together; default False.

    Examples:
        >>> default_width(1), default_width(2), default_width(16)
        (48, 48, 384)
        >>> default_width(2048, vectorized=True)
        4096
    """
    return min(max(LEAST, (PER_VECTORIZED if vectorized else PER_LANE) * lanes), MOST_SEARCHES)


def check_lanes(lanes: int, landscape: Landscape) -> None:
    """Refuse a number of lanes whose spectra alone do not fit into the memory of the device.

    What a lane needs beside its spectrum depends on the kernel; if that does not fit, the engine
    notices and uses fewer lanes. Methods without spectra need little memory and are not checked.

    Args:
        lanes: number of lanes of each kernel on each worker.
        landscape: the landscape that is searched.

    Raises:
        BadInputError: if they do not fit; the message says how many lanes do.
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
    """Refuse a width whose searches do not fit into half of the memory.

    Args:
        width: number of searches in flight.
        landscape: the landscape that is searched.
        where: name of the setting or column in the message; default "explore: width".

    Raises:
        BadInputError: if they do not fit; the message says how many searches do.
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
    """Return the number of searches that fit into the part of the memory that they may use."""
    memory = available_memory()
    if memory is None:
        return MOST_SEARCHES
    return min(int(MEMORY * memory / bytes_of_a_search(landscape)), MOST_SEARCHES)


def bytes_of_a_search(landscape: Landscape) -> int:
    """Estimate the most bytes that one search in flight keeps, without the lanes of kernels."""
    point = landscape.random_start(np.random.default_rng(0))
    # Each path down from a transition state has its own.
    symmetrizers = 2 * sum(x.nbytes for x in jax.tree.leaves(landscape.symmetrizer(point)))
    return OBJECTS + VECTORS * point.nbytes + symmetrizers


def last_width(atlas: Atlas) -> int | None:
    """Return the width of the last attempt in an atlas; None if it has no attempt with a width."""
    attempt = schema.attempt.c
    query = select(attempt.width).where(attempt.width > 0).order_by(attempt.id.desc()).limit(1)
    with atlas.reading() as connection:
        return connection.execute(query).scalar()
