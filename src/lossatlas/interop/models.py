"""Stationary points as networks of other libraries, and networks of other libraries as weights.

A network that is made here computes the same as the landscape. Its inputs are those of the atlas,
which are scaled if the study scales them.
"""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from lossatlas.errors import BadInputError, DataWarning
from lossatlas.interop.model_files import layers_of_arrays, read_layers
from lossatlas.landscape.base import Landscape
from lossatlas.landscape.model_landscape import dense_network
from lossatlas.landscape.plain_weights import Layer, plain_layers, weights_of_layers
from lossatlas.optional import optional

OF_TORCH = {
    "tanh": "Tanh",
    "sigmoid": "Sigmoid",
    "softplus": "Softplus",
    "silu": "SiLU",
    "gelu": "GELU",
    "gelu-tanh": "GELU",
}
"""The modules of torch.nn for activations, by the names of these."""
SOFTPLUS_THRESHOLD = 20
"""Argument beyond which torch by default replaces softplus by the identity, which differs from it
by 2e-9 there."""
OF_SKLEARN = {"tanh": "tanh", "sigmoid": "logistic"}
OF_SKLEARN_BACK = {"tanh": "tanh", "logistic": "sigmoid"}


def to_torch(landscape: Landscape, w: Float[np.ndarray, " n"]) -> Any:
    """Make a `torch.nn.Sequential`, in double precision, of the network with the given weights.

    Its outputs are those of the landscape, before any softmax.

    Args:
        landscape: the landscape of the network.
        w: (n,) the weights.

    Raises:
        BadInputError: if torch is not installed, or has no such activation.

    Examples:
        >>> from lossatlas import NetworkLandscape
        >>> landscape = NetworkLandscape(np.eye(3), np.arange(3), (2,), 1e-2)
        >>> to_torch(landscape, np.zeros(17))                        # doctest: +SKIP
        Sequential(
          (0): Linear(in_features=3, out_features=2, bias=True)
          (1): Tanh()
          (2): Linear(in_features=2, out_features=3, bias=True)
        )
    """
    architecture = dense_network(landscape).architecture
    name = architecture.activation.plain_name
    made = _available("torch", OF_TORCH, name)
    torch = optional("torch", "lossatlas[torch]")
    nn = torch.nn
    modules = []
    for matrix, bias in plain_layers(architecture, w):
        linear = nn.Linear(matrix.shape[1], matrix.shape[0], dtype=torch.float64)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(matrix))
            linear.bias.copy_(torch.from_numpy(bias))
        options = {"approximate": "tanh"} if name == "gelu-tanh" else {}
        modules += [linear, getattr(nn, made)(**options)]
    return nn.Sequential(*modules[:-1])


def to_sklearn(landscape: Landscape, w: Float[np.ndarray, " n"]) -> Any:
    """Make a fitted `MLPClassifier` or `MLPRegressor` of the network with the given weights.

    The classes of a classifier are 0, ..., C - 1, as in the atlas.

    Args:
        landscape: the landscape of the network.
        w: (n,) the weights.

    Raises:
        BadInputError: if scikit-learn is not installed, or has no such activation or loss.

    Examples:
        >>> from lossatlas import NetworkLandscape
        >>> inputs, labels = np.eye(3), np.arange(3)
        >>> landscape = NetworkLandscape(inputs, labels, (2,), 1e-2)
        >>> to_sklearn(landscape, np.zeros(landscape.n_weights)).predict_proba(inputs).shape
        (3, 3)
    """
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.preprocessing import LabelBinarizer

    architecture = dense_network(landscape).architecture
    name = _available("scikit-learn", OF_SKLEARN, architecture.activation.plain_name)
    layers = plain_layers(architecture, w)
    kind, classes = architecture.loss.targets, architecture.widths[-1]
    hidden = architecture.widths[1:-1]
    if kind == "classes" and classes == 2:  # scikit-learn uses one output for two classes
        matrix, bias = layers[-1]
        layers[-1] = (matrix[1:] - matrix[:1], bias[1:] - bias[:1])
    kind_of_model: Any = MLPRegressor if kind == "numbers" else MLPClassifier
    made = kind_of_model(hidden_layer_sizes=hidden, activation=name)
    made.n_features_in_, made.n_layers_ = architecture.widths[0], len(architecture.widths)
    made.coefs_ = [matrix.T.copy() for matrix, _ in layers]
    made.intercepts_ = [bias.copy() for _, bias in layers]
    made.n_outputs_ = len(layers[-1][0])
    made.out_activation_ = "identity"
    if kind != "numbers":
        made.out_activation_ = "logistic" if made.n_outputs_ == 1 else "softmax"
        made.classes_ = np.arange(max(2, classes))
        made._label_binarizer = LabelBinarizer().fit(made.classes_)
    return made


