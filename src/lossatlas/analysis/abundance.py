"""Estimates of what is still unseen, from how often each distinct point was drawn.

Draws are independent, and each hits one of an unknown number of distinct points with an unknown
probability. The counts (k,) say how often each of the points seen was hit; n is their sum, S their
number, and f_j the number of points that were hit exactly j times. Nothing else is assumed; in
particular, points need not be equally likely.

* The probability of all unseen points together, the chance that the next draw finds a new one, can
  be estimated well: `coverage`.
* The number of unseen points cannot be estimated: there may be any number of points that are too
  unlikely to be seen. What can be estimated is a lower bound of the number of all points: `chao1`,
  and `chapman` from two samples.
* `discovery_curve` shows how the number of points grew with the draws.

References: I. J. Good, Biometrika 40, 237 (1953). A. Chao, Scand. J. Stat. 11, 265 (1984);
Biometrics 43, 783 (1987). D. G. Chapman, Univ. California Publ. Stat. 1, 131 (1951). W. W. Esty,
Ann. Stat. 11, 905 (1983). E. B. Wilson, J. Am. Stat. Assoc. 22, 209 (1927). S. H. Hurlbert, Ecology
52, 577 (1971). R. K. Colwell et al., J. Plant Ecol. 5, 3 (2012).
"""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from lossatlas.errors import BadInputError

LEVEL = 0.95
"""Default confidence level of the intervals, which are two-sided."""


class Interval(NamedTuple):
    """An estimate with its confidence interval.

    Attributes:
        estimate: the estimated quantity.
        low: lower end of the interval.
        high: upper end of the interval; infinite if the data give no upper bound.

    Examples:
        >>> round(coverage(np.array([3, 2, 1])).estimate, 4)
        0.8333
    """

    estimate: float
    low: float
    high: float


class DiscoveryCurve(NamedTuple):
    """The expected number of distinct points as a function of the number of draws.

    Attributes:
        draws: (m,) numbers of draws.
        expected: (m,) expected number of distinct points among so many draws.
        low: (m,) lower ends of the confidence intervals.
        high: (m,) upper ends of the confidence intervals.

    Examples:
        >>> discovery_curve(np.array([3, 1]), np.array([1, 4])).expected.round(6)
        array([1., 2.])
    """

    draws: Int[np.ndarray, " m"]
    expected: Float[np.ndarray, " m"]
    low: Float[np.ndarray, " m"]
    high: Float[np.ndarray, " m"]


def coverage(counts: Int[np.ndarray, " k"], level: float = LEVEL) -> Interval:
    """The probability that the next draw hits a point that was seen (Good 1953, after Turing).

    C = 1 - f_1 / n. Esty's limit law gives the variance of the error of f_1 / n as an estimate of
    the unseen probability M = 1 - C:

        (f_1 (1 - f_1 / n) + 2 f_2) / n^2

    This variance is zero if every point was hit at least three times, although M may be a few times
    1 / n. The interval is therefore the union of Esty's interval with its score form (Wilson 1927),
    in which f_1 (1 - f_1 / n) is replaced by n M (1 - M), the variance of f_1 for a true M:

        (f_1 / n - M)^2 <= z^2 (n M (1 - M) + 2 f_2) / n^2

    Here z is the quantile of the normal distribution that belongs to the level. If every point was
    hit at least three times, this gives M <= z^2 / (n + z^2), which is 3.8 / n at 95 %.

    Args:
        counts: (k,) how often each point was drawn; 1 or more each.
        level: confidence level of the interval, between 0 and 1; default 0.95.

    Returns:
        The estimated probability with its interval; without draws, 0 with the interval (0, 1).

    Raises:
        BadInputError: a count is below 1, or the level is not between 0 and 1.

    Examples:
        >>> coverage(np.array([50, 40, 8, 2]))
        Interval(estimate=1.0, low=0.9486..., high=1.0)
    """
    n, _, f_1, f_2 = _summary(counts)
    if n == 0:
        return Interval(0.0, 0.0, 1.0)
    z = _quantile(level)
    unseen, a = f_1 / n, z * z / n
    # M of the score form between the roots of (1 + a) M^2 - 2 half M + constant.
    half, constant = unseen + a / 2, unseen**2 - 2 * a * f_2 / n
    root = math.sqrt(max(0.0, half**2 - (1 + a) * constant))
    esty = z * math.sqrt(f_1 * (1 - unseen) + 2 * f_2) / n
    low = min(unseen - esty, (half - root) / (1 + a))
    high = max(unseen + esty, (half + root) / (1 + a))
    return Interval(1 - unseen, max(0.0, 1 - high), min(1.0, 1 - low))


