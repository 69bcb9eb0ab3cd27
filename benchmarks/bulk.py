"""Filling large atlases past the matching, for benchmarks of what is done with them."""

from collections.abc import Iterator

import numpy as np
from sqlalchemy import Table

from lossatlas.atlas import Atlas
from lossatlas.atlas.database import writing
from lossatlas.search.outcome import StationaryPoint

ROWS_PER_TRANSACTION = 20_000
SPECTRUM = (1e-5, 2e-4, 3e-4, 1e-3)
ORBIT_SIZE = 3715891200


def add_points(
    atlas: Atlas,
    table: Table,
    energies: np.ndarray,
    invariants: np.ndarray,
    weights: np.ndarray,
    **columns: list,
) -> None:
    """Add p points with energies (p,), invariants (p, k), weights (p, n) and further columns.

    Goes around SQLAlchemy's expressions, which would cost more than SQLite itself.
    """
    sign = 1.0 if table.name == "minimum" else -1.0
    spectrum = np.multiply(SPECTRUM, (sign, 1.0, 1.0, 1.0))
    constants = {
        "rms_gradient": 1e-14,
        "lowest_eigenvalue": float(spectrum[0]),
        "log_determinant": -1.0,
        "uncertainty": 1e-10,
        "orbit_size": str(ORBIT_SIZE),
        "times_found": 1,
        "lowest_eigenvalues": spectrum.tobytes(),
    }
    names = [*constants, "energy", "invariants", "weights", *columns]
    statement = (
        f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
    )
    shared = tuple(constants.values())
    varying = zip(
        energies.tolist(), _blobs(invariants), _blobs(weights), *columns.values(), strict=True
    )
    rows = [shared + row for row in varying]
    for first in range(0, len(rows), ROWS_PER_TRANSACTION):
        with writing(atlas._engine, atlas.name) as connection:
            connection.exec_driver_sql(statement, rows[first : first + ROWS_PER_TRANSACTION])


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
