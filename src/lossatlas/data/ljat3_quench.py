"""Minimize many LJAT3 starts on all cores, with a queue of starts that keeps the lanes full.

When a lane has finished its start, the result is stored and the lane is refilled at once, so that a
slow start delays nothing but the end. Lanes do not influence each other, and the starts are divided
into parts that are minimized one by one, so that the results do not depend on the number of
threads.
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

LANES = 1024  # With about 110 numbers each, a block of lanes nearly fits the second-level cache.
STEPS = 8  # Number of steps between refills; a finished lane idles for half of them on average.
PART = 12_500  # Number of starts that a thread minimizes at a time.
DISTANCE_TOLERANCE = 1e-6  # In sigma; after convergence distances are within 3e-10.

Advance = Callable[[Lanes, np.ndarray, np.ndarray, Rules], Lanes]


class Quenched(NamedTuple):
    """The points at which the minimizations of N starts ended.

    Attributes:
        positions: (N, 3, 3) Cartesian positions of the atoms, in sigma.
        rms_gradient: (N,) RMS gradient over the nine coordinates, in epsilon / sigma.
        evaluations: (N,) number of energies with gradients that each start took.
        status: (N,) a `Status`: CONVERGED, TOO_MANY_STEPS or NOT_FINITE.
    """

    positions: Float[np.ndarray, "N 3 3"]
    rms_gradient: Float[np.ndarray, " N"]
    evaluations: Int[np.ndarray, " N"]
    status: Int[np.ndarray, " N"]


class _Ends(NamedTuple):
    """The same data as `Quenched`, in the coordinates of the kernel."""

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
        starts: (N, 3, 3) Cartesian positions of the three atoms, in sigma.
        step_cap: longest step in the nine coordinates, in sigma.
        threads: number of threads; by default one for every core that this process may use.
        curvature: how negative curvature is treated, ``"signed"`` (the default) or ``"absolute"``;
            see `lossatlas.data.load_ljat3`.

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
    """The distances (r12, r13, r23) of every cluster."""
    differences = positions[:, [0, 0, 1]] - positions[:, [1, 2, 2]]
    return np.sqrt((differences**2).sum(axis=2))


def outcome_labels(quenched: Quenched) -> Int[np.ndarray, " N"]:
    """The class of every end point.

    Class 0 is the equilateral minimum, and classes 1 to 3 are the linear minima with that atom in
    the middle. The class is -1 if the minimization did not converge, and -2 if it converged to none
    of the four minima (one atom is far away, or the point is a saddle).
    """
    planar = np.array([[(0.0, 0.0), (x2, 0.0), (x3, y3)] for x2, x3, y3 in [EQUILATERAL, *LINEAR]])
    apart = distances(quenched.positions)[:, None] - distances(planar)
    near = np.abs(apart).max(axis=2) < DISTANCE_TOLERANCE
    labels = np.where(near.any(axis=1), near.argmax(axis=1), -2)
    return np.where(quenched.status == Status.CONVERGED, labels, -1)


@cache
def _compiled() -> Advance:
    """The function `advance` for `LANES` lanes, compiled once before the threads start."""
    with jax.enable_x64(True), jax.default_device(device("cpu")):
        lanes = fresh_lanes(jax.numpy.zeros((9, LANES)))
        refill, starts, rules = np.zeros(LANES, bool), np.zeros((9, LANES)), _rules(0.0, "signed")
        function = compiled(advance, static_argnames="steps")
        return function.lower(lanes, refill, starts, rules, steps=STEPS).compile()


def _rules(step_cap: float, curvature: str) -> Rules:
    return Rules(np.array(step_cap, np.float64), np.array(curvature == "absolute"))  # type: ignore[arg-type]


def _work_off(run: Advance, starts: Float[np.ndarray, "9 N"], rules: Rules) -> _Ends:
    """Minimize some starts in this thread; the results are in the order of the starts."""
    # The threads of a pool inherit neither of these two settings.
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
        # New arrays every time, since the device may still be reading those of the previous call.
        refill, waiting = np.zeros(LANES, bool), np.ones((9, LANES))
        refill[taken] = True
        waiting[:, taken] = starts[:, owners[taken]]
        lanes = run(lanes, refill, waiting, rules)


def _harvest(
    ends: _Ends, lanes: Lanes, idle: Int[np.ndarray, " idle"], owners: Int[np.ndarray, " idle"]
) -> None:
    """Copy the results of finished lanes to the places of their starts; -1 means no start."""
    finished, items = idle[owners >= 0], owners[owners >= 0]
    ends.coordinates[:, items] = np.asarray(lanes.position)[:, finished]
    ends.gradients[:, items] = np.asarray(lanes.gradient)[:, finished]
    ends.evaluations[items] = np.asarray(lanes.evaluations)[finished]
    ends.status[items] = np.asarray(lanes.status)[finished]
