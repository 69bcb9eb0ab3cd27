"""L-BFGS for many three-atom clusters at once, one lane each: the minimizer behind LJAT3 labels.

The algorithm is that of GMIN in nine Cartesian coordinates: memory 4, no line search, a cap on the
length of the step, a step reversed where it points uphill and scaled by 0.1 where the energy rises
by more than 1e-10. Which minimum a start reaches depends on these details, so they define the
data; `benchmarks.gmin_outcomes` compares with GMIN itself, start by start.

One detail is an option: whether the inverse Hessian that an update starts from keeps the sign of
the newest pair's curvature, as in GMIN today, or takes its size.

Arrays are (coordinates, lanes): every operation runs along the lanes. One step is one energy
and gradient per lane, a rejected trial is a step like any other, so no lane waits for another.

References: Nocedal, Math. Comp. 35, 773 (1980); Liu and Nocedal, Math. Program. 45, 503 (1989).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from lossatlas.errors import Status
from lossatlas.testing.surfaces import ljat3_from_squares
from lossatlas.typing import Scalar

MEMORY = 4
RMS_TOLERANCE = 1e-10  # epsilon / sigma, over the nine Cartesian coordinates
FIRST_SCALE = 0.1  # the initial guess of the inverse Hessian
ENERGY_RISE = 1e-10  # epsilon; a larger rise rejects the step
SHORTENING = 0.1  # of a rejected step
LARGEST_CHANGE = 1e10  # epsilon / sigma; GMIN clips every component of y, the gradient's change
MAX_SHORTENINGS = 10  # in a row, after which the memory is dropped
MAX_EVALUATIONS = 10_000  # starts in the paper's cubes need at most about 200

Coordinates = Float[Array, "9 lanes"]
Numbers = Float[Array, " lanes"]


class Rules(NamedTuple):
    """What can be chosen of the minimizer: the step cap in sigma, the size of curvatures or not."""

    step_cap: Scalar
    absolute: Bool[Array, ""]


class Memory(NamedTuple):
    """The last steps of each lane, oldest first; unused entries are zero and have no effect.

    Attributes:
        steps: s, position differences.
        changes: y, gradient differences.
        weights: 1 / (s . y).
        scale: (s . y) / (y . y) of the newest pair, the inverse Hessian to start from; zero
            where nothing is remembered.
    """

    steps: tuple[Coordinates, ...]
    changes: tuple[Coordinates, ...]
    weights: tuple[Numbers, ...]
    scale: Numbers


class Lanes(NamedTuple):
    """The state of every lane.

    Attributes:
        position: last accepted point; x, y, z of the first atom, of the second, of the third.
        step: the trial is position + step.
        energy: at position; infinite before the first evaluation.
        gradient: at position.
        memory: of the quasi-Newton formula.
        shortenings: rejections in a row.
        evaluations: energies and gradients so far.
        status: a `Status`; only RUNNING lanes change.
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
    """Lanes that have evaluated nothing; their first trial is the start itself."""
    zeros, number = jnp.zeros_like(position), jnp.zeros_like(position[0])
    count = jnp.zeros(number.shape, jnp.int32)
    memory = Memory((zeros,) * MEMORY, (zeros,) * MEMORY, (number,) * MEMORY, number)
    return Lanes(position, zeros, number + jnp.inf, zeros, memory, count, count, count + status)


def energy_and_gradient(position: Coordinates) -> tuple[Numbers, Coordinates]:
    """LJAT3 (eq. 4, Z = 2) of every lane, from the three difference vectors."""
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
    """Put new starts where `refill` says, then take `steps` steps in every lane."""
    new = fresh_lanes(starts)
    lanes = jax.tree.map(lambda fresh, old: jnp.where(refill, fresh, old), new, lanes)
    return jax.lax.fori_loop(0, steps, lambda _, state: take_step(state, rules), lanes)


def take_step(lanes: Lanes, rules: Rules) -> Lanes:
    """One energy and gradient per lane: accept the trial or shorten it, and plan the next."""
    trial = lanes.position + lanes.step
    energy, gradient = energy_and_gradient(trial)
    first = lanes.evaluations == 0
    # A NaN compares as false: such a trial is rejected.
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
    """Root mean square over the nine coordinates, in epsilon / sigma."""
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
    """Push the newest pair where `push`, empty the memory where `forget`."""
    overlap, square = _dot(step, change), _dot(change, change)
    # As the programs do. A negative overlap is kept: the step is turned downhill later.
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
    """The two-loop recursion; the first step of all is cautious: 0.1 g min(1/|g|, |g|)."""
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
