"""The paper's statements, tested.

Each statement is one number a draw, positive where the statement holds in that draw. The draw is
the unit: columns of one draw share their data, so they are compared within it, and what varies is
the mean over draws. The mean gets a two-sided t interval of 95 %, and the p-values of all
statements that have draws enough are corrected by Holm's method. A statement is *supported* or
*contradicted* if its corrected p-value is below 0.05, by the sign of the mean; otherwise, and with
too few draws, it is *undecided*.

Counts of landscapes that ran out of budget are lower bounds; statements about counts say how many.

Reference: S. Holm, Scand. J. Stat. 6, 65 (1979).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

LEVEL = 0.05
Numbers = Mapping[str, float]
Draw = Mapping[tuple[str, str], Numbers]
"""The numbers of all cells of one draw, by study and column."""


class Claim(NamedTuple):
    """A statement of the paper.

    Attributes:
        name: of the statement.
        where: in the paper.
        text: what it says, in our words.
        statistic: what is computed in each draw, in words.
        value: computes it; a KeyError or NaN if the draw lacks a number.
        draws: how many are needed for a verdict.
        counts: whether it is about counts, which a budget of time cuts short.
        remark: what is to be known, e.g. that the paper's own tables contradict it.
    """

    name: str
    where: str
    text: str
    statistic: str
    value: Callable[[Draw], float]
    draws: int
    counts: bool = False
    remark: str = ""


class Verdict(NamedTuple):
    """What became of a statement.

    Attributes:
        claim: the statement.
        values: one a draw.
        cells: how many landscapes the values come from.
        lower_bounds: how many of these ran out of budget, so that their counts are lower bounds.
        mean, low, high: of the values, with the limits of the confidence interval; NaN if there are
            too few values for it.
        p: two-sided p-value of a mean of zero.
        corrected: after Holm's correction; NaN if there are not draws enough for a verdict.
        verdict: ``supported``, ``contradicted`` or ``undecided``.
    """

    claim: Claim
    values: tuple[float, ...]
    cells: int
    lower_bounds: int
    mean: float
    low: float
    high: float
    p: float
    corrected: float
    verdict: str


def judge(claims: Sequence[Claim], draws: Sequence[Draw]) -> list[Verdict]:
    """The verdict on each statement.

    Args:
        claims: the statements; together they are the family that is corrected for.
        draws: the numbers of each draw. A number ``ran_out`` that is 1 marks a landscape whose
            counts are lower bounds.
    """
    found = [_untested(claim, draws) for claim in claims]
    tested = [k for k, one in enumerate(found) if len(one.values) >= one.claim.draws]
    corrected = holm(np.array([found[k].p for k in tested]))
    for k, p in zip(tested, corrected.tolist(), strict=True):
        found[k] = _decided(found[k], p)
    return found


def _untested(claim: Claim, draws: Sequence[Draw]) -> Verdict:
    """The values of a statement without a verdict."""
    values: list[float] = []
    used: list[Numbers] = []
    for draw in draws:
        watched = _Watched(draw)
        try:
            value = claim.value(watched)
        except KeyError:  # a column of this draw was not computed
            continue
        if math.isfinite(value):
            values.append(value)
            used += watched.read.values()
    lower_bounds = sum(numbers.get("ran_out", 0) > 0 for numbers in used)
    test = t_test(values)
    return Verdict(claim, tuple(values), len(used), lower_bounds, *test, math.nan, "undecided")


class _Watched(Mapping):
    """A draw that remembers which of its cells were read."""

    def __init__(self, draw: Draw) -> None:
        self.draw, self.read = draw, {}

    def __getitem__(self, key: tuple[str, str]) -> Numbers:
        self.read[key] = self.draw[key]
        return self.read[key]

    def __iter__(self):
        return iter(self.draw)

    def __len__(self) -> int:
        return len(self.draw)


def t_test(values: Sequence[float]) -> tuple[float, float, float, float]:
    """Mean, limits of its 95 % confidence interval, two-sided p-value of a mean of zero.

    NaN where the values are too few. Values that are all the same leave no doubt.

    Examples:
        >>> [round(x, 3) for x in t_test([1.0, 2.0, 3.0])]
        [2.0, -0.484, 4.484, 0.074]
    """
    if not len(values):
        return math.nan, math.nan, math.nan, math.nan
    mean = float(np.mean(values))
    if len(values) == 1:
        return mean, math.nan, math.nan, math.nan
    error = float(np.std(values, ddof=1)) / math.sqrt(len(values))
    if error == 0:
        return mean, mean, mean, float(mean == 0)
    freedom = len(values) - 1
    half = float(stats.t.ppf(1 - LEVEL / 2, freedom)) * error
    p = 2 * float(stats.t.sf(abs(mean) / error, freedom))
    return mean, mean - half, mean + half, p


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


def _decided(found: Verdict, corrected: float) -> Verdict:
    if corrected >= LEVEL:
        return found._replace(corrected=corrected)
    verdict = "supported" if found.mean > 0 else "contradicted"
    return found._replace(corrected=corrected, verdict=verdict)
