"""Basin-hopping: steps between minima, accepted by a Metropolis criterion.

Every step perturbs all weights and quenches. It is always accepted if the energy falls, and with
probability exp(-dE/T) if the energy rises by dE (Li and Scheraga 1987; Wales and Doye 1997; paper,
section III). Every minimum found is kept, whether the step is accepted or not, and handed over at
once as an outcome of its own. At the default temperature of 2, in units of the loss, nearly every
step is accepted, so the chain samples minima rather than looking for the lowest one.
"""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np

from lossatlas.errors import BadInputError, Status
from lossatlas.lanes.requests import Found, Request, Search
from lossatlas.search.certify import Certificate, certified
from lossatlas.search.outcome import Cost, Outcome, StationaryPoint
from lossatlas.search.tools import Tools

RMS = 1e-7
"""RMS gradient at which a quench ends, and Newton's method takes over."""
FURTHER = (1e-8, 1e-9)
"""RMS gradients to which a quench is continued while Newton's method does not converge from there,
as in a long valley."""


@dataclass(frozen=True)
class BasinHoppingOptions:
    """Options of a chain of basin-hopping.

    Args:
        steps: number of quenches in one chain, of which the first begins at a random start;
            default 3.
        step_size: each weight is changed by a uniform random number in (-step_size, step_size), in
            units of the length scale of the landscape; default 1.
        temperature: Metropolis temperature T, in units of the loss; default 2.

    Raises:
        BadInputError: if a number is not positive.
    """

    steps: int = 3
    step_size: float = 1.0
    temperature: float = 2.0

    def __post_init__(self) -> None:
        """Check that all numbers are positive."""
        if self.steps < 1 or self.step_size <= 0 or self.temperature <= 0:
            problem = f"{self} has a number that is not positive"
            raise BadInputError("basin-hopping", problem, "use positive numbers")


def basin_hopping(
    tools: Tools, random: np.random.Generator, options: BasinHoppingOptions
) -> Search:
    """Make one chain of basin-hopping from a random start.

    Args:
        tools: the kernels and lengths of the landscape.
        random: generator of the random start and of the steps.
        options: length of the chain, size of the steps and temperature.

    Returns:
        A search. It yields the outcome of each quench but the last as `Found`, and returns the
        outcome of the last one.
    """
    landscape = tools.landscape
    scale = options.step_size * landscape.length_scale
    trial, current = landscape.random_start(random), None
    for _ in range(1, options.steps):
        outcome = yield from quench(tools, trial)
        yield Found(outcome)
        current = _accepted(current, outcome, options.temperature, random.random())
        if current is not None and not landscape.inside(current.weights[None])[0]:
            current = None  # minima outside of the box are stored, but the chain leaves them
        origin = current.weights if current is not None else landscape.random_start(random)
        trial = origin + scale * random.uniform(-1.0, 1.0, landscape.n_weights)
        trial -= landscape.excluded_modes.T @ (landscape.excluded_modes @ trial)
    return (yield from quench(tools, trial))


def quench(tools: Tools, start: np.ndarray) -> Generator[Request, Any, Outcome]:
    """Quench from a start to a certified minimum.

    Args:
        tools: the kernels and lengths of the landscape.
        start: (n,) weights at which the quench begins.

    Returns:
        A search that returns an `Outcome` with one minimum, or with the status that says why there
        is none.

    Examples:
        >>> import lossatlas as la
        >>> from lossatlas.lanes.engine import Engine
        >>> from lossatlas.testing import six_hump_camel
        >>> camel = la.FunctionLandscape(six_hump_camel, [-2, -1], [2, 1], "camel")
        >>> search = quench(la.default_tools(camel), np.array([0.5, -0.3]))
        >>> [(_, outcome)] = Engine(camel.surface).run([search])
        >>> round(outcome.minima[0].energy, 6)
        -1.031628
    """
    certificate, cost = yield from quenched(tools, start)
    if certificate.point is None:
        return Outcome(certificate.status, cost, failures={certificate.status: 1})
    return Outcome(Status.CONVERGED, cost, minima=(certificate.point,))


def _accepted(
    current: StationaryPoint | None, outcome: Outcome, temperature: float, threshold: float
) -> StationaryPoint | None:
    """The minimum from which the chain continues, by the Metropolis criterion."""
    if not outcome.minima:
        return current
    (found,) = outcome.minima
    if current is None or found.energy <= current.energy:
        return found
    rise = found.energy - current.energy
    return found if threshold < np.exp(-rise / temperature) else current


def quenched(tools: Tools, start: np.ndarray) -> Generator[Request, Any, tuple[Certificate, Cost]]:
    """Quench from a start (n,) and certify the minimum that is reached.

    If Newton's method does not converge from the end of the quench, as in a long valley, the quench
    is continued to a smaller gradient.
    """
    certificate, cost, w = yield from _quenched_once(tools, start, RMS)
    for rms in FURTHER:
        if certificate.status is not Status.NOT_STATIONARY:
            break
        certificate, spent, w = yield from _quenched_once(tools, w, rms)
        cost += spent
    if certificate.point is not None and certificate.point.index > 0:
        certificate = certificate._replace(point=None, status=Status.WRONG_INDEX)
    return certificate, cost


def _quenched_once(
    tools: Tools, start: np.ndarray, rms: float
) -> Generator[Request, Any, tuple[Certificate, Cost, np.ndarray]]:
    """The certificate, the cost including the quench, and the weights (n,) where it ended."""
    result = yield Request(tools.quench, (start, np.asarray(rms)))
    cost, end = Cost(int(result.evaluations), int(result.hessians)), np.asarray(result.w)
    if result.status != Status.CONVERGED:
        nothing = np.empty((0, 0)), np.empty(0)
        return Certificate(None, *nothing, Status(int(result.status)), Cost()), cost, end
    certificate = yield from certified(tools, end, downhill=True)
    return certificate, cost + certificate.cost, end
