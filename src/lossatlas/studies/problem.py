"""From a study to a landscape and its problem, and from a stored problem back to the landscape.

The problem holds all that a later command needs: the scaled training and testing rows, which
training labels were changed and what they were before, and the study with the names of classes
and columns. An atlas is complete without the study file.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from pydantic import ValidationError

from lossatlas.atlas import Atlas, Problem
from lossatlas.data import (
    Dataset,
    Scaling,
    Split,
    load_idx,
    load_ljat3,
    load_mnist,
    read_table,
    scale,
    sklearn_dataset,
    split,
    split_pools,
)
from lossatlas.data.class_counts import warn_of_missing_classes
from lossatlas.data.idx import PicturePools
from lossatlas.errors import AtlasError, BadInputError
from lossatlas.landscape import NetworkLandscape
from lossatlas.studies.label_noise import noise_text, noisy_labels
from lossatlas.studies.study import FileSource, IDXSource, LJAT3Source, MNISTSource, Study


class Prepared(NamedTuple):
    """A study ready to be explored.

    Attributes:
        landscape: the loss of the network on the training rows.
        problem: what the atlas keeps of it.
        train: training rows, scaled, with the changed labels if there is noise.
        test: testing rows, scaled likewise.
    """

    landscape: NetworkLandscape
    problem: Problem
    train: Dataset
    test: Dataset


def prepare(study: Study, stored: Problem | None = None) -> Prepared:
    """Load, split and scale the data of a study, add its label noise, and build its landscape.

    Args:
        study: from `load_study`.
        stored: the problem of the atlas that is to be continued, if there is one. If it was made
            with the same table [data] of source ljat3, its rows are taken: the same minimizations
            would be repeated, and a start on the border of two basins may end elsewhere on
            another processor. So are those of source mnist, which cannot change. Other files are
            always read again, since they may have changed. If its
            clean training rows and its table [noise] are those of the study, its labels are
            taken: the noise is drawn once, whatever has become of a reference since.

    Raises:
        BadInputError: for data that cannot be used, as `lossatlas.data` says, and a reference
            that is missing, or is not of the clean training data.

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
    if stored is not None and _same_draw(study, stored):
        parts, notes = _stored_parts(stored), stored.specification
    else:
        parts, notes = _fresh_parts(study)
    warn_of_missing_classes(*parts, f"{study.file}: [data] split", _remedy(study))
    specification = {**notes, "name": study.name, "study": study.tables}
    with _in_file(study):
        train, changes = _with_noise(study, parts.train, stored)
        landscape = _landscape(study, train.inputs, train.labels, notes["classes"])
    arrays = {
        "train_inputs": train.inputs,
        "train_labels": train.labels,
        **changes,
        "test_inputs": parts.test.inputs,
        "test_labels": parts.test.labels,
    }
    problem = Problem(_fingerprint(landscape, study), specification, arrays)
    return Prepared(landscape, problem, train, parts.test)


