"""Filling of large atlases in bulk and without matching, for benchmarks of operations on them."""

import json
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Any

import numpy as np
from sqlalchemy import Table, func, select

from lossatlas.atlas import Atlas, schema
from lossatlas.atlas.checksums import checksum
from lossatlas.atlas.database import writing
from lossatlas.atlas.rows import point_of_attempt
from lossatlas.search.outcome import StationaryPoint

ROWS_PER_TRANSACTION = 20_000
SPECTRUM = (1e-5, 2e-4, 3e-4, 1e-3)
ORBIT_SIZE = 3715891200
INVARIANTS = 14
STATES, ATTEMPTS = 2.7, 4.0
"""Transition states and attempts for each minimum, as in a landscape that is well explored."""
NEAR = 100
"""Number of minima found before a minimum among which links to it are chosen."""
KEPT = 20
"""Number of minima of each transaction that are returned."""


def add_points(
    atlas: Atlas, table: Table, energies: np.ndarray, invariants: np.ndarray, weights: np.ndarray
) -> None:
    """Add p points with energies (p,), invariants (p, k), weights (p, n), without attempts."""
    sign = 1.0 if table.name == "minimum" else -1.0
    spectrum = np.multiply(SPECTRUM, (sign, 1.0, 1.0, 1.0))
    constants = {
        "rms_gradient": 1e-14,
        "lowest_eigenvalue": float(spectrum[0]),
        "log_determinant": -1.0,
        "uncertainty": 1e-10,
        "outside": False,
        "orbit_size": str(ORBIT_SIZE),
        "times_found": 1,
        "lowest_eigenvalues": spectrum.tobytes(),
    }
    with atlas.reading() as connection:
        last = connection.execute(select(func.coalesce(func.max(table.c.id), 0))).scalar_one()
    varying = zip(energies.tolist(), _blobs(invariants), _blobs(weights), strict=True)
    rows = (
        {**constants, "id": k, "energy": energy, "invariants": about, "weights": w}
        for k, (energy, about, w) in enumerate(varying, start=last + 1)
    )
    add_rows(atlas, table, rows)


def add_links(atlas: Atlas, minimum_1: np.ndarray, minimum_2: np.ndarray) -> None:
    """Join pairs of minima, given by their ids, by transition states 1, 2, ..."""
    sides = [minimum_1.tolist(), minimum_2.tolist()]
    blank = {"via": None, "via_index": None, "tolerance": None, "method": "", "directions": None}
    rows = (
        {"transition_state": state, "side": side, "minimum": minimum, **blank}
        for state, ends in enumerate(zip(*sides, strict=True), start=1)
        for side, minimum in enumerate(ends)
    )
    add_rows(atlas, schema.link, rows)


def add_attempts(atlas: Atlas, minima: int, states: int, attempts: int) -> None:
    """Add a log of attempts that found minima 1, 2, ... and transition states 1, 2, ... in order.

    Each attempt started from one minimum, and every point was found by exactly one attempt.
    """
    run_id = atlas.start_run({}, 0, {}, "cpu")
    key = "all attempts"
    add_rows(atlas, schema.batch, [{"id": 1, "key": key, "run_id": run_id, "attempts": attempts}])
    found = [_shares(number, attempts) for number in (minima, states)]
    add_rows(atlas, schema.attempt, _attempt_rows(*found))
    add_rows(atlas, schema.attempt_point, _point_rows(*found))


def fill(atlas: Atlas, count: int, size: int, seed: int = 0) -> list[StationaryPoint]:
    """Fill an empty atlas with `count` minima, their transition states, links and attempts.

    Links join a minimum to one of the hundred found before it, as those of most searches do.

    Args:
        atlas: an empty atlas.
        count: number of minima.
        size: number of weights.
        seed: seed of the random numbers; default 0.

    Returns:
        Some of the minima, as a search would find them again.
    """
    rng, states = np.random.default_rng(seed), int(STATES * count)
    kept = add_random_points(atlas, schema.minimum, count, size, rng)
    add_random_points(atlas, schema.transition_state, states, size, rng)
    first = rng.integers(1, count + 1, states)
    second = np.maximum(1, first - rng.integers(0, NEAR, states))
    add_links(atlas, first, second)
    add_attempts(atlas, count, states, int(ATTEMPTS * count))
    return kept


