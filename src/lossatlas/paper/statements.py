"""The statements of the paper that are tested, each with its statistic (see `claims`)."""

from collections.abc import Callable

import numpy as np

from lossatlas.paper.claims import Claim
from lossatlas.paper.draw_statistics import (
    log_ratio,
    logarithm,
    margin,
    mean_of,
    mean_shares,
    slope,
    step,
)
from lossatlas.paper.funnel_verdicts import TAU
from lossatlas.paper.kind_statements import kinds
from lossatlas.paper.network_statements import COUNTS, layers, masks
from lossatlas.paper.richness import POINTS, study_name
from lossatlas.paper.sampling import KINDS

TABLES = {"d1": "Table I", "d2": "Table II", "d3": "SI"}
"""The family of the statements about each data set."""
LEVELS = ("0", "10", "50", "100")
"""Columns of the studies of label noise."""
NOISY = LEVELS[1:]
MNIST_LEVELS = ("0", "10", "25", "40", "50", "60", "75", "100")

PAPER_CONTRADICTS = {
    ("noise-d1", "transition_states"): "the paper's Table I: 1474 to 1395",
    ("noise-d2", "minima"): "the paper's Table II: 26 to 20",
    ("noise-d2", "transition_states"): "the paper's Table II: 155 to 148",
    ("noise-d2", "gmin_loss"): "the paper's Table II: 1.285 to 1.236",
    ("noise-d2", "train_gmin_auc"): "the paper's Table II: 0.604 to 0.772",
    ("noise-d1", "test above train, 10"): "the paper's Table I: 0.720 below 0.727",
}
"""Remarks where the tables of the paper contradict its text, by study and number."""


def statements() -> list[Claim]:
    """All statements, in the order of the paper."""
    return [
        *(claim for side in ("d1", "d2") for claim in _noise(side)),
        *_diversity(),
        *_mnist(),
        *masks(),
        *layers(),
        *kinds(),
    ]


def _noise(side: str) -> list[Claim]:
    """The statements of section IV.A about one data set."""

    def claim(name, text, statistic, value, *, unit, **more) -> Claim:
        where, title = "section IV.A", f"{side.upper()}: {name}"
        return Claim(title, where, text, statistic, value, unit, TABLES[side], **more)

    study = f"noise-{side}"
    about_points = (_noise_counts, _noise_richness, _noise_loss, _noise_global_minimum)
    of_each = (*about_points, _noise_parts, _noise_shape)
    return [found for part in of_each for found in part(study, claim)]


def _noise_counts(study: str, claim: Callable[..., Claim]) -> list[Claim]:
    text = "on average the number of {} increases with the percentage of errors"
    return [
        *(
            claim(
                f"more {label} with more label errors",
                text.format(label),
                f"slope of ln({label}) a step of 0, 10, 50, 100 %",
                slope(study, name, LEVELS, log=True),
                unit="log ratio",
                counts=name,
            )
            for name, label in COUNTS.items()
        ),
        *(
            claim(
                f"more {label} at 100 % than at 50 %",
                text.format(label),
                f"ln({label} at 100 %) - ln({label} at 50 %)",
                log_ratio(name, (study, "100"), (study, "50")),
                unit="log ratio",
                counts=name,
                remark=PAPER_CONTRADICTS.get((study, name), ""),
            )
            for name, label in COUNTS.items()
        ),
    ]


RICHNESS = {"hill_0": "{} at equal coverage", "hill_1": "common {} at equal coverage"}
"""Hill numbers of separate searches (see `richness`), with their names in words."""


def _noise_richness(study: str, claim: Callable[..., Claim]) -> list[Claim]:
    return [
        claim(
            f"more {label.format(POINTS[kind.name])} with more label errors",
            f"on average the number of {POINTS[kind.name]} increases with the percentage of errors",
            f"slope of ln(Hill number of order {name[-1]}) a step of 0, 10, 50, 100 %",
            slope(study_name(study, kind), name, LEVELS, log=True),
            unit="log ratio",
        )
        for kind in KINDS
        for name, label in RICHNESS.items()
    ]


