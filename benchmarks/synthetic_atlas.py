"""Synthetic atlases of any size that look to the planner like explored ones.

Of 20 minima 19 are connected, with 2.7 transition states for each. The log has four attempts for
each minimum, with the minima from which they started and the points that they found.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from benchmarks.bulk import ORBIT_SIZE, SPECTRUM, add_links, add_points, add_rows
from sqlalchemy import select

from lossatlas.atlas import Atlas, Problem, schema
from lossatlas.exploration.fold import Fold
from lossatlas.landscape import NetworkLandscape
from lossatlas.search.outcome import StationaryPoint

STATES, ATTEMPTS = 2.7, 4
"""Numbers of transition states and of attempts for each minimum."""
INVARIANTS = 14
PART = 20_000
SHARED = 0.8
CONNECTED = 20
"""One in so many minima is not connected to the others."""


def landscape(hidden: int = 10, items: int = 1000) -> NetworkLandscape:
    """The landscape of a network [2, hidden, 4] with random data, on which no search is made."""
    random = np.random.default_rng(0)
    inputs = random.normal(size=(items, 2))
    return NetworkLandscape(inputs, random.integers(4, size=items), (hidden,), 1e-4)


def fill(path: str, where: NetworkLandscape, minima: int, *, neighbors: bool = True) -> None:
    """Fill a new atlas with a number of minima, and with their neighbors if `neighbors` is True."""
    random = np.random.default_rng(minima)
    states = states_at(minima)
    with Atlas.create(path, Problem(where.fingerprint())) as atlas:
        run = atlas.start_run({}, 0, {}, "cpu")
        for table, count, low in (
            (schema.minimum, minima, 0.5),
            (schema.transition_state, states, 0.6),
        ):
            for start in range(0, count, PART):
                add_points(
                    atlas, table, *random_points(random, min(PART, count - start), where, low)
                )
        found = np.searchsorted([states_at(k) for k in range(1, minima + 1)], np.arange(states)) + 1
        near = np.maximum(1, found - random.integers(50, size=states))
        ends = _connected(near), _connected(random.integers(1, found + 1))
        add_links(atlas, *ends)
        batch = {"id": 1, "key": "synthetic", "run_id": run, "attempts": ATTEMPTS * minima}
        add_rows(atlas, schema.batch, [batch])
        add_rows(atlas, schema.attempt, _attempts(minima))
        add_rows(atlas, schema.attempt_point, _met(minima, *(one.tolist() for one in ends)))
        if not neighbors:
            return
        fold = Fold(atlas, where)
        fold.advance()
        fold.keep_neighbors()


def states_at(minima: int) -> int:
    """The number of transition states of an atlas with a number of minima."""
    return int(STATES * minima)


def _connected(minima: np.ndarray) -> np.ndarray:
    return np.where(minima % CONNECTED == 0, np.maximum(1, minima - 1), minima)


def random_points(
    random: np.random.Generator, count: int, where: NetworkLandscape, low: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Random energies, invariants and weights, with energies as close as in a real landscape.

    Each network shares four of five weights with an earlier one, like networks of one landscape
    that have units in common.
    """
    energies = random.uniform(low, low + 0.1, count)
    invariants = np.hstack([energies[:, None], random.normal(size=(count, INVARIANTS - 1))])
    weights = 2.0 * random.normal(size=(count, where.n_weights))
    shared = random.random(weights.shape) < SHARED
    for k, earlier in enumerate(random.integers(np.arange(1, count + 1)).tolist()):
        weights[k, shared[k]] = weights[earlier, shared[k]]
    return energies, invariants, weights


def points(index: int, values: tuple[np.ndarray, np.ndarray, np.ndarray]) -> list[StationaryPoint]:
    """The points of `random_points`, as a search would return them."""
    spectrum = np.multiply(SPECTRUM, (-1.0 if index else 1.0, 1.0, 1.0, 1.0))
    return [
        StationaryPoint(w, float(energy), 1e-14, index, spectrum, -1.0, 1e-10, about, ORBIT_SIZE)
        for energy, about, w in zip(*values, strict=True)
    ]


def stored_minima(path: str, minima: int, sample: int = 500) -> list[StationaryPoint]:
    """Some minima of an atlas, as a search that finds them again would return them."""
    table = schema.minimum.c
    ids = np.random.default_rng(0).integers(1, minima + 1, size=sample).tolist()
    query = select(table.energy, table.invariants, table.weights).where(table.id.in_(ids))
    with Atlas.open(path) as atlas, atlas.reading() as connection:
        energies, *blobs = zip(*connection.execute(query).all(), strict=True)
    vectors = [np.array([schema.from_blob(blob) for blob in some]) for some in blobs]
    return points(0, (np.array(energies), *vectors))


def _attempts(minima: int) -> Iterator[dict[str, Any]]:
    """Four attempts for each minimum: the one that finds it, two climbs from it, and a band."""
    constant = {"batch": 1, "round": 0, "as_of": 0, "width": 48, "stream": None}
    constant |= {"status": "CONVERGED", "gradients": 400, "hessians": 40, "failures": {}}
    for k in range(1, minima + 1):
        states = states_at(k) - states_at(k - 1)
        chain, part = divmod(k - 1, 3)
        names = [("basin-hopping", f"chain {chain}", part + 1, 1, 0)]
        if k % 2:
            names = [("perturbed", f"draw {k // 2}", 1, 1, 0)]
        names += [("single-ended", f"mode 0 {sign} x1", 1, 0, 1) for sign in "+-"]
        names.append(
            ("connect", "", 1, 0, states - 2)
            if k > 1
            else ("degenerate", "copy 0", 1, 0, states - 2)
        )
        for n, (strategy, what, part, low, high) in enumerate(names):
            name = {"id": ATTEMPTS * (k - 1) + n + 1, "strategy": strategy, "what": what}
            counts = {"new_minima": low, "new_transition_states": high, "conflicts": 0}
            yield {**name, "part": part, **constant, **counts}


def _met(minima: int, first: list[int], second: list[int]) -> Iterator[dict[str, Any]]:
    """The points of each attempt: the minima where it started, and the points that it found."""
    for k in range(1, minima + 1):
        attempt = ATTEMPTS * (k - 1)
        yield _point(attempt + 1, 0, "minimum", k)
        before, states = states_at(k - 1), states_at(k) - states_at(k - 1)
        for n in (2, 3, 4):
            origins = [k] if n < 4 or k == 1 else [max(1, k - 7), k]
            rows = [("origin", one) for one in origins]
            new = [before + n - 2] if n < 4 else range(before + 2, before + states)
            for state in new:
                rows += [("end", first[state]), ("end", second[state])]
                rows.append(("transition-state", state + 1))
            for position, (role, point) in enumerate(rows):
                yield _point(attempt + n, position, role, point)


def _point(attempt: int, position: int, role: str, point: int) -> dict[str, Any]:
    low = role in schema.ROLES_OF_MINIMA
    kinds = {"minimum": point if low else None, "transition_state": None if low else point}
    return {"attempt": attempt, "position": position, "role": role, **kinds}
