"""The subspace that gradient flow from a point cannot leave.

It is at most that of the symmetry of the point. Where the activation is zero at zero, a hidden unit
all of whose weights vanish stays as it is, though no symmetry may say so: its output is zero, so
the gradient by the weights that leave it vanishes, and with these the gradient by those that enter.
For tanh that follows from turning the unit; for GELU and SiLU no unit can be turned.

Rounding errors across such a subspace grow on the way along a ridge. A path that is not kept in it
ends somewhere by chance, and where it ends in truth, at a saddle, is not seen.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from lossatlas.landscape.base import Landscape, Symmetrizer
from lossatlas.landscape.symmetric_subspace import SignedAverage
from lossatlas.landscape.symmetry import EQUAL, UnitLayer


def invariant_subspace(landscape: Landscape, w: Float[np.ndarray, " n"]) -> Symmetrizer:
    """The projector onto the smallest known subspace with w (n,) that gradient flow cannot leave.

    A landscape may have a method of this name; for all others it is the symmetrizer.
    """
    own = getattr(landscape, "invariant_subspace", landscape.symmetrizer)
    return own(w)


def with_idle_units(
    average: SignedAverage, layers: Sequence[UnitLayer], w: Float[np.ndarray, " n"]
) -> SignedAverage:
    """The projector that also keeps at zero all weights of the units that have none at w (n,).

    Args:
        average: of the symmetry of w.
        layers: the hidden layers.
        w: the weights.

    Examples:
        >>> ones = np.ones(4)
        >>> layer = UnitLayer(np.array([[0, 1], [2, 3]]), np.zeros(2, bool), np.ones((2, 2), bool))
        >>> nothing = SignedAverage(np.arange(4), ones, ones)
        >>> with_idle_units(nothing, [layer], np.array([1.0, 0.0, 0.0, 0.0])).sign.tolist()
        [1.0, 1.0, 0.0, 0.0]
    """
    idle = [
        layer.positions[(np.abs(layer.vectors(w)) < EQUAL).all(axis=1)].ravel() for layer in layers
    ]
    positions = np.concatenate(idle)
    if not len(positions):
        return average
    sign = np.array(average.sign)
    sign[positions[positions >= 0]] = 0.0
    return average._replace(sign=sign)
