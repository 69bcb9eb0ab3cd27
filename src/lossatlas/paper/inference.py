"""General statistics: tests, equivalence, power and variance components.

Their use is fixed beforehand in docs/results/plan.md. t-tests of the mean over draws find a
difference from zero (a two-sided test) or a difference that is too small to matter (the two
one-sided tests of Schuirmann, which exclude means beyond either side of a margin). `draws_needed`
calculates how many draws a test needs.

References: D. J. Schuirmann, J. Pharmacokinet. Biopharm. 15, 657 (1987); S. Holm, Scand. J. Stat.
6, 65 (1979); J. Cohen, Statistical Power Analysis for the Behavioral Sciences (1988); S. R. Searle,
G. Casella and C. E. McCulloch, Variance Components (1992), chapter 3; S. Weerahandi, J. Am. Stat.
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
        data: variance from the data.
        labels: variance from which labels of the same data are wrong.
        searches: variance from the searches on the same landscape.
    """

    data: float
    labels: float
    searches: float


class _MeanSquares(NamedTuple):
    """Mean squares of a nested design, from the data to the searches.

    Attributes:
        squares: (3,) mean squares.
        freedom: (3,) their degrees of freedom.
        each: (3,) number of values for each seed of the data, of the labels and of the searches.
    """

    squares: np.ndarray
    freedom: np.ndarray
    each: np.ndarray


def _mean_squares(values: Float[np.ndarray, "d l s"]) -> _MeanSquares:
    data, labels, searches = values.shape
    of_labels, of_data = values.mean(axis=2), values.mean(axis=(1, 2))
    apart = (
        of_data - values.mean(),
        of_labels - of_data[:, None],
        values - of_labels[:, :, None],
    )
    each = np.array([labels * searches, searches, 1])
    freedom = np.array([data - 1, data * (labels - 1), data * labels * (searches - 1)])
    sums = np.array([float(np.square(part).sum()) for part in apart])
    return _MeanSquares(each * sums / freedom, freedom, each)


def _components(mean_squares: np.ndarray, each: np.ndarray) -> np.ndarray:
    """(3, ...) components by E[MS of a level] = E[MS of the next one] + each * component."""
    below = np.concatenate([mean_squares[1:], np.zeros_like(mean_squares[:1])])
    sizes = each.reshape(-1, *[1] * (mean_squares.ndim - 1))
    return np.maximum(0.0, (mean_squares - below) / sizes)


def variance_components(values: Float[np.ndarray, "d l s"]) -> Components:
    """Variance components of one number from nested seeds, with one value for each combination.

    A seed of the labels makes other items wrong in each data set, and a seed of the searches other
    searches in each landscape, so neither has an effect that data sets have in common: labels are
    nested in the data, and searches in data and labels. Mean squares are set equal to their
    expectations (Searle et al., chapter 3). All components are NaN if any value is.

    Args:
        values: (d, l, s) values by the seeds of the data, of the labels and of the searches, at
            least two of each.

    Examples:
        >>> effect = np.array([-1.0, 1.0])[:, None, None]
        >>> variance_components(effect + np.zeros((2, 3, 2)))
        Components(data=2.0, labels=0.0, searches=0.0)
    """
    found = _mean_squares(values)
    return Components(*map(float, _components(found.squares, found.each)))


def component_intervals(
    values: Float[np.ndarray, "d l s"], repetitions: int = 20_000, seed: int = 0
) -> tuple[Components, Components]:
    """Lower and upper limits of 95 % confidence intervals of `variance_components`.

    They are generalized confidence intervals: each mean square is divided by random numbers of the
    distribution that it has, in units of its expectation, if all effects are normal. With few seeds
    intervals are wide: the upper limit for four seeds of the data is fourteen times the estimate or
    more.

    Args:
        values: as in `variance_components`.
        repetitions: number of random numbers; default 20,000.
        seed: their seed; default 0.

    Examples:
        >>> values = np.random.default_rng(0).normal(size=(4, 3, 2))
        >>> low, high = component_intervals(values)
        >>> low.data == 0.0 and high.searches > 1.0
        True
    """
    found, random = _mean_squares(values), np.random.default_rng(seed)
    scaled = random.chisquare(found.freedom[:, None], (3, repetitions)) / found.freedom[:, None]
    pivots = _components(found.squares[:, None] / scaled, found.each)
    low, high = np.quantile(pivots, [LEVEL / 2, 1 - LEVEL / 2], axis=1)
    return Components(*map(float, low)), Components(*map(float, high))
