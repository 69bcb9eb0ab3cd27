"""Label noise: training labels that are changed on purpose, for a fixed fraction of the items.

Every kind of noise changes exactly round(fraction N) of N labels, each to another class, and tells
which ones. *Uniform* noise is that of the paper (section IV.A): items are chosen at random, and
class i becomes any class j != i with probability 1/(C - 1). *Class-conditional* noise follows a
confusion matrix. *Permutation* noise replaces every class by a fixed other one. Two kinds depend on
the outputs of a reference network for the items: *boundary* noise changes the items that the
reference finds hardest to classify, and *adversarial* noise those whose new label it finds least
probable.

Kinds that draw random numbers take a ``seed``. By default the draws for different numbers of
changed items are independent. With ``common_random_numbers`` they are one draw that is cut at
different places: an item that is changed at 10 % is changed at 50 % too, and to the same class, so
that a difference between two fractions does not come from two different draws.

References: N. Natarajan, I. S. Dhillon, P. Ravikumar, A. Tewari, Advances in Neural Information
Processing Systems 26 (2013), for class-conditional noise; E. Ohlsson, J. Off. Stat. 14, 149 (1998),
for sequential Poisson sampling.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from lossatlas.errors import BadInputError

NOISE = 20200409
"""Part of the key of all draws, which makes them independent of a split with the same seed."""
ITEMS, CLASSES = 0, 1
"""Parts of the keys of the draws that choose items, and of the draw of a permutation of classes."""
ROW_SUM_TOLERANCE = 1e-6
"""Largest difference from 1 of the sum of a row of a confusion matrix, which is typed by hand."""


Confusion = Sequence[Sequence[float]] | Float[np.ndarray, "C C"]
"""A confusion matrix, as rows of numbers."""


class NoisyLabels(NamedTuple):
    """Labels after noise was added.

    Attributes:
        labels: (N,) int64 classes, from 0 to C - 1.
        changed: (N,) whether each label differs from the clean one.

    Examples:
        >>> noisy = uniform_noise(np.zeros(4, int), classes=2, fraction=0.5, seed=1)
        >>> int(noisy.labels.sum()), int(noisy.changed.sum())
        (2, 2)
    """

    labels: Int[np.ndarray, " N"]
    changed: Bool[np.ndarray, " N"]


def uniform_noise(
    labels: Int[np.ndarray, " N"],
    classes: int,
    fraction: float,
    seed: int = 0,
    common_random_numbers: bool = False,
) -> NoisyLabels:
    """Change randomly chosen labels to any other class with equal probability.

    This is the noise of the paper (section IV.A).

    Args:
        labels: (N,) clean labels, from 0 to C - 1.
        classes: number C of classes, at least 2.
        fraction: fraction of the items to change, from 0 to 1.
        seed: seed of the random numbers; default 0.
        common_random_numbers: whether the items changed at a smaller fraction are also changed, to
            the same classes, at a larger one; default False, for independent draws.

    Raises:
        BadInputError: the fraction is not from 0 to 1, there are fewer than two classes, or a label
            is none of the classes.

    Examples:
        >>> noisy = uniform_noise(np.zeros(10, int), 4, 0.3, seed=1)
        >>> int(noisy.changed.sum()), bool((noisy.labels[noisy.changed] != 0).all())
        (3, True)
    """
    count = _count(labels, classes, fraction)
    generator = _generator(seed, count, common_random_numbers)
    order = generator.permutation(len(labels))
    others = (labels + generator.integers(1, classes, len(labels))) % classes
    return _changed(labels, order[:count], others)


def class_conditional_noise(
    labels: Int[np.ndarray, " N"],
    classes: int,
    confusion: Confusion,
    fraction: float,
    seed: int = 0,
    common_random_numbers: bool = False,
) -> NoisyLabels:
    """Change labels by a confusion matrix whose error rates are scaled.

    Row i of the matrix holds the probabilities of the labels that an item of class i is given;
    entries off the diagonal are errors. An item of class i is changed with a probability
    proportional to the error rate 1 - C_ii. The factor is such that round(fraction N) items are
    changed in all (sequential Poisson sampling; rates that would exceed 1 are 1). A changed item
    gets class j != i with probability C_ij / (1 - C_ii). If the fraction is the mean error rate of
    the items, the factor is one, and the noise is that of the matrix.

    Args:
        labels: (N,) clean labels, from 0 to C - 1.
        classes: number C of classes, at least 2.
        confusion: (C, C) confusion matrix; entries are not negative, and each row sums to 1.
        fraction: fraction of the items to change, from 0 to 1.
        seed: seed of the random numbers; default 0.
        common_random_numbers: whether the items changed at a smaller fraction are also changed, to
            the same classes, at a larger one; default False, for independent draws.

    Raises:
        BadInputError: the matrix is not a confusion matrix of these classes, the fraction is not
            from 0 to 1, a label is none of the classes, or more items are to be changed than there
            are in classes that the matrix changes.

    Examples:
        >>> labels = np.repeat([0, 1, 2], 100)
        >>> noisy = class_conditional_noise(labels, 3, [[1, 0, 0], [0, 1, 0], [0.1, 0, 0.9]], 0.1)
        >>> np.bincount(noisy.labels).tolist()
        [130, 100, 70]
    """
    check_confusion(confusion)
    table = np.asarray(confusion, np.float64)
    if len(table) != classes:
        problem = f"it has {len(table)} rows, the data have {classes} classes"
        raise BadInputError("[noise] confusion", problem, "give every class a row")
    count = _count(labels, classes, fraction)
    errors = table - np.diag(np.diag(table))
    rates = errors.sum(axis=1)[labels]
    if count > np.count_nonzero(rates):
        raise BadInputError(
            "[noise] fraction",
            f"{count} items are to be changed, but only {np.count_nonzero(rates)} are in classes "
            "that the matrix changes",
            "use a smaller fraction",
        )
    generator = _generator(seed, count, common_random_numbers)
    drawn = generator.random(len(labels))
    keys = np.full(len(labels), np.inf)
    np.divide(drawn, rates, out=keys, where=rates > 0)
    others = _drawn_from(errors, labels, generator.random(len(labels)))
    return _changed(labels, np.argsort(keys, kind="stable")[:count], others)


def permutation_noise(
    labels: Int[np.ndarray, " N"],
    classes: int,
    fraction: float,
    seed: int = 0,
    common_random_numbers: bool = False,
) -> NoisyLabels:
    """Change randomly chosen labels, where every class becomes always the same other class.

    The permutation of the classes has no fixed points, and all such permutations are equally
    likely. It depends on the seed alone, so that it is the same for all fractions.

    Args:
        labels: (N,) clean labels, from 0 to C - 1.
        classes: number C of classes, at least 2.
        fraction: fraction of the items to change, from 0 to 1.
        seed: seed of the random numbers; default 0.
        common_random_numbers: whether the items changed at a smaller fraction are also changed at a
            larger one; default False, for independent draws.

    Raises:
        BadInputError: the fraction is not from 0 to 1, there are fewer than two classes, or a label
            is none of the classes.

    Examples:
        >>> noisy = permutation_noise(np.arange(30) % 3, 3, 1.0, seed=4)
        >>> noisy.labels[:6].tolist()
        [1, 2, 0, 1, 2, 0]
    """
    count = _count(labels, classes, fraction)
    permutation = _without_fixed_points(classes, seed)
    generator = _generator(seed, count, common_random_numbers)
    order = generator.permutation(len(labels))
    return _changed(labels, order[:count], permutation[labels])


def boundary_noise(
    labels: Int[np.ndarray, " N"], outputs: Float[np.ndarray, "N C"], fraction: float
) -> NoisyLabels:
    """Change the labels of the items nearest the decision boundary of a reference network.

    The nearest items have the smallest difference between the two highest probabilities. The new
    class is the most probable one other than the item's own: the second most probable class if the
    reference is right, and its prediction if it is wrong. No random numbers are drawn, and the
    items changed at a smaller fraction are also changed at a larger one. Of equally near items, the
    first ones are changed.

    Args:
        labels: (N,) clean labels, from 0 to C - 1.
        outputs: (N, C) outputs of the reference network for every item, before the softmax.
        fraction: fraction of the items to change, from 0 to 1.

    Raises:
        BadInputError: the fraction is not from 0 to 1, or the outputs are not finite or do not fit
            the labels.

    Examples:
        >>> outputs = np.array([[3.0, 0.0, 1.0], [1.0, 0.9, 0.0], [0.0, 0.2, 4.0]])
        >>> boundary_noise(np.array([0, 0, 2]), outputs, 1 / 3).labels.tolist()
        [0, 1, 2]
    """
    count = _count(labels, _classes(labels, outputs), fraction)
    exponentials = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    ranked = np.sort(exponentials / exponentials.sum(axis=1, keepdims=True), axis=1)
    margins = ranked[:, -1] - ranked[:, -2]
    others = _without_own(labels, outputs, -np.inf).argmax(axis=1)
    return _changed(labels, np.argsort(margins, kind="stable")[:count], others)


def adversarial_noise(
    labels: Int[np.ndarray, " N"], outputs: Float[np.ndarray, "N C"], fraction: float
) -> NoisyLabels:
    """Change the labels whose change raises the loss of a reference network most.

    A change from class i to j adds ln p_i - ln p_j = y_i - y_j to the cross-entropy of an item with
    outputs y. The new class is the least probable one other than the item's own. No random numbers
    are drawn, and the items changed at a smaller fraction are also changed at a larger one. Of
    items with an equal rise of the loss, the first ones are changed.

    Args:
        labels: (N,) clean labels, from 0 to C - 1.
        outputs: (N, C) outputs of the reference network for every item, before the softmax.
        fraction: fraction of the items to change, from 0 to 1.

    Raises:
        BadInputError: the fraction is not from 0 to 1, or the outputs are not finite or do not fit
            the labels.

    Examples:
        >>> outputs = np.array([[3.0, 0.0, 1.0], [1.0, 0.9, 0.0], [0.0, 0.2, 4.0]])
        >>> adversarial_noise(np.array([0, 0, 2]), outputs, 1 / 3).labels.tolist()
        [0, 0, 0]
    """
    count = _count(labels, _classes(labels, outputs), fraction)
    others = _without_own(labels, outputs, np.inf).argmin(axis=1)
    rows = np.arange(len(labels))
    rise = outputs[rows, labels] - outputs[rows, others]
    return _changed(labels, np.argsort(-rise, kind="stable")[:count], others)


def check_confusion(confusion: Confusion) -> None:
    """Refuse a matrix that is not a confusion matrix.

    Raises:
        BadInputError: the matrix is not square, an entry is negative, or a row does not sum to 1.

    Examples:
        >>> check_confusion([[0.9, 0.1], [0.3, 0.7]])
    """
    where, remedy = "[noise] confusion", "give every class a row with the probability of each class"
    rows = [list(row) for row in confusion]
    if not rows or any(len(row) != len(rows) for row in rows):
        raise BadInputError(where, "it is not square", remedy)
    for number, row in enumerate(rows, start=1):
        if min(row) < 0:
            raise BadInputError(where, f"row {number} has a negative entry", remedy)
        if not abs(sum(row) - 1) <= ROW_SUM_TOLERANCE:
            raise BadInputError(where, f"row {number} sums to {sum(row):.7g}, not to 1", remedy)


def _count(labels: np.ndarray, classes: int, fraction: float) -> int:
    """Check the arguments of label noise; return the number of labels to change."""
    if not 0 <= fraction <= 1:
        problem = f"{fraction} is not a fraction of the items"
        raise BadInputError("[noise] fraction", problem, "use a number from 0 to 1")
    if classes < 2:
        raise BadInputError("[noise]", f"there are {classes} classes", "give two or more")
    if len(labels) and not (labels.min() >= 0 and labels.max() < classes):
        raise BadInputError("[noise]", f"a label is none of {classes} classes", "use 0 .. C-1")
    return round(fraction * len(labels))


def _classes(labels: np.ndarray, outputs: np.ndarray) -> int:
    if outputs.ndim != 2 or len(outputs) != len(labels) or not np.isfinite(outputs).all():
        raise BadInputError(
            "[noise] reference",
            f"its outputs of shape {outputs.shape} do not fit {len(labels)} items",
            "give a finite number for every item and class",
        )
    return outputs.shape[1]


def _generator(seed: int, count: int, common_random_numbers: bool) -> np.random.Generator:
    """The random numbers that choose items and their classes."""
    key = (NOISE, ITEMS) if common_random_numbers else (NOISE, ITEMS, count)
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def _without_fixed_points(classes: int, seed: int) -> np.ndarray:
    """A random permutation that changes every class; one in e of those drawn does so."""
    generator = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(NOISE, CLASSES)))
    while True:
        permutation = generator.permutation(classes)
        if (permutation != np.arange(classes)).all():
            return permutation


def _drawn_from(errors: np.ndarray, labels: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """Draw a class for every item from the weights (C, C) of its class and a number in [0, 1)."""
    sums = errors.cumsum(axis=1)
    totals = np.where(sums[:, -1:] > 0, sums[:, -1:], 1.0)
    return ((sums / totals)[labels] > drawn[:, None]).argmax(axis=1)


def _without_own(labels: np.ndarray, outputs: np.ndarray, instead: float) -> np.ndarray:
    """The outputs, with another value in place of the output of each item's own class."""
    others = np.array(outputs, np.float64)
    others[np.arange(len(labels)), labels] = instead
    return others


def _changed(labels: np.ndarray, chosen: np.ndarray, others: np.ndarray) -> NoisyLabels:
    """The labels, with those of the chosen items replaced by the others."""
    changed = np.zeros(len(labels), bool)
    changed[chosen] = True
    return NoisyLabels(np.where(changed, others, labels).astype(np.int64), changed)
