"""General statistics: tests, equivalence, power and variance components.

Their use is fixed beforehand in docs/results/plan.md. t-tests of the mean over draws find a
difference from zero (a two-sided test) or a difference that is too small to matter (the two
one-sided tests of Schuirmann, which exclude means beyond either side of a margin). `draws_needed`
calculates how many draws a test needs.

References: D. J. Schuirmann, J. Pharmacokinet. Biopharm. 15, 657 (1987); S. Holm, Scand. J. Stat.
6, 65 (1979); J. Cohen, Statistical Power Analysis for the Behavioral Sciences (1988); S. R. Searle,
G. Casella and C. E. McCulloch, Variance Components (1992), chapter 4; S. Weerahandi, J. Am. Stat.
Assoc. 88, 899 (1993).
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy import stats

LEVEL, POWER = 0.05, 0.8
"""Significance level of all tests, and the power that a study is planned for."""
CAUTION = 0.8
"""Confidence of the upper limit of the standard deviation of a pilot, with which studies are
planned."""
MOST_DRAWS = 10_000
"""Largest number of draws that `draws_needed` considers."""


class MeanTest(NamedTuple):
    """A mean over draws and its t-test.

    Attributes:
        mean: the mean.
        low: lower limit of its 95 % confidence interval.
        high: upper limit of its 95 % confidence interval.
        p: two-sided p-value of a mean of zero.
    """

    mean: float
    low: float
    high: float
    p: float


def t_test(values: Sequence[float]) -> MeanTest:
    """The t-test of a mean of zero.

    Numbers are NaN if there are too few values. If all values are equal, the interval has no width.

    Args:
        values: one value for each draw.

    Examples:
        >>> [round(x, 3) for x in t_test([1.0, 2.0, 3.0])]
        [2.0, -0.484, 4.484, 0.074]
    """
    if not len(values):
        return MeanTest(math.nan, math.nan, math.nan, math.nan)
    mean = float(np.mean(values))
    if len(values) == 1:
        return MeanTest(mean, math.nan, math.nan, math.nan)
    error = float(np.std(values, ddof=1)) / math.sqrt(len(values))
    if error == 0:
        return MeanTest(mean, mean, mean, float(mean == 0))
    freedom = len(values) - 1
    half = float(stats.t.ppf(1 - LEVEL / 2, freedom)) * error
    p = 2 * float(stats.t.sf(abs(mean) / error, freedom))
    return MeanTest(mean, mean - half, mean + half, p)


def equivalence(values: Sequence[float], margin: float) -> float:
    """p-value of the two one-sided tests: small if the mean lies within the margin of zero.

    Args:
        values: one value for each draw; the result is NaN for fewer than two.
        margin: the largest difference that does not matter, above 0.

    Examples:
        >>> round(equivalence([0.001, -0.002, 0.0, 0.001], 0.01), 4)
        0.0004
    """
    if len(values) < 2:
        return math.nan
    mean, error = float(np.mean(values)), float(np.std(values, ddof=1)) / math.sqrt(len(values))
    if error == 0:
        return float(abs(mean) >= margin)
    return float(stats.t.sf((margin - abs(mean)) / error, len(values) - 1))


def holm(p_values: np.ndarray) -> np.ndarray:
    """Holm's step-down correction of a family of p-values.

    Examples:
        >>> holm(np.array([0.01, 0.04, 0.03])).tolist()
        [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values, kind="stable")
    steps = (len(p_values) - np.arange(len(p_values))) * p_values[order]
    corrected = np.empty(len(p_values))
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return corrected


def power(draws: int, margin: float, spread: float, level: float = LEVEL) -> float:
    """Probability that the two-sided t-test finds a mean as large as the margin.

    Args:
        draws: number of values, at least 2.
        margin: the true mean.
        spread: standard deviation of the values, above 0.
        level: significance level; default 0.05.

    Examples:
        >>> round(power(34, 0.5, 1.0), 3)
        0.808
    """
    shift, freedom = margin / spread * math.sqrt(draws), draws - 1
    critical = float(stats.t.ppf(1 - level / 2, freedom))
    return float(stats.nct.sf(critical, freedom, shift) + stats.nct.cdf(-critical, freedom, shift))


def spread_limit(values: Sequence[float], confidence: float = CAUTION) -> float:
    """Upper confidence limit of the standard deviation of values with a normal distribution.

    Args:
        values: at least two values.
        confidence: confidence of the limit; default 0.8.

    Examples:
        >>> round(spread_limit([1.0, 2.0, 3.0, 4.0, 5.0]), 3)
        2.463
    """
    freedom = len(values) - 1
    quantile = float(stats.chi2.ppf(1 - confidence, freedom))
    return float(np.std(values, ddof=1)) * math.sqrt(freedom / quantile)


