"""Measures of prediction: accuracies, errors, the confusion matrix and the ROC curve.

The functions take the outputs of b networks (such as b minima) at once where they have an axis b.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int


def accuracy(
    logits: Float[np.ndarray, "b items classes"], labels: Int[np.ndarray, " items"]
) -> Float[np.ndarray, " b"]:
    """The fraction of the items whose class has the largest logit.

    Args:
        logits: (b, items, classes) outputs of the networks before the softmax.
        labels: (items,) class of each item, from 0.

    Examples:
        >>> accuracy(np.array([[[1.0, 0.0], [3.0, 2.0]]]), np.array([0, 1]))
        array([0.5])
    """
    return (logits.argmax(axis=2) == labels).mean(axis=1)


def balanced_accuracy(
    logits: Float[np.ndarray, "b items classes"], labels: Int[np.ndarray, " items"]
) -> Float[np.ndarray, " b"]:
    """The mean over classes of the accuracy on the items of the class.

    Args:
        logits: (b, items, classes) outputs of the networks before the softmax.
        labels: (items,) class of each item, from 0; classes without items are left out of the mean.

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
    """The root of the mean squared error over items and outputs, in units of the targets.

    Args:
        outputs: (b, items, outputs) outputs of the networks.
        targets: (items, outputs) numbers to be predicted.

    Examples:
        >>> root_mean_squared_error(np.array([[[1.0], [3.0]]]), np.array([[0.0], [3.0]]))
        array([0.70710678])
    """
    return ((outputs - targets) ** 2).mean(axis=(1, 2)) ** 0.5


def r2(
    outputs: Float[np.ndarray, "b items outputs"], targets: Float[np.ndarray, "items outputs"]
) -> Float[np.ndarray, " b"]:
    """The coefficient of determination R^2, averaged over the outputs.

    For one output it is one minus the sum of the squared errors divided by the sum of the squared
    deviations of the targets from their mean. It is NaN if a target is the same for all items.

    Args:
        outputs: (b, items, outputs) outputs of the networks.
        targets: (items, outputs) numbers to be predicted.

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
    """Count the items of each class (row) by the class of their largest logit (column).

    Args:
        logits: (items, classes) outputs of one network before the softmax.
        labels: (items,) class of each item, from 0.

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
        false_rate: (t,) fraction of the negative items that are called positive, ascending.
        true_rate: (t,) fraction of the positive items that are called positive.
        thresholds: (t,) least score of the items that are called positive, descending.
    """

    false_rate: np.ndarray
    true_rate: np.ndarray
    thresholds: np.ndarray


def roc_curve(
    scores: Float[np.ndarray, " items"], positive: Bool[np.ndarray, " items"]
) -> RocCurve:
    """The receiver operating characteristic; the area under it is `rank_auc`.

    Args:
        scores: (items,) scores, higher for items that are more likely positive.
        positive: (items,) True for the items of the positive class.

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
