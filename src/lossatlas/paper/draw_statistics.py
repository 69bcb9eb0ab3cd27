"""Statistics of one draw: functions from the numbers of its cells to one number (see `claims`)."""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from lossatlas.paper.claims import Draw
from lossatlas.paper.funnel_verdicts import FunnelShares, shares_from


def slope(study: str, name: str, levels: tuple[str, ...], log: bool = False) -> Callable:
    """Least-squares slope of a number from one level of noise to the next."""

    def value(draw: Draw) -> float:
        values = np.array([draw[study, level][name] for level in levels], float)
        values = logarithm(values) if log else values
        # Without the first value the slope of equal numbers is exactly zero.
        return float(np.polyfit(np.arange(len(levels)), values - values[0], 1)[0])

    return value


def step(study: str, name: str, before: str, after: str) -> Callable:
    """Difference of a number between two columns."""
    return lambda draw: draw[study, after][name] - draw[study, before][name]


def margin(study: str, above: str, below: str, levels: tuple[str, ...]) -> Callable:
    """How far one number lies above another, mean over columns."""
    return lambda draw: float(
        np.mean([draw[study, level][above] - draw[study, level][below] for level in levels])
    )


def mean_of(study: str, name: str, levels: tuple[str, ...], sign: float = 1.0) -> Callable:
    """A number, mean over columns, times a sign."""
    return lambda draw: sign * float(np.mean([draw[study, level][name] for level in levels]))


def log_ratio(
    name: str, more: tuple[str, str], less: tuple[str, str], log: bool = True
) -> Callable:
    """Logarithm of the ratio of a number in two columns, each a study and a column."""

    def value(draw: Draw) -> float:
        above, below = draw[more][name], draw[less][name]
        return float(logarithm(above) - logarithm(below)) if log else above - below

    return value


def logarithm(values: ArrayLike) -> np.ndarray:
    """Logarithm; of nothing found it is undefined, and the draw says nothing."""
    return np.log(np.where(np.asarray(values) > 0, values, math.nan))


def mean_shares(draw: Draw, study: str, columns: tuple[str, ...]) -> FunnelShares:
    """The shares of minima in the global minimum's funnel, by threshold, mean over columns."""
    found = [shares_from(draw[study, column]) for column in columns]
    return FunnelShares(*(np.mean(parts, axis=0) for parts in zip(*found, strict=True)))
