"""An activation minus its center, which is odd, so that changing the sign of a unit is linear.

Where biases are not penalized, a network with the activation a - c computes the same as one with
the activation a: the constant c is absorbed by the biases of the next layer. In these coordinates
the affine symmetry sigmoid(-z) = 1 - sigmoid(z) is a change of signs, which keeps lengths, so that
gradient flow has the symmetry too.
"""

from dataclasses import dataclass
from typing import Any

from lossatlas.parts.activation import Activation


@dataclass(frozen=True)
class _Shifted:
    """One function of a shifted activation, made from that of the original.

    Attributes:
        original: the activation from which its center is subtracted.
        part: name of the function in the record `Activation`: ``"value"``, ``"slope"``,
            ``"curvature"`` or ``"on_host"``.
    """

    original: Activation
    part: str

    def __call__(self, z: Any, a: Any = None) -> Any:
        """The value minus the center, or a derivative, which is that of the original.

        Args:
            z: weighted sums.
            a: values of the shifted activation at z, for derivatives only.
        """
        center = self.original.center
        if self.part == "value":
            return self.original.value(z) - center
        if self.part == "on_host":
            return self.original.on_host(z) - center  # type: ignore[misc]
        return getattr(self.original, self.part)(z, a + center)


def original_of(activation: Activation) -> Activation:
    """The activation from which another one was made by subtracting a constant.

    Args:
        activation: any activation; one that is not shifted is returned as it is.

    Examples:
        >>> from lossatlas.parts.sigmoid import SIGMOID
        >>> original_of(centered(SIGMOID)).name
        'sigmoid'
    """
    value = activation.value
    return value.original if isinstance(value, _Shifted) else activation


def centered(activation: Activation) -> Activation:
    """An activation minus its center.

    Args:
        activation: an activation whose center need not be zero.

    Returns:
        An odd activation that computes ``value(z) - center``.

    Examples:
        >>> from lossatlas.parts.sigmoid import SIGMOID
        >>> float(centered(SIGMOID).value(0.0))
        0.0
    """
    if activation.center == 0.0:
        return activation
    functions = (_Shifted(activation, part) for part in ("value", "slope", "curvature"))
    name = f"{activation.name} less {activation.center:g}"
    host = None if activation.on_host is None else _Shifted(activation, "on_host")
    return Activation(
        name,
        *functions,
        odd=activation.odd,
        periodic=activation.periodic,
        identifies=activation.identifies,
        on_host=host,
        less=activation.center,
    )
