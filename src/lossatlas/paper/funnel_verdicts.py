"""The rule for verdicts on whether a landscape is a single funnel, fixed before it is applied.

The statistic of a draw is the share of minima in the funnel of the global minimum, minus a *center*
of one half: it is positive if most of the minima lie there (`lossatlas.analysis.persistence`
defines funnels). It has two bounds, since minima that no path joins to the global minimum may lie
inside or outside of its funnel.

* For a verdict both bounds must be significant, with the same sign, for rival funnels with a
  persistence of at least 20 % of the range (`TAU`).
* The means of both bounds must have this sign for every threshold from 10 to 30 %.
* For *contradicted* the shares must also have settled: on average over draws the share must differ
  by less than `SETTLED` from that of the first half of the log. Transition states that are missing
  look like barriers, so that an unfinished landscape seems to have several funnels.

Two funnels of the same size have a statistic of zero, and stay undecided with any number of draws.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float

from lossatlas import Network
from lossatlas.analysis import funnels_at
from lossatlas.paper.inference import LEVEL, MeanTest, t_test

TAUS = np.array([0.05, 0.1, 0.15, 0.2, 0.25, 0.3])
"""Thresholds of the persistence, as fractions of the range of the loss."""
TAU = 3
"""Position of the threshold that decides, 20 %."""
SURE_OF_SIGN = slice(1, 6)
"""Positions of the thresholds for which means must have the same sign, from 10 to 30 %."""
SETTLED = 0.05
"""Largest mean change of the share over the last doubling of the log."""

FunnelVerdict = Literal["supported", "contradicted", "undecided"]


class FunnelShares(NamedTuple):
    """The shares of minima in the funnel of the global minimum, for one draw and k thresholds.

    Attributes:
        low: (k,) share of all minima, if none of the unconnected minima lie in the funnel.
        high: (k,) share of all minima, if all of the unconnected minima lie in the funnel.
        before: (k,) share of the connected minima, after half of the log.
        share: (k,) share of the connected minima, after all of the log.
    """

    low: Float[np.ndarray, " k"]
    high: Float[np.ndarray, " k"]
    before: Float[np.ndarray, " k"]
    share: Float[np.ndarray, " k"]


def funnel_shares(network: Network, half: Network) -> FunnelShares:
    """The shares of one landscape.

    Args:
        network: the points of the landscape.
        half: the points that the first half of the attempts found.
    """
    all_, first = funnels_at(network, TAUS), funnels_at(half, TAUS)
    return FunnelShares(
        np.array([found.low for found in all_]),
        np.array([found.high for found in all_]),
        np.array([found.share for found in first]),
        np.array([found.share for found in all_]),
    )


def share_numbers(shares: FunnelShares) -> dict[str, float]:
    """The shares as numbers of a cell: ``funnel_low_20`` is that of the threshold of 20 %.

    Examples:
        >>> share_numbers(FunnelShares(*np.full((4, 6), 0.5)))["funnel_low_20"]
        0.5
    """
    return {
        f"funnel_{name}_{100 * tau:g}": float(value)
        for name, values in shares._asdict().items()
        for tau, value in zip(TAUS, values, strict=True)
    }


def shares_from(numbers: Mapping[str, float]) -> FunnelShares:
    """Read the shares from the numbers of a cell, the inverse of `share_numbers`.

    Raises:
        KeyError: if the numbers do not contain them.
    """
    return FunnelShares(
        *(
            np.array([numbers[f"funnel_{name}_{100 * tau:g}"] for tau in TAUS])
            for name in FunnelShares._fields
        )
    )


def bounds_tests(draws: list[FunnelShares], center: float = 0.5) -> tuple[MeanTest, MeanTest]:
    """The t-tests of both bounds of the share, at the threshold that decides."""
    low, high = ([float(getattr(d, name)[TAU]) - center for d in draws] for name in ("low", "high"))
    return t_test(low), t_test(high)


def funnel_verdict(draws: list[FunnelShares], center: float = 0.5) -> FunnelVerdict:
    """The verdict on whether landscapes are single-funneled, by the rule of this module.

    Args:
        draws: the shares of each draw; with fewer than two the verdict is undecided.
        center: the value that the share is compared with; default 0.5, and 0 for a difference of
            shares.

    Examples:
        >>> shares = [FunnelShares(*np.full((4, 6), share)) for share in (0.9, 0.95, 0.92)]
        >>> funnel_verdict(shares)
        'supported'
    """
    if len(draws) < 2:
        return "undecided"
    bounds = [
        np.array([getattr(draw, name) for draw in draws]) - center for name in ("low", "high")
    ]
    signs = {np.sign(mean) for bound in bounds for mean in bound[:, SURE_OF_SIGN].mean(axis=0)}
    open_ = any(test.p >= LEVEL for test in bounds_tests(draws, center))
    if open_ or signs not in ({1.0}, {-1.0}):
        return "undecided"
    if signs == {1.0}:
        return "supported"
    change = np.mean([draw.share[TAU] - draw.before[TAU] for draw in draws])
    return "contradicted" if abs(change) < SETTLED else "undecided"
