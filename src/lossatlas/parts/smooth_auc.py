"""A smooth surrogate of one minus the AUC, the fraction of pairs of items in the wrong order.

With scores s = 1 / (1 + exp(-z)) of the single output z, P items of class 1 and M of class 0,

    E = 1 / (P M) sum over pairs (i of class 1, j of class 0) of 1 / (1 + exp(beta (s_i - s_j))).

For a large sharpness beta this is one minus the AUC (the Mann-Whitney statistic). The step between
two scores is replaced by a sigmoid, as is usual where the AUC is optimized directly (Yan et al.,
Proc. 20th ICML, 848, 2003). Pairs couple items, so the Hessian has a term between outputs of
different items.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import Array

from lossatlas.parts.output_loss import OutputLoss

SHARPNESS = 10.0
"""Default of the sharpness beta."""


@dataclass(frozen=True)
class _Part:
    """The loss of each item, or derivatives of the sum over items.

    Attributes:
        sharpness: the sharpness beta.
        which: name of the function in the record `OutputLoss`: ``"value"``, ``"slope"``,
            ``"curvature"`` or ``"coupling"``.
    """

    sharpness: float
    which: str

    def __call__(self, outputs: Array, targets: Array) -> Array:
        """The function that `which` names, scaled so that the mean over the items is the loss."""
        scores = jax.nn.sigmoid(outputs[0])
        positive, negative = targets[0], 1.0 - targets[0]
        pairs = positive[:, None] * negative * _share(positive, negative)
        wrong = jax.nn.sigmoid(-self.sharpness * (scores[:, None] - scores))
        if self.which == "value":
            return (pairs * wrong).sum(axis=1)
        s1 = scores * (1.0 - scores)
        first = -self.sharpness * pairs * wrong * (1.0 - wrong)
        by_score = first.sum(axis=1) - first.sum(axis=0)
        if self.which == "slope":
            return (by_score * s1)[None]
        second = -self.sharpness * first * (1.0 - 2.0 * wrong)
        if self.which == "coupling":
            return -(second + second.T) * s1[:, None] * s1
        own = second.sum(axis=1) + second.sum(axis=0)
        return (own * s1 * s1 + by_score * s1 * (1.0 - 2.0 * scores))[None, None]


def _share(positive: Array, negative: Array) -> Array:
    """The number of items over the number of pairs, with at least one pair assumed."""
    return len(positive) / jnp.maximum(positive.sum() * negative.sum(), 1.0)


def smooth_auc(sharpness: float = SHARPNESS) -> OutputLoss:
    """Make the surrogate of one minus the AUC.

    Args:
        sharpness: steepness beta of the step between two scores, which lie between 0 and 1;
            default 10.

    Examples:
        >>> outputs, targets = jnp.array([[4.0, -4.0, 3.0]]), jnp.array([[1.0, 0.0, 1.0]])
        >>> bool(smooth_auc(50.0).value(outputs, targets).mean() < 1e-6)
        True
    """
    sharpness = float(sharpness)  # numbers of other types are shown in other ways in the name
    return OutputLoss(
        "smooth-auc",
        f"smooth AUC, sharpness {sharpness!r}",
        "two classes",
        _Part(sharpness, "value"),
        _Part(sharpness, "slope"),
        _Part(sharpness, "curvature"),
        coupling=_Part(sharpness, "coupling"),
    )
