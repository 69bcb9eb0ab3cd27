"""Tests of the statements of the paper, by the rules of docs/results/plan.md.

Each statement is expressed by one number for each draw, which is positive if the statement holds in
that draw. Columns of one draw share their data, so they are compared within the draw, and the tests
are about the mean over draws. There are two (`inference`): of a mean of zero, and of a mean within
the margin of its unit. Each is corrected by Holm's method for the statements of its family, with
one family for each table of the paper and one for noise of other kinds. The verdicts are

* *supported* or *contradicted* if the corrected p-value of a mean of zero is below 0.05;
* *no difference* if it is not, but the corrected p-value of the equivalence test is;
* *undecided* if neither is, if there are fewer than two draws, or if counts are bounds that do not
  tell which landscape has more points;
* *not combined* if the landscapes were computed in different ways, so that they cannot be compared.

Statements on funnels have a rule of their own (`funnel_verdicts`). Draws up to `PILOT` are the
pilot, by which the study was planned; a verdict from them is marked. As soon as there are two draws
after the pilot, only these are used.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from lossatlas.paper.cell import PILOT
from lossatlas.paper.funnel_verdicts import FunnelShares, bounds_tests, funnel_verdict
from lossatlas.paper.inference import LEVEL, draws_needed, equivalence, holm, t_test

MARGINS = {
    "auc": 0.01,
    "loss": 0.01,
    "log ratio": math.log(1.5),
    "correlation": 0.1,
    "share": 0.05,
}
"""For each unit, the largest difference that does not matter."""
Numbers = Mapping[str, float]
Key = tuple[str, str]
Draw = Mapping[Key, Numbers]
"""The numbers of all cells of one draw, by study and column."""


class Claim(NamedTuple):
    """A statement of the paper.

    Attributes:
        name: name of the statement.
        where: its place in the paper.
        text: the statement in our words.
        statistic: the number that is computed in each draw, in words.
        value: the function that computes it; it raises KeyError or returns NaN if the draw lacks a
            number.
        unit: unit of the statistic, a key of `MARGINS`.
        family: the table whose statements are corrected together.
        counts: the kind of points that are counted, ``minima`` or ``transition_states``, which a
            budget of time makes too few; empty for other statements.
        shares: for a statement on funnels, the function that computes the shares of a draw.
        center: the value that the shares are compared with.
        remark: a note for readers, e.g. that the tables of the paper contradict the statement.
        fresh: the first draw that had not been seen when the statement was written down; default
            the first one after the pilot.
    """

    name: str
    where: str
    text: str
    statistic: str
    value: Callable[[Draw], float]
    unit: str
    family: str
    counts: str = ""
    shares: Callable[[Draw], FunnelShares] | None = None
    center: float = 0.0
    remark: str = ""
    fresh: int = PILOT + 1


class Verdict(NamedTuple):
    """The verdict on a statement.

    Attributes:
        claim: the statement.
        values: the value of each draw.
        cells: number of landscapes that the values come from.
        lower_bounds: number of these that ran out of budget, so that their counts are lower bounds.
        mean: mean of the values; NaN if there are none.
        low: lower limit of its 95 % confidence interval; NaN with fewer than two values.
        high: upper limit of its 95 % confidence interval; NaN with fewer than two values.
        p: two-sided p-value of a mean of zero.
        corrected: that p-value after Holm's correction; NaN with fewer than two values.
        equivalent: corrected p-value of a mean beyond the margin.
        needed: number of draws for a power of 0.8 at the margin; None if the pilot cannot tell.
        pilot: whether the values are those of the pilot.
        reason: why there is no verdict, if the p-values are not the reason.
        verdict: ``supported``, ``contradicted``, ``no difference``, ``undecided`` or
            ``not combined``.
    """

    claim: Claim
    values: tuple[float, ...]
    cells: int
    lower_bounds: int
    mean: float
    low: float
    high: float
    p: float
    corrected: float = math.nan
    equivalent: float = math.nan
    needed: int | None = None
    pilot: bool = True
    reason: str = ""
    verdict: str = "undecided"


class _Evidence(NamedTuple):
    """What the draws contain about a statement: values, cells, shares, and how cells were made."""

    values: list[float]
    cells: list[Numbers]
    shares: list[FunnelShares]
    settings: set[str]
    ordered: bool
    pilot: bool


def judge(
    claims: Sequence[Claim],
    draws: Mapping[int, Draw],
    settings: Mapping[int, Mapping[Key, str]] | None = None,
) -> list[Verdict]:
    """Test each statement.

    Args:
        claims: the statements, with their families.
        draws: the numbers of each draw, by the number of the draw. A number ``ran_out`` of 1 marks
            a landscape whose counts are lower bounds; ``minima_low`` and ``minima_high`` are bounds
            of a count.
        settings: how each landscape was computed, by draw and cell; by default all in the same way.
    """
    evidence = [_evidence(claim, draws, settings or {}) for claim in claims]
    found = [_tested(claim, each) for claim, each in zip(claims, evidence, strict=True)]
    for family in {claim.family for claim in claims}:
        rows = [k for k, one in enumerate(found) if one.claim.family == family]
        rows = [k for k in rows if not math.isnan(found[k].p)]
        corrected = holm(np.array([found[k].p for k in rows])).tolist()
        within = holm(np.array([found[k].equivalent for k in rows])).tolist()
        for k, p, q in zip(rows, corrected, within, strict=True):
            found[k] = _decided(found[k]._replace(corrected=p, equivalent=q), evidence[k])
    return found


def _evidence(
    claim: Claim, draws: Mapping[int, Draw], settings: Mapping[int, Mapping[Key, str]]
) -> _Evidence:
    """The evidence of all draws, or of the fresh ones if there are two."""
    read = {number: _read(claim, draw) for number, draw in sorted(draws.items())}
    there = {number: one for number, one in read.items() if one is not None}
    fresh = {number: one for number, one in there.items() if number >= claim.fresh}
    used = fresh if len(fresh) >= 2 else there
    cells = [numbers for _, seen, _ in used.values() for numbers in seen.values()]
    ways = {
        settings.get(number, {}).get(key, "")
        for number, (_, seen, _) in used.items()
        for key in seen
    }
    ordered = all(_ordered(claim.counts, list(seen.values())) for _, seen, _ in used.values())
    shares = [share for _, _, share in used.values() if share is not None]
    values = [value for value, _, _ in used.values()]
    return _Evidence(values, cells, shares, ways, ordered, used is there)


def _read(claim: Claim, draw: Draw) -> tuple[float, dict[Key, Numbers], FunnelShares | None] | None:
    """The value of a draw, the cells that it comes from, and its shares; None if it has none."""
    watched = _Watched(draw)
    try:
        value = claim.value(watched)
        shares = None if claim.shares is None else claim.shares(watched)
    except KeyError:  # a column of this draw has not been computed
        return None
    return (value, watched.read, shares) if math.isfinite(value) else None


def _ordered(points: str, cells: Sequence[Numbers]) -> bool:
    """Whether bounds of counts tell which of two landscapes has more points.

    Of more than two landscapes, all counts must be exact.
    """
    if not points or all(numbers.get("ran_out", 0) == 0 for numbers in cells):
        return True
    if len(cells) != 2:
        return False
    low, high = ([n.get(f"{points}_{end}", math.nan) for n in cells] for end in ("low", "high"))
    return low[0] > high[1] or low[1] > high[0]


def _tested(claim: Claim, evidence: _Evidence) -> Verdict:
    """The values of a statement and their tests, before the correction and without a verdict."""
    values = evidence.values
    test, within = t_test(values), equivalence(values, MARGINS[claim.unit])
    if claim.shares is not None and len(evidence.shares) >= 2:
        test = test._replace(p=max(one.p for one in bounds_tests(evidence.shares, claim.center)))
    return Verdict(
        claim,
        tuple(values),
        len(evidence.cells),
        sum(numbers.get("ran_out", 0) > 0 for numbers in evidence.cells),
        *test,
        equivalent=within,
        needed=draws_needed(values, MARGINS[claim.unit]),
        pilot=evidence.pilot,
    )


def _decided(found: Verdict, evidence: _Evidence) -> Verdict:
    if len(evidence.settings) > 1:
        ways = "; ".join(sorted(evidence.settings))
        return found._replace(verdict="not combined", reason=f"computed in several ways: {ways}")
    if not evidence.ordered:
        return found._replace(reason="the bounds of the counts do not order them")
    if found.claim.shares is not None:
        verdict = funnel_verdict(evidence.shares, found.claim.center)
        if verdict != "undecided" and found.corrected >= LEVEL:
            return found._replace(reason="not after Holm's correction")
        return found._replace(verdict=verdict)
    if found.corrected < LEVEL:
        return found._replace(verdict="supported" if found.mean > 0 else "contradicted")
    if found.equivalent < LEVEL:
        return found._replace(verdict="no difference")
    return found


class _Watched(Mapping):
    """A draw that remembers which of its cells were read."""

    def __init__(self, draw: Draw) -> None:
        self.draw, self.read = draw, {}

    def __getitem__(self, key: Key) -> Numbers:
        self.read[key] = self.draw[key]
        return self.read[key]

    def __iter__(self):
        return iter(self.draw)

    def __len__(self) -> int:
        return len(self.draw)
