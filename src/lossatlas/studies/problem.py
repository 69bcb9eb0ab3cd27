"""From a study to a landscape and its problem, and from a stored problem back to the landscape.

The problem is stored in the atlas and holds all that later commands need: the scaled training and
testing rows, which training labels were changed and what they were before, and the study with the
names of classes and columns. So an atlas can be used without the study file.
"""

from typing import NamedTuple

import numpy as np
from pydantic import ValidationError

from lossatlas.atlas import Atlas, Problem
from lossatlas.atlas.contents import NOISE
from lossatlas.data import Dataset, RegressionData, Split
from lossatlas.data.class_counts import warn_of_missing_classes
from lossatlas.data.frames import Data
from lossatlas.errors import AtlasError, BadInputError
from lossatlas.landscape import NetworkLandscape
from lossatlas.parts import find_activation, find_loss
from lossatlas.studies.label_noise import noise_text, noisy_labels
from lossatlas.studies.reading import in_file, read_parts
from lossatlas.studies.sources import LJAT3Source, MNISTSource
from lossatlas.studies.stored_network import stored_network
from lossatlas.studies.study import Study


class Prepared(NamedTuple):
    """A study that is ready to be explored.

    Attributes:
        landscape: the loss of the network on the training rows.
        problem: the description of the landscape, with all data, that an atlas stores.
        train: the training rows, scaled, with changed labels if there is label noise.
        test: the testing rows, scaled in the same way.

    Examples:
        >>> study = Study.model_validate(
        ...     {
        ...         "data": {"source": "sklearn", "name": "iris", "train": 100, "test": 50},
        ...         "network": {"hidden": [3]},
        ...         "loss": {"l2": 1e-3},
        ...     }
        ... )
        >>> prepare(study).train.inputs.shape
        (100, 4)
    """

    landscape: NetworkLandscape
    problem: Problem
    train: Data
    test: Data


def prepare(study: Study, stored: Problem | None = None) -> Prepared:
    """Load, split and scale the data of a study, add its label noise, and build its landscape.

    Args:
        study: the study, from `load_study`.
        stored: the problem of the atlas that is to be continued; by default None. If it was made
            with the same table [data] of the source ``ljat3``, its rows are used: the same
            minimizations would be repeated, and a start on the border of two basins may end
            elsewhere on another processor. Rows of the source ``mnist``, which cannot change, are
            used too. Other files are always read again, since they may have changed. If the clean
            training rows and the table [noise] of the problem are those of the study, its labels
            are used, so that the noise is the same even if the reference has changed since.

    Raises:
        BadInputError: if the data cannot be used, for the reasons of `lossatlas.data`, or the
            reference of the label noise is missing or was not made of the clean training data.

    Warns:
        DataWarning: if the training rows or the test rows lack a class.

    Examples:
        >>> study = Study.model_validate(
        ...     {
        ...         "data": {"source": "sklearn", "name": "iris", "train": 100, "test": 50},
        ...         "network": {"hidden": [3]},
        ...         "loss": {"l2": 1e-3},
        ...     }
        ... )
        >>> prepared = prepare(study)
        >>> prepared.landscape.n_weights, prepared.problem.arrays["test_inputs"].shape
        (27, (50, 4))
    """
    with in_file(study):
        numbers = find_loss(study.loss.function, study.loss.sharpness).targets == "numbers"
    if stored is not None and _same_draw(study, stored):
        parts, notes = _stored_parts(stored), stored.specification
    else:
        parts, notes = read_parts(study, numbers)
    if isinstance(parts.train, Dataset) and isinstance(parts.test, Dataset):
        where = f"{study.file}: [data] split"
        warn_of_missing_classes(parts.train, parts.test, where, _remedy(study))
    specification = {**notes, "name": study.name, "study": study.tables}
    with in_file(study):
        train, changes = _with_noise(study, parts.train, stored)
        landscape = _landscape(study, train.inputs, _to_predict(train), notes["classes"])
    kind = "targets" if numbers else "labels"
    arrays = {
        "train_inputs": train.inputs,
        f"train_{kind}": _to_predict(train),
        **changes,
        "test_inputs": parts.test.inputs,
        f"test_{kind}": _to_predict(parts.test),
    }
    problem = Problem(_fingerprint(landscape, study), specification, arrays)
    return Prepared(landscape, problem, train, parts.test)


def landscape_of(problem: Problem) -> NetworkLandscape:
    """Build the landscape of a problem that an atlas stores.

    Args:
        problem: the stored problem, e.g. `Atlas.problem`.

    Raises:
        BadInputError: if the problem is not one of a network, or its parts are not known here.
        AtlasError: if the data and the study do not give the stored fingerprint, because the atlas
            is damaged.

    Examples:
        >>> study = Study.model_validate(
        ...     {
        ...         "data": {"source": "sklearn", "name": "iris", "train": 100, "test": 50},
        ...         "network": {"hidden": [3]},
        ...         "loss": {"l2": 1e-3},
        ...     }
        ... )
        >>> landscape_of(prepare(study).problem).n_weights
        27
    """
    try:
        if "study" not in problem.specification:
            return stored_network(problem)
        study = Study.model_validate(problem.specification["study"])
        kind = "labels" if "train_labels" in problem.arrays else "targets"
        inputs, labels = problem.arrays["train_inputs"], problem.arrays[f"train_{kind}"]
        classes = problem.specification["classes"]
    except (KeyError, ValidationError) as error:
        raise BadInputError(
            "atlas",
            "it holds no network that this version can make: its landscape was made in Python, "
            "from a function or with a loss or an activation without a name",
            "give the landscape: --landscape FILE.py on the command line, or the functions of "
            "Python",
        ) from error
    landscape = _landscape(study, inputs, labels, classes)
    if _fingerprint(landscape, study) != problem.fingerprint:
        raise AtlasError("the atlas's data and study do not give its fingerprint: it is damaged")
    return landscape


