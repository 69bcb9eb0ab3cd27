"""L-BFGS for many three-atom clusters at once, one in each lane: the minimizer behind LJAT3 labels.

The algorithm is that of the program GMIN in nine Cartesian coordinates: a memory of four pairs, no
line search, and a limit on the length of the step. A step that points uphill is reversed, and a
step that raises the energy by more than 1e-10 is scaled by 0.1. The minimum that a start reaches
depends on these details, so they define the data; `benchmarks.gmin_outcomes` compares with GMIN
itself, start by start.

One detail is an option: the inverse Hessian from which an update starts can keep the sign of the
curvature of the newest pair, as in GMIN today, or take its absolute value.

Arrays have the shape (coordinates, lanes), so that every operation runs along the lanes. One step
takes one energy with its gradient in each lane. A rejected trial is a step like any other, so that
no lane waits for another.

References: Nocedal, Math. Comp. 35, 773 (1980); Liu and Nocedal, Math. Program. 45, 503 (1989).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from lossatlas.data.ljat3_energy import ljat3_from_squares
from lossatlas.errors import Status
from lossatlas.typing import Scalar

MEMORY = 4  # Number of pairs that are remembered.
RMS_TOLERANCE = 1e-10  # In epsilon / sigma, over the nine Cartesian coordinates.
FIRST_SCALE = 0.1  # Initial guess of the inverse Hessian.
ENERGY_RISE = 1e-10  # In epsilon; a larger rise rejects the step.
SHORTENING = 0.1  # Factor that shortens a rejected step.
LARGEST_CHANGE = 1e10  # In epsilon / sigma; GMIN clips every component of the gradient's change.
MAX_SHORTENINGS = 10  # Number of rejections in a row after which the memory is dropped.
MAX_EVALUATIONS = 10_000  # Starts in the paper's cubes need at most about 200.

Coordinates = Float[Array, "9 lanes"]
Numbers = Float[Array, " lanes"]


class Rules(NamedTuple):
    """The options of the minimizer.

    Attributes:
        step_cap: longest step, in sigma.
        absolute: whether to take the absolute value of negative curvatures.
    """

    step_cap: Scalar
    absolute: Bool[Array, ""]


class Memory(NamedTuple):
    """The last steps of each lane, the oldest first; unused entries are zero and have no effect.

    Attributes:
        steps: differences s of positions.
        changes: differences y of gradients.
        weights: 1 / (s . y) of each pair.
        scale: (s . y) / (y . y) of the newest pair, which is the inverse Hessian from which an
            update starts; zero if nothing is remembered.
    """

    steps: tuple[Coordinates, ...]
    changes: tuple[Coordinates, ...]
    weights: tuple[Numbers, ...]
    scale: Numbers


class Lanes(NamedTuple):
    """The state of every lane.

    Attributes:
        position: last accepted point: x, y, z of the first atom, of the second and of the third.
        step: step that is tried next; the trial point is position + step.
        energy: energy at the position; infinite before the first evaluation.
        gradient: gradient at the position.
        memory: the pairs that are remembered.
        shortenings: number of rejections in a row.
        evaluations: number of energies with gradients so far.
        status: a `Status`; lanes change only while it is RUNNING.
    """

    position: Coordinates
    step: Coordinates
    energy: Numbers
    gradient: Coordinates
    memory: Memory
    shortenings: Int[Array, " lanes"]
    evaluations: Int[Array, " lanes"]
    status: Int[Array, " lanes"]


def fresh_lanes(position: Coordinates, status: Status = Status.RUNNING) -> Lanes:
    """Return lanes before their first evaluation; their first trial point is the start itself."""
    zeros, number = jnp.zeros_like(position), jnp.zeros_like(position[0])
    count = jnp.zeros(number.shape, jnp.int32)
    memory = Memory((zeros,) * MEMORY, (zeros,) * MEMORY, (number,) * MEMORY, number)
    return Lanes(position, zeros, number + jnp.inf, zeros, memory, count, count, count + status)


def energy_and_gradient(position: Coordinates) -> tuple[Numbers, Coordinates]:
    """The LJAT3 energy (eq. 4, Z = 2) of every lane with its gradient."""
    first, second, third = jnp.split(position, 3)
    d12, d13, d23 = first - second, first - third, second - third
    squares = [_dot(d, d) for d in (d12, d13, d23)]
    energy, pull_back = jax.vjp(ljat3_from_squares, *squares)
    slopes = pull_back(jnp.ones_like(energy))
    f12, f13, f23 = (2.0 * slope * d for slope, d in zip(slopes, (d12, d13, d23), strict=True))
    return energy, jnp.concatenate([f12 + f13, f23 - f12, -f13 - f23])


def advance(
    lanes: Lanes, refill: Bool[Array, " lanes"], starts: Coordinates, rules: Rules, steps: int
) -> Lanes:
    """Put new starts into the lanes that ``refill`` marks, then take some steps in every lane."""
    new = fresh_lanes(starts)
    lanes = jax.tree.map(lambda fresh, old: jnp.where(refill, fresh, old), new, lanes)
    return jax.lax.fori_loop(0, steps, lambda _, state: take_step(state, rules), lanes)


def take_step(lanes: Lanes, rules: Rules) -> Lanes:
    """Evaluate the trial of every lane, accept it or shorten its step, and plan the next one."""
    trial = lanes.position + lanes.step
    energy, gradient = energy_and_gradient(trial)
    first = lanes.evaluations == 0
    # A NaN compares as false, so that such a trial is rejected.
    running = lanes.status == Status.RUNNING
    accepted = running & (energy - lanes.energy <= ENERGY_RISE)
    stuck = ~accepted & (lanes.shortenings >= MAX_SHORTENINGS)
    change = jnp.clip(gradient - lanes.gradient, -LARGEST_CHANGE, LARGEST_CHANGE)
    memory = _remember(lanes.memory, accepted & ~first, stuck, lanes.step, change)
    gradient = jnp.where(accepted, gradient, lanes.gradient)
    planned = _planned_step(memory, gradient, rules)
    broken = first & ~jnp.isfinite(energy)
    return Lanes(
        position=jnp.where(accepted, trial, lanes.position),
        step=jnp.where(accepted | stuck, planned, SHORTENING * lanes.step),
        energy=jnp.where(accepted, energy, lanes.energy),
        gradient=gradient,
        memory=memory,
        shortenings=jnp.where(accepted | stuck, 0, lanes.shortenings + 1),
        evaluations=lanes.evaluations + running,
        status=_status(lanes, accepted, gradient, broken),
    )


def rms_gradient(gradient: Coordinates) -> Numbers:
    """Root mean square of the gradient over the nine coordinates, in epsilon / sigma."""
    return jnp.sqrt(_dot(gradient, gradient)) / 3.0


def _status(
    lanes: Lanes, accepted: Bool[Array, " lanes"], gradient: Coordinates, broken: Array
) -> Int[Array, " lanes"]:
    status = jnp.where(
        lanes.evaluations + 1 >= MAX_EVALUATIONS, Status.TOO_MANY_STEPS, lanes.status
    )
    status = jnp.where(broken, Status.NOT_FINITE, status)
    converged = accepted & (rms_gradient(gradient) < RMS_TOLERANCE)
    status = jnp.where(converged, Status.CONVERGED, status)
    return jnp.where(lanes.status == Status.RUNNING, status, lanes.status).astype(jnp.int32)


def _remember(
    memory: Memory, push: Array, forget: Array, step: Coordinates, change: Coordinates
) -> Memory:
    """Add the newest pair in the lanes that ``push`` marks; ``forget`` marks those to empty."""
    overlap, square = _dot(step, change), _dot(change, change)
    # As in GMIN, a zero is replaced by one, and a negative overlap is kept: the step that it gives
    # is turned downhill later.
    overlap = jnp.where(overlap == 0.0, 1.0, overlap)
    scale = overlap / jnp.where(square == 0.0, 1.0, square)

    def shifted(entries: tuple[Array, ...], newest: Array) -> tuple[Array, ...]:
        moved = (*entries[1:], newest)
        return tuple(jnp.where(push, new, old) for new, old in zip(moved, entries, strict=True))

    weights = shifted(memory.weights, 1.0 / overlap)
    return Memory(
        steps=shifted(memory.steps, step),
        changes=shifted(memory.changes, change),
        weights=tuple(jnp.where(forget, 0.0, weight) for weight in weights),
        scale=jnp.where(push, scale, jnp.where(forget, 0.0, memory.scale)),
    )


def _planned_step(memory: Memory, gradient: Coordinates, rules: Rules) -> Coordinates:
    """The quasi-Newton step, turned downhill and no longer than the cap."""
    scale = jnp.where(rules.absolute, jnp.abs(memory.scale), memory.scale)
    memory = memory._replace(scale=scale)
    product = _inverse_hessian_product(memory, gradient)
    downhill = jnp.where(_dot(product, gradient) > 0.0, -1.0, 1.0)
    length = jnp.sqrt(_dot(product, product))
    return product * (downhill * jnp.minimum(1.0, rules.step_cap / length))


def _inverse_hessian_product(memory: Memory, gradient: Coordinates) -> Coordinates:
    """The two-loop recursion; the first step of all is the cautious 0.1 g min(1/|g|, |g|)."""
    pairs = list(zip(memory.steps, memory.changes, memory.weights, strict=True))
    product, overlaps = gradient, []
    for step, change, weight in reversed(pairs):
        overlaps.append(weight * _dot(step, product))
        product = product - overlaps[-1] * change
    norm = jnp.sqrt(_dot(gradient, gradient))
    first_scale = FIRST_SCALE * jnp.minimum(1.0 / norm, norm)
    product = product * jnp.where(memory.scale == 0.0, first_scale, memory.scale)
    for (step, change, weight), overlap in zip(pairs, reversed(overlaps), strict=True):
        product = product + step * (overlap - weight * _dot(change, product))
    return product


def _dot(a: Array, b: Array) -> Array:
    return jnp.sum(a * b, axis=0)
