"""How well every minimum of an atlas predicts the training and testing data, as columns.

Networks that predict classes have the columns ``train_data_loss`` (the loss without the penalty),
``train_accuracy`` and ``train_balanced_accuracy``. Networks that predict numbers have
``train_data_loss``, ``train_r2`` and ``train_rmse``. Each column exists for the testing data too,
with ``test_`` in its name. The training labels are those of the training, including labels that
label noise has changed. The root mean squared error (rmse) is in the units of the targets as they
were read, before any scaling.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from lossatlas.analysis.measures import (
    RocCurve,
    accuracy,
    balanced_accuracy,
    confusion_matrix,
    r2,
    roc_curve,
    root_mean_squared_error,
)
from lossatlas.atlas import Atlas, Problem
from lossatlas.compiled import compiled
from lossatlas.errors import BadInputError
from lossatlas.landscape.base import Landscape
from lossatlas.landscape.model_landscape import dense_network
from lossatlas.landscape.network_landscape import NetworkLandscape
from lossatlas.landscape.network_targets import encoded

ROWS_AT_ONCE = 100_000
"""Number of items times minima that are evaluated together; it takes a few megabytes."""
GROUPS = ("train", "test")
OF_CLASSES = ("data_loss", "accuracy", "balanced_accuracy")
OF_NUMBERS = ("data_loss", "r2", "rmse")


def measure_columns(numbers: bool = False) -> tuple[str, ...]:
    """The names of the columns.

    Args:
        numbers: whether the network predicts numbers; default False, for classes.

    Examples:
        >>> measure_columns(numbers=True)[:3]
        ('train_data_loss', 'train_r2', 'train_rmse')
    """
    return tuple(f"{g}_{m}" for g in GROUPS for m in (OF_NUMBERS if numbers else OF_CLASSES))


def compute_measures(
    atlas: Atlas, landscape: Landscape, only_missing: bool = False
) -> dict[str, int]:
    """Compute how well the minima predict, and store it as columns of the atlas.

    For classes the columns are ``train_data_loss`` (the loss without the penalty),
    ``train_accuracy`` and ``train_balanced_accuracy``; for numbers they are ``train_data_loss``,
    ``train_r2`` and ``train_rmse``. Each column exists with ``test_`` in its name too.

    Args:
        atlas: an open atlas whose problem holds the data.
        landscape: the `NetworkLandscape` of the atlas, or a `ModelLandscape` that is
                recognized as one.
        only_missing: whether to skip minima that already have values for the present data;
            default False.

    Returns:
        For each column, the number of minima that it was computed for. An atlas of a landscape that
        was made in Python has no testing data, and no columns of them.

    Raises:
        BadInputError: the atlas holds no data, or the landscape is not a network.

    Examples:
        >>> compute_measures(atlas, landscape, only_missing=True)    # doctest: +SKIP
        {'train_data_loss': 11, 'train_accuracy': 11, 'train_balanced_accuracy': 11, ...}
    """
    frame, problem, counts = atlas.minima(outside=True), atlas.problem, {}
    network = dense_network(landscape)
    kind = network.architecture.loss.targets
    for group in _groups(problem):
        inputs, wanted = _items(problem, group)
        names = [f"{group}_{name}" for name in (OF_NUMBERS if kind == "numbers" else OF_CLASSES)]
        ids = frame["id"]
        if only_missing and names[0] in frame:
            ids = ids[frame[names[0]].isna()]
        values = _values(atlas, network, ids.tolist(), (inputs, wanted))
        for name, column in zip(names, values.T, strict=True):
            pairs = dict(zip(ids.tolist(), column.tolist(), strict=True))
            atlas.set_property(name, pairs, problem.data_hash(group))
            counts[name] = len(pairs)
    return counts


class Prediction(NamedTuple):
    """How one minimum classifies the items of a group.

    Attributes:
        classes: names of the C classes.
        confusion: (C, C) number of items by their class (row) and the class that the network gives
            them, which has the largest logit (column).
        roc: receiver operating characteristic of each class against all others; None for a class
            that no item or every item has.
    """

    classes: list[str]
    confusion: np.ndarray
    roc: list[RocCurve | None]


def prediction(atlas: Atlas, landscape: Landscape, minimum: int, group: str = "test") -> Prediction:
    """The confusion matrix and the ROC curves of a minimum.

    Args:
        atlas: an open atlas whose problem holds the data.
        landscape: as in `compute_measures`.
        minimum: id of the minimum.
        group: group of items, ``"train"`` or ``"test"`` (the default).

    Raises:
        BadInputError: the group is unknown, the atlas has no such minimum or no data, or the
            network predicts numbers.

    Examples:
        >>> prediction(atlas, landscape, minimum=1).confusion         # doctest: +SKIP
        array([[48,  2],
               [ 1, 49]])
    """
    if group not in GROUPS:
        raise BadInputError("group", f"{group!r} is unknown", 'use "train" or "test"')
    if "train_labels" not in atlas.problem.arrays:
        raise BadInputError("atlas", "it predicts no classes", "look at its columns r2 and rmse")
    inputs, labels = _items(atlas.problem, group)
    logits = dense_network(landscape).logits(atlas.minimum_weights([minimum]), inputs)[0]
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = shifted / shifted.sum(axis=1, keepdims=True)
    names = list(atlas.problem.specification.get("classes") or map(str, range(logits.shape[1])))
    there = [0 < (labels == k).sum() < len(labels) for k in range(len(names))]
    curves = [
        roc_curve(probabilities[:, k], labels == k) if known else None
        for k, known in enumerate(there)
    ]
    return Prediction(names, confusion_matrix(logits, labels), curves)


def _values(
    atlas: Atlas,
    landscape: NetworkLandscape,
    ids: Sequence[int],
    items: tuple[np.ndarray, np.ndarray],
) -> np.ndarray:
    """(minima, measures) the measures of each minimum on some items, in the order of the names."""
    inputs, wanted = items
    loss, outputs = landscape.architecture.loss, landscape.architecture.widths[-1]
    targets = encoded(wanted, outputs, loss.targets)
    chunk = max(1, ROWS_AT_ONCE // len(inputs))
    rows = [np.zeros((0, 3))]
    for start in range(0, len(ids), chunk):
        weights = atlas.minimum_weights([int(key) for key in ids[start : start + chunk]])
        # All chunks have one shape, so that the evaluation is compiled only once.
        padded = np.concatenate([weights, np.repeat(weights[:1], chunk - len(weights), axis=0)])
        found = landscape.outputs(padded if len(ids) > chunk else weights, inputs)
        means = np.asarray(_data_losses(landscape.surface.architecture, found, targets))
        measured = [means, *_measured(atlas.problem, landscape, found, wanted)]
        rows.append(np.stack(measured, axis=1)[: len(weights)])
    return np.concatenate(rows)


def _measured(
    problem: Problem, landscape: NetworkLandscape, outputs: np.ndarray, wanted: np.ndarray
) -> list:
    if landscape.architecture.loss.targets == "numbers":
        scaling = problem.specification.get("target_scaling", {})
        factor = np.asarray(scaling.get("factor", 1.0))
        targets = wanted.reshape(outputs.shape[1:])
        errors = root_mean_squared_error(outputs * factor, targets * factor)
        return [r2(outputs, targets), errors]
    if outputs.shape[2] == 1:
        outputs = np.concatenate([np.zeros_like(outputs), outputs], axis=2)
    return [accuracy(outputs, wanted), balanced_accuracy(outputs, wanted)]


@compiled
def _data_losses_of(architecture, outputs, targets):
    """(b,) mean losses over the items, from outputs (b, items, outputs)."""
    import jax

    return jax.vmap(lambda y: architecture.loss.value(y.T, targets).mean())(outputs)


def _data_losses(architecture: Any, outputs: np.ndarray, targets: np.ndarray) -> Any:
    import jax

    with jax.enable_x64(True):
        arrays = jax.numpy.asarray(outputs), jax.numpy.asarray(targets)
        return _data_losses_of(architecture, *arrays)


def _items(problem: Problem, group: str) -> tuple[np.ndarray, np.ndarray]:
    """The inputs of a group of items, and their labels or targets."""
    inputs = problem.arrays.get(f"{group}_inputs")
    for kind in ("labels", "targets"):
        wanted = problem.arrays.get(f"{group}_{kind}")
        if inputs is not None and wanted is not None:
            return inputs, wanted
    other = next((name for name in GROUPS if f"{name}_inputs" in problem.arrays), None)
    remedy = "explore a study with data" if other is None else f"it has {other} data"
    raise BadInputError("atlas", f"it holds no {group} data", remedy)


def _groups(problem: Problem) -> list[str]:
    """The groups of which there are items."""
    there = [group for group in GROUPS if f"{group}_inputs" in problem.arrays]
    return there or [GROUPS[0]]  # of which it will be said that there are none