def to_flax(landscape: Landscape, w: Float[np.ndarray, " n"]) -> dict[str, Any]:
    """Make the variables of a Flax Linen module with layers ``Dense_0``, ``Dense_1``, ...

    Args:
        landscape: the landscape of the network.
        w: (n,) the weights.

    Returns:
        A dictionary that ``module.apply`` takes, with a kernel (sending, receiving) and a bias
        (receiving,) for each layer.

    Examples:
        >>> from lossatlas import NetworkLandscape
        >>> landscape = NetworkLandscape(np.eye(3), np.arange(3), (2,), 1e-2)
        >>> to_flax(landscape, np.zeros(17))["params"]["Dense_0"]["kernel"].shape
        (3, 2)
    """
    layers = enumerate(plain_layers(dense_network(landscape).architecture, w))
    return {"params": {f"Dense_{k}": {"kernel": m.T, "bias": b} for k, (m, b) in layers}}


def to_equinox(landscape: Landscape, w: Float[np.ndarray, " n"]) -> Any:
    """Make an `equinox.nn.MLP`, which takes the inputs of one item, with the given weights.

    Args:
        landscape: the landscape of the network.
        w: (n,) the weights.

    Raises:
        BadInputError: if Equinox is not installed, or the hidden layers differ in width.

    Examples:
        >>> from lossatlas import NetworkLandscape
        >>> landscape = NetworkLandscape(np.eye(3), np.arange(3), (2,), 1e-2)
        >>> to_equinox(landscape, np.zeros(17)).width_size           # doctest: +SKIP
        2
    """
    eqx = optional("equinox", "lossatlas[equinox]")
    import jax

    architecture = dense_network(landscape).architecture
    hidden = architecture.widths[1:-1]
    if len(set(hidden)) > 1:
        problem = f"the hidden layers have {', '.join(map(str, hidden))} units"
        raise BadInputError("equinox", problem, "an MLP has layers of one width; use another form")
    value, less = architecture.activation.value, architecture.activation.less
    activation = value if less == 0.0 else _Plus(value, less)
    shape = (architecture.widths[0], architecture.widths[-1], hidden[0], len(hidden))
    with jax.enable_x64(True):
        made = eqx.nn.MLP(*shape, activation=activation, key=jax.random.PRNGKey(0))
        arrays = [jax.numpy.asarray(x) for pair in plain_layers(architecture, w) for x in pair]
        return eqx.tree_at(
            lambda m: [x for layer in m.layers for x in (layer.weight, layer.bias)], made, arrays
        )


class _Plus:
    """An activation plus a constant, to undo that the constant was subtracted."""

    def __init__(self, value: Callable[[Any], Any], constant: float) -> None:
        self.value, self.constant = value, constant

    def __call__(self, z: Any) -> Any:
        return self.value(z) + self.constant


