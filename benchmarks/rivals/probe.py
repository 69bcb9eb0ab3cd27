"""Steepest descent as a kernel, to measure one evaluation in the blocks of lanes of the engine."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from benchmarks.rivals.measure import cpu_seconds
from jax import Array

from lossatlas.errors import Status
from lossatlas.lanes.engine import Engine
from lossatlas.lanes.requests import Request, running


class ProbeState(NamedTuple):
    """A point, a number that depends on everything computed, and the number of evaluations."""

    w: Array
    value: Array
    done: Array
    status: Array


class Probed(NamedTuple):
    """The last point and value."""

    w: Array
    value: Array


@dataclass(frozen=True)
class Probe:
    """A kernel that evaluates once in each step, for a fixed number of steps; a job is `(w,)`.

    Args:
        what: ``"gradient"``, ``"hessian"``, or ``"generic hessian"`` for `jax.hessian` of the
            energy.
        evaluations: number of evaluations of one job.
        steps: number of steps of one device call.
    """

    what: str = "gradient"
    evaluations: int = 1000
    steps: int = 100

    def init(self, surface: Any, w: Array) -> ProbeState:
        """Return the state of a job before its first evaluation."""
        return ProbeState(w, jnp.zeros((), w.dtype), jnp.int32(0), running())

    def step(self, surface: Any, state: ProbeState) -> ProbeState:
        """Evaluate once, and make a step so small that it changes only the last bits."""
        w, value = _evaluated(self.what, surface, state.w)
        done = state.done + 1
        status = jnp.where(done >= self.evaluations, Status.CONVERGED, running())
        return ProbeState(w, value, done, status.astype(jnp.int32))

    def result(self, state: ProbeState) -> Probed:
        """The last point and value of a job."""
        return Probed(state.w, state.value)


def _evaluated(what: str, surface: Any, w: Array) -> tuple[Array, Array]:
    import jax

    if what == "gradient":
        energy, gradient = surface.value_and_gradient(w)
        return w - 1e-3 * gradient, energy
    hessian = surface.hessian(w) if what == "hessian" else jax.hessian(surface.energy)(w)
    return w - 1e-9 * hessian[0], hessian.sum()


def cpu_per_evaluation(engine: Engine, kernel: Probe, starts: list[np.ndarray]) -> float:
    """CPU seconds of one evaluation, with one job for every lane of all workers."""

    def search(w: np.ndarray):
        return (yield Request(kernel, (w,)))

    _, seconds = cpu_seconds(lambda: list(engine.run(search(w) for w in starts)))
    return seconds / (len(starts) * kernel.evaluations)


def starts_for(engine: Engine, n_weights: int) -> list[np.ndarray]:
    """Start points for one job in every lane of all workers."""
    random = np.random.default_rng(0)
    count = engine.lanes * engine.workers
    return [random.uniform(-1.0, 1.0, n_weights) for _ in range(count)]
