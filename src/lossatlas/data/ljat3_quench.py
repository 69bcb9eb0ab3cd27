"""Outcomes of many LJAT3 starts: a queue of starts keeps the lanes full, every core has its own.

A start whose lane has finished is harvested and the lane refilled at once, so the slowest start
delays nothing but the end. Lanes do not influence each other and each part of the starts is
worked off by itself: results depend on the starts alone, not on the number of threads.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Float, Int

from lossatlas.compiled import compiled
from lossatlas.data.ljat3_energy import EQUILATERAL, LINEAR
from lossatlas.data.ljat3_kernel import Lanes, Rules, advance, fresh_lanes
from lossatlas.errors import Status
from lossatlas.landscape.device import device
from lossatlas.lanes.cores import available_cores

LANES = 1024  # some 110 numbers each: a block stays near the second-level cache
STEPS = 8  # between harvests; a finished lane idles for half of them
PART = 12_500  # starts worked off by one thread at a time
DISTANCE_TOLERANCE = 1e-6  # sigma; the convergence limit leaves 3e-10

Advance = Callable[[Lanes, np.ndarray, np.ndarray, Rules], Lanes]


class Quenched(NamedTuple):
    """Where N starts ended.

    Attributes:
        positions: Cartesian, in sigma.
        rms_gradient: over the nine coordinates, in epsilon / sigma.
        evaluations: energies and gradients each start took.
        status: a `Status` each: CONVERGED, TOO_MANY_STEPS or NOT_FINITE.
    """

    positions: Float[np.ndarray, "N 3 3"]
    rms_gradient: Float[np.ndarray, " N"]
    evaluations: Int[np.ndarray, " N"]
    status: Int[np.ndarray, " N"]


class _Ends(NamedTuple):
    """`Quenched` in the coordinates of the kernel."""

    coordinates: Float[np.ndarray, "9 N"]
    gradients: Float[np.ndarray, "9 N"]
    evaluations: Int[np.ndarray, " N"]
    status: Int[np.ndarray, " N"]


def quench(
    starts: Float[np.ndarray, "N 3 3"],
    step_cap: float,
    threads: int | None = None,
    *,
    curvature: str = "signed",
) -> Quenched:
    """Minimize every start to an RMS gradient of 1e-10.

    Args:
        starts: Cartesian positions of the three atoms, in sigma.
        step_cap: longest step in the nine coordinates, in sigma.
        threads: how many parts run at a time; by default one for every core of this process.
        curvature: ``"signed"`` or ``"absolute"``, see `lossatlas.data.load_ljat3`.

    Examples:
        >>> starts = np.random.default_rng(0).uniform(0.0, 2.0, (100, 3, 3))
        >>> bool((quench(starts, step_cap=0.4).rms_gradient < 1e-10).all())
        True
    """
    coordinates = np.ascontiguousarray(starts.reshape(-1, 9).T)
    parts = [coordinates[:, first : first + PART] for first in range(0, len(starts), PART)]
    run, rules = _compiled(), _rules(step_cap, curvature)
    with ThreadPoolExecutor(threads or available_cores()) as pool:
        done = list(pool.map(lambda part: _work_off(run, part, rules), parts))
    ends = _Ends(*(np.concatenate(arrays, axis=-1) for arrays in zip(*done, strict=True)))
    rms = np.sqrt((ends.gradients**2).sum(axis=0) / 9.0)
    positions = ends.coordinates.T.reshape(-1, 3, 3)
    return Quenched(positions, rms, ends.evaluations, ends.status)


def distances(positions: Float[np.ndarray, "N 3 d"]) -> Float[np.ndarray, "N 3"]:
    """(r12, r13, r23) of every cluster."""
    differences = positions[:, [0, 0, 1]] - positions[:, [1, 2, 2]]
    return np.sqrt((differences**2).sum(axis=2))


def outcome_labels(quenched: Quenched) -> Int[np.ndarray, " N"]:
    """The class of every end point: 0 equilateral, 1-3 linear with that atom in the middle.

    -1 where the minimization did not converge, -2 where it converged to none of the four
    minima (an atom far away, or a saddle).
    """
    planar = np.array([[(0.0, 0.0), (x2, 0.0), (x3, y3)] for x2, x3, y3 in [EQUILATERAL, *LINEAR]])
    apart = distances(quenched.positions)[:, None] - distances(planar)
    near = np.abs(apart).max(axis=2) < DISTANCE_TOLERANCE
    labels = np.where(near.any(axis=1), near.argmax(axis=1), -2)
    return np.where(quenched.status == Status.CONVERGED, labels, -1)


@cache
def _compiled() -> Advance:
    """`advance` for LANES lanes, compiled once and before the threads need it."""
    with jax.enable_x64(True), jax.default_device(device("cpu")):
        lanes = fresh_lanes(jax.numpy.zeros((9, LANES)))
        refill, starts, rules = np.zeros(LANES, bool), np.zeros((9, LANES)), _rules(0.0, "signed")
        function = compiled(advance, static_argnames="steps")
        return function.lower(lanes, refill, starts, rules, steps=STEPS).compile()


def _rules(step_cap: float, curvature: str) -> Rules:
    return Rules(np.array(step_cap, np.float64), np.array(curvature == "absolute"))  # type: ignore[arg-type]


def _work_off(run: Advance, starts: Float[np.ndarray, "9 N"], rules: Rules) -> _Ends:
    """The ends of all starts, in their order."""
    # Neither setting is inherited by the threads of a pool.
    with jax.enable_x64(True), jax.default_device(device("cpu")):
        lanes = fresh_lanes(jax.numpy.zeros((9, LANES)), Status.CONVERGED)
        return _keep_full(run, lanes, starts, rules)


def _keep_full(run: Advance, lanes: Lanes, starts: Float[np.ndarray, "9 N"], rules: Rules) -> _Ends:
    count, begun = starts.shape[1], 0
    ends = _Ends(
        np.empty((9, count)), np.empty((9, count)), np.empty(count, int), np.empty(count, int)
    )
    owners = np.full(LANES, -1)
    while True:
        idle = np.flatnonzero(np.asarray(lanes.status) != Status.RUNNING)
        _harvest(ends, lanes, idle, owners[idle])
        taken = idle[: count - begun]
        owners[idle] = -1
        owners[taken] = np.arange(begun, begun + len(taken))
        begun += len(taken)
        if (owners < 0).all():
            return ends
        # New arrays every time: the device may still read those of the call before.
        refill, waiting = np.zeros(LANES, bool), np.ones((9, LANES))
        refill[taken] = True
        waiting[:, taken] = starts[:, owners[taken]]
        lanes = run(lanes, refill, waiting, rules)


def _harvest(
    ends: _Ends, lanes: Lanes, idle: Int[np.ndarray, " idle"], owners: Int[np.ndarray, " idle"]
) -> None:
    """Copy what finished lanes hold to the places of their owners; -1 owns nothing."""
    finished, items = idle[owners >= 0], owners[owners >= 0]
    ends.coordinates[:, items] = np.asarray(lanes.position)[:, finished]
    ends.gradients[:, items] = np.asarray(lanes.gradient)[:, finished]
    ends.evaluations[items] = np.asarray(lanes.evaluations)[finished]
    ends.status[items] = np.asarray(lanes.status)[finished]