def weights_of(landscape: Landscape, model: Any) -> Float[np.ndarray, " n"]:
    """Read the weights of a network of another library.

    Args:
        landscape: the landscape of a network of the same shape.
        model: a torch `Sequential` of linear layers and activations, a fitted scikit-learn
            `MLPClassifier` or `MLPRegressor`, a dictionary of arrays by name as torch's
            `state_dict` returns it, or the path of a file of such arrays (see `read_layers`). The
            layers of another torch module are taken in the order in which it registers them.

    Returns:
        (n,) the weights in the order of the landscape.

    Raises:
        BadInputError: if `model` is none of these, or has another shape or activation.

    Warns:
        DataWarning: if a torch module is not a `Sequential`, because its activation and whatever
            else it computes between its layers cannot be checked.

    Examples:
        >>> from lossatlas import NetworkLandscape
        >>> landscape = NetworkLandscape(np.eye(3), np.arange(3), (2,), 1e-2)
        >>> w = np.arange(17.0)
        >>> bool((weights_of(landscape, to_sklearn(landscape, w)) == w).all())
        True
    """
    architecture = dense_network(landscape).architecture
    expected = architecture.activation.plain_name
    where, activation = type(model).__name__, None
    if isinstance(model, str | Path):
        where, layers = str(model), read_layers(model, architecture.widths)
    elif hasattr(model, "coefs_"):
        layers = [(m.T, b) for m, b in zip(model.coefs_, model.intercepts_, strict=True)]
        activation = OF_SKLEARN_BACK.get(model.activation, model.activation)
        if architecture.widths[-1] == 2 and len(layers[-1][0]) == 1:
            layers[-1] = _two_outputs(layers[-1])
    elif hasattr(model, "state_dict"):
        activation = _torch_activation(model, where, expected)
        layers = layers_of_arrays({k: v.numpy() for k, v in model.state_dict().items()}, where)
    elif isinstance(model, dict):
        layers = layers_of_arrays(model, where)
    else:
        remedy = "give a torch Sequential, a scikit-learn MLP, arrays by name, or a file of these"
        raise BadInputError(where, "is no network that can be read", remedy)
    if activation is not None and activation != expected:
        problem = f"its activation is {activation}, that of the landscape {expected}"
        raise BadInputError(where, problem, "locate it in an atlas of the same network")
    return weights_of_layers(architecture, layers, where)


def _two_outputs(layer: Layer) -> Layer:
    """Replace the one output for two classes by two, with no component along the softmax shift."""
    matrix, bias = layer
    return np.concatenate([-0.5 * matrix, 0.5 * matrix]), np.concatenate([-0.5 * bias, 0.5 * bias])


def _torch_activation(model: Any, where: str, expected: str) -> str | None:
    """The name of the activation of a Sequential; any other module gives None and a warning."""
    computes = next((c for c in type(model).__mro__ if "forward" in vars(c)), type(model))
    if computes.__name__ != "Sequential":  # a `forward` that a user wrote may compute anything
        text = (
            f"{where}: is no torch Sequential, so that its activation cannot be checked; make "
            f"sure that it is {expected}, and that the layers are called as they are registered"
        )
        warnings.warn(text, DataWarning, stacklevel=3)
        return None
    names = {kind: name for name, kind in OF_TORCH.items() if name != "gelu-tanh"}
    found = set()
    for module in model.children():
        kind = type(module).__name__
        if kind == "GELU" and module.approximate == "tanh":
            found.add("gelu-tanh")
        elif kind == "Softplus" and (module.beta != 1 or module.threshold < SOFTPLUS_THRESHOLD):
            found.add(f"Softplus(beta={module.beta}, threshold={module.threshold})")
        elif kind not in ("Linear", "Identity", "Dropout", "Softmax", "LogSoftmax"):
            found.add(names.get(kind, kind))
    if len(found) > 1:
        problem = f"it has the activations {', '.join(sorted(found))}"
        raise BadInputError(where, problem, "give a network with one kind of activation")
    return found.pop() if found else "none"


def _available(library: str, table: dict[str, str], name: str) -> str:
    if name not in table:
        remedy = f"{library} has {', '.join(table)}; use .npz or safetensors"
        raise BadInputError(library, f"it has no activation {name}", remedy)
    return table[name]
