"""A landscape made in Python as the problem of an atlas, and back.

The problem holds the training data, and the arguments of the `NetworkLandscape` where these can be
written down: names of an activation and a loss that are found by name. An atlas is then complete
without the program that made it, like that of a study.
"""

from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, Field, ValidationError

from lossatlas.atlas import Atlas, Problem
from lossatlas.atlas.contents import check_problem, read_problem, replace_problem
from lossatlas.errors import AtlasError, BadInputError
from lossatlas.given_data import Parted
from lossatlas.landscape import NetworkLandscape
from lossatlas.landscape.base import Landscape
from lossatlas.landscape.model_landscape import network_of
from lossatlas.parts import find_activation, find_loss
from lossatlas.parts.identity import built_in, name_and_parameter
from lossatlas.studies.sources import Positive

MOST_BYTES = 2**29
"""Training data of more bytes are not stored: a database keeps an array as one value."""
KEY = "landscape"
"""The entry of a specification that holds the arguments; None where they have no names."""


class _Arguments(BaseModel):
    """The arguments of a `NetworkLandscape` as an atlas holds them."""

    hidden: list[Annotated[int, Field(strict=True, ge=1)]] = Field(min_length=1)
    l2: Positive
    neighbors: Annotated[int, Field(strict=True, ge=0)]
    ties: Literal["lowest", "highest"]
    regularize_biases: Annotated[bool, Field(strict=True)]
    activation: tuple[str, Positive | None]
    loss: tuple[str, Positive | None]


class _Specification(BaseModel):
    """The part of a specification that `problem_of` makes."""

    classes: list[str]
    features: list[str]
    landscape: _Arguments


def problem_of(landscape: Landscape) -> Problem:
    """What an atlas keeps of a landscape that was made in Python.

    Args:
        landscape: any. Of one that is no network, or has more than half a gigabyte of training
            data, the fingerprint alone is kept.

    Examples:
        >>> network = NetworkLandscape(([[0.0], [1.0]], ["a", "b"]), hidden=(1,), l2=0.1)
        >>> problem = problem_of(network)
        >>> problem.specification["classes"], problem.specification["landscape"]["activation"]
        (['a', 'b'], ['tanh', None])
    """
    fingerprint, network = landscape.fingerprint(), network_of(landscape)
    if network is None or network.inputs.nbytes > MOST_BYTES:
        return Problem(fingerprint)
    numbers = network.architecture.loss.targets == "numbers"
    labels = network.labels.astype(np.float64 if numbers else np.int64)
    arrays = {"train_inputs": network.inputs, f"train_{'targets' if numbers else 'labels'}": labels}
    names = {"classes": list(network.classes), "features": list(network.features)}
    problem = Problem(fingerprint, {**names, KEY: _arguments(network)}, arrays)
    return problem if _is_complete(problem) else Problem(fingerprint, {**names, KEY: None}, arrays)


def complete(atlas: Atlas, landscape: Landscape) -> None:
    """Add to an atlas what `problem_of` knows of its landscape and the atlas lacks.

    Nothing is replaced or removed: neither data, such as those for testing, nor names, nor what a
    study has stored.

    Args:
        atlas: the open atlas of this landscape.
        landscape: any.

    Raises:
        AtlasError: if the atlas is damaged or cannot be written.
    """
    with atlas.reading() as connection:
        stored = read_problem(connection)
    if _completed(stored, landscape) is stored:
        return
    with atlas.writing() as connection:
        stored = read_problem(connection)  # Another program may have changed it since.
        problem = _completed(stored, landscape)
        if problem is not stored:
            check_problem(problem)
            replace_problem(connection, problem)
    vars(atlas).pop("problem", None)  # It is read anew when it is asked for.


def _completed(stored: Problem, landscape: Landscape) -> Problem:
    """The stored problem with what it lacks; the same object if it lacks nothing."""
    specification = stored.specification
    if "study" in specification or specification.get(KEY) is not None:
        return stored
    given = problem_of(landscape)
    has_data = any(name.startswith("train") for name in stored.arrays)
    if has_data and not _same_data(stored, given):
        return stored
    arrays = stored.arrays if has_data else {**stored.arrays, **given.arrays}
    added = {**given.specification, **specification}
    if given.specification.get(KEY) is not None:
        added[KEY] = given.specification[KEY]
    problem = Problem(stored.fingerprint, added, arrays)
    if added.get(KEY) is not None and not _is_complete(problem):
        return stored  # What it holds by these names means something else.
    same = has_data or not given.arrays
    return stored if same and added == specification else problem


def _same_data(stored: Problem, given: Problem) -> bool:
    """Whether the given arrays are stored, possibly in another type of numbers."""
    return bool(given.arrays) and all(
        name in stored.arrays and np.array_equal(stored.arrays[name], values)
        for name, values in given.arrays.items()
    )


def _is_complete(problem: Problem) -> bool:
    """Whether the landscape can be made from the problem."""
    try:
        stored_network(problem)
    except (KeyError, BadInputError, AtlasError):
        return False
    return True


def stored_network(problem: Problem) -> NetworkLandscape:
    """The landscape of a problem that `problem_of` made.

    Raises:
        BadInputError: if its activation or loss is not known here, or another one has its name now.
        AtlasError: if the landscape is not the one that the fingerprint speaks of, or its arguments
            or data are missing or damaged.
        KeyError: if the problem holds no such landscape.
    """
    if problem.specification.get(KEY) is None:
        raise KeyError(KEY)
    stored = _checked(problem.specification)
    given, arrays = stored.landscape, problem.arrays
    labels = arrays.get("train_labels", arrays.get("train_targets"))
    if labels is None or "train_inputs" not in arrays:
        raise AtlasError("the atlas lacks the training data of its landscape; restore a copy")
    landscape = NetworkLandscape(
        Parted(arrays["train_inputs"], labels, tuple(stored.features), tuple(stored.classes)),
        hidden=given.hidden,
        l2=given.l2,
        classes=len(stored.classes) or None,
        neighbors=given.neighbors,
        ties=given.ties,
        regularize_biases=given.regularize_biases,
        activation=find_activation(*given.activation),
        loss=find_loss(*given.loss),
    )
    if landscape.fingerprint() != problem.fingerprint:
        parts = landscape.architecture.activation, landscape.architecture.loss
        own = [part.name for part in parts if not built_in(part)]
        if own:
            problem_text = f"what is called {', '.join(own)} here is not what it was made with"
            raise BadInputError("atlas", problem_text, "register the same activation and loss")
        raise AtlasError("the atlas's data do not give its fingerprint: it is damaged")
    return landscape


def _checked(specification: dict[str, Any]) -> _Specification:
    try:
        return _Specification.model_validate(specification)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise AtlasError(
            f"the specification of the atlas is damaged: {where}: {first['msg']}; restore a copy"
        ) from error


def _arguments(network: NetworkLandscape) -> dict[str, Any] | None:
    """Those of a `NetworkLandscape`, of JSON types; None if its parts have no names."""
    architecture = network.architecture
    activation, loss = map(name_and_parameter, (architecture.activation, architecture.loss))
    if activation is None or loss is None:
        return None
    return {
        "hidden": list(architecture.widths[1:-1]),
        "l2": network.l2,
        "neighbors": network.neighbors,
        "ties": network.ties,
        "regularize_biases": architecture.regularize_biases,
        "activation": list(activation),
        "loss": list(loss),
    }
