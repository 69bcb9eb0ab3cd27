"""Turn points and attempts into rows of tables, and refuse points that no row may hold."""

from math import isfinite, isnan
from typing import Any

import numpy as np
from sqlalchemy import Table

from lossatlas.atlas import schema
from lossatlas.atlas.records import Attempt
from lossatlas.errors import AtlasError, Status
from lossatlas.search.outcome import StationaryPoint

INDEX = {"minimum": 0, "transition_state": 1}
"""The Hessian index of the points in each table."""

Row = dict[str, Any]
"""The values of a row by column, without its checksum."""


def check_point(table: Table, point: StationaryPoint) -> None:
    """Refuse a point that does not belong into a table.

    Raises:
        AtlasError: the point has another Hessian index, or numbers that are not finite.
    """
    if point.index != INDEX[table.name]:
        raise AtlasError(
            f"a point of Hessian index {point.index} (energy {point.energy!r}) "
            f"is no {table.name.replace('_', ' ')}"
        )
    numbers = (point.energy, point.rms_gradient, point.uncertainty)
    vectors = (point.weights, point.invariants, point.lowest_eigenvalues)
    if not (all(map(isfinite, numbers)) and all(map(_is_finite, vectors))):
        raise AtlasError(f"a point of energy {point.energy!r} has numbers that are not finite")


def _is_finite(vector: np.ndarray) -> bool:
    """Whether all numbers of a vector are finite; a finite sum of their squares proves it."""
    return isfinite(vector.dot(vector)) or bool(np.isfinite(vector).all())


def point_row(point: StationaryPoint) -> Row:
    """The columns that minima and transition states share, for a point that was found once.

    The id is missing.
    """
    return {
        "energy": float(point.energy),
        "rms_gradient": float(point.rms_gradient),
        "lowest_eigenvalue": float(point.lowest_eigenvalues[0]),
        "log_determinant": None if isnan(point.log_determinant) else float(point.log_determinant),
        "uncertainty": float(point.uncertainty),
        "outside": bool(point.outside),
        "orbit_size": str(int(point.orbit_size)),
        "times_found": 1,
        "lowest_eigenvalues": schema.to_blob(point.lowest_eigenvalues),
        "invariants": schema.to_blob(point.invariants),
        "weights": schema.to_blob(point.weights),
    }


def attempt_row(identifier: int, batch: int, attempt: Attempt, counts: tuple[int, int, int]) -> Row:
    """The columns of an attempt.

    Args:
        identifier: id of the attempt.
        batch: id of its batch.
        attempt: the attempt.
        counts: numbers of minima and of transition states that it added, and of known transition
            states that it joined to other minima.
    """
    outcome = attempt.outcome
    return {
        "id": identifier,
        "batch": batch,
        "round": int(attempt.round),
        "as_of": int(attempt.as_of),
        "width": int(attempt.width),
        "strategy": attempt.strategy,
        "what": attempt.what,
        "part": int(attempt.part),
        "stream": attempt.stream,
        "status": Status(outcome.status).name,
        "gradients": int(outcome.cost.gradients),
        "hessians": int(outcome.cost.hessians),
        "failures": {Status(status).name: int(n) for status, n in outcome.failures.items()},
        "new_minima": counts[0],
        "new_transition_states": counts[1],
        "conflicts": counts[2],
    }


def point_of_attempt(attempt: int, position: int, role: str, point: int) -> Row:
    """A row of ``attempt_point``: the point that an attempt lists at a position, with its role."""
    is_minimum = role in schema.ROLES_OF_MINIMA
    return {
        "attempt": attempt,
        "position": position,
        "role": role,
        "minimum": point if is_minimum else None,
        "transition_state": None if is_minimum else point,
    }
