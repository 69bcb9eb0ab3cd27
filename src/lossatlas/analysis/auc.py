"""Area under the receiver operating characteristic curve (AUC), for many minima at once.

There are two rules. The first gives the exact area, which is the Mann-Whitney statistic,

    AUC = P(score of a positive item > score of a negative item) + P(equal) / 2.

The second is the trapezium sum over 101 thresholds that the Fortran programs of the Wales group
use. It serves to compare with published numbers; the two typically differ by a few 1e-4.

If only one class is present, the AUC is undefined and NaN is returned.

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
"""How an AUC is computed: exactly (``"rank"``), or by 101 thresholds (``"threshold"``)."""

THRESHOLDS = np.arange(101) / 100
"""The thresholds t = 0, 0.01, ..., 1 of the Fortran programs."""


def rank_auc(
    scores: Float[np.ndarray, "*batch items"], positive: Bool[np.ndarray, " items"]
) -> Float[np.ndarray, "*batch"]:
    """The exact AUC; equal scores of a positive and a negative item count one half.

    Args:
        scores: (..., items) scores of the items, higher for items that are more likely positive;
            there may be any batch axes in front. Beyond them, memory for one row is needed.
        positive: (items,) True for the items of the positive class.

    Returns:
        (...) AUC of each row, from 0 to 1; NaN if only one class is present.

    Raises:
        BadInputError: the shapes do not match, ``positive`` is not a vector of booleans, or a score
            is NaN.

    Examples:
        >>> float(rank_auc(np.array([0.1, 0.4, 0.4, 0.8]), np.array([False, True, False, True])))
        0.875
    """
    return _by_row(scores, positive, _rank_area)


def threshold_auc(
    scores: Float[np.ndarray, "*batch items"], positive: Bool[np.ndarray, " items"]
) -> Float[np.ndarray, "*batch"]:
    """The AUC as the Fortran programs compute it, by a trapezium sum over 101 thresholds.

    An item is called positive if its score is strictly greater than t, for t = 0, 0.01, ..., 1,
    and the area is ``sum_k (TPR_k + TPR_{k-1}) |FPR_k - FPR_{k-1}| / 2``, with the true positive
    rate TPR and the false positive rate FPR at each threshold. No end points are added: scores of
    exactly 0 are never called positive.

    Args:
        scores: (..., items) probabilities of the positive class, from 0 to 1; there may be any
            batch axes in front.
        positive: (items,) True for the items of the positive class.

    Returns:
        (...) AUC of each row; NaN if only one class is present (the Fortran programs give 0).

    Raises:
        BadInputError: the shapes do not match, ``positive`` is not a vector of booleans, or a score
            is NaN or not from 0 to 1.

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
    """The AUC of one class against all others, with its probability as the score.

    Args:
        probabilities: (..., classes, items) class probabilities of every item, for example with a
            first axis of minima.
        labels: (items,) the class of every item, from 0 to classes - 1.
        positive_class: the class that counts as positive; default 0.
        rule: ``"rank"`` (exact, the default) or ``"threshold"`` (as in the Fortran programs).

    Returns:
        (...) AUC of each row; NaN if no item or every item has this class.

    Raises:
        BadInputError: the shapes do not match, a label or the positive class has no probabilities,
            a probability is NaN, or the rule is unknown.

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
        probabilities: (..., classes, items) class probabilities of every item.
        labels: (items,) the class of every item, from 0 to classes - 1.
        rule: ``"rank"`` (exact, the default) or ``"threshold"`` (as in the Fortran programs).
        classes: the classes to average over, at least one; default all. Items of other classes
            still count as negative items.

    Returns:
        (...) the mean of each row; NaN if one of the classes is absent from the labels, since a
        mean without that class would be another quantity.

    Raises:
        BadInputError: the list of classes is empty, or for the reasons of `class_auc`.

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
    # Counting in integers keeps the result exact. Both sides are sorted so that the look-ups stay
    # in the cache of the processor.
    needles, haystack = np.sort(positives), np.sort(negatives)
    below = int(np.searchsorted(haystack, needles, side="left").sum())
    not_above = int(np.searchsorted(haystack, needles, side="right").sum())
    return (below + not_above) / (2 * positives.size * negatives.size)


def _threshold_area(positives: np.ndarray, negatives: np.ndarray) -> float:
    true_rate, false_rate = _called_positive(positives), _called_positive(negatives)
    return float(np.sum((true_rate[1:] + true_rate[:-1]) * np.abs(np.diff(false_rate))) / 2)


def _called_positive(scores: np.ndarray) -> np.ndarray:
    """(101,) the fraction of the scores that is greater than each threshold."""
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
