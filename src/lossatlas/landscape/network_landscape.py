"""The landscape of a network on a data set, with its loss and its symmetry."""

import hashlib
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import numpy as np
from jaxtyping import Bool, Float

from lossatlas.errors import BadInputError
from lossatlas.given_data import given_data
from lossatlas.labels import refuse_names
from lossatlas.landscape.architecture import Architecture
from lossatlas.landscape.connectivity import check_ties, nearest_neighbor_mask
from lossatlas.landscape.descriptors import descriptors
from lossatlas.landscape.device import device
from lossatlas.landscape.invariant_subspace import with_idle_units
from lossatlas.landscape.network import NetworkLoss
from lossatlas.landscape.network_targets import check_network, checked_targets, encoded
from lossatlas.landscape.symmetric_subspace import SignedAverage
from lossatlas.landscape.symmetry import hidden_layers
from lossatlas.landscape.unit_symmetry import UnitSymmetry
from lossatlas.parts import Activation, OutputLoss, find_activation, find_loss
from lossatlas.parts.activation import applied
from lossatlas.parts.centered import centered
from lossatlas.parts.identity import identity
from lossatlas.shown import html_table

PROBES = 8


class NetworkLandscape:
    """The mean loss plus L2 of a network on a data set.

    With tanh and softmax cross-entropy, the defaults, it is the loss of the paper (eqs. 1-3 and 5).
    If biases are not regularized, a sigmoid unit computes 1 / (1 + exp(-z)) - 1/2, so that its sign
    can be changed; the constant is absorbed by the biases of the next layer.

    Args:
        inputs: (items, features) training inputs as an array, a tensor or a table; or, without
            `labels`, an object that holds both: a scikit-learn Bunch, a `Dataset`, one table, or a
            torch data set of pairs (see `given_data`).
        labels: (items,) classes as integers 0, ..., C - 1, or as texts, which are numbered in
            alphabetical order; for a loss of numbers (items,) or (items, outputs) targets.
        hidden: number of units of each hidden layer, e.g. ``(10,)``; required.
        l2: lambda > 0, the factor of the sum of the squares of the weights; required.
        classes: number C of classes; by default None: as many as the data name, or the largest
            label plus one.
        neighbors: number of nodes of a neighboring layer to which a hidden node is connected, by
            eq. (5); 0 (the default) for full connectivity.
        ties: which of two equally distant nodes is kept: ``"lowest"`` (the default, as in the
            paper) or ``"highest"``; see `connectivity.nearest_neighbor_mask`.
        regularize_biases: whether the L2 term includes the biases; default True.
        activation: the activation of the hidden units, as a name or an `Activation`; default
            ``"tanh"``.
        loss: the loss of the outputs, as a name or an `OutputLoss`; default
            ``"softmax-cross-entropy"``.

    Attributes:
        features: names of the inputs, ``x1, x2, ...`` where the data have none.
        classes: names of the classes; empty where numbers are predicted.

    Raises:
        BadInputError: if the data do not fit each other or the loss, there is no hidden layer, a
            number is out of range, or a name is not known.

    Examples:
        >>> import numpy as np
        >>> random = np.random.default_rng(0)
        >>> x, c = random.normal(size=(20, 2)), np.arange(20) % 3
        >>> NetworkLandscape(x, c, hidden=(4,), l2=1e-2).n_weights
        27
        >>> NetworkLandscape((x, np.array(["a", "b", "c"])[c]), hidden=(4,), l2=1e-2).classes
        ('a', 'b', 'c')
    """

    length_scale = 1.0

    def __init__(
        self,
        inputs: Any,
        labels: Any = None,
        hidden: Sequence[int] = (),
        l2: float = 0.0,
        *,
        classes: int | None = None,
        neighbors: int = 0,
        ties: str = "lowest",
        regularize_biases: bool = True,
        activation: str | Activation = "tanh",
        loss: str | OutputLoss = "softmax-cross-entropy",
    ) -> None:
        given, activation, loss = (
            given_data(inputs, labels),
            find_activation(activation),
            find_loss(loss),
        )
        refuse_names(given.classes, loss.targets)
        inputs = given.inputs
        classes = len(given.classes) or None if classes is None else classes
        labels, outputs = checked_targets(inputs, given.labels, classes, loss.targets)
        check_network(hidden, l2, neighbors, activation, regularize_biases)
        check_ties(ties)
        neighbors, regularize_biases = int(neighbors), bool(regularize_biases)  # as JSON has them
        widths = (inputs.shape[1], *(int(h) for h in hidden), outputs)
        masks = None
        if neighbors > 0:
            tables = nearest_neighbor_mask(widths[0], widths[1:-1], outputs, int(neighbors), ties)  # type: ignore[arg-type]
            masks = tuple(tuple(tuple(bool(x) for x in row) for row in table) for table in tables)
        if not regularize_biases:
            activation = centered(activation)
        self.architecture = Architecture(widths, masks, regularize_biases, activation, loss)
        self.n_weights = self.architecture.n_weights
        self.l2 = float(l2)
        self.zero_tolerance: float | None = 1e-3 * self.l2
        # A gradient takes n x items operations, a Hessian n^2 x items, and its spectrum n^3, which
        # is not counted where it is larger because searches then work without spectra.
        self.hessian_cost = min(
            0.2 * self.n_weights * (1.0 + self.n_weights / len(labels)), float(self.n_weights)
        )
        self.inputs, self.labels = inputs, labels
        self.neighbors, self.ties = neighbors, str(ties)
        self.features = given.features or tuple(f"x{k + 1}" for k in range(inputs.shape[1]))
        self.classes = (
            () if loss.targets == "numbers" else _class_names(given.classes, max(outputs, 2))
        )
        targets = encoded(labels, outputs, loss.targets)
        seen = np.flatnonzero((inputs != 0).any(axis=0))
        all_seen = len(seen) in (0, inputs.shape[1])
        device()  # raises a clear error if JAX cannot start
        with jax.enable_x64(True):
            self.surface = NetworkLoss(
                self.architecture,
                jax.numpy.asarray((inputs if all_seen else inputs[:, seen]).T.copy()),
                jax.numpy.asarray(targets),
                jax.numpy.asarray(self.l2),
                None if all_seen else jax.numpy.asarray(seen),
            )
        self.symmetry = UnitSymmetry.of_layers(hidden_layers(self.architecture))
        self._idle_stays = float(applied(activation, np.zeros(1))[0]) == 0.0
        self.excluded_modes = _shift_modes(self.architecture)
        self.excluded_curvatures = np.full(len(self.excluded_modes), 2.0 * self.l2)
        spread, center = inputs.std(axis=0), inputs.mean(axis=0)
        random = np.random.default_rng(20200409)
        self._probes = center + spread * random.normal(size=(PROBES, widths[0]))

    def _repr_html_(self) -> str:
        """A table of its properties, as HTML for a notebook."""
        hidden = self.architecture
        rows = {
            "network": "-".join(map(str, hidden.widths)),
            "weights": self.n_weights,
            "frozen weights": hidden.n_full - self.n_weights,
            "training rows": len(self.labels),
            "l2": self.l2,
            "order of the symmetry group": self.group_order,
            "activation": hidden.activation.name,
            "loss": hidden.loss.title,
        }
        return html_table("NetworkLandscape", rows)

    def random_start(self, random: np.random.Generator) -> Float[np.ndarray, " n"]:
        """Weights (n,) uniformly distributed in (-5, 5), without a component along the shift."""
        w = random.uniform(-5.0, 5.0, self.n_weights)
        return w - self.excluded_modes.T @ (self.excluded_modes @ w)

    def logits(
        self, w: Float[np.ndarray, "... n"], inputs: Float[np.ndarray, "items features"]
    ) -> Float[np.ndarray, "b items classes"]:
        """The logits of the C classes.

        For a softmax they are the outputs y of eq. (1); for a single output y they are 0 and y.

        Args:
            w: (b, n) weights of b networks.
            inputs: (items, features) inputs.

        Returns:
            (b, items, C) logits.

        Raises:
            BadInputError: if the loss has no classes.
        """
        kind, outputs = self.architecture.loss.targets, self.outputs(w, inputs)
        if kind == "numbers":
            problem = f"the {self.architecture.loss.title} has no classes"
            raise BadInputError("logits", problem, "use outputs")
        if kind == "two classes":
            return np.concatenate([np.zeros_like(outputs), outputs], axis=2)
        return outputs

    def outputs(
        self, w: Float[np.ndarray, "... n"], inputs: Float[np.ndarray, "items features"]
    ) -> Float[np.ndarray, "b items outputs"]:
        """The outputs y of eq. (1), before any softmax.

        Args:
            w: (b, n) weights of b networks.
            inputs: (items, features) inputs.

        Returns:
            (b, items, outputs) outputs.
        """
        return deque(self._layer_by_layer(np.atleast_2d(w), inputs), maxlen=1).pop()

    def _layer_by_layer(self, w: np.ndarray, inputs: np.ndarray) -> Iterator[np.ndarray]:
        """The activations (b, items, units) of each hidden layer, and then the outputs."""
        full = np.zeros((len(w), self.architecture.n_full))
        full[:, self.architecture.free] = w
        matrices, start = [], 0
        for rows, columns in self.architecture.matrix_shapes:
            matrices.append(full[:, start : start + rows * columns].reshape(-1, rows, columns))
            start += rows * columns
        values = np.broadcast_to(inputs, (len(w), *inputs.shape))
        for depth, width in enumerate(self.architecture.widths[1:]):
            bias = full[:, None, start : start + width]
            start += width
            values = values @ matrices[depth].transpose(0, 2, 1) + bias
            if depth < len(matrices) - 1:
                values = applied(self.architecture.activation, values)
            yield values

    def invariants(self, w: Float[np.ndarray, " n"]) -> Float[np.ndarray, " k"]:
        """(k,) numbers that are equal for symmetry copies and differ for other points.

        They are the `function_values`, and for most activations invariants of the weights too. By
        the theorems of Sussmann and Fefferman, the function of a tanh network determines its
        weights up to symmetry, and so does that of a network with sigmoids, which are scaled and
        shifted hyperbolic tangents. So function values agree for symmetry copies and, except by
        accident, for no other points. For other activations there is no such theorem, and two
        points are the same only if invariants of the weights agree as well.
        """
        found = self.function_values(w)
        if self.identified_by_function:
            return found
        return np.concatenate([found, self.symmetry.invariants(w)[1:]])

    def function_values(self, w: Float[np.ndarray, " n"]) -> Float[np.ndarray, " k"]:
        """(k,) |w| and the outputs on fixed probe inputs, scaled to a slope of about one."""
        norm = np.linalg.norm(w)
        scale = (1.0 + norm) * (1.0 + np.abs(self._probes).max())
        outputs = self.outputs(w, self._probes)[0]
        if self.architecture.loss.shifts:
            outputs = outputs - outputs.mean(axis=1, keepdims=True)
        return np.concatenate([[norm], outputs.ravel() / scale])

    @property
    def identified_by_function(self) -> bool:
        """Whether a theorem says that the function of the network determines its weights.

        They are then determined up to symmetry.
        """
        return self.architecture.activation.identifies

    def descriptors(self, w: Float[np.ndarray, "b n"]) -> Float[np.ndarray, "b k"]:
        """(b, k) coordinates for looking up neighbors of (b, n); see `landscape.descriptors`."""
        *activations, _ = self._layer_by_layer(w, self._probes)
        return descriptors(self.symmetry.layers, w, activations)

    def nearest_copy(
        self, w: Float[np.ndarray, " n"], target: Float[np.ndarray, " n"]
    ) -> Float[np.ndarray, " n"]:
        """The symmetry copy of w (n,) nearest to target (n,); see `symmetry.nearest_copy`."""
        return self.symmetry.nearest_copy(w, target)

    def neighbor_copies(self, w: Float[np.ndarray, " n"]) -> list[Float[np.ndarray, " n"]]:
        """Symmetry copies of w (n,) other than w, nearest first; see `symmetry.neighbor_copies`."""
        return self.symmetry.neighbor_copies(w)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle with float64 arrays, even where JAX is not set to float64 by default.

        Arrays of JAX are pickled as those of NumPy, and restored with float64. What remains is left
        to the pickler, which may know what to do with functions that no other process can import.
        """
        surface = jax.tree.map(np.asarray, self.surface)
        return _unpickled, ({**self.__dict__, "surface": surface},)

    @property
    def group_order(self) -> int:
        """The number of elements of the symmetry group."""
        return self.symmetry.order

    def orbit_size(self, w: Float[np.ndarray, " n"]) -> int:
        """The number of symmetry copies of w (n,): the group order over the stabilizer order."""
        return self.symmetry.orbit_size(w)

    def _plain_labels(self) -> np.ndarray:
        return self.labels.astype("<f8" if self.architecture.loss.targets == "numbers" else "<i8")

    def representative(self, w: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """The weights themselves, since a network has no box."""
        return w

    def inside(self, w: Float[np.ndarray, "b n"]) -> Bool[np.ndarray, " b"]:
        """(b,) always True, since a network has no box."""
        return np.ones(len(w), bool)

    def symmetrizer(self, w: Float[np.ndarray, " n"]) -> SignedAverage:
        """The projector onto the weights that have all symmetries of w (n,).

        See `symmetric_subspace.symmetrizer`.
        """
        return self.symmetry.symmetrizer(w)

    def invariant_subspace(self, w: Float[np.ndarray, " n"]) -> SignedAverage:
        """See `landscape.invariant_subspace`."""
        average = self.symmetrizer(w)
        return with_idle_units(average, self.symmetry.layers, w) if self._idle_stays else average

    def breaking_directions(
        self, w: Float[np.ndarray, " n"], modes: Float[np.ndarray, "d n"]
    ) -> Float[np.ndarray, "k n"]:
        """(k, n) canonical directions; see `UnitSymmetry.breaking_directions`."""
        return self.symmetry.breaking_directions(w, modes)

    def fingerprint(self) -> dict[str, str]:
        """Texts that identify the landscape, by their names.

        They have a hash of the training data, the architecture, the mask, the loss and lambda, and
        a digest of the values of a loss or an activation that is not built in.
        """
        network = self.architecture
        mask = "none" if network.masks is None else _digest(network.free)
        loss = network.loss.title + identity(network.loss, network.widths[-1])
        activation = network.activation.name + identity(network.activation)
        return {
            "training data": _digest(self.inputs, self._plain_labels()),
            "network": str(list(network.widths)),
            "mask": mask,
            "loss": f"{loss}, {activation}"
            + ("" if network.regularize_biases else ", biases not regularized"),
            "l2": repr(self.l2),
        }


def _digest(*arrays: np.ndarray) -> str:
    hasher = hashlib.sha256()
    for array in arrays:
        hasher.update(str(array.shape).encode())
        hasher.update(np.ascontiguousarray(array).tobytes())
    return hasher.hexdigest()


def _shift_modes(architecture: Architecture) -> np.ndarray:
    """(k, n) orthonormal directions of the softmax shift (see `NetworkLoss.without_excluded`).

    The shift of the output biases is among them even if biases are not regularized.
    """
    columns = architecture.shifted_together
    modes = np.zeros((len(columns), architecture.n_weights))
    np.put_along_axis(modes, columns, columns.shape[1] ** -0.5, axis=1)
    return modes


def _class_names(names: tuple[str, ...], classes: int) -> tuple[str, ...]:
    """The names of the classes, or their numbers where they have none."""
    return names if len(names) == classes else tuple(map(str, range(classes)))


def _unpickled(attributes: dict[str, Any]) -> NetworkLandscape:
    """Restore a landscape from its attributes, whose surface has arrays of NumPy."""
    landscape = NetworkLandscape.__new__(NetworkLandscape)
    with jax.enable_x64(True):
        surface = jax.tree.map(jax.numpy.asarray, attributes["surface"])
    landscape.__dict__.update({**attributes, "surface": surface})
    return landscape
