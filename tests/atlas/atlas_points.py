"""Made-up certified points, whose identities are known by construction."""

from typing import NamedTuple

import numpy as np

from lossatlas.atlas import Attempt, Problem
from lossatlas.errors import Status
from lossatlas.search.outcome import Cost, Outcome, Pathway, PathwayEnd, StationaryPoint

N, HIDDEN = 74, 10


def network_point(
    rng: np.random.Generator, *, index: int = 0, energy: float | None = None, uncertainty=1e-10
) -> StationaryPoint:
    """A point with the invariants of a [2, 10, 4] network: energy, |w|^2, logits at probes."""
    weights = rng.normal(size=N) * 3
    energy = float(rng.uniform(0.5, 1.5)) if energy is None else energy
    return at_weights(weights, energy, index=index, uncertainty=uncertainty)


def at_weights(weights, energy, *, index=0, uncertainty=1e-10, orbit_size=2**10 * 3628800):
    spectrum = np.array([-1e-3] * index + [1e-4, 2e-4, 3e-4, 4e-4])[:4]
    return StationaryPoint(
        weights=weights,
        energy=energy,
        rms_gradient=1e-14,
        index=index,
        lowest_eigenvalues=spectrum,
        log_determinant=-12.5,
        uncertainty=uncertainty,
        invariants=network_invariants(weights, energy),
        orbit_size=orbit_size,
    )


def split(weights):
    """w2 (H, 2), w1 (4, H), hidden biases (H,), output biases (4,)."""
    w2, w1, hidden, output = np.split(weights, [2 * HIDDEN, 6 * HIDDEN, 7 * HIDDEN])
    return w2.reshape(HIDDEN, 2), w1.reshape(4, HIDDEN), hidden, output


def network_invariants(weights, energy):
    w2, w1, hidden, output = split(weights)
    probes = np.array([[1.1, 1.3], [1.7, 0.9], [2.0, 2.1]])
    logits = np.tanh(probes @ w2.T + hidden) @ w1.T + output
    return np.concatenate([[energy, weights @ weights], logits.ravel()])


def symmetry_copy(rng: np.random.Generator, point: StationaryPoint) -> StationaryPoint:
    """The same function with hidden units permuted and some of their signs changed."""
    w2, w1, hidden, output = split(point.weights)
    order, signs = rng.permutation(HIDDEN), rng.choice([-1.0, 1.0], HIDDEN)
    parts = (signs[:, None] * w2)[order], (w1 * signs)[:, order], (signs * hidden)[order], output
    weights = np.concatenate([part.ravel() for part in parts])
    return point._replace(weights=weights, invariants=network_invariants(weights, point.energy))


def moved(rng: np.random.Generator, point: StationaryPoint, distance: float) -> StationaryPoint:
    """The same point found again with weights that differ by ``distance``, and say so."""
    step = rng.normal(size=point.weights.size)
    weights = point.weights + distance * step / np.linalg.norm(step)
    energy = point.energy + 10 * distance**2
    invariants = network_invariants(weights, energy)
    return point._replace(
        weights=weights, energy=energy, invariants=invariants, uncertainty=distance
    )


def pathway(state, left, right, *, via=None) -> Pathway:
    ends = (left, via), (right, None)
    how = 1e-3, "exponential"
    return Pathway(state, tuple(PathwayEnd(k, *end, *how) for k, end in enumerate(ends)))


class End(NamedTuple):
    """One of several minima that a side of a transition state reaches."""

    side: int
    minimum: StationaryPoint
    via: StationaryPoint | None = None
    tolerance: float = 1e-3
    method: str = "exponential"
    directions: int | None = None


NAME = {"part": 1, "stream": None, "round": 0, "as_of": 0, "width": 0}


def attempt(
    *, minima=(), pathways=(), strategy="single-ended", origins=(), what="mode 1 +", **other
) -> Attempt:
    name = {field: other.pop(field, default) for field, default in NAME.items()}
    other = {"status": Status.CONVERGED, "cost": Cost(30, 4), **other}
    outcome = Outcome(minima=tuple(minima), pathways=tuple(pathways), **other)
    return Attempt(strategy, tuple(origins), what, outcome, **name)


def problem(**fingerprint: str) -> Problem:
    arrays = {
        "train_inputs": np.arange(6.0).reshape(3, 2),
        "train_labels": np.array([0, 1, 3]),
        "test_inputs": np.ones((2, 2)),
        "test_labels": np.array([2, 0]),
    }
    parts = {"training data": "ab" * 32, "network": "2-10-4", "l2": "0.0001", **fingerprint}
    return Problem(parts, {"explore": {"minutes": 2.5, "seed": 0}}, arrays)
