"""The landscape of a model of another library: Flax, Equinox, or a function and its parameters."""

import hashlib
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Bool, Float

from lossatlas.compiled import compiled
from lossatlas.errors import BadInputError, DataWarning
from lossatlas.given_data import Parted, given_data
from lossatlas.labels import refuse_names
from lossatlas.landscape.base import Landscape, Surface, Symmetrizer
from lossatlas.landscape.dense_layers import DenseLayers, dense_layers, recognized_activation
from lossatlas.landscape.function_landscape import FunctionLandscape
from lossatlas.landscape.invariant_subspace import invariant_subspace
from lossatlas.landscape.model_adapters import AdaptedModel, adapted
from lossatlas.landscape.model_checks import check_derivatives, check_memory
from lossatlas.landscape.network_landscape import NetworkLandscape
from lossatlas.landscape.network_targets import checked_targets, encoded, positive
from lossatlas.landscape.plain_weights import plain_layers, weights_of_layers
from lossatlas.landscape.unit_symmetry import UnitSymmetry
from lossatlas.parts import OutputLoss, find_loss
from lossatlas.parts.identity import built_in, identity
from lossatlas.parts.loss_of_item import loss_of_item

RANGE = 5.0
"""Random starts are uniformly distributed between minus this number and this number."""


NAME = "model"
"""The name of a model for which no name is given."""


class _Given(NamedTuple):
    """The checked arguments of a landscape besides the model.

    Attributes:
        inputs: (items, features) training inputs.
        labels: checked classes or targets of the items.
        data: where both come from, with the names of columns and classes.
        outputs: number of outputs that the loss needs.
        loss: the loss of the outputs.
        l2: lambda of the L2 term.
        regularize_biases: whether the L2 term includes arrays of one dimension.
        name: name of the model, for messages and the fingerprint.
    """

    inputs: np.ndarray
    labels: np.ndarray
    data: Parted
    outputs: int
    loss: OutputLoss
    l2: float
    regularize_biases: bool
    name: str


