"""How well networks predict: accuracies, errors, the confusion matrix, the ROC curve."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int


def accuracy(
    logits: Float[np.ndarray, "b items classes"], labels: Int[np.ndarray, " items"]
) -> Float[np.ndarray, " b"]:
    """The share of the items whose class has the largest logit.

    Examples:
        >>> accuracy(np.array([[[1.0, 0.0], [3.0, 2.0]]]), np.array([0, 1]))
        array([0.5])
    """
    return (logits.argmax(axis=2) == labels).mean(axis=1)


def balanced_accuracy(
    logits: Float[np.ndarray, "b items classes"], labels: Int[np.ndarray, " items"]
) -> Float[np.ndarray, " b"]:
    """The mean over the classes that are there of the accuracy on the items of a class.

    Examples:
        >>> logits = np.array([[[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]])
        >>> balanced_accuracy(logits, np.array([0, 0, 1, 1]))
        array([0.75])
    """
    right = logits.argmax(axis=2) == labels
    return np.mean([right[:, labels == k].mean(axis=1) for k in np.unique(labels)], axis=0)


def root_mean_squared_error(
    outputs: Float[np.ndarray, "b items outputs"], targets: Float[np.ndarray, "items outputs"]
) -> Float[np.ndarray, " b"]:
    """The root of the mean of the squared errors, over items and outputs.

    Examples:
        >>> root_mean_squared_error(np.array([[[1.0], [3.0]]]), np.array([[0.0], [3.0]]))
        array([0.70710678])
    """
    return ((outputs - targets) ** 2).mean(axis=(1, 2)) ** 0.5


def r2(
    outputs: Float[np.ndarray, "b items outputs"], targets: Float[np.ndarray, "items outputs"]
) -> Float[np.ndarray, " b"]:
    """One minus the squared errors over those of the mean target, averaged over the outputs.

    It is NaN where a target is the same for all items.

    Examples:
        >>> r2(np.array([[[1.0], [3.0]]]), np.array([[1.0], [3.0]]))
        array([1.])
    """
    left = ((outputs - targets) ** 2).sum(axis=1)
    whole = ((targets - targets.mean(axis=0)) ** 2).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = np.where(whole > 0, left / whole, np.nan)
    return 1.0 - shares.mean(axis=1)


def confusion_matrix(
    logits: Float[np.ndarray, "items classes"], labels: Int[np.ndarray, " items"]
) -> Int[np.ndarray, "classes classes"]:
    """How many items of each class (row) have the largest logit for each class (column).

    Examples:
        >>> confusion_matrix(np.array([[1.0, 0.0], [3.0, 2.0]]), np.array([0, 1]))
        array([[1, 0],
               [1, 0]])
    """
    classes = logits.shape[1]
    pairs = labels * classes + logits.argmax(axis=1)
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)


class RocCurve(NamedTuple):
    """The receiver operating characteristic of scores, from (0, 0) to (1, 1).

    Attributes:
        false_rate: (t,) share of the negative items that are called positive, ascending.
        true_rate: (t,) share of the positive items that are.
        thresholds: (t,) an item is called positive whose score is at least this.
    """

    false_rate: np.ndarray
    true_rate: np.ndarray
    thresholds: np.ndarray


def roc_curve(
    scores: Float[np.ndarray, " items"], positive: Bool[np.ndarray, " items"]
) -> RocCurve:
    """The ROC curve; the area under it is `rank_auc`.

    Examples:
        >>> curve = roc_curve(np.array([0.1, 0.9]), np.array([False, True]))
        >>> curve.false_rate.tolist(), curve.true_rate.tolist()
        ([0.0, 0.0, 1.0], [0.0, 1.0, 1.0])
    """
    order = np.argsort(-scores, kind="stable")
    ranked, hits = scores[order], positive[order]
    last = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
    true, false = np.cumsum(hits)[last], np.cumsum(~hits)[last]
    with np.errstate(invalid="ignore"):
        rates = (np.append(0.0, false / false[-1]), np.append(0.0, true / true[-1]))
    return RocCurve(*rates, np.append(np.inf, ranked[last]))
