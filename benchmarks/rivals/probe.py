"""Steepest descent as a kernel: what one evaluation costs in the engine's own blocks of lanes."""

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
    """A point, a number that depends on everything computed, and how often."""

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
    """Kernel; a job is `(w,)`. Evaluates once a step, for a fixed number of steps.

    Args:
        what: ``"gradient"``, ``"hessian"``, or ``"generic hessian"``: `jax.hessian` of the energy.
        evaluations: of one job.
        steps: of one device call.
    """

    what: str = "gradient"
    evaluations: int = 1000
    steps: int = 100

    def init(self, surface: Any, w: Array) -> ProbeState:
        """Nothing evaluated yet."""
        return ProbeState(w, jnp.zeros((), w.dtype), jnp.int32(0), running())

    def step(self, surface: Any, state: ProbeState) -> ProbeState:
        """One evaluation, and a step so small that it changes nothing but the bits."""
        w, value = _evaluated(self.what, surface, state.w)
        done = state.done + 1
        status = jnp.where(done >= self.evaluations, Status.CONVERGED, running())
        return ProbeState(w, value, done, status.astype(jnp.int32))

    def result(self, state: ProbeState) -> Probed:
        """Where it ended."""
        return Probed(state.w, state.value)


def _evaluated(what: str, surface: Any, w: Array) -> tuple[Array, Array]:
    import jax

    if what == "gradient":
        energy, gradient = surface.value_and_gradient(w)
        return w - 1e-3 * gradient, energy
    hessian = surface.hessian(w) if what == "hessian" else jax.hessian(surface.energy)(w)
    return w - 1e-9 * hessian[0], hessian.sum()


def cpu_per_evaluation(engine: Engine, kernel: Probe, starts: list[np.ndarray]) -> float:
    """CPU seconds of one evaluation, with as many jobs as the engine has lanes on all workers."""

    def search(w: np.ndarray):
        return (yield Request(kernel, (w,)))

    _, seconds = cpu_seconds(lambda: list(engine.run(search(w) for w in starts)))
    return seconds / (len(starts) * kernel.evaluations)


def starts_for(engine: Engine, n_weights: int) -> list[np.ndarray]:
    """Points for one job in every lane."""
    random = np.random.default_rng(0)
    count = engine.lanes * engine.workers
    return [random.uniform(-1.0, 1.0, n_weights) for _ in range(count)]