def landscape_of(problem: Problem) -> NetworkLandscape:
    """The landscape of a stored problem, from what is stored alone.

    Raises:
        BadInputError: if the problem is not one of a network study.
        AtlasError: if the landscape is not the one the fingerprint speaks of.

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
        study = Study.model_validate(problem.specification["study"])
        inputs, labels = problem.arrays["train_inputs"], problem.arrays["train_labels"]
        classes = problem.specification["classes"]
    except (KeyError, ValidationError) as error:
        raise BadInputError(
            "atlas",
            "it holds no network study that this version can read",
            "use the Python functions, and pass the landscape",
        ) from error
    landscape = _landscape(study, inputs, labels, classes)
    if _fingerprint(landscape, study) != problem.fingerprint:
        raise AtlasError("the atlas's data and study do not give its fingerprint: it is damaged")
    return landscape


def _landscape(
    study: Study, inputs: np.ndarray, labels: np.ndarray, classes: list[str]
) -> NetworkLandscape:
    return NetworkLandscape(
        inputs,
        labels,
        study.network.hidden,
        study.loss.l2,
        classes=len(classes),
        neighbors=study.network.neighbors,
        ties=study.network.ties,
        regularize_biases=study.loss.regularize_biases,
    )


def _fingerprint(landscape: NetworkLandscape, study: Study) -> dict[str, str]:
    """That of the landscape, and the noise: the labels alone would not say what differs."""
    noise = {"label noise": noise_text(study.noise)} if study.noise.fraction else {}
    return {**landscape.fingerprint(), **noise}


def _remedy(study: Study) -> str:
    """What to do where the chosen rows lack a class."""
    if study.data.split == "stratified":
        return "add rows of these classes to the data"
    return 'write split = "stratified" in [data]'


def _fresh_parts(study: Study) -> tuple[Split, dict[str, Any]]:
    """Scaled rows, and what is to be known about them besides the study."""
    data = study.data
    if isinstance(data, LJAT3Source):
        drawn = load_ljat3(
            data.side, data.items, data.inputs, data.step_cap, data.seed, curvature=data.curvature
        )
        parts = split_pools(drawn.pools, data.train, data.test, data.seed, data.split)
        about = {
            "counts": list(drawn.counts),
            "unconverged": drawn.unconverged,
            "elsewhere": drawn.elsewhere,
            "evaluations": drawn.evaluations,
        }
    elif isinstance(data, MNISTSource | IDXSource):
        pools = _pictures(study, data)
        parts = split_pools(pools, data.train, data.test, data.seed, data.split)
        about = {"rows": len(pools.train) + len(pools.test)}
    else:
        rows = _rows(study)
        parts = split(rows, data.train, data.test, data.seed, data.split)
        about = {"rows": len(rows), "checksum": rows.checksum}
    scaled, scaling = scale(parts, data.scaling)
    notes = {
        "classes": list(parts.train.classes),
        "features": list(parts.train.features),
        "scaling": _scaling_notes(scaling),
        "source": about,
        "checksums": {"train": parts.train.checksum, "test": parts.test.checksum},
    }
    return scaled, notes


def _pictures(study: Study, data: MNISTSource | IDXSource) -> PicturePools:
    if isinstance(data, MNISTSource):
        return load_mnist(data.path and study.beside(data.path), data.pixels)
    return load_idx(study.beside(data.path), data.prefix or "", data.pixels)


def _rows(study: Study) -> Dataset:
    data = study.data
    if isinstance(data, FileSource):
        path = study.beside(data.path)
        return read_table(path, label=data.label, drop=data.drop, header=data.header)
    with _in_file(study):
        return sklearn_dataset(data.name)  # type: ignore[union-attr]


def _scaling_notes(scaling: Scaling) -> dict[str, list[float]]:
    return {"shift": scaling.shift.tolist(), "factor": scaling.factor.tolist()}


def _with_noise(
    study: Study, clean: Dataset, stored: Problem | None
) -> tuple[Dataset, dict[str, np.ndarray]]:
    """The training rows with their noise, and the arrays that say what it changed."""
    noise = study.noise
    if noise.fraction == 0:
        return clean, {}
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
    """Which of the stored clean training rows are not these, in words; empty if all are."""
    labels = stored.arrays.get("train_clean_labels", stored.arrays.get("train_labels"))
    for name, ours, theirs in (
        ("inputs", clean.inputs, stored.arrays.get("train_inputs")),
        ("labels", clean.labels, labels),
    ):
        if theirs is None or not np.array_equal(ours, theirs):
            return name
    return ""


def _reference_outputs(study: Study, clean: Dataset) -> np.ndarray:
    """(items, classes) outputs of the lowest minimum of the reference on the training items."""
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
    return fixed and stored.specification.get("study", {}).get("data") == study.tables["data"]


def _stored_parts(stored: Problem) -> Split:
    """The rows of a stored problem, as they were before the noise."""

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


@contextmanager
def _in_file(study: Study) -> Iterator[None]:
    """Have messages about a table of the study name its file."""
    try:
        yield
    except BadInputError as error:
        where = f"{study.file}: {error.where}"
        raise BadInputError(where, error.problem, error.remedy) from error
