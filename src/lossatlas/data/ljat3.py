"""LJAT3: which minimum does a three-atom cluster reach from a random start?

The classification problem of the paper (section III): three atoms uniform in a cube, the class
is the minimum that a local minimization reaches, the inputs are two of the three initial
distances. With the third one hidden the classes overlap, so the best possible answer is a
probability. Every outcome here comes from its own minimization to an RMS gradient of 1e-10.
"""

from collections.abc import Sequence
from math import isfinite, sqrt
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from lossatlas.data.dataset import Dataset
from lossatlas.data.split import Split
from lossatlas.errors import BadInputError

LJAT3_SIDES = {"D1": 2.0 * sqrt(3.0), "D2": 1.385, "D3": 2.0 * sqrt(2.0)}
"""Cube sides of the paper's databases, in sigma."""

LJAT3_CLASSES = ("equilateral", "linear-1", "linear-2", "linear-3")
"""The four minima; the number of a linear one is the atom in the middle."""

LJAT3_DISTANCES = ("r12", "r13", "r23")
"""The possible inputs: distances between the atoms at the start, in sigma."""

CURVATURES = ("signed", "absolute")
"""What the minimizer can make of negative curvature."""


class LJAT3Data(NamedTuple):
    """Outcomes of LJAT3 minimizations.

    Attributes:
        pools: the labelled starts among the first half (for training) and the second (testing).
        side: of the cube, in sigma.
        step_cap: longest step of the minimizer, in sigma.
        curvature: what the minimizer made of negative curvature.
        seed: of the starts.
        items: starts that were minimized.
        counts: how many reached each of the four minima.
        unconverged: starts without a label, since they missed the RMS gradient of 1e-10.
        elsewhere: starts without a label, since they converged to none of the four minima
            (an atom far from the others, or a saddle).
        evaluations: energies and gradients in all.
    """

    pools: Split
    side: float
    step_cap: float
    curvature: str
    seed: int
    items: int
    counts: tuple[int, int, int, int]
    unconverged: int
    elsewhere: int
    evaluations: int


def load_ljat3(
    side: str | float,
    items: int = 200_000,
    inputs: Sequence[str] = ("r12", "r13"),
    step_cap: float = 0.4,
    seed: int = 0,
    *,
    curvature: str = "signed",
) -> LJAT3Data:
    """Draw starts in a cube, minimize them all, label them by their outcome.

    The minimizer is that of the paper (see `lossatlas.data.ljat3_kernel`). Fewer items with the
    same seed are the first of the more. A few starts in 100,000 are so near the border of two
    basins that another processor, rounding otherwise, labels them otherwise.

    Args:
        side: ``D1``, ``D2``, ``D3`` or the side of the cube in sigma, positive.
        items: how many starts, at least 2.
        inputs: which of ``r12``, ``r13``, ``r23`` are the inputs, in this order.
        step_cap: longest step of the minimizer in sigma; labels depend on it.
        seed: of the starts.
        curvature: what the minimizer makes of negative curvature: ``"signed"``, as GMIN today,
            keeps the sign of the newest pair in the inverse Hessian that an update starts from,
            and ``"absolute"`` drops it. One label in twenty differs in D1, one in a thousand in D2.

    Returns:
        the pools for training and testing, with what became of every start.

    Raises:
        BadInputError: an argument outside its range, or a half without a single label.

    Examples:
        >>> data = load_ljat3("D2", items=1000, seed=1)
        >>> data.pools.train.inputs.shape, data.unconverged, sum(data.counts)
        ((500, 2), 0, 1000)
    """
    length = _side(side)
    _check_arguments(items, inputs, step_cap, curvature)
    # Imported here: JAX takes a second to load and no other source of data needs it.
    from lossatlas.data.ljat3_quench import distances, outcome_labels, quench

    starts = np.random.default_rng(seed).uniform(0.0, length, (items, 3, 3))
    quenched = quench(starts, step_cap, curvature=curvature)
    labels = outcome_labels(quenched)
    columns = [LJAT3_DISTANCES.index(name) for name in inputs]
    table = distances(starts)[:, columns]
    name = f"ljat3, side {side}"
    half = items - items // 2
    first, second, third, fourth = (int((labels == label).sum()) for label in range(4))
    return LJAT3Data(
        pools=Split(
            _pool(table[:half], labels[:half], name, tuple(inputs)),
            _pool(table[half:], labels[half:], name, tuple(inputs)),
        ),
        side=length,
        step_cap=step_cap,
        curvature=curvature,
        seed=seed,
        items=items,
        counts=(first, second, third, fourth),
        unconverged=int((labels == -1).sum()),
        elsewhere=int((labels == -2).sum()),
        evaluations=int(quenched.evaluations.sum()),
    )


def _pool(
    table: Float[np.ndarray, "N k"],
    labels: Int[np.ndarray, " N"],
    name: str,
    inputs: tuple[str, ...],
) -> Dataset:
    labelled = labels >= 0
    if not labelled.any():
        raise BadInputError(
            name,
            f"none of {len(labels)} starts reached one of the four minima",
            "choose another side or step_cap, or more items",
        )
    return Dataset(table[labelled], labels[labelled], LJAT3_CLASSES, name, inputs)


def _side(side: str | float) -> float:
    remedy = f"use {', '.join(LJAT3_SIDES)} or a positive number"
    if isinstance(side, str):
        if side not in LJAT3_SIDES:
            raise BadInputError("ljat3: side", f"unknown cube {side!r}", remedy)
        return LJAT3_SIDES[side]
    if not (isfinite(side) and side > 0):
        raise BadInputError("ljat3: side", f"{side} is not positive and finite", remedy)
    return float(side)


def _check_arguments(items: int, inputs: Sequence[str], step_cap: float, curvature: str) -> None:
    if items < 2:
        raise BadInputError("ljat3: items", f"{items} is too few", "ask for at least 2")
    if not inputs or len(set(inputs)) < len(inputs) or not set(inputs) <= set(LJAT3_DISTANCES):
        raise BadInputError(
            "ljat3: inputs",
            f"{list(inputs)} are not different distances",
            f"choose from {', '.join(LJAT3_DISTANCES)}",
        )
    if not (isfinite(step_cap) and step_cap > 0):
        raise BadInputError(
            "ljat3: step_cap", f"{step_cap} is not positive and finite", "use e.g. 0.4"
        )
    if curvature not in CURVATURES:
        remedy = f"use {' or '.join(CURVATURES)}"
        raise BadInputError("ljat3: curvature", f"{curvature!r} is unknown", remedy)
