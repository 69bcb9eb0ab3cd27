"""Filling large atlases past the matching, for benchmarks of what is done with them."""

from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Any

import numpy as np
from sqlalchemy import Table, func, select

from lossatlas.atlas import Atlas, schema
from lossatlas.atlas.checksums import checksum
from lossatlas.atlas.database import writing
from lossatlas.search.outcome import StationaryPoint

ROWS_PER_TRANSACTION = 20_000
SPECTRUM = (1e-5, 2e-4, 3e-4, 1e-3)
ORBIT_SIZE = 3715891200


def add_points(
    atlas: Atlas, table: Table, energies: np.ndarray, invariants: np.ndarray, weights: np.ndarray
) -> None:
    """Add p points with energies (p,), invariants (p, k), weights (p, n), which no attempt met."""
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
    _insert(atlas, table, rows)


def add_links(atlas: Atlas, minimum_1: np.ndarray, minimum_2: np.ndarray) -> None:
    """Join pairs of minima, given by their ids, by transition states 1, 2, ..."""
    sides = [minimum_1.tolist(), minimum_2.tolist()]
    blank = {"via": None, "via_index": None, "tolerance": None, "method": "", "directions": None}
    rows = (
        {"transition_state": state, "side": side, "minimum": minimum, **blank}
        for state, ends in enumerate(zip(*sides, strict=True), start=1)
        for side, minimum in enumerate(ends)
    )
    _insert(atlas, schema.link, rows)


def _insert(atlas: Atlas, table: Table, rows: Iterable[dict[str, Any]]) -> None:
    """Goes around SQLAlchemy's expressions, which would cost more than SQLite itself."""
    rows = iter(rows)
    for row in rows:
        names = [*row, "checksum"]
        statement = (
            f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
        )
        some = chain([row], islice(rows, ROWS_PER_TRANSACTION - 1))
        with writing(atlas._engine, atlas.name) as connection:
            values = [(*one.values(), checksum(table, one)) for one in some]
            connection.exec_driver_sql(statement, values)


def _blobs(values: np.ndarray) -> Iterator[bytes]:
    return (row.tobytes() for row in np.asarray(values, "<f8"))


def minima(
    energies: np.ndarray, invariants: np.ndarray, weights: np.ndarray
) -> list[StationaryPoint]:
    """Minima like those of `add_points`, as a search would hand them over."""
    spectrum = np.array(SPECTRUM)
    return [
        StationaryPoint(w, float(energy), 1e-14, 0, spectrum, -1.0, 1e-10, about, ORBIT_SIZE)
        for energy, about, w in zip(energies, invariants, weights, strict=True)
    ]