def draws_needed(pilot: Sequence[float], margin: float, level: float = LEVEL) -> int | None:
    """The number of draws with which the t-test has a power of 0.8 if the true mean is the margin.

    The upper 80 % limit of the standard deviation of the pilot is used, because the standard
    deviation of a few draws is as likely too small as too large.

    Args:
        pilot: values of the pilot.
        margin: the smallest difference that matters.
        level: significance level; default 0.05.

    Returns:
        The number, at least 2; None for a pilot of fewer than two draws, and if more than 10,000
        draws are needed.

    Examples:
        >>> draws_needed([0.010, 0.020, 0.015, 0.012, 0.025], 0.01)
        10
    """
    if len(pilot) < 2:
        return None
    spread = spread_limit(pilot)
    if spread == 0:
        return 2
    few, many = 1, 2
    # Searched upward, since the noncentral t distribution is inaccurate for too many draws.
    while power(many, margin, spread, level) < POWER:
        few, many = many, 2 * many
        if many > MOST_DRAWS:
            return None
    while many - few > 1:
        middle = (few + many) // 2
        enough = power(middle, margin, spread, level) >= POWER
        few, many = (few, middle) if enough else (middle, many)
    return many


class Components(NamedTuple):
    """Components of the variance of a number, none below zero.

    Attributes:
        data: variance from the seed of the data.
        labels: variance from the seed of the wrong labels.
        searches: variance from the seed of the searches.
        rest: variance that these three do not explain, including their interactions.
    """

    data: float
    labels: float
    searches: float
    rest: float


class MeanSquares(NamedTuple):
    """Mean squares of crossed seeds, each with its degrees of freedom.

    Attributes:
        factors: mean squares of the data, of the labels and of the searches.
        freedom: their degrees of freedom.
        each: number of values for each seed of the data, of the labels and of the searches.
        rest: mean square of what remains.
        rest_freedom: its degrees of freedom.
    """

    factors: tuple[float, ...]
    freedom: tuple[int, ...]
    each: tuple[int, ...]
    rest: float
    rest_freedom: int


def _mean_squares(values: Float[np.ndarray, "d l s"]) -> MeanSquares:
    centered = values - values.mean()
    squares, freedom, each = [], [], []
    for axis in range(3):
        others = tuple(one for one in range(3) if one != axis)
        means = centered.mean(axis=others)
        freedom.append(len(means) - 1)
        each.append(values.size // len(means))
        squares.append(each[-1] * float(means @ means) / freedom[-1])
    rest_freedom = values.size - 1 - sum(freedom)
    explained = float(np.dot(squares, freedom))
    rest = max(0.0, (float(np.square(centered).sum()) - explained) / rest_freedom)
    return MeanSquares(tuple(squares), tuple(freedom), tuple(each), rest, rest_freedom)


def variance_components(values: Float[np.ndarray, "d l s"]) -> Components:
    """Variance components of one number from crossed seeds, with one value for each combination.

    Mean squares are set equal to their expectations in the model of three additive random effects
    (Searle et al., chapter 4). For example, for the data with l seeds of labels and s seeds of
    searches, E[MS] = rest + l s Var(data).

    Args:
        values: (d, l, s) values by the seeds of the data, of the labels and of the searches, at
            least two of each.

    Examples:
        >>> effect = np.array([-1.0, 1.0])[:, None, None]
        >>> variance_components(effect + np.zeros((2, 3, 2))).data
        2.0
    """
    found = _mean_squares(values)
    pairs = zip(found.factors, found.each, strict=True)
    data, labels, searches = (max(0.0, (square - found.rest) / each) for square, each in pairs)
    return Components(data, labels, searches, found.rest)


def component_intervals(
    values: Float[np.ndarray, "d l s"], repetitions: int = 20_000, seed: int = 0
) -> tuple[Components, Components]:
    """Lower and upper limits of 95 % confidence intervals of `variance_components`.

    They are generalized confidence intervals: each mean square is divided by random numbers of the
    distribution that it has, in units of its expectation, if all effects are normal. With few seeds
    intervals are wide: the upper limit for three degrees of freedom is about fourteen times the
    estimate.

    Args:
        values: as in `variance_components`.
        repetitions: number of random numbers; default 20,000.
        seed: their seed; default 0.

    Examples:
        >>> values = np.random.default_rng(0).normal(size=(4, 3, 2))
        >>> low, high = component_intervals(values)
        >>> low.data == 0.0 and high.rest > 1.0
        True
    """
    found, random = _mean_squares(values), np.random.default_rng(seed)
    rest = found.rest * found.rest_freedom / random.chisquare(found.rest_freedom, repetitions)
    pivots = [
        np.maximum(0.0, (square * freedom / random.chisquare(freedom, repetitions) - rest) / each)
        for square, freedom, each in zip(found.factors, found.freedom, found.each, strict=True)
    ]
    ends = np.quantile([*pivots, rest], [LEVEL / 2, 1 - LEVEL / 2], axis=1)
    return Components(*map(float, ends[0])), Components(*map(float, ends[1]))
