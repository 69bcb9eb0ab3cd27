"""The statements of the paper about networks with fewer connections and with more layers."""

from functools import partial

from lossatlas.paper.claims import Claim, Draw
from lossatlas.paper.draw_statistics import log_ratio, lost_shares, mean_shares, step
from lossatlas.paper.funnel_verdicts import TAU, FunnelShares, shares_from

COUNTS = {"minima": "minima", "transition_states": "transition states"}
"""The kinds of points that are counted, with their names in words."""


def masks() -> list[Claim]:
    """The statements of section V, about reduced connectivity."""
    wide, narrow = "masks-wide", "masks-narrow"

    def claim(name, text, statistic, value, *, unit, **more) -> Claim:
        where, title, family = "section V", f"Fewer connections: {name}", "Figures 6 and 7"
        return Claim(title, where, text, statistic, value, unit, family, **more)

    return [
        *(
            claim(
                f"more {label} with {near} neighbors",
                "with two and three neighbors the number of stationary points increases",
                f"ln({label} with {near} neighbors) - ln({label} with all connections)",
                log_ratio(name, (wide, near), (wide, "0")),
                unit="log ratio",
                counts=name,
            )
            for near in ("2", "3")
            for name, label in COUNTS.items()
        ),
        claim(
            "fewer minima with 1 neighbor",
            "only two minima are found with one neighbor",
            "ln(minima with all connections) - ln(minima with 1 neighbor)",
            log_ratio("minima", (wide, "0"), (wide, "1")),
            unit="log ratio",
            counts="minima",
        ),
        claim(
            "poor testing AUC with 1 neighbor",
            "the minima with one neighbor perform poorly",
            "mean testing AUC with all connections - with 1 neighbor",
            step(wide, "test_mean_auc", "1", "0"),
            unit="auc",
        ),
        claim(
            "better testing AUC with 2 neighbors than with all",
            "the network with two neighbors outperforms the fully connected one in testing",
            "mean testing AUC with 2 neighbors - with all connections",
            step(wide, "test_mean_auc", "0", "2"),
            unit="auc",
        ),
        claim(
            "at lambda 0.0001 trees stay single-funneled",
            "reduced connectivity leaves the landscape relatively single-funneled",
            "share of minima in its funnel at tau = 20 %, mean of 2 and 3 neighbors, less one half",
            lambda draw: float(mean_shares(draw, wide, ("2", "3")).share[TAU]) - 0.5,
            unit="share",
            shares=lambda draw: mean_shares(draw, wide, ("2", "3")),
            center=0.5,
        ),
        *(
            claim(
                f"at lambda 0.00001 sub-funnels with {near} neighbors",
                "sub-funnels emerge with two and three neighbors, not with all connections",
                f"share in the funnel at tau = 20 %, all connections - {near} neighbors",
                partial(_lost_to_sub_funnels, narrow, near),
                unit="share",
                shares=partial(_lost_shares, narrow, near),
            )
            for near in ("2", "3")
        ),
    ]


def _lost_shares(study: str, near: str, draw: Draw) -> FunnelShares:
    """The difference of shares, with bounds, between full and reduced connectivity."""
    return lost_shares(shares_from(draw[study, "0"]), shares_from(draw[study, near]))


def _lost_to_sub_funnels(study: str, near: str, draw: Draw) -> float:
    return float(_lost_shares(study, near, draw).share[TAU])


def layers() -> list[Claim]:
    """The statements of section VI, about several hidden layers."""
    scarce, full = "layers-100", "layers-1000"

    def claim(name, text, statistic, value, *, unit, **more) -> Claim:
        where, title = "section VI", f"Layers: {name}"
        return Claim(title, where, text, statistic, value, unit, "Table IV", **more)

    return [
        claim(
            "more minima with two hidden layers than with one",
            "the number of stationary points grows with the number of hidden layers",
            "ln of the ratio of minima, 1000 training items",
            log_ratio("minima", (full, "2"), ("noise-d1", "0")),
            unit="log ratio",
            counts="minima",
        ),
        claim(
            "more minima with three hidden layers than with two",
            "the number of stationary points grows with the number of hidden layers",
            "ln of the ratio of minima, 1000 training items",
            log_ratio("minima", (full, "3"), (full, "2")),
            unit="log ratio",
            counts="minima",
        ),
        *(
            claim(
                f"more minima with less data, {layers} layers",
                "the number of stationary points grows as the training data decrease",
                "ln(minima with 100 items) - ln(minima with 1000 items)",
                log_ratio("minima", (scarce, layers), (full, layers)),
                unit="log ratio",
                counts="minima",
            )
            for layers in ("2", "3")
        ),
        *(
            claim(
                f"lower barriers with more data, {layers} layers",
                "with 1000 items uphill barriers toward the global minimum are smaller",
                "mean barrier with 100 items - with 1000 items",
                log_ratio("funnel_mean_barrier", (scarce, layers), (full, layers), log=False),
                unit="loss",
            )
            for layers in ("2", "3")
        ),
        claim(
            "a wider range of loss with three layers",
            "minima span a wider range of loss with three hidden layers",
            "range with three layers - with two layers, 1000 items",
            log_ratio("loss_range", (full, "3"), (full, "2"), log=False),
            unit="loss",
        ),
    ]