def chao1(counts: Int[np.ndarray, " k"], level: float = LEVEL) -> Interval:
    """A lower bound of the number of points that draws can hit (Chao 1984).

        S + (n - 1) / n f_1^2 / (2 f_2)         S + (n - 1) / n f_1 (f_1 - 1) / 2   if f_2 = 0

    It bounds the number from below whatever the probabilities are, and estimates it if the rare
    points are about equally likely. The interval (Chao 1987) is an interval for this bound, not for
    the number of points, which may lie above its upper end. It takes the logarithm of the unseen
    part as normally distributed, with the variance of the form that is used. The ends are rounded
    outwards to whole numbers: a lower end of 100.4 does not exclude that the 100 points seen are
    all. If the unseen part is estimated as zero, the upper end comes from the Poisson distribution
    that the number of unseen points has if all points are equally likely.

    Args:
        counts: (k,) how often each point was drawn; 1 or more each.
        level: confidence level of the interval, between 0 and 1; default 0.95.

    Returns:
        The bound with its interval; without draws, 0 with the interval (0, infinity).

    Raises:
        BadInputError: a count is below 1, or the level is not between 0 and 1.

    Examples:
        >>> chao1(np.array([9, 6, 3, 2, 2, 1, 1, 1]))
        Interval(estimate=10.16, low=8.0, high=27.0)
    """
    n, seen, f_1, f_2 = _summary(counts)
    z = _quantile(level)
    if n == 0:
        return Interval(0.0, 0.0, math.inf)
    share = (n - 1) / n
    if f_2 > 0:
        ratio = f_1 / f_2
        unseen = share * f_1 * ratio / 2
        variance = f_2 * (share * ratio**2 / 2 + share**2 * (ratio**3 + ratio**4 / 4))
    else:
        unseen = share * f_1 * (f_1 - 1) / 2
        variance = share * f_1 * (f_1 - 1) / 2 + share**2 * f_1 * (2 * f_1 - 1) ** 2 / 4
        variance -= share**2 * f_1**4 / (4 * (seen + unseen))
    if unseen == 0:
        return _nothing_unseen(n, seen, level)
    factor = math.exp(z * math.sqrt(math.log(1 + variance / unseen**2)))
    low, high = seen + unseen / factor, seen + unseen * factor
    return Interval(seen + unseen, float(math.floor(low)), float(math.ceil(high)))


def chapman(first: int, second: int, both: int, level: float = LEVEL) -> Interval:
    """The number of points by capture and recapture in two independent samples (Chapman 1951).

        (n_1 + 1) (n_2 + 1) / (m + 1) - 1

    for n_1 distinct points in one sample, n_2 in the other, and m in both. It estimates the number
    of points if all are equally likely. Otherwise it is too low, since both samples prefer the same
    points, so it is a lower bound like `chao1`. The interval holds the numbers N of equally likely
    points for which m lies in neither tail of the hypergeometric distribution that it has then;
    each tail has the probability (1 - level) / 2.

    Args:
        first: number n_1 of distinct points in the first sample.
        second: number n_2 of distinct points in the second sample.
        both: number m of points that are in both samples.
        level: confidence level of the interval, between 0 and 1; default 0.95.

    Returns:
        The estimate with its interval, whose upper end is infinite if no point is in both samples.

    Raises:
        BadInputError: more points are in both samples than in one of them, or the level is not
            between 0 and 1.

    Examples:
        >>> chapman(30, 28, 25)
        Interval(estimate=33.57..., low=33.0, high=37.0)
    """
    from scipy.stats import hypergeom

    if not 0 <= both <= min(first, second):
        raise BadInputError(
            "chapman",
            f"{both} points in both samples, {first} and {second} in each",
            "give from 0 up to the smaller of these",
        )
    estimate = (first + 1) * (second + 1) / (both + 1) - 1
    tail = (1 - _checked(level)) / 2

    def too_few(total: int) -> bool:
        return bool(hypergeom.cdf(both, total, first, second) <= tail)

    def too_many(total: int) -> bool:
        return bool(hypergeom.sf(both - 1, total, first, second) <= tail)

    seen = first + second - both
    low = _first(lambda total: not too_few(total), seen)
    high = math.inf if both == 0 else _first(too_many, low + 1) - 1
    return Interval(estimate, float(low), float(high))