def _to_predict(rows: Data) -> np.ndarray:
    """The labels (items,) of classified rows, or the targets (items, outputs) of other rows."""
    return rows.targets if isinstance(rows, RegressionData) else rows.labels


def _landscape(
    study: Study, inputs: np.ndarray, labels: np.ndarray, classes: list[str]
) -> NetworkLandscape:
    network, loss = study.network, study.loss
    l2, regularize_biases = loss.penalty(len(inputs))
    return NetworkLandscape(
        inputs,
        labels,
        network.hidden,
        l2,
        classes=len(classes) or None,
        neighbors=network.neighbors,
        ties=network.ties,
        regularize_biases=regularize_biases,
        activation=find_activation(network.activation, network.smoothing),
        loss=find_loss(loss.function, loss.sharpness),
    )


def _fingerprint(landscape: NetworkLandscape, study: Study) -> dict[str, str]:
    """The fingerprint of the landscape with a text about the noise.

    The labels alone identify the noise, but would not tell a reader what differs.
    """
    noise = {NOISE: noise_text(study.noise)} if study.noise.fraction else {}
    return {**landscape.fingerprint(), **noise}


def _remedy(study: Study) -> str:
    """What to do if the chosen rows lack a class."""
    if study.data.split == "stratified":
        return "add rows of these classes to the data"
    return 'write split = "stratified" in [data]'


def _with_noise(
    study: Study, clean: Data, stored: Problem | None
) -> tuple[Data, dict[str, np.ndarray]]:
    """The training rows with label noise, and the arrays that say which labels it changed."""
    noise = study.noise
    if noise.fraction == 0:
        return clean, {}
    if isinstance(clean, RegressionData):
        raise BadInputError("[noise]", "numbers have no labels to change", "leave the table out")
    if stored is not None and _same_noise(study, clean, stored):
        labels, changed = stored.arrays["train_labels"], stored.arrays["train_changed"]
    else:
        outputs = None if noise.reference is None else _reference_outputs(study, clean)
        labels, changed = noisy_labels(noise, clean.labels, len(clean.classes), outputs)
    noisy = Dataset(clean.inputs, labels, clean.classes, clean.name, clean.features)
    return noisy, {"train_clean_labels": clean.labels, "train_changed": changed}


def _same_noise(study: Study, clean: Dataset, stored: Problem) -> bool:
    """Whether the stored labels are those of this noise on these rows."""
    table = stored.specification.get("study", {}).get("noise")
    return table == study.tables["noise"] and not _other_rows(clean, stored)


def _other_rows(clean: Dataset, stored: Problem) -> str:
    """The names of what differs from the stored clean training rows; empty if they are the same."""
    labels = stored.arrays.get("train_clean_labels", stored.arrays.get("train_labels"))
    for name, ours, theirs in (
        ("inputs", clean.inputs, stored.arrays.get("train_inputs")),
        ("labels", clean.labels, labels),
    ):
        if theirs is None or not np.array_equal(ours, theirs):
            return name
    return ""


def _reference_outputs(study: Study, clean: Dataset) -> np.ndarray:
    """(items, classes) logits, at the training items, of the lowest minimum of the reference."""
    where, path = "[noise] reference", study.beside(str(study.noise.reference))
    remedy = "explore the study without its table [noise], and name that atlas"
    try:
        with Atlas.open(path) as atlas:
            problem, minima = atlas.problem, atlas.minima().sort_values(["loss", "id"])
            weights = atlas.minimum_weights([int(key) for key in minima["id"][:1]])
    except BadInputError as error:
        raise BadInputError(where, f"{error.where}: {error.problem}", remedy) from error
    if "train_clean_labels" in problem.arrays:
        raise BadInputError(where, f"{path}: its labels have noise", remedy)
    if different := _other_rows(clean, problem):
        raise BadInputError(where, f"{path}: other training {different} than these", remedy)
    if not len(weights):
        raise BadInputError(where, f"{path}: there are no minima in it yet", "explore for longer")
    return landscape_of(problem).logits(weights, clean.inputs)[0]


def _same_draw(study: Study, stored: Problem) -> bool:
    fixed = isinstance(study.data, LJAT3Source | MNISTSource)
    if not fixed:
        return False
    try:  # an atlas of an earlier version may lack keys that have a default
        before = Study.model_validate(stored.specification["study"])
    except (KeyError, ValidationError):
        return False
    return before.data == study.data


def _stored_parts(stored: Problem) -> Split:
    """The rows of a stored problem, without label noise."""

    def rows(group: str) -> Dataset:
        labels = stored.arrays[f"{group}_labels"]
        return Dataset(
            stored.arrays[f"{group}_inputs"],
            stored.arrays.get(f"{group}_clean_labels", labels),
            tuple(stored.specification["classes"]),
            str(stored.specification["name"]),
            tuple(stored.specification["features"]),
        )

    return Split(rows("train"), rows("test"))
