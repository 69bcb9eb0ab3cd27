"""Statements on noise of other kinds, the step that the paper names for later.

It asks whether a landscape shows why training is more difficult under permutation noise than under
uniform noise. Permutation noise of all labels only renames the classes, and the landscape is that
of the true labels. Therefore the statements are about smaller shares of wrong labels.
"""

from collections.abc import Callable

import numpy as np

from lossatlas.paper.claims import Claim, Draw
from lossatlas.paper.draw_statistics import log_ratio, lost_shares, mean_shares
from lossatlas.paper.funnel_verdicts import TAU, FunnelShares

LEVELS = ("10", "50")
"""Shares of wrong labels, in percent, over which differences are averaged."""
COUNTED = "50"
"""The share of wrong labels for which minima are counted, since bounds order only two counts."""
MEAN = f"mean of {' and '.join(LEVELS)} %"
FAMILY = "Noise of other kinds"
UNSEEN = 12
"""The first draw that had not been computed when these statements were written down."""
TEXT = "training is more difficult under stochastic permutation noise than under uniform noise"


def kinds() -> list[Claim]:
    """The statements on permutation noise, which speak for a harder landscape where positive."""
    return [claim for side in ("d1", "d2") for claim in _permutation(side)]


def _permutation(side: str) -> list[Claim]:
    permutation, uniform = f"kinds-permutation-{side}", f"kinds-uniform-{side}"

    def claim(name, statistic, value, *, unit, where=MEAN, **more) -> Claim:
        title = f"{side.upper()}, permutation noise: {name}"
        words = f"{statistic}, {where}"
        return Claim(title, "conclusions", TEXT, words, value, unit, FAMILY, fresh=UNSEEN, **more)

    def less(name: str, one: str, other: str) -> Callable[[Draw], float]:
        return _mean([log_ratio(name, (other, k), (one, k), log=False) for k in LEVELS])

    def shares(draw: Draw) -> FunnelShares:
        return lost_shares(
            mean_shares(draw, uniform, LEVELS), mean_shares(draw, permutation, LEVELS)
        )

    return [
        claim(
            "a lower testing AUC than with uniform noise",
            "testing AUC of the global minimum with uniform - with permutation noise",
            less("test_gmin_auc", permutation, uniform),
            unit="auc",
        ),
        claim(
            "a higher lowest loss than with uniform noise",
            "loss of the global minimum with permutation - with uniform noise",
            less("gmin_loss", uniform, permutation),
            unit="loss",
        ),
        claim(
            "more minima than with uniform noise",
            "ln(minima with permutation noise) - ln(minima with uniform noise)",
            log_ratio("minima", (permutation, COUNTED), (uniform, COUNTED)),
            where=f"at {COUNTED} %",
            unit="log ratio",
            counts="minima",
        ),
        claim(
            "more funnels than with uniform noise",
            "share in the global minimum's funnel at tau = 20 %, uniform - permutation noise",
            lambda draw: float(shares(draw).share[TAU]),
            unit="share",
            shares=shares,
        ),
    ]


def _mean(values: list[Callable[[Draw], float]]) -> Callable[[Draw], float]:
    return lambda draw: float(np.mean([value(draw) for value in values]))
