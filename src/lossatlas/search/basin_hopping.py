"""Basin-hopping: steps between minima, accepted by a Metropolis criterion.

Every step perturbs all weights, quenches, and is accepted downhill always and uphill with
probability exp(-dE/T) (Li and Scheraga 1987; Wales and Doye 1997; paper, section III). Every
minimum met is kept, accepted or not, and handed over at once, as an outcome of its own. With the
default temperature, two on the loss scale, nearly everything is accepted: the chain is a sampler.
"""

from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lossatlas.errors import BadInputError, Status
from lossatlas.lanes.requests import Found, Request, Search
from lossatlas.search.certify import Certificate, certified
from lossatlas.search.outcome import Cost, Outcome, StationaryPoint
from lossatlas.search.tools import Tools


@dataclass(frozen=True)
class BasinHoppingOptions:
    """Options of a chain.

    Args:
        steps: quenches in one chain, the first from a random start.
        step_size: each weight moves by a uniform number in (-step_size, step_size).
        temperature: Metropolis temperature, in units of the loss.
    """

    steps: int = 3
    step_size: float = 1.0
    temperature: float = 2.0

    def __post_init__(self) -> None:
        """Refuse a chain without steps."""
        if self.steps < 1 or self.step_size <= 0 or self.temperature <= 0:
            raise BadInputError("basin-hopping", f"{self} is no chain", "use positive numbers")


def basin_hopping(
    tools: Tools, random: np.random.Generator, options: BasinHoppingOptions
) -> Search:
    """One chain from a random start: an outcome for each quench, all but the last as `Found`."""
    landscape = tools.landscape
    scale = options.step_size * landscape.length_scale
    trial, current = landscape.random_start(random), None
    for _ in range(1, options.steps):
        outcome = yield from quench(tools, trial)
        yield Found(outcome)
        current = _accepted(current, outcome, options.temperature, random.random())
        if current is not None and not landscape.inside(current.weights[None])[0]:
            current = None  # what lies outside of the box is not looked around
        origin = current.weights if current is not None else landscape.random_start(random)
        trial = origin + scale * random.uniform(-1.0, 1.0, landscape.n_weights)
        trial -= landscape.excluded_modes.T @ (landscape.excluded_modes @ trial)
    return (yield from quench(tools, trial))


def quench(tools: Tools, start: np.ndarray) -> Generator[Request, Any, Outcome]:
    """A quench from a start (n,): the certified minimum, or why there is none."""
    certificate, cost = yield from quenched(tools, start)
    if certificate.point is None:
        return Outcome(certificate.status, cost, failures={certificate.status: 1})
    return Outcome(Status.CONVERGED, cost, minima=(certificate.point,))


def _accepted(
    current: StationaryPoint | None, outcome: Outcome, temperature: float, threshold: float
) -> StationaryPoint | None:
    """Where the chain goes on from (Metropolis)."""
    if not outcome.minima:
        return current
    (found,) = outcome.minima
    if current is None or found.energy <= current.energy:
        return found
    rise = found.energy - current.energy
    return found if threshold < np.exp(-rise / temperature) else current


def quenched(tools: Tools, start: np.ndarray) -> Generator[Request, Any, tuple[Certificate, Cost]]:
    """Quench from a start (n,) and certify a minimum.

    Where Newton's method does not converge from the end of the quench, in a long valley, the quench
    goes on to a smaller gradient.
    """
    certificate, cost, w = yield from _quenched_once(tools, start)
    for factor in (0.1, 0.01):
        if certificate.status is not Status.NOT_STATIONARY:
            break
        further = tools._replace(quench=replace(tools.quench, rms=factor * tools.quench.rms))
        certificate, spent, w = yield from _quenched_once(further, w)
        cost += spent
    if certificate.point is not None and certificate.point.index > 0:
        certificate = certificate._replace(point=None, status=Status.WRONG_INDEX)
    return certificate, cost


def _quenched_once(
    tools: Tools, start: np.ndarray
) -> Generator[Request, Any, tuple[Certificate, Cost, np.ndarray]]:
    """The certificate, the cost with that of the quench, and where the quench ended."""
    result = yield Request(tools.quench, (start,))
    cost, end = Cost(int(result.evaluations), int(result.hessians)), np.asarray(result.w)
    if result.status != Status.CONVERGED:
        nothing = np.empty((0, 0)), np.empty(0)
        return Certificate(None, *nothing, Status(int(result.status)), Cost()), cost, end
    certificate = yield from certified(tools, end, downhill=True)
    return certificate, cost + certificate.cost, end