def _noise_loss(study: str, claim: Callable[..., Claim]) -> list[Claim]:
    return [
        claim(
            "the lowest loss rises with label errors",
            "the loss of the global minimum increases with the percentage of errors",
            "slope of the loss a step of 0, 10, 50, 100 %",
            slope(study, "gmin_loss", LEVELS),
            unit="loss",
        ),
        claim(
            "the lowest loss rises from 50 to 100 %",
            "the loss of the global minimum increases with the percentage of errors",
            "loss at 100 % - loss at 50 %",
            step(study, "gmin_loss", "50", "100"),
            unit="loss",
            remark=PAPER_CONTRADICTS.get((study, "gmin_loss"), ""),
        ),
    ]


def _noise_global_minimum(study: str, claim: Callable[..., Claim]) -> list[Claim]:
    rises = PAPER_CONTRADICTS.get((study, "train_gmin_auc"), "")
    return [
        *(
            claim(
                f"{label} AUC of the global minimum falls with label errors",
                "training and testing AUC of the global minimum decrease with errors",
                "minus the slope of the AUC a step of 0, 10, 50, 100 %",
                lambda draw, name=f"{part}_gmin_auc": -slope(study, name, LEVELS)(draw),
                unit="auc",
                remark=rises if part == "train" else "",
            )
            for part, label in (("train", "training"), ("test", "testing"))
        ),
        claim(
            "training AUC of the global minimum falls from 50 to 100 %",
            "training and testing AUC of the global minimum decrease with errors",
            "AUC at 50 % - AUC at 100 %",
            step(study, "train_gmin_auc", "100", "50"),
            unit="auc",
            remark=rises,
        ),
        claim(
            "without errors training AUC is above testing AUC",
            "at 0 % the training AUC of the global minimum is the higher one",
            "training AUC - testing AUC at 0 %",
            margin(study, "train_gmin_auc", "test_gmin_auc", ("0",)),
            unit="auc",
        ),
        *(
            claim(
                f"at {level} % testing AUC is above training AUC",
                "at 10 and 50 % the testing AUC of the global minimum is the higher one",
                f"testing AUC - training AUC at {level} %",
                margin(study, "test_gmin_auc", "train_gmin_auc", (level,)),
                unit="auc",
                remark=PAPER_CONTRADICTS.get((study, f"test above train, {level}"), ""),
            )
            for level in ("10", "50")
        ),
        claim(
            "with only wrong labels testing AUC is worse than chance",
            "at 100 % the testing AUC drops precipitously",
            "0.5 - testing AUC of the global minimum at 100 %",
            lambda draw: 0.5 - draw[study, "100"]["test_gmin_auc"],
            unit="auc",
        ),
    ]


def _noise_parts(study: str, claim: Callable[..., Claim]) -> list[Claim]:
    return [
        claim(
            "the correct part is classified better than test data",
            "AUC on the correctly labelled training items exceeds the testing AUC",
            "mean AUC on the correct part - mean testing AUC, mean of 10 and 50 %",
            margin(study, "correct_mean_auc", "test_mean_auc", ("10", "50")),
            unit="auc",
        ),
        claim(
            "the variance of the testing AUC grows with label errors",
            "the variance of the testing AUC over minima increases with errors",
            "slope of ln(sd) a step of 0, 10, 50, 100 %",
            slope(study, "test_sd_auc", LEVELS, log=True),
            unit="log ratio",
        ),
    ]


