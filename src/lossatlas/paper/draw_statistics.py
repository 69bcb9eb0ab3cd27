"""Statistics of one draw: functions of the numbers of its cells with one value (see `claims`)."""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from lossatlas.paper.claims import Draw
from lossatlas.paper.funnel_verdicts import FunnelShares, shares_from


def slope(study: str, name: str, levels: tuple[str, ...], log: bool = False) -> Callable:
    """The least-squares slope of a number per level of noise, or of its logarithm."""

    def value(draw: Draw) -> float:
        values = np.array([draw[study, level][name] for level in levels], float)
        values = logarithm(values) if log else values
        # The first value is subtracted so that the slope of equal numbers is exactly zero.
        return float(np.polyfit(np.arange(len(levels)), values - values[0], 1)[0])

    return value


def step(study: str, name: str, before: str, after: str) -> Callable:
    """The difference of a number between two columns."""
    return lambda draw: draw[study, after][name] - draw[study, before][name]


def margin(study: str, above: str, below: str, levels: tuple[str, ...]) -> Callable:
    """How far one number lies above another, as a mean over columns."""
    return lambda draw: float(
        np.mean([draw[study, level][above] - draw[study, level][below] for level in levels])
    )


def mean_of(study: str, name: str, levels: tuple[str, ...], sign: float = 1.0) -> Callable:
    """The mean of a number over columns, times a sign."""
    return lambda draw: sign * float(np.mean([draw[study, level][name] for level in levels]))


def log_ratio(
    name: str, more: tuple[str, str], less: tuple[str, str], log: bool = True
) -> Callable:
    """The logarithm of the ratio of a number in two columns, each given by study and column."""

    def value(draw: Draw) -> float:
        above, below = draw[more][name], draw[less][name]
        return float(logarithm(above) - logarithm(below)) if log else above - below

    return value


def lost_shares(before: FunnelShares, after: FunnelShares) -> FunnelShares:
    """The shares before less those after, with bounds of the difference."""
    return FunnelShares(
        before.low - after.high,
        before.high - after.low,
        before.before - after.before,
        before.share - after.share,
    )


def logarithm(values: ArrayLike) -> np.ndarray:
    """The logarithm of counts; NaN for zero, so that such a draw is left out."""
    return np.log(np.where(np.asarray(values) > 0, values, math.nan))


def mean_shares(draw: Draw, study: str, columns: tuple[str, ...]) -> FunnelShares:
    """The shares of minima in the funnel of the global minimum, as means over columns."""
    found = [shares_from(draw[study, column]) for column in columns]
    return FunnelShares(*(np.mean(parts, axis=0) for parts in zip(*found, strict=True)))
