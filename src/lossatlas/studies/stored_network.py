"""A landscape made in Python as the problem of an atlas, and back.

The problem holds the training data, and the arguments of the `NetworkLandscape` where these can be
written down: names of an activation and a loss that are found by name. An atlas is then complete
without the program that made it, like that of a study.
"""

from typing import Any

import numpy as np

from lossatlas.atlas import Problem
from lossatlas.errors import AtlasError, BadInputError
from lossatlas.given_data import Parted
from lossatlas.landscape import NetworkLandscape
from lossatlas.landscape.base import Landscape
from lossatlas.landscape.model_landscape import network_of
from lossatlas.parts import find_activation, find_loss
from lossatlas.parts.identity import built_in, name_and_parameter

MOST_BYTES = 2**29
"""Training data of more bytes are not stored: a database keeps an array as one value."""
KEY = "landscape"
"""The entry of a specification that holds the arguments; None where they have no names."""


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
    specification = {
        "classes": list(network.classes),
        "features": list(network.features),
        KEY: _arguments(network) if network.fingerprint() == fingerprint else None,
    }
    return Problem(fingerprint, specification, arrays)


def stored_network(problem: Problem) -> NetworkLandscape:
    """The landscape of a problem that `problem_of` made.

    Raises:
        BadInputError: if its activation or loss is not known here, or another one has its name now.
        AtlasError: if the landscape is not the one that the fingerprint speaks of.
        KeyError: if the problem holds no such landscape.
    """
    given, arrays = problem.specification.get(KEY), problem.arrays
    if given is None:
        raise KeyError(KEY)
    labels = arrays["train_labels" if "train_labels" in arrays else "train_targets"]
    names = (tuple(problem.specification[key]) for key in ("features", "classes"))
    landscape = NetworkLandscape(
        Parted(arrays["train_inputs"], labels, *names),
        hidden=given["hidden"],
        l2=given["l2"],
        classes=len(problem.specification["classes"]) or None,
        neighbors=given["neighbors"],
        ties=given["ties"],
        regularize_biases=given["regularize_biases"],
        activation=find_activation(*given["activation"]),
        loss=find_loss(*given["loss"]),
    )
    if landscape.fingerprint() != problem.fingerprint:
        parts = landscape.architecture.activation, landscape.architecture.loss
        own = [part.name for part in parts if not built_in(part)]
        if own:
            problem_text = f"what is called {', '.join(own)} here is not what it was made with"
            raise BadInputError("atlas", problem_text, "register the same activation and loss")
        raise AtlasError("the atlas's data do not give its fingerprint: it is damaged")
    return landscape


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