def _noise_shape(study: str, claim: Callable[..., Claim]) -> list[Claim]:
    return [
        claim(
            "trees are single-funneled at every level of errors",
            "single-funneled landscapes are seen in each case",
            "share of minima in the global minimum's funnel at tau = 20 %, mean, less 1/2",
            lambda draw: float(mean_shares(draw, study, LEVELS).share[TAU]) - 0.5,
            unit="share",
            shares=lambda draw: mean_shares(draw, study, LEVELS),
            center=0.5,
        ),
        claim(
            "minima of low loss have high training AUC",
            "at all levels of errors low-lying minima have high training AUC",
            "minus the rank correlation of loss and training AUC, mean over levels",
            mean_of(study, "loss_train_correlation", LEVELS, -1.0),
            unit="correlation",
        ),
        claim(
            "training and testing AUC are correlated without errors",
            "at 0 % training and testing AUC are reasonably correlated",
            "rank correlation over minima at 0 %",
            mean_of(study, "train_test_correlation", ("0",)),
            unit="correlation",
        ),
        claim(
            "this correlation falls with label errors",
            "as errors increase, low-lying minima can have low testing AUC",
            "minus the slope of the correlation a step of 0, 10, 50, 100 %",
            lambda draw: -slope(study, "train_test_correlation", LEVELS)(draw),
            unit="correlation",
        ),
        claim(
            "under errors better testing AUC lies at higher loss",
            "as errors increase, better testing minima are found at higher loss",
            "rank correlation of loss and testing AUC, mean of 50 and 100 %",
            mean_of(study, "loss_test_correlation", ("50", "100")),
            unit="correlation",
        ),
    ]


def _diversity() -> list[Claim]:
    """The statements that a larger cube has more stationary points and a higher loss."""
    texts = {
        **{name: f"more {label}" for name, label in COUNTS.items()},
        "gmin_loss": "a higher lowest loss",
    }

    def value(name: str, more: str, less: str) -> Callable:
        pairs = [((f"noise-{more}", level), (f"noise-{less}", level)) for level in LEVELS]
        ratios = [log_ratio(name, *pair, log=name != "gmin_loss") for pair in pairs]
        return lambda draw: float(np.mean([ratio(draw) for ratio in ratios]))

    return [
        Claim(
            f"{more.upper()} has {text} than {less.upper()}",
            "section IV.A, SI",
            "the larger the configuration space, the more stationary points, the higher the loss",
            ("difference" if name == "gmin_loss" else "ln of the ratio") + ", mean over levels",
            value(name, more, less),
            "loss" if name == "gmin_loss" else "log ratio",
            "SI",
            name if name in COUNTS else "",
        )
        for more, less in (("d1", "d3"), ("d3", "d2"))
        for name, text in texts.items()
    ]


def _mnist() -> list[Claim]:
    study = "mnist-nearest"
    remark = "with the nearest setting of a scan, not with the lambda that is printed"

    def claim(name, text, statistic, value, *, unit) -> Claim:
        where, title = "section IV.A, Table III, Figure 5", f"MNIST: {name}"
        return Claim(title, where, text, statistic, value, unit, "Table III", remark=remark)

    return [
        claim(
            "testing AUC is never above training AUC",
            "unlike with D1 and D2, testing is not better than training under errors",
            "smallest difference of mean training and testing AUC over all levels",
            lambda draw: min(
                draw[study, k]["rank_train_mean_auc"] - draw[study, k]["rank_test_mean_auc"]
                for k in MNIST_LEVELS
            ),
            unit="auc",
        ),
        claim(
            "the correct part is classified better than the incorrect part",
            "networks perform significantly better on the clean part of the training data",
            "difference of mean AUC, mean over 10 to 75 %",
            margin(study, "rank_correct_mean_auc", "rank_incorrect_mean_auc", MNIST_LEVELS[1:-1]),
            unit="auc",
        ),
        claim(
            "testing AUC varies more than training AUC",
            "in almost every example the variance of the testing AUC is the greater one",
            "ln of the ratio of standard deviations over minima, mean over levels",
            lambda draw: float(
                np.mean(
                    [
                        logarithm(cell["rank_test_sd_auc"]) - logarithm(cell["rank_train_sd_auc"])
                        for cell in (draw[study, level] for level in MNIST_LEVELS)
                    ]
                )
            ),
            unit="log ratio",
        ),
        claim(
            "the variance of the testing AUC grows with label errors",
            "a systematic trend towards increased testing AUC variance",
            "slope of ln(sd) a level",
            slope(study, "rank_test_sd_auc", MNIST_LEVELS, log=True),
            unit="log ratio",
        ),
        claim(
            "good minima become rare with label errors",
            "the probability of finding solutions with high testing accuracy diminishes",
            "minus the slope of the share of minima with testing AUC of 0.9 or more a level",
            lambda draw: -slope(study, "good_share", MNIST_LEVELS)(draw),
            unit="share",
        ),
    ]
