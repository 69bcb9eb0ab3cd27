"""Hill numbers: numbers of points in which rare points count fully, less, or hardly at all.

The Hill number of order q of points with probabilities p_i is the number of equally likely points
that would be as diverse:

    D_q = (sum over points of p_i^q)^(1 / (1 - q))          D_1 = exp(- sum of p_i ln p_i)

Order 0 counts all points alike, order 1 weights them by their probability, and order 2 counts
mainly the common ones. More draws show more of the rare points, so two landscapes are compared at
equal *coverage*, the probability that the next draw hits a point that was seen: the larger sample
is thinned to the coverage of the smaller one.

References: M. O. Hill, Ecology 54, 427 (1973); A. Chao and L. Jost, Ecology 93, 2533 (2012); A.
Chao et al., Ecol. Monogr. 84, 45 (2014); A. Chao et al., Methods Ecol. Evol. 6, 873 (2015), for the
bootstrap.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.special import gammaln

from lossatlas.analysis.abundance import LEVEL, Interval, chao1
from lossatlas.errors import BadInputError

RESAMPLED = 200
"""Number of samples of the bootstrap."""
ROUNDED = 1e-12
"""Coverages that differ by less are taken for equal."""


class Hill(NamedTuple):
    """The Hill numbers of a sample at some coverage.

    Attributes:
        coverage: probability that the next draw hits a point that was seen.
        draws: number of draws of the sample that have this expected coverage.
        numbers: Hill numbers of order 0, 1 and 2, each with its bootstrap interval.
    """

    coverage: float
    draws: int
    numbers: tuple[Interval, Interval, Interval]


def coverage_of(counts: Int[np.ndarray, " k"], draws: int) -> float:
    """Expected coverage of some number of the draws (Chao and Jost 2012).

    Args:
        counts: (k,) how often each point was drawn; 1 or more each.
        draws: number of draws, from 1 to the sum of the counts. For all draws the result is the
            estimate of Chao and Jost, which also uses the number of points drawn twice.

    Raises:
        BadInputError: a count is below 1, there are none, or the number of draws is out of range.

    Examples:
        >>> round(coverage_of(np.array([4, 3, 1]), 8), 3), round(coverage_of(np.array([1]), 1), 3)
        (0.875, 0.0)
    """
    n = _checked(counts, draws)
    once, twice = int((counts == 1).sum()), int((counts == 2).sum())
    if draws == n:
        if once == 0:
            return 1.0
        if twice == 0:
            rare = (n - 1) * (once - 1) / ((n - 1) * (once - 1) + 2) if once > 1 else 1.0
            rare = rare if n > 1 else 1.0
        else:
            rare = (n - 1) * once / ((n - 1) * once + 2 * twice)
        return 1 - once / n * rare
    missed = _log_choose(n - counts, draws) - _log_choose(np.array(n - 1), draws)
    return float(1 - (counts / n * np.exp(missed)).sum())


def draws_of_coverage(counts: Int[np.ndarray, " k"], coverage: float) -> int:
    """The largest number of draws with at most some expected coverage.

    Args:
        counts: (k,) how often each point was drawn; 1 or more each.
        coverage: the coverage, from 0 to 1.

    Returns:
        The number of draws, at least 1; that of all draws if these do not cover more.

    Examples:
        >>> counts = np.array([4, 3, 1])
        >>> draws_of_coverage(counts, 0.5), draws_of_coverage(counts, coverage_of(counts, 8))
        (1, 8)
    """
    few, many = 1, int(counts.sum())
    if coverage_of(counts, many) <= coverage + ROUNDED:
        return many
    while many - few > 1:
        middle = (few + many) // 2
        if coverage_of(counts, middle) <= coverage + ROUNDED:
            few = middle
        else:
            many = middle
    return few


def hill(counts: Int[np.ndarray, " k"], draws: int | None = None) -> Float[np.ndarray, " 3"]:
    """Hill numbers of order 0, 1 and 2 of a random subset of the draws.

    They are computed from the expected numbers of points that are hit j times in such a subset
    (Chao et al. 2014).

    Args:
        counts: (k,) how often each point was drawn; 1 or more each.
        draws: number of draws in the subset, from 1 to the sum of the counts; default all.

    Raises:
        BadInputError: a count is below 1, there are none, or the number of draws is out of range.

    Examples:
        >>> hill(np.array([2, 2, 2])).round(6).tolist()
        [3.0, 3.0, 3.0]
    """
    counts = np.asarray(counts)
    n = int(counts.sum())
    m = n if draws is None else draws
    _checked(counts, m)
    sizes, number = np.unique(counts, return_counts=True)
    # A point that was drawn s times is hit 1 to s times: one item for each size and number of hits.
    most = np.minimum(sizes, m)
    size, hits = np.repeat(sizes, most), 1 + np.concatenate([np.arange(k) for k in most])
    chosen = _log_choose(size, hits) + _log_choose(n - size, m - hits)
    expected = np.repeat(number, most) * np.exp(chosen - _log_choose(np.array(n), m))
    shares = hits / m
    entropy = -(expected * shares * np.log(shares)).sum()
    return np.array([expected.sum(), np.exp(entropy), 1 / (expected * shares**2).sum()])


def hill_numbers(
    counts: Int[np.ndarray, " k"],
    coverage: float | None = None,
    seed: int = 0,
    level: float = LEVEL,
) -> Hill:
    """Hill numbers at a coverage, with bootstrap intervals.

    The bootstrap draws samples of the same size from estimated probabilities: those of the points
    seen are lowered until their sum is the coverage, and the unseen points, in the number that
    Chao1 estimates, share the rest equally. Its intervals are approximate: those of order 0 are too
    narrow where many points are unseen.

    Args:
        counts: (k,) how often each point was drawn; 1 or more each.
        coverage: coverage from 0 to 1 at which the numbers are computed; default that of all draws.
        seed: seed of the random numbers of the bootstrap; default 0.
        level: confidence level of the intervals, between 0 and 1; default 0.95.

    Raises:
        BadInputError: a count is below 1, or there are none; or a number is out of its range.

    Examples:
        >>> found = hill_numbers(np.array([9, 8, 3, 1, 1]))
        >>> found.numbers[0].estimate, found.draws
        (5.0, 22)
    """
    counts = np.asarray(counts)
    n = _checked(counts, 1)
    if coverage is not None and not 0 <= coverage <= 1:
        raise BadInputError("coverage", f"{coverage} is not from 0 to 1", "use e.g. 0.9")
    if not 0 < level < 1:
        raise BadInputError("level", f"{level} is not between 0 and 1", "use e.g. 0.95")
    m = n if coverage is None else draws_of_coverage(counts, coverage)
    found, random = hill(counts, m), np.random.default_rng(seed)
    again = []
    for sample in _resampled(counts, random):
        size = n if coverage is None else draws_of_coverage(sample, coverage)
        again.append(hill(sample, size))
    spread = np.std(again, axis=0, ddof=1) * _quantile(level)
    intervals = (
        Interval(float(x), float(x - h), float(x + h)) for x, h in zip(found, spread, strict=True)
    )
    return Hill(coverage_of(counts, m), m, tuple(intervals))  # type: ignore[arg-type]


def common_coverage(samples: list[Int[np.ndarray, " k"]]) -> float:
    """The largest coverage that all samples have, at which their Hill numbers are compared.

    Args:
        samples: for each landscape (k,) how often each point was drawn; 1 or more each.

    Raises:
        BadInputError: a count is below 1, or a sample has none; or there are no samples.
    """
    if not samples:
        raise BadInputError("samples", "there are none", "give the counts of some landscapes")
    return min(coverage_of(counts, int(counts.sum())) for counts in samples)


def _resampled(counts: np.ndarray, random: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield the counts of samples from the estimated probabilities.

    Unseen points are equally likely and may be very many, so they are drawn together first.
    """
    n = int(counts.sum())
    unseen = int(np.ceil(chao1(counts).estimate - len(counts)))
    missing = 1 - coverage_of(counts, n)
    probabilities, rest = counts / n, 0.0
    if unseen > 0 and missing > 0:
        absent = probabilities * (1 - probabilities) ** n
        lowered = probabilities - absent * (missing / absent.sum())
        probabilities, rest = np.maximum(lowered, 0), missing
    shares = np.append(probabilities, rest)
    for drawn in random.multinomial(n, shares / shares.sum(), size=RESAMPLED):
        seen, new = drawn[:-1], int(drawn[-1])
        others = np.unique(random.integers(max(1, unseen), size=new), return_counts=True)[1]
        yield np.append(seen[seen > 0], others)


def _log_choose(n: np.ndarray, k: np.ndarray | int) -> np.ndarray:
    """Logarithm of binom(n, k); minus infinity if k is not from 0 to n."""
    left = n - k
    there = (left >= 0) & (np.asarray(k) >= 0)
    safe = np.where(there, left, 0)
    value = gammaln(n + 1.0) - gammaln(np.asarray(k) + 1.0) - gammaln(safe + 1.0)
    return np.where(there, value, -np.inf)


def _quantile(level: float) -> float:
    from scipy.special import ndtri

    return float(ndtri(0.5 + level / 2))


def _checked(counts: np.ndarray, draws: int) -> int:
    """Check the counts and a number of draws, and return the number of all draws."""
    counts = np.asarray(counts)
    if not counts.size or not (counts >= 1).all():
        raise BadInputError("counts", "not all are 1 or more, or there are none", "explore longer")
    n = int(counts.sum())
    if not 1 <= draws <= n:
        raise BadInputError("draws", f"{draws} is not from 1 to {n}", "use at most the draws made")
    return n