def add_random_points(
    atlas: Atlas, table: Table, count: int, size: int, rng: np.random.Generator
) -> list[StationaryPoint]:
    """Add `count` points with `size` weights each, and return some of them.

    If the points are minima, those that are returned are as a search would find them again.
    """
    kept = []
    for start in range(0, count, ROWS_PER_TRANSACTION):
        points = random_points(rng, min(ROWS_PER_TRANSACTION, count - start), size)
        kept += minima(*(part[:KEPT] for part in points))
        add_points(atlas, table, *points)
    return kept


def random_points(
    rng: np.random.Generator, count: int, size: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Random energies, invariants and weights, with energies as close as in a real landscape."""
    energies = rng.uniform(0.5, 0.6, count)
    invariants = np.hstack([energies[:, None], rng.normal(size=(count, INVARIANTS - 1))])
    return energies, invariants, rng.normal(size=(count, size))


def _shares(number: int, attempts: int) -> np.ndarray:
    """The number of points that each attempt finds, out of `number` in all."""
    return np.diff(np.arange(attempts + 1) * number // attempts)


def _attempt_rows(minima: np.ndarray, states: np.ndarray) -> Iterator[dict[str, Any]]:
    names = ("single-ended", "connect", "basin-hopping", "gaps", "degenerate")
    blank = {"batch": 1, "width": 48, "part": 1, "stream": None, "status": "CONVERGED"}
    blank |= {"gradients": 200, "hessians": 40, "failures": {}, "conflicts": 0}
    for k, (low, high) in enumerate(zip(minima.tolist(), states.tolist(), strict=True)):
        place = {"id": k + 1, "round": k // 24, "as_of": max(0, k // 24 - 1) * 24}
        what = {"strategy": names[k % len(names)], "what": f"mode {k % 8} + x{k % 3}"}
        yield {**blank, **place, **what, "new_minima": low, "new_transition_states": high}


def _point_rows(minima: np.ndarray, states: np.ndarray) -> Iterator[dict[str, Any]]:
    low = high = 0
    for attempt, found in enumerate(zip(minima.tolist(), states.tolist(), strict=True), start=1):
        points = [("origin", 1 + attempt * 7 % max(1, low))] if low else []
        points += [("end", identifier) for identifier in range(low + 1, low + found[0] + 1)]
        points += [("transition-state", k) for k in range(high + 1, high + found[1] + 1)]
        low, high = low + found[0], high + found[1]
        for position, (role, point) in enumerate(points):
            yield point_of_attempt(attempt, position, role, point)


def add_rows(atlas: Atlas, table: Table, rows: Iterable[dict[str, Any]]) -> None:
    """Add rows by plain SQL, since expressions of SQLAlchemy would cost more than SQLite itself."""
    rows = iter(rows)
    for row in rows:
        names = [*row, "checksum"]
        statement = (
            f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
        )
        some = chain([row], islice(rows, ROWS_PER_TRANSACTION - 1))
        with writing(atlas._engine, atlas.name) as connection:
            values = [(*map(_stored, one.values()), checksum(table, one)) for one in some]
            connection.exec_driver_sql(statement, values)


def _stored(value: Any) -> Any:
    """A value as a database stores it, with JSON as text."""
    return json.dumps(value) if isinstance(value, dict) else value


def _blobs(values: np.ndarray) -> Iterator[bytes]:
    return (row.tobytes() for row in np.asarray(values, "<f8"))


def minima(
    energies: np.ndarray, invariants: np.ndarray, weights: np.ndarray
) -> list[StationaryPoint]:
    """The minima that `add_points` adds, as a search would return them."""
    spectrum = np.array(SPECTRUM)
    return [
        StationaryPoint(w, float(energy), 1e-14, 0, spectrum, -1.0, 1e-10, about, ORBIT_SIZE)
        for energy, about, w in zip(energies, invariants, weights, strict=True)
    ]
