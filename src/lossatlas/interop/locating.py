"""Which minimum of an atlas training has reached: the network is quenched and recognized."""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from lossatlas.atlas import Atlas, schema
from lossatlas.atlas.contents import check_landscape
from lossatlas.errors import BadInputError, Status
from lossatlas.exploration.stored_points import StoredPoints
from lossatlas.landscape.base import Landscape
from lossatlas.lanes.engine import Engine
from lossatlas.search.basin_hopping import quenched
from lossatlas.search.tools import default_tools

CANDIDATES = 200
"""Number of minima, those with the nearest descriptors, whose nearest copies are computed."""


class Located(NamedTuple):
    """Where a network lies in an atlas. Distances are in weight units.

    Attributes:
        loss: loss of the network as it was given, penalty included.
        rms_gradient: root-mean-square of the components of the gradient there.
        status: CONVERGED, or the reason why no minimum was reached from the network.
        minimum_loss: loss of the minimum that a quench from the network reaches; NaN if it reaches
            none.
        minimum: id of that minimum in the atlas; None if the atlas does not hold it.
        distance: distance from the network to the nearest symmetry copy of that minimum; NaN if
            there is no minimum.
        barrier: how far the loss must rise from that minimum on the lowest known path to the global
            minimum of the atlas. It is 0 for the global minimum itself, and NaN if no path is
            known.
        weights: (n,) weights of the symmetry copy of that minimum which is nearest to the network;
            None if there is no minimum.
        nearest: id of the minimum of the atlas that has a symmetry copy nearest to the network,
            which need not lie in its basin; None if the atlas is empty.
        nearest_distance: distance from the network to that copy; NaN if the atlas is empty.

    Examples:
        >>> located = locate(atlas, landscape, w)                    # doctest: +SKIP
        >>> located.minimum, located.barrier                         # doctest: +SKIP
        (1, 0.0)
    """

    loss: float
    rms_gradient: float
    status: Status
    minimum_loss: float
    minimum: int | None
    distance: float
    barrier: float
    weights: np.ndarray | None
    nearest: int | None
    nearest_distance: float


def locate(atlas: Atlas, landscape: Landscape, w: Float[np.ndarray, " n"]) -> Located:
    """Find the minimum of an atlas in whose basin a network lies.

    The network is quenched, and the minimum that it reaches is certified and looked up.

    Args:
        atlas: an open atlas.
        landscape: the landscape of the atlas.
        w: (n,) the weights of the network, for example from `weights_of`.

    Raises:
        BadInputError: if the weights do not have the length of the landscape, or are not finite.
        OtherLandscapeError: if the atlas holds another landscape.

    Examples:
        >>> import tempfile
        >>> import lossatlas as la
        >>> from lossatlas.testing import six_hump_camel
        >>> camel = la.FunctionLandscape(six_hump_camel, [-2, -1], [2, 1], "camel")
        >>> path = f"{tempfile.mkdtemp()}/camel.atlas"
        >>> atlas = la.explore(camel, path, minima=3, progress=False)
        >>> located = locate(atlas, camel, np.array([0.1, -0.7]))
        >>> located.status.name, round(located.minimum_loss, 6)
        ('CONVERGED', -1.031628)
    """
    with atlas.reading() as connection:
        check_landscape(connection, landscape.fingerprint(), atlas.name)
    w = _checked(landscape, w)
    tools = default_tools(landscape)
    ((_, (certificate, _)),) = Engine(landscape.surface).run([quenched(tools, w)])
    loss, gradient = _evaluated(landscape, w)
    with atlas.reading() as connection:
        stored = StoredPoints(connection, schema.minimum)
    nearest, apart = _nearest(atlas, landscape, stored.ids, w)
    rms = float(np.sqrt(np.mean(gradient**2)))
    if certificate.point is None:
        nan, status = float("nan"), certificate.status
        return Located(loss, rms, status, nan, None, nan, nan, None, nearest, apart)
    point = certificate.point
    known = stored.recognized(point)
    identity = int(known) if known > 0 else None
    copy = landscape.nearest_copy(point.weights, w)
    return Located(
        loss,
        rms,
        Status.CONVERGED,
        point.energy,
        identity,
        float(np.linalg.norm(copy - w)),
        _barrier(atlas, identity),
        copy,
        nearest,
        apart,
    )


def _checked(landscape: Landscape, w: Any) -> np.ndarray:
    w = np.asarray(w, np.float64)
    if w.shape != (landscape.n_weights,) or not np.isfinite(w).all():
        problem = f"weights of shape {w.shape}, or not all finite"
        raise BadInputError("locate: w", problem, f"give {landscape.n_weights} finite numbers")
    # A component along an excluded mode changes no prediction, and no minimum has one.
    return w - landscape.excluded_modes.T @ (landscape.excluded_modes @ w)


def _evaluated(landscape: Landscape, w: np.ndarray) -> tuple[float, np.ndarray]:
    import jax

    with jax.enable_x64(True):
        energy, gradient = landscape.surface.value_and_gradient(jax.numpy.asarray(w))
        return float(energy), np.asarray(gradient)


def _nearest(
    atlas: Atlas, landscape: Landscape, ids: np.ndarray, w: np.ndarray
) -> tuple[int | None, float]:
    """The minimum with the copy nearest to w, among those with the nearest descriptors."""
    if not len(ids):
        return None, float("nan")
    weights = atlas.minimum_weights(ids.tolist())
    apart = np.linalg.norm(landscape.descriptors(weights) - landscape.descriptors(w[None]), axis=1)
    some = np.argsort(apart, kind="stable")[:CANDIDATES]
    copies = [landscape.nearest_copy(weights[k], w) for k in some]
    distances = np.array([np.linalg.norm(copy - w) for copy in copies])
    best = int(np.argmin(distances))
    return int(ids[some[best]]), float(distances[best])


def _barrier(atlas: Atlas, identity: int | None) -> float:
    if identity is None:
        return float("nan")
    network = atlas.network(outside=True)
    lowest = int(network.minimum_ids[np.argmin(network.minimum_energies)])
    if lowest == identity:
        return 0.0
    top = float(network.barrier(identity, lowest))
    own = float(network.minimum_energies[int(network.positions(identity))])
    return top - own if np.isfinite(top) else float("nan")
