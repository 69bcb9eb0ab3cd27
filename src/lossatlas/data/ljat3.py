"""LJAT3: predict which minimum a three-atom cluster reaches from a random start.

This is the classification problem of the paper (section III). Three atoms start at random places in
a cube, the class is the minimum that a local minimization reaches, and the inputs are two of the
three initial distances. Since the third distance is hidden, the classes overlap, and the best
possible answer is a probability. Every outcome comes from a minimization of its own, to an RMS
gradient of 1e-10.
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
"""Sides of the cubes of the paper's data sets, in units of sigma."""

LJAT3_CLASSES = ("equilateral", "linear-1", "linear-2", "linear-3")
"""Names of the four minima; the number of a linear one is that of the atom in the middle."""

LJAT3_DISTANCES = ("r12", "r13", "r23")
"""Names of the possible inputs, which are the distances of the atoms at the start, in sigma."""

CURVATURES = ("signed", "absolute")
"""The ways in which the minimizer can treat negative curvature (see `load_ljat3`)."""


class LJAT3Data(NamedTuple):
    """Outcomes of LJAT3 minimizations.

    Attributes:
        pools: the labeled starts of the first half (for training) and the second (for testing).
        side: side of the cube, in sigma.
        step_cap: longest step of the minimizer, in sigma.
        curvature: how the minimizer treated negative curvature, ``"signed"`` or ``"absolute"``.
        seed: seed of the random starts.
        items: number of starts that were minimized.
        counts: number of starts that reached each of the four minima (`LJAT3_CLASSES`).
        unconverged: number of starts without a label because they did not reach the RMS gradient
            of 1e-10.
        elsewhere: number of starts without a label because they converged to none of the four
            minima (one atom is far from the others, or the point is a saddle).
        evaluations: number of energies with gradients that all minimizations took.
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
    """Draw random starts in a cube, minimize them, and label them by the minimum they reach.

    The minimizer is the L-BFGS method of the program GMIN, as in the paper. With the same seed, a
    smaller number of items gives the first starts of a larger number. A few starts in 100,000 lie
    so close to the border of two basins that another processor, which rounds differently, may give
    them another label.

    Args:
        side: ``"D1"``, ``"D2"`` or ``"D3"`` for a cube of the paper, or the side of the cube in
            sigma, a positive number.
        items: number of starts, at least 2; default 200,000.
        inputs: the distances that are the inputs, in this order: some of ``"r12"``, ``"r13"`` and
            ``"r23"``; by default the first two.
        step_cap: longest step of the minimizer in sigma, on which labels depend; default 0.4.
        seed: seed of the random starts; default 0.
        curvature: how the minimizer treats negative curvature. ``"signed"`` (the default, as in
            GMIN today) keeps the sign of the newest pair in the inverse Hessian from which an
            update starts, and ``"absolute"`` drops it. One label in twenty differs in D1, and one
            in a thousand in D2.

    Returns:
        The labeled starts for training and testing, and the numbers of all outcomes.

    Raises:
        BadInputError: an argument is out of range, or a half has not a single labeled start.

    Examples:
        >>> data = load_ljat3("D2", items=1000, seed=1)
        >>> data.pools.train.inputs.shape, data.unconverged, sum(data.counts)
        ((500, 2), 0, 1000)
    """
    length = _side(side)
    _check_arguments(items, inputs, step_cap, curvature)
    # Imported here, because JAX takes a second to load and no other source of data needs it.
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
    labeled = labels >= 0
    if not labeled.any():
        raise BadInputError(
            name,
            f"none of {len(labels)} starts reached one of the four minima",
            "choose another side or step_cap, or more items",
        )
    return Dataset(table[labeled], labels[labeled], LJAT3_CLASSES, name, inputs)


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
