"""AUC of every minimum of an atlas, on training and testing data, as columns of the atlas.

The columns of the exact AUC of class 0 are ``train_auc`` and ``test_auc``; other choices get
columns of their own, so that no column ever mixes two measures: ``test_auc_class_2``,
``test_auc_threshold``, ``test_auc_macro`` ...

Where training labels were changed (the array ``train_changed`` of the problem), there are two
further columns of each kind: ``incorrect_auc`` on the changed items, by the labels that they were
given, and ``correct_auc`` on the others (the paper's Tables I to III).
"""

from collections.abc import Sequence
from typing import Literal, Protocol

import numpy as np

from lossatlas.analysis.auc import Rule, class_auc, macro_auc
from lossatlas.atlas import Atlas, Problem
from lossatlas.errors import BadInputError

ROWS_AT_ONCE = 100_000
"""Items times minima evaluated together: a few megabytes of outputs."""

GROUPS = ("train", "test")
PARTS = ("incorrect", "correct")
"""Of the training items: those whose label was changed, and the others."""


class Classifier(Protocol):
    """What scores items: the one method of a landscape that is used here."""

    def logits(self, w: np.ndarray, inputs: np.ndarray) -> np.ndarray:
        """Outputs (b, items, classes) for weights (b, n) and inputs (items, features)."""
        ...


def auc_columns(
    positive_class: int | Literal["macro"] = 0,
    rule: Rule = "rank",
    groups: Sequence[str] = GROUPS,
) -> tuple[str, ...]:
    """Names of the columns of a kind of AUC, one for each group of items.

    Args:
        positive_class: as in `compute_auc`.
        rule: as in `compute_auc`.
        groups: any of `GROUPS` and `PARTS`.

    Example:
        >>> auc_columns(), auc_columns(2, "threshold")
        (('train_auc', 'test_auc'), ('train_auc_class_2_threshold', 'test_auc_class_2_threshold'))
    """
    suffix = "_macro" if positive_class == "macro" else f"_class_{positive_class}"
    suffix = ("" if positive_class == 0 else suffix) + ("" if rule == "rank" else f"_{rule}")
    return tuple(f"{group}_auc{suffix}" for group in groups)


def compute_auc(
    atlas: Atlas,
    landscape: Classifier,
    positive_class: int | Literal["macro"] = 0,
    rule: Rule = "rank",
    only_missing: bool = False,
) -> dict[str, int]:
    """Compute the AUC of the minima and store it as columns of the atlas.

    The columns are those of `auc_columns`: of training and testing data, and of the incorrect
    and the correct part of the training data where the problem has such items.

    Args:
        atlas: an open atlas; its problem holds the data.
        landscape: of the atlas.
        positive_class: the class that counts as positive, against all others; ``"macro"``
            averages over all classes (see `macro_auc`).
        rule: ``"rank"`` (exact) or ``"threshold"`` (that of the Fortran programs).
        only_missing: leave minima alone that have a value for the present data.

    Returns:
        for each column how many minima it was computed for. Where only one class is present
        the AUC is undefined and stored as NaN.

    Raises:
        BadInputError: the atlas holds no such data, no such class, or the rule is unknown.

    Example:
        >>> compute_auc(atlas, landscape)                    # doctest: +SKIP
        {'train_auc': 11, 'test_auc': 11}
    """
    frame = atlas.minima(outside=True)
    counts = {}
    groups = _groups(atlas.problem)
    for group, name in zip(groups, auc_columns(positive_class, rule, groups), strict=True):
        ids = frame["id"]
        if only_missing and name in frame:
            ids = ids[frame[name].isna()]
        counts[name] = len(ids)
        source = "train" if group in PARTS else group
        inputs, labels = _data(atlas.problem, source)
        if group in PARTS:
            part = atlas.problem.arrays["train_changed"] == (group == "incorrect")
            inputs, labels = inputs[part], labels[part]
        chunk = max(1, ROWS_AT_ONCE // len(labels))
        values: dict[int, float] = {}
        for start in range(0, len(ids), chunk):
            some = [int(key) for key in ids[start : start + chunk]]
            outputs = landscape.logits(atlas.minimum_weights(some), inputs)
            areas = _areas(_probabilities(outputs), labels, positive_class, rule)
            values.update(zip(some, areas.tolist(), strict=True))
        atlas.set_property(name, values, atlas.problem.data_hash(source))
    return counts


def _groups(problem: Problem) -> tuple[str, ...]:
    """The groups that have items."""
    changed = problem.arrays.get("train_changed", np.zeros(0, bool))
    parts = zip(PARTS, (changed.any(), (~changed).any()), strict=True)
    return *GROUPS, *(part for part, has_items in parts if has_items)


def _areas(
    probabilities: np.ndarray,
    labels: np.ndarray,
    positive_class: int | Literal["macro"],
    rule: Rule,
) -> np.ndarray:
    if positive_class == "macro":
        return macro_auc(probabilities, labels, rule)
    return class_auc(probabilities, labels, positive_class, rule)


def _data(problem: Problem, group: str) -> tuple[np.ndarray, np.ndarray]:
    names = f"{group}_inputs", f"{group}_labels"
    for name in names:
        if name not in problem.arrays:
            raise BadInputError("atlas", f"it holds no {name}", "explore a study with data")
    return problem.arrays[names[0]], problem.arrays[names[1]]


def _probabilities(outputs: np.ndarray) -> np.ndarray:
    """Softmax over the classes: (b, items, classes) to (b, classes, items)."""
    outputs = np.swapaxes(outputs, 1, 2)
    exponentials = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)
