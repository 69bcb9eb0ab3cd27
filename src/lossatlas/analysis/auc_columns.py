"""AUC of every minimum of an atlas, on training and testing data, as columns of the atlas.

The columns of the exact AUC of class 0 are ``train_auc`` and ``test_auc``. Other choices get
columns of their own, such as ``test_auc_class_2``, ``test_auc_threshold`` and ``test_auc_macro``,
so that no column ever mixes two measures.

If training labels were changed (the array ``train_changed`` of the problem), there are two further
columns of each kind: ``incorrect_auc`` on the changed items, with the labels that they were given,
and ``correct_auc`` on the other training items (Tables I to III of the paper).

An AUC of a class that was never trained says nothing, and an AUC of a class without items does not
exist. Both are NaN in the atlas, and `undefined_auc` gives the reason. The macro AUC is the mean
over the classes that are both trained and tested. A class is trained if training items have it
before their labels are changed.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from lossatlas.analysis.auc import Rule, class_auc, macro_auc
from lossatlas.atlas import Atlas, Problem
from lossatlas.errors import BadInputError
from lossatlas.landscape.base import Landscape
from lossatlas.landscape.model_landscape import dense_network

ROWS_AT_ONCE = 100_000
"""Number of items times minima that are evaluated together; it takes a few megabytes."""

GROUPS = ("train", "test")
PARTS = ("incorrect", "correct")
"""Parts of the training items: those whose label was changed, and the others."""


def auc_columns(
    positive_class: int | Literal["macro"] = 0,
    rule: Rule = "rank",
    groups: Sequence[str] = GROUPS,
) -> tuple[str, ...]:
    """Names of the columns that hold one kind of AUC, one name for each group of items.

    Args:
        positive_class: the class that counts as positive, or ``"macro"``; default 0.
        rule: ``"rank"`` (exact, the default) or ``"threshold"`` (as in the Fortran programs).
        groups: groups of items, any of ``"train"``, ``"test"``, ``"incorrect"`` and ``"correct"``;
            by default ``"train"`` and ``"test"``.

    Examples:
        >>> auc_columns(), auc_columns(2, "threshold")
        (('train_auc', 'test_auc'), ('train_auc_class_2_threshold', 'test_auc_class_2_threshold'))
    """
    suffix = "_macro" if positive_class == "macro" else f"_class_{positive_class}"
    suffix = ("" if positive_class == 0 else suffix) + ("" if rule == "rank" else f"_{rule}")
    return tuple(f"{group}_auc{suffix}" for group in groups)


def compute_auc(
    atlas: Atlas,
    landscape: Landscape,
    positive_class: int | Literal["macro"] = 0,
    rule: Rule = "rank",
    only_missing: bool = False,
) -> dict[str, int]:
    """Compute the AUC of the minima and store it as columns of the atlas.

    `auc_columns` gives the names of the columns: one for the training data, one for the testing
    data, and one each for the training items with and without a changed label, if there are such
    items.

    Args:
        atlas: an open atlas whose problem holds the data.
        landscape: the landscape of the atlas.
        positive_class: the class that counts as positive, against all others; default 0.
            ``"macro"`` averages over the classes that are both trained and tested (see
            `left_out_of_macro_auc`).
        rule: ``"rank"`` (exact, the default) or ``"threshold"`` (as in the Fortran programs).
        only_missing: whether to skip minima that already have a value for the present data;
            default False.

    Returns:
        For each column, the number of minima that it was computed for. It is 0 if the AUC is
        undefined, in which case NaN is stored (see `undefined_auc`).

    Raises:
        BadInputError: the atlas holds no data, there is no such class, or the rule is unknown.

    Examples:
        >>> compute_auc(atlas, landscape)                    # doctest: +SKIP
        {'train_auc': 11, 'test_auc': 11}
    """
    frame = atlas.minima(outside=True)
    problem = atlas.problem
    groups = _groups(problem)
    names = auc_columns(positive_class, rule, groups)
    undefined = undefined_auc(problem, positive_class, rule)
    counts = {}
    for group, name in zip(groups, names, strict=True):
        ids = frame["id"]
        if only_missing and name in frame:
            ids = ids[:0] if name in undefined else ids[frame[name].isna()]
        items = _items(problem, group)
        values = _values(atlas, landscape, ids.tolist(), items, (positive_class, rule))
        if name in undefined:
            values = dict.fromkeys(values, np.nan)
        counts[name] = 0 if name in undefined else len(values)
        atlas.set_property(name, values, problem.data_hash(_source(problem, group, positive_class)))
    return counts


def undefined_auc(
    problem: Problem, positive_class: int | Literal["macro"] = 0, rule: Rule = "rank"
) -> dict[str, str]:
    """The columns of one kind of AUC that are undefined, each with the reason.

    Args:
        problem: the problem of an atlas, which holds its data.
        positive_class: the class that counts as positive, or ``"macro"``; default 0.
        rule: ``"rank"`` (exact, the default) or ``"threshold"`` (as in the Fortran programs).

    Returns:
        The reason, in words, for each undefined column; empty if all columns are defined.

    Raises:
        BadInputError: the problem holds no data.

    Examples:
        >>> rows = {
        ...     "train_inputs": np.zeros((2, 1)),
        ...     "train_labels": np.array([0, 1]),
        ...     "test_inputs": np.zeros((1, 1)),
        ...     "test_labels": np.array([2]),
        ... }
        >>> undefined_auc(Problem({}, {}, rows))
        {'test_auc': 'no test item has class 0'}
    """
    groups = _groups(problem)
    columns = zip(groups, auc_columns(positive_class, rule, groups), strict=True)
    reasons = {name: _why_undefined(problem, group, positive_class) for group, name in columns}
    return {name: reason for name, reason in reasons.items() if reason}


def left_out_of_macro_auc(problem: Problem) -> dict[int, str]:
    """The classes that the macro AUC leaves out of its mean, each with the reason.

    Args:
        problem: the problem of an atlas, which holds its data.

    Returns:
        The reason, in words, for each class that is left out; empty if all classes are both
        trained and tested.

    Raises:
        BadInputError: the problem holds no data.

    Examples:
        >>> rows = {
        ...     "train_inputs": np.zeros((2, 1)),
        ...     "train_labels": np.array([0, 1]),
        ...     "test_inputs": np.zeros((1, 1)),
        ...     "test_labels": np.array([1]),
        ... }
        >>> left_out_of_macro_auc(Problem({}, {}, rows))
        {0: 'no test item has it'}
    """
    trained, tested = _classes_of(problem)
    names = problem.specification.get("classes", ())
    known = range(max(len(names), *(k + 1 for k in trained | tested)))
    why = {
        (False, False): "neither a training nor a test item has it",
        (False, True): "no training item has it",
        (True, False): "no test item has it",
    }
    return {k: why[k in trained, k in tested] for k in known if not (k in trained and k in tested)}


def class_name(problem: Problem, k: int) -> str:
    """A class as messages name it: its number, followed by its name if the name is another one.

    Examples:
        >>> class_name(Problem({}, {"classes": ["no", "yes"]}), 1), class_name(Problem({}), 1)
        ("1 ('yes')", '1')
    """
    names = problem.specification.get("classes", ())
    known = k < len(names) and names[k] != str(k)
    return f"{k} ({names[k]!r})" if known else str(k)


def _classes_of(problem: Problem) -> tuple[set[int], set[int]]:
    """The classes of the training items before label noise, and those of the testing items."""
    labels = _items(problem, "train")[1]
    trained = set(problem.arrays.get("train_clean_labels", labels).tolist())
    if "test" not in _groups(problem):
        return trained, trained  # nothing is tested that could be left out
    return trained, set(_items(problem, "test")[1].tolist())


def _why_undefined(problem: Problem, group: str, positive_class: int | Literal["macro"]) -> str:
    """The reason why the AUC of a group of items is undefined; empty if it is defined."""
    trained, tested = _classes_of(problem)
    present = set(_items(problem, group)[1].tolist())
    rows = {"train": "training item", "test": "test item"}.get(group, f"{group} training item")
    if positive_class == "macro":
        averaged = sorted(trained & tested)
        if not averaged:
            return "no class is both trained and tested"
        missing = [k for k in averaged if k not in present]
        reason = f"no {rows} has class {class_name(problem, missing[0])}" if missing else ""
    elif positive_class not in trained:
        reason = f"no training item has class {class_name(problem, positive_class)}"
    elif positive_class not in present:
        reason = f"no {rows} has class {class_name(problem, positive_class)}"
    else:
        reason = ""
    if not reason and len(present) == 1:
        reason = f"every {rows} has class {class_name(problem, next(iter(present)))}"
    return reason


def _source(problem: Problem, group: str, positive_class: int | Literal["macro"]) -> str:
    """The group of arrays that decides whether a stored column is still valid.

    All columns depend on the training data, which never change in an atlas. The testing data may
    change, and they also decide which classes the macro AUC leaves out.
    """
    trained, tested = _classes_of(problem)
    if group == "test" or (positive_class == "macro" and not trained <= tested):
        return "test"
    return "train"


def values_of(
    atlas: Atlas,
    landscape: Landscape,
    ids: Sequence[int],
    group: str,
    kind: tuple[int | Literal["macro"], Rule],
) -> dict[int, float]:
    """The AUC on a group of items for each minimum, by its id; nothing is stored.

    Args:
        atlas: an open atlas whose problem holds the data.
        landscape: the landscape of the atlas.
        ids: ids of the minima.
        group: one of `GROUPS` or `PARTS`.
        kind: positive class (or ``"macro"``) and rule, as in `compute_auc`.
    """
    return _values(atlas, landscape, ids, _items(atlas.problem, group), kind)


def _values(
    atlas: Atlas,
    landscape: Landscape,
    ids: Sequence[int],
    items: tuple[np.ndarray, np.ndarray],
    kind: tuple[int | Literal["macro"], Rule],
) -> dict[int, float]:
    """The AUC on some items for each minimum, by its id."""
    inputs, labels = items
    trained, tested = _classes_of(atlas.problem)
    network, chunk = dense_network(landscape), max(1, ROWS_AT_ONCE // len(labels))
    values: dict[int, float] = {}
    for start in range(0, len(ids), chunk):
        some = [int(key) for key in ids[start : start + chunk]]
        outputs = network.logits(atlas.minimum_weights(some), inputs)
        areas = _areas(_probabilities(outputs), labels, kind, sorted(trained & tested))
        values.update(zip(some, areas.tolist(), strict=True))
    return values


def _groups(problem: Problem) -> tuple[str, ...]:
    """The groups of items for which there are columns: those that have items."""
    arrays = problem.arrays
    changed = arrays.get("train_changed", np.zeros(0, bool))
    parts = zip(PARTS, (changed.any(), (~changed).any()), strict=True)
    whole = [g for g in GROUPS if g == "train" or f"{g}_inputs" in arrays]
    return *whole, *(part for part, has_items in parts if has_items)


def _areas(
    probabilities: np.ndarray,
    labels: np.ndarray,
    kind: tuple[int | Literal["macro"], Rule],
    averaged: Sequence[int],
) -> np.ndarray:
    positive_class, rule = kind
    if positive_class != "macro":
        return class_auc(probabilities, labels, positive_class, rule)
    if not averaged:
        return np.full(len(probabilities), np.nan)
    return macro_auc(probabilities, labels, rule, averaged)


def _items(problem: Problem, group: str) -> tuple[np.ndarray, np.ndarray]:
    """The inputs and labels of a group of items."""
    if group not in PARTS:
        return _data(problem, group)
    inputs, labels = _data(problem, "train")
    part = problem.arrays["train_changed"] == (group == "incorrect")
    return inputs[part], labels[part]


def _data(problem: Problem, group: str) -> tuple[np.ndarray, np.ndarray]:
    names = f"{group}_inputs", f"{group}_labels"
    for name in names:
        if name not in problem.arrays:
            raise BadInputError("atlas", f"it holds no {name}", "explore a study with data")
    return problem.arrays[names[0]], problem.arrays[names[1]]


def _probabilities(outputs: np.ndarray) -> np.ndarray:
    """(b, classes, items) probabilities: the softmax of outputs (b, items, classes)."""
    outputs = np.swapaxes(outputs, 1, 2)
    exponentials = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)