def discovery_curve(
    counts: Int[np.ndarray, " k"],
    draws: Int[np.ndarray, " m"] | None = None,
    level: float = LEVEL,
) -> DiscoveryCurve:
    """Expected number of distinct points among m of the n draws (rarefaction).

        S(m) = sum over points of 1 - binom(n - x_i, m) / binom(n, m)

    for counts x_i (Hurlbert 1971): the mean of the curve over all orders of the draws. The interval
    is that of a new sample of m draws (Colwell et al. 2012), with the variance

        sum over points of (1 - binom(n - x_i, m) / binom(n, m))^2 - S(m)^2 / N

    where N is the estimate of `chao1`. A curve that still rises at m = n shows that points are
    unseen; a curve that is flat there shows that more draws of this kind would find few new points.

    Args:
        counts: (k,) how often each point was drawn; 1 or more each.
        draws: (m,) numbers of draws, each from 0 to n; by default about 100 of them in equal steps,
            the last of which is n.
        level: confidence level of the intervals, between 0 and 1; default 0.95.

    Returns:
        The curve at these numbers of draws.

    Raises:
        BadInputError: a count is below 1, a number of draws is not from 0 to n, or the level is not
            between 0 and 1.

    Examples:
        >>> discovery_curve(np.array([3, 1]), np.array([1, 2, 4])).expected.round(6)
        array([1. , 1.5, 2. ])
    """
    from scipy.special import gammaln

    n, _, _, _ = _summary(counts)
    if draws is None:
        draws = np.unique(np.linspace(0, n, min(n, 100) + 1).round().astype(int))
    m = np.asarray(draws, int)
    if m.size and not 0 <= m.min() <= m.max() <= n:
        raise BadInputError(
            "discovery_curve: draws", f"not all are from 0 to {n}", "use at most the draws made"
        )
    sizes, number = np.unique(np.asarray(counts, int), return_counts=True)
    left = n - sizes[None, :] - m[:, None]
    logarithm = gammaln(n - sizes + 1.0) - gammaln(n + 1.0) + gammaln(n - m + 1.0)[:, None]
    missed = np.exp(np.where(left >= 0, logarithm - gammaln(np.maximum(left, 0) + 1.0), -np.inf))
    missed[m == 0] = 1.0  # without rounding errors
    expected = ((1 - missed) * number).sum(axis=1)
    total = max(chao1(counts).estimate, 1.0)
    variance = ((1 - missed) ** 2 * number).sum(axis=1) - expected**2 / total
    spread = _quantile(level) * np.sqrt(np.maximum(0.0, variance))
    return DiscoveryCurve(m, expected, np.maximum(0.0, expected - spread), expected + spread)


def _summary(counts: Int[np.ndarray, " k"]) -> tuple[int, int, int, int]:
    """The numbers of draws n, of distinct points S, of points hit once, and of points hit twice."""
    counts = np.asarray(counts)
    if counts.size and not (counts >= 1).all():
        raise BadInputError("counts", "not all are 1 or more", "leave out points never drawn")
    return int(counts.sum()), counts.size, int((counts == 1).sum()), int((counts == 2).sum())


def _checked(level: float) -> float:
    if not 0 < level < 1:
        raise BadInputError("level", f"{level} is not between 0 and 1", "use e.g. 0.95")
    return level


def _quantile(level: float) -> float:
    """The quantile of the normal distribution that belongs to a two-sided interval."""
    from scipy.special import ndtri

    return float(ndtri(0.5 + _checked(level) / 2))


def _nothing_unseen(n: int, seen: int, level: float) -> Interval:
    """The interval of `chao1` if the number of unseen points is estimated as zero.

    If every point is hit n / S times on average, a fraction exp(-n / S) of the points is not hit.
    """
    from scipy.stats import poisson

    missed = math.exp(-n / seen)
    unseen = poisson.ppf(0.5 + level / 2, seen * missed / (1 - missed))
    return Interval(float(seen), float(seen), float(seen + unseen))


def _first(holds, start: int) -> int:
    """The smallest number from `start` on that meets a condition which all larger ones meet too."""
    step = 1
    while not holds(start + step - 1):
        step *= 2
    low, high = start + step // 2 - 1, start + step - 1  # fails at low (or is start - 1)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high
