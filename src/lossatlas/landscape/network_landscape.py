"""The landscape of a tanh network on a data set: its loss, its symmetry, its identity."""

import hashlib
import pickle
from collections import deque
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import jax
import numpy as np
from jaxtyping import Bool, Float

from lossatlas.errors import BadInputError
from lossatlas.landscape import symmetry
from lossatlas.landscape.architecture import Architecture
from lossatlas.landscape.automorphisms import group_order, stabilizer_order
from lossatlas.landscape.connectivity import nearest_neighbor_mask
from lossatlas.landscape.descriptors import descriptors
from lossatlas.landscape.device import device
from lossatlas.landscape.network import NetworkLoss
from lossatlas.landscape.symmetric_subspace import SignedAverage, symmetrizer
from lossatlas.shown import html_table

PROBES = 8


class NetworkLandscape:
    """Softmax cross-entropy plus L2 of a tanh network (paper, eqs. 1-3 and 5).

    Args:
        inputs: (items, features) float64 training inputs.
        labels: (items,) integers 0 .. classes-1.
        hidden: units of each hidden layer, e.g. ``(10,)``.
        l2: lambda > 0.
        classes: number of outputs; default the largest label plus one.
        neighbors: reduced connectivity, eq. (5); 0 for full connectivity.
        ties: which of two equally near nodes is kept, ``"lowest"`` (paper) or ``"highest"``.
        regularize_biases: whether the L2 term includes the biases.

    Raises:
        BadInputError: if an argument cannot describe a landscape; the message says why.

    Examples:
        >>> import numpy as np
        >>> random = np.random.default_rng(0)
        >>> x, c = random.normal(size=(20, 2)), np.arange(20) % 3
        >>> NetworkLandscape(x, c, hidden=(4,), l2=1e-2).n_weights
        27
    """

    length_scale = 1.0

    def __init__(
        self,
        inputs: np.ndarray,
        labels: np.ndarray,
        hidden: Sequence[int],
        l2: float,
        *,
        classes: int | None = None,
        neighbors: int = 0,
        ties: str = "lowest",
        regularize_biases: bool = True,
    ) -> None:
        inputs, labels = _numbers(inputs), np.asarray(labels)
        _check_data(inputs, labels)
        classes = int(labels.max()) + 1 if classes is None else classes
        _check(labels, tuple(hidden), l2, classes, neighbors)
        widths = (inputs.shape[1], *(int(h) for h in hidden), classes)
        masks = None
        if neighbors > 0:
            tables = nearest_neighbor_mask(widths[0], widths[1:-1], classes, neighbors, ties)  # type: ignore[arg-type]
            masks = tuple(tuple(tuple(bool(x) for x in row) for row in table) for table in tables)
        self.architecture = Architecture(widths, masks, regularize_biases)
        self.n_weights = self.architecture.n_weights
        self.l2 = float(l2)
        self.zero_tolerance: float | None = 1e-3 * self.l2
        # A gradient takes n x items operations, a Hessian n^2 x items, its spectrum n^3 (without
        # which searches do where it would cost more).
        self.hessian_cost = min(
            0.2 * self.n_weights * (1.0 + self.n_weights / len(labels)), float(self.n_weights)
        )
        self.inputs, self.labels = inputs, labels
        targets = np.eye(classes)[labels].T
        seen = np.flatnonzero((inputs != 0).any(axis=0))
        all_seen = len(seen) in (0, inputs.shape[1])
        device()  # says why, where JAX cannot start
        with jax.enable_x64(True):
            self.surface = NetworkLoss(
                self.architecture,
                jax.numpy.asarray((inputs if all_seen else inputs[:, seen]).T.copy()),
                jax.numpy.asarray(targets),
                jax.numpy.asarray(self.l2),
                None if all_seen else jax.numpy.asarray(seen),
            )
        self.layers = symmetry.hidden_layers(self.architecture)
        self.excluded_modes = _shift_modes(self.architecture)
        self.excluded_curvatures = np.full(len(self.excluded_modes), 2.0 * self.l2)
        spread, center = inputs.std(axis=0), inputs.mean(axis=0)
        random = np.random.default_rng(20200409)
        self._probes = center + spread * random.normal(size=(PROBES, widths[0]))

    def _repr_html_(self) -> str:
        """What there is to know about it, in a notebook."""
        hidden = self.architecture
        rows = {
            "network": "-".join(map(str, hidden.widths)),
            "weights": self.n_weights,
            "frozen weights": hidden.n_full - self.n_weights,
            "training rows": len(self.labels),
            "l2": self.l2,
            "order of the symmetry group": self.group_order,
        }
        return html_table("NetworkLandscape", rows)

    def random_start(self, random: np.random.Generator) -> Float[np.ndarray, " n"]:
        """Uniform in (-5, 5), without a part along the softmax shift."""
        w = random.uniform(-5.0, 5.0, self.n_weights)
        return w - self.excluded_modes.T @ (self.excluded_modes @ w)

    def logits(
        self, w: Float[np.ndarray, "... n"], inputs: Float[np.ndarray, "items features"]
    ) -> Float[np.ndarray, "b items classes"]:
        """Outputs y of eq. (1) for weights (b, n) and inputs (items, features): (b, items, C)."""
        return deque(self._layer_by_layer(np.atleast_2d(w), inputs), maxlen=1).pop()

    def _layer_by_layer(self, w: np.ndarray, inputs: np.ndarray) -> Iterator[np.ndarray]:
        """What each layer makes of inputs: activations (b, items, width), at last the outputs."""
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
                values = np.tanh(values)
            yield values

    def invariants(self, w: Float[np.ndarray, " n"]) -> Float[np.ndarray, " k"]:
        """|w| and the logits on fixed probe inputs, scaled to a slope of about one.

        By Sussmann's and Fefferman's theorems the function determines the weights up to symmetry,
        so these are equal for symmetry copies and, up to accidents, for nothing else.
        """
        norm = np.linalg.norm(w)
        scale = (1.0 + norm) * (1.0 + np.abs(self._probes).max())
        outputs = self.logits(w, self._probes)[0]
        outputs = outputs - outputs.mean(axis=1, keepdims=True)
        return np.concatenate([[norm], outputs.ravel() / scale])

    def descriptors(self, w: Float[np.ndarray, "b n"]) -> Float[np.ndarray, "b k"]:
        """See `landscape.descriptors`."""
        *activations, _ = self._layer_by_layer(w, self._probes)
        return descriptors(self.layers, w, activations)

    def nearest_copy(
        self, w: Float[np.ndarray, " n"], target: Float[np.ndarray, " n"]
    ) -> Float[np.ndarray, " n"]:
        """See `symmetry.nearest_copy`."""
        return symmetry.nearest_copy(self.layers, w, target)

    def neighbor_copies(self, w: Float[np.ndarray, " n"]) -> list[Float[np.ndarray, " n"]]:
        """See `symmetry.neighbor_copies`."""
        return symmetry.neighbor_copies(self.layers, w)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled so that float64 stays float64, also where JAX is not set to it by default."""
        return _unpickled, (pickle.dumps(self.__dict__),)

    @cached_property
    def group_order(self) -> int:
        """Order of the symmetry group."""
        return group_order(self.layers)

    def orbit_size(self, w: Float[np.ndarray, " n"]) -> int:
        """Group order over stabilizer order."""
        return self.group_order // stabilizer_order(self.layers, w)

    def representative(self, w: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """The weights themselves: a network has no box."""
        return w

    def inside(self, w: Float[np.ndarray, "b n"]) -> Bool[np.ndarray, " b"]:
        """All True: a network has no box."""
        return np.ones(len(w), bool)

    def symmetrizer(self, w: Float[np.ndarray, " n"]) -> SignedAverage:
        """See `symmetric_subspace.symmetrizer`."""
        return symmetrizer(self.layers, w)

    def breaking_directions(
        self, w: Float[np.ndarray, " n"], modes: Float[np.ndarray, "d n"]
    ) -> Float[np.ndarray, "k n"]:
        """In the span of degenerate modes, the ones that set a unit apart from its equals.

        The curvatures of symmetry-breaking directions of equal units are degenerate, so single
        eigenvectors are arbitrary. For the group of equal units that the modes move most: the
        direction of the span with the largest share in its first unit (one apart from the rest),
        and the difference of that and the same for its second (a pair moving apart). Whichever
        units come first, the directions are the same up to symmetry.
        """
        groups = [
            layer.positions[group.units]
            for layer in self.layers
            for group in symmetry.equal_units(layer, w)
            if len(group.units) > 1 and not group.zero
        ]
        if not groups:
            return modes
        moved = max(groups, key=lambda units: _share(modes, np.concatenate(units)))
        one, other = (_largest_share(modes, unit) for unit in moved[:2])
        pair = one + (1.0 if one @ other >= 0 else -1.0) * other
        pair /= np.linalg.norm(pair)
        return one[None] if abs(pair @ one) > 1.0 - 1e-6 else np.stack([one, pair])

    def fingerprint(self) -> dict[str, str]:
        """Hash of the training data, architecture, mask, loss and lambda."""
        mask = "none" if self.architecture.masks is None else _digest(self.architecture.free)
        return {
            "training data": _digest(self.inputs, self.labels.astype("<i8")),
            "network": str(list(self.architecture.widths)),
            "mask": mask,
            "loss": "softmax cross-entropy, tanh"
            + ("" if self.architecture.regularize_biases else ", biases not regularized"),
            "l2": repr(self.l2),
        }


def _share(modes: np.ndarray, positions: np.ndarray) -> float:
    """Length of the part of modes (d, n) at the positions."""
    return float(np.linalg.norm(modes[:, positions[positions >= 0]]))


def _largest_share(modes: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """The unit vector in the span of modes (d, n) with most of its length at the positions."""
    left, _, _ = np.linalg.svd(modes[:, positions[positions >= 0]], full_matrices=False)
    direction = left[:, 0] @ modes
    return direction / np.linalg.norm(direction)


def _digest(*arrays: np.ndarray) -> str:
    hasher = hashlib.sha256()
    for array in arrays:
        hasher.update(str(array.shape).encode())
        hasher.update(np.ascontiguousarray(array).tobytes())
    return hasher.hexdigest()


def _shift_modes(architecture: Architecture) -> np.ndarray:
    """Orthonormal softmax-shift directions (see `NetworkLoss.without_excluded`).

    Without regularized biases the shift of the biases does not change E at all; it is in the list
    as well.
    """
    columns = architecture.shifted_together
    modes = np.zeros((len(columns), architecture.n_weights))
    np.put_along_axis(modes, columns, columns.shape[1] ** -0.5, axis=1)
    return modes


def _numbers(inputs: np.ndarray) -> np.ndarray:
    try:
        return np.asarray(inputs, np.float64)
    except (TypeError, ValueError) as error:
        raise BadInputError("training data", str(error), "give inputs as numbers") from error


def _check_data(inputs: np.ndarray, labels: np.ndarray) -> None:
    if inputs.ndim != 2 or labels.shape != inputs.shape[:1] or inputs.size == 0:
        raise BadInputError(
            "training data",
            f"shapes {inputs.shape} and {labels.shape} do not fit",
            "give inputs (items, features) and labels (items,)",
        )
    if not np.isfinite(inputs).all():
        raise BadInputError("training data", "inputs are not all finite", "remove NaN and infinity")
    if not np.issubdtype(labels.dtype, np.integer):
        raise BadInputError(
            "training data", f"labels are {labels.dtype}, not integers", "use 0 .. classes-1"
        )
    if len(np.unique(labels)) < 2:
        raise BadInputError("training data", "there is only one class", "give at least two classes")


def _check(
    labels: np.ndarray, hidden: tuple[int, ...], l2: float, classes: int, neighbors: int
) -> None:
    if len(hidden) == 0:
        raise BadInputError(
            "[network] hidden",
            "a network without hidden layers has a convex loss with a single minimum",
            "give at least one hidden layer, e.g. hidden = [10]",
        )
    if any(h < 1 or h != int(h) for h in hidden):
        raise BadInputError(
            "[network] hidden",
            f"{list(hidden)} are not numbers of units",
            "use whole numbers of 1 or more, e.g. hidden = [10]",
        )
    if neighbors < 0 or neighbors != int(neighbors):
        raise BadInputError(
            "[network] neighbors", f"{neighbors} is not a number of nodes", "use 0 for all, or 1, 2"
        )
    if not np.isfinite(l2) or l2 <= 0:
        raise BadInputError(
            "[loss] l2", f"{l2} is not positive", "without it minima are not isolated; try 1e-4"
        )
    if labels.min() < 0 or labels.max() >= classes:
        raise BadInputError("training data", "a label is out of range", "use 0 .. classes-1")


def _unpickled(attributes: bytes) -> NetworkLandscape:
    """The landscape pickled elsewhere."""
    landscape = NetworkLandscape.__new__(NetworkLandscape)
    with jax.enable_x64(True):
        landscape.__dict__.update(pickle.loads(attributes))
    return landscape
