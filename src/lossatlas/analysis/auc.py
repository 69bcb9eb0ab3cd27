"""Area under the receiver operating characteristic curve (AUC), for many minima at once.

Two rules: the exact area, which is the Mann-Whitney statistic,

    AUC = P(score of a positive item > score of a negative item) + P(equal) / 2,

and the trapezium sum over 101 thresholds of the Fortran programs, to compare with published
numbers (the two differ by a few 1e-4 typically).

Where only one class is present the AUC is undefined and NaN is returned.

References: Hanley and McNeil, Radiology 143, 29 (1982), for the equality with the Mann-Whitney
statistic; section IV of Perspective: New Insights From Loss Function Landscapes of Neural
Networks, Mach. Learn.: Sci. Technol. 1, 023002 (2020), for the use on minima.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int

from lossatlas.errors import BadInputError

Rule = Literal["rank", "threshold"]

THRESHOLDS = np.arange(101) / 100
"""The thresholds t = 0, 0.01, ..., 1 of the Fortran programs."""


def rank_auc(
    scores: Float[np.ndarray, "*batch items"], positive: Bool[np.ndarray, " items"]
) -> Float[np.ndarray, "*batch"]:
    """The exact AUC; equal scores of a positive and a negative item count one half.

    Args:
        scores: one score an item, higher meaning "rather positive"; any leading batch axes.
            Needs memory for one row of items beyond the input.
        positive: True at the items of the positive class.

    Returns:
        AUC in [0, 1], one per row; NaN where only one class is present.

    Raises:
        BadInputError: shapes do not match, or a score is NaN.

    Examples:
        >>> float(rank_auc(np.array([0.1, 0.4, 0.4, 0.8]), np.array([False, True, False, True])))
        0.875
    """
    return _by_row(scores, positive, _rank_area)


def threshold_auc(
    scores: Float[np.ndarray, "*batch items"], positive: Bool[np.ndarray, " items"]
) -> Float[np.ndarray, "*batch"]:
    """The AUC of the Fortran programs: a trapezium sum over 101 thresholds.

    An item is called positive if its score is strictly greater than t, for t = 0, 0.01, ..., 1,
    and the area is ``sum_k (TPR_k + TPR_{k-1}) |FPR_k - FPR_{k-1}| / 2``. No end points are
    added: scores of exactly 0 are never called positive.

    Args:
        scores: probabilities of the positive class, in [0, 1]; any leading batch axes.
        positive: True at the items of the positive class.

    Returns:
        AUC, one per row; NaN where only one class is present (the programs give 0).

    Raises:
        BadInputError: shapes do not match, or a score is outside [0, 1] or NaN.

    Examples:
        >>> scores = np.array([0.101, 0.404, 0.406, 0.8])
        >>> positive = np.array([False, True, False, True])
        >>> float(threshold_auc(scores, positive)), float(rank_auc(scores, positive))
        (0.875, 0.75)
    """
    if scores.size and not (scores.min() >= 0 and scores.max() <= 1):
        raise BadInputError("scores", "not all in [0, 1]", "use probabilities, or the rank rule")
    return _by_row(scores, positive, _threshold_area)


def class_auc(
    probabilities: Float[np.ndarray, "*batch classes items"],
    labels: Int[np.ndarray, " items"],
    positive_class: int = 0,
    rule: Rule = "rank",
) -> Float[np.ndarray, "*batch"]:
    """The AUC of one class against all others, scored by its probability.

    Args:
        probabilities: class probabilities of every item, e.g. of shape (minima, classes, items).
        labels: the class of every item, 0..classes-1.
        positive_class: the class that counts as positive.
        rule: ``"rank"`` (exact) or ``"threshold"`` (the Fortran programs).

    Raises:
        BadInputError: shapes, labels or the rule do not fit.

    Examples:
        >>> probabilities = np.array([[0.9, 0.2, 0.6], [0.1, 0.8, 0.4]])
        >>> float(class_auc(probabilities, np.array([0, 1, 1])))
        1.0
    """
    n_classes = _check_classes(probabilities, labels)
    if not 0 <= positive_class < n_classes:
        raise BadInputError(
            "positive_class", f"{positive_class} is no class", f"use 0 to {n_classes - 1}"
        )
    if rule not in ("rank", "threshold"):
        raise BadInputError("rule", f"{rule!r} is unknown", 'use "rank" or "threshold"')
    area = rank_auc if rule == "rank" else threshold_auc
    return area(probabilities[..., positive_class, :], labels == positive_class)


def macro_auc(
    probabilities: Float[np.ndarray, "*batch classes items"],
    labels: Int[np.ndarray, " items"],
    rule: Rule = "rank",
    classes: Sequence[int] | None = None,
) -> Float[np.ndarray, "*batch"]:
    """The unweighted mean over classes of the one-against-the-rest AUC (see `class_auc`).

    Args:
        probabilities: as in `class_auc`.
        labels: as in `class_auc`.
        rule: as in `class_auc`.
        classes: those averaged over, at least one; default all. Items of other classes still count
            among the rest.

    Returns:
        the mean; NaN where one of the classes is absent from the labels, since leaving it out
        would average something else.

    Raises:
        BadInputError: as `class_auc`, and for an empty list of classes.

    Examples:
        >>> probabilities = np.array([[0.9, 0.2, 0.6], [0.1, 0.8, 0.4]])
        >>> float(macro_auc(probabilities, np.array([0, 1, 1])))
        1.0
    """
    chosen = range(_check_classes(probabilities, labels)) if classes is None else classes
    if not len(chosen):
        raise BadInputError("classes", "none is given", "average over at least one class")
    areas = [class_auc(probabilities, labels, k, rule) for k in chosen]
    return np.mean(areas, axis=0)


def _by_row(
    scores: Float[np.ndarray, "*batch items"],
    positive: Bool[np.ndarray, " items"],
    area: Callable[[np.ndarray, np.ndarray], float],
) -> Float[np.ndarray, "*batch"]:
    """Apply ``area(scores of positive items, scores of negative items)`` to every row."""
    if positive.dtype != np.bool_ or positive.ndim != 1:
        raise BadInputError("positive", "not a vector of booleans", "pass e.g. labels == 0")
    if scores.shape[-1:] != positive.shape:
        raise BadInputError(
            "scores", f"shape {scores.shape} for {positive.size} items", "put the items last"
        )
    batch = scores.shape[:-1]
    if positive.all() or not positive.any():
        return np.full(batch, np.nan)
    rows = scores.reshape(-1, positive.size)
    areas = np.empty(rows.shape[0])
    for k, row in enumerate(rows):
        if np.isnan(row).any():
            raise BadInputError(f"scores, row {k}", "holds NaN", "leave that minimum out")
        areas[k] = area(row[positive], row[~positive])
    return areas.reshape(batch)


def _rank_area(positives: np.ndarray, negatives: np.ndarray) -> float:
    # Counting in integers keeps the result exact; both sides sorted, the look-ups stay in cache.
    needles, haystack = np.sort(positives), np.sort(negatives)
    below = int(np.searchsorted(haystack, needles, side="left").sum())
    not_above = int(np.searchsorted(haystack, needles, side="right").sum())
    return (below + not_above) / (2 * positives.size * negatives.size)


def _threshold_area(positives: np.ndarray, negatives: np.ndarray) -> float:
    true_rate, false_rate = _called_positive(positives), _called_positive(negatives)
    return float(np.sum((true_rate[1:] + true_rate[:-1]) * np.abs(np.diff(false_rate))) / 2)


def _called_positive(scores: np.ndarray) -> np.ndarray:
    """(101,) the share of the scores that is greater than each threshold."""
    thresholds_below = np.searchsorted(THRESHOLDS, scores, side="left")
    counts = np.bincount(thresholds_below, minlength=THRESHOLDS.size + 1)
    return counts[:0:-1].cumsum()[::-1] / scores.size


def _check_classes(probabilities: np.ndarray, labels: np.ndarray) -> int:
    if probabilities.ndim < 2 or probabilities.shape[-1:] != labels.shape:
        raise BadInputError(
            "probabilities",
            f"shape {probabilities.shape} for {labels.size} labels",
            "use (minima, classes, items)",
        )
    n_classes = probabilities.shape[-2]
    if labels.size and not (labels.min() >= 0 and labels.max() < n_classes):
        raise BadInputError(
            "labels", "a class without probabilities", f"use labels 0 to {n_classes - 1}"
        )
    return n_classes