class ModelLandscape:
    """The mean loss of a model on a data set, plus L2 regularization of its parameters.

    Dense layers in sequence with a known activation are recognized. The landscape is then a
    `NetworkLandscape`, with its exact Hessian and its symmetry, and has the same atlas as the same
    network built by lossatlas. All other models are differentiated automatically.

    Args:
        model: a pair ``(function, parameters)``, where ``function(parameters, inputs)`` returns
            outputs (items, outputs) for inputs (items, features); a Flax Linen pair
            ``(module, variables)``; a Flax NNX module; or an Equinox module, which takes the
            inputs of one item.
        loss: the name of a loss or an `OutputLoss`, see `lossatlas.parts`; or a function
            ``loss(outputs, target)`` of the outputs (k,) and the target (k,) of one item.
        data: a pair ``(inputs, labels or targets)`` of arrays, tensors or tables, or an object that
            holds both, see `given_data`. Labels that are whole numbers or texts are classes.
        l2: lambda > 0, the factor of the sum of the squares of the parameters.
        symmetry: ``"automatic"`` (the default) for the symmetry of the dense layers as far as E has
            it; a `UnitSymmetry` with positions in the flat vector; or None for no symmetry.
        regularize_biases: whether the L2 term includes arrays of one dimension; default True.
        recognize: whether dense layers may be recognized; default True.
        name: name of the model; default ``"model"``. It is part of the fingerprint if the model is
            not recognized, or its loss or activation is not built in. Give another name whenever a
            model that is not recognized changes.

    Attributes:
        recognized: the `NetworkLandscape` of the model; None if it is not recognized.

    Raises:
        BadInputError: if the model, the loss or the data cannot be used (see `function_checks` and
            `model_checks`), or `l2` is not positive.

    Warns:
        DataWarning: if no symmetry is known, so that copies of a minimum count as minima.

    Examples:
        >>> parameters = {"a": {"w": np.ones((2, 3)), "b": np.ones(3)},
        ...               "b": {"w": np.ones((3, 2)), "b": np.ones(2)}}
        >>> def model(p, x):
        ...     hidden = jax.numpy.tanh(x @ p["a"]["w"] + p["a"]["b"])
        ...     return hidden @ p["b"]["w"] + p["b"]["b"]
        >>> inputs = np.random.default_rng(0).normal(size=(9, 2))
        >>> data = inputs, np.arange(9) % 2
        >>> landscape = ModelLandscape((model, parameters), "softmax-cross-entropy", data, l2=0.1)
        >>> landscape.recognized.architecture.widths, landscape.symmetry.order
        ((2, 3, 2), 48)
    """

    def __init__(
        self,
        model: Any,
        loss: Any,
        data: Any,
        *,
        l2: float,
        symmetry: Any = "automatic",
        regularize_biases: bool = True,
        recognize: bool = True,
        name: str = NAME,
    ) -> None:
        found = _checked_data(data, name)
        inputs, labels = found.inputs, found.labels
        self.model: AdaptedModel = adapted(model)
        check_memory(len(self.model.start), inputs.size, name)
        if not positive(l2):
            raise BadInputError(f"{name}: l2", f"{l2!r} is not positive", "try 1e-4")
        self.loss = _checked_loss(loss, labels, name)
        refuse_names(found.classes, self.loss.targets, f"{name}: data")
        outputs = _check_outputs(self.model, inputs, name)
        labels = _check_targets(inputs, labels, outputs, self.loss, name)
        given = _Given(
            inputs, labels, found, outputs, self.loss, float(l2), regularize_biases, name
        )
        self.name = name
        self.layers = dense_layers(self.model, inputs.shape[1])
        automatic = isinstance(symmetry, str)
        wanted = recognize and automatic and self.layers is not None
        self.recognized = _network(self.model, self.layers, given) if wanted else None
        inner: NetworkLandscape | FunctionLandscape
        inner = self.recognized or _function(self.model, self.layers, given, symmetry)
        self.inner = inner
        self.n_weights, self.length_scale = inner.n_weights, inner.length_scale
        self.hessian_cost, self.zero_tolerance = inner.hessian_cost, inner.zero_tolerance
        self.excluded_modes = inner.excluded_modes
        self.excluded_curvatures = inner.excluded_curvatures
        self.symmetry = inner.symmetry

    @property
    def surface(self) -> Surface:
        """The surface, for compiled code."""
        return self.inner.surface

    def weights(self, model: Any = None) -> Float[np.ndarray, " n"]:
        """The weight vector (n,) of a model of the same kind; by default of the model given."""
        flat = self.model.start if model is None else adapted(model).start
        if self.recognized is None or self.layers is None:
            return flat
        return weights_of_layers(self.recognized.architecture, self.layers.split(flat))

    def rebuilt(self, w: Float[np.ndarray, " n"]) -> Any:
        """The parameters, or the module, with the weights w (n,), in the form of the model."""
        if self.recognized is not None and self.layers is not None:
            w = self.layers.joined(plain_layers(self.recognized.architecture, w))
        with jax.enable_x64(True):
            return self.model.rebuilt(jax.numpy.asarray(w))

    def random_start(self, random: np.random.Generator) -> Float[np.ndarray, " n"]:
        """Weights (n,) that are uniformly distributed in (-5, 5)."""
        return self.inner.random_start(random)

    def invariants(self, w: Float[np.ndarray, " n"]) -> Float[np.ndarray, " k"]:
        """(k,) numbers that are equal for symmetry copies.

        See `NetworkLandscape.invariants` and `FunctionLandscape.invariants`.
        """
        return self.inner.invariants(w)

    def descriptors(self, w: Float[np.ndarray, "b n"]) -> Float[np.ndarray, "b k"]:
        """(b, k) coordinates for looking up neighbors of (b, n); see `Landscape.descriptors`."""
        return self.inner.descriptors(w)

    def nearest_copy(
        self, w: Float[np.ndarray, " n"], target: Float[np.ndarray, " n"]
    ) -> Float[np.ndarray, " n"]:
        """The symmetry copy of w (n,) nearest to target (n,)."""
        return self.inner.nearest_copy(w, target)

    def neighbor_copies(self, w: Float[np.ndarray, " n"]) -> list[Float[np.ndarray, " n"]]:
        """Symmetry copies of w (n,) other than w, nearest first."""
        return self.inner.neighbor_copies(w)

    def orbit_size(self, w: Float[np.ndarray, " n"]) -> int:
        """The number of symmetry copies of w (n,), itself included."""
        return self.inner.orbit_size(w)

    def representative(self, w: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """The weights themselves, since a model has no box."""
        return w

    def inside(self, w: Float[np.ndarray, "b n"]) -> Bool[np.ndarray, " b"]:
        """(b,) always True, since a model has no box."""
        return np.ones(len(w), bool)

    def symmetrizer(self, w: Float[np.ndarray, " n"]) -> Symmetrizer:
        """The projector onto the weights that have all symmetries of w (n,)."""
        return self.inner.symmetrizer(w)

    def invariant_subspace(self, w: Float[np.ndarray, " n"]) -> Symmetrizer:
        """See `landscape.invariant_subspace`."""
        return invariant_subspace(self.inner, w)

    def breaking_directions(
        self, w: Float[np.ndarray, " n"], modes: Float[np.ndarray, "d n"]
    ) -> Float[np.ndarray, "k n"]:
        """(k, n) canonical directions; see `UnitSymmetry.breaking_directions`."""
        return self.inner.breaking_directions(w, modes)

    def fingerprint(self) -> dict[str, str]:
        """Texts that identify the landscape, by their names.

        A model that is recognized has the fingerprint of its network, with the name of the model if
        one was given and the parts are not all built in. Any other model has its name, a digest of
        the data, the loss and lambda.
        """
        found = self.inner.fingerprint()
        if self.recognized is None or self.name == NAME:
            return found
        parts = self.recognized.architecture.activation, self.loss
        return found if all(map(built_in, parts)) else {**found, "model": self.name}


def network_of(landscape: Landscape) -> NetworkLandscape | None:
    """The network that a landscape is, if it is one: itself, or what a model was recognized as."""
    found = getattr(landscape, "recognized", landscape)
    return found if isinstance(found, NetworkLandscape) else None


def dense_network(landscape: Landscape) -> NetworkLandscape:
    """The network that a landscape is.

    Raises:
        BadInputError: if it is none.
    """
    found = network_of(landscape)
    if found is None:
        problem = f"a {type(landscape).__name__} that is no network of dense layers has no outputs"
        raise BadInputError("landscape", problem, "use the function or the model itself")
    return found


def _network(
    model: AdaptedModel, layers: DenseLayers | None, given: _Given
) -> NetworkLandscape | None:
    """The landscape of the network that the model is, if it has a known activation."""
    assert layers is not None  # the caller has checked it
    inputs, loss = given.inputs, given.loss
    activation = recognized_activation(model, layers, inputs[: max(5, min(len(inputs), 50))])
    if activation is None:
        return None
    classes = layers.widths[-1] if loss.targets == "classes" else None
    return NetworkLandscape(
        given.data._replace(labels=given.labels),
        hidden=layers.widths[1:-1],
        l2=given.l2,
        classes=classes,
        regularize_biases=given.regularize_biases,
        activation=activation,
        loss=loss,
    )


def _function(
    model: AdaptedModel, layers: DenseLayers | None, given: _Given, symmetry: Any
) -> FunctionLandscape:
    """The landscape of a model that is differentiated automatically."""
    energy, title = _energy(model, given)
    name = given.name
    n = len(model.start)
    box = -RANGE * np.ones(n), RANGE * np.ones(n)
    bare = FunctionLandscape(energy, *box, title, everywhere=True)
    points = np.random.default_rng(1).uniform(-1.0, 1.0, (3, n))
    check_derivatives(bare.surface, points, name)
    found = symmetry
    if isinstance(symmetry, str):
        found = _found_symmetry(layers, bare, points)
    if found is None:
        if isinstance(symmetry, str):
            text = (
                f"{name}: no symmetry is known, so copies of a minimum count as minima; give a "
                "UnitSymmetry, or symmetry=None if there is none"
            )
            warnings.warn(text, DataWarning, stacklevel=4)
        return bare
    return FunctionLandscape(energy, *box, title, symmetry=found, everywhere=True)


def _energy(model: AdaptedModel, given: _Given) -> tuple[Callable[[Any], Any], str]:
    """The function E(w), and a text that identifies it."""
    inputs, labels, loss, l2 = given.inputs, given.labels, given.loss, given.l2
    penalized = np.ones(len(model.start))
    if not given.regularize_biases:
        for leaf in model.leaves:
            penalized[leaf.positions] = float(leaf.positions.ndim != 1)
    with jax.enable_x64(True):
        x, y = (
            jax.numpy.asarray(inputs),
            jax.numpy.asarray(encoded(labels, given.outputs, loss.targets)),
        )

    def energy(w: Any) -> Any:
        data = loss.value(model.apply(w, x).T, y).mean()
        return data + l2 * (penalized * w * w).sum()

    numbers = np.asarray(labels, np.float64).tobytes()
    digest = hashlib.sha256(inputs.tobytes() + numbers).hexdigest()
    named = loss.title + identity(loss, given.outputs)
    title = f"{given.name}: {named}, l2 {l2!r}, data {digest[:16]}"
    if not given.regularize_biases:
        title += ", biases not regularized"
    return energy, title


def _found_symmetry(
    layers: DenseLayers | None, landscape: FunctionLandscape, points: np.ndarray
) -> UnitSymmetry | None:
    """The symmetry of dense layers that E has: permutations with signs, or permutations alone."""
    if layers is None:
        return None

    @compiled
    def compiled_energy(w: Any) -> Any:
        return landscape.surface.energy(w)

    def energy(w: np.ndarray) -> float:
        with jax.enable_x64(True):
            return float(compiled_energy(jax.numpy.asarray(w)))

    for turns in (True, False):
        symmetry = UnitSymmetry.of_layers(layers.units(turns))
        try:
            symmetry.check(energy, points, "model")
        except BadInputError:
            continue
        return symmetry
    return None


def _checked_data(data: Any, name: str) -> Parted:
    """The inputs (items, features) as float64, and what is to be predicted."""
    found = given_data(data, None, f"{name}: data")
    if found.inputs.ndim != 2:
        problem = f"inputs have shape {found.inputs.shape}, not (items, features)"
        raise BadInputError(f"{name}: data", problem, "reshape them, inside the model back again")
    return found


def _checked_loss(loss: Any, labels: np.ndarray, name: str) -> OutputLoss:
    if isinstance(loss, str | OutputLoss):
        return find_loss(loss)
    if not callable(loss):
        raise BadInputError(f"{name}: loss", f"{loss!r} is no loss", "give a name or a function")
    kind = "classes" if labels.dtype.kind in "iub" else "numbers"
    function: Any = loss
    return loss_of_item(function, getattr(loss, "__qualname__", "own loss"), kind)


def _check_targets(
    inputs: np.ndarray, labels: np.ndarray, outputs: int, loss: OutputLoss, name: str
) -> np.ndarray:
    """The labels or targets, if the model has as many outputs as they need."""
    classes = outputs if loss.targets == "classes" else None
    labels, wanted = checked_targets(inputs, labels, classes, loss.targets)
    if wanted != outputs:
        problem = f"the model has {outputs} outputs, the loss needs {wanted}"
        raise BadInputError(name, problem, "give as many outputs as classes or targets")
    return labels


def _check_outputs(model: AdaptedModel, inputs: np.ndarray, name: str) -> int:
    """The number of outputs, float64 of every item."""
    with jax.enable_x64(True):
        x = jax.ShapeDtypeStruct(inputs.shape, np.float64)
        w = jax.ShapeDtypeStruct(model.start.shape, np.float64)
        try:
            found = jax.eval_shape(model.apply, w, x)
        except Exception as error:
            problem = f"it cannot be applied: {type(error).__name__}: {str(error).splitlines()[0]}"
            raise BadInputError(name, problem, "it must take inputs (items, features)") from error
    if found.ndim != 2 or found.shape[0] != len(inputs):
        problem = f"for inputs {inputs.shape} its outputs have shape {found.shape}"
        raise BadInputError(name, problem, "give outputs (items, outputs)")
    if found.dtype != np.float64:
        problem = f"its outputs are {found.dtype}, not float64"
        remedy = "leave out dtype=float32 and astype: parameters and inputs are given in float64"
        raise BadInputError(name, problem, remedy)
    return found.shape[1]
