"""What networks are made of: activations and losses of outputs, known by name.

Each stands in a module of its own, which is loaded when it is first asked for; `registry` has one
line for each. Nothing here loads JAX by being imported.
"""

from lossatlas.parts.activation import Activation
from lossatlas.parts.output_loss import OutputLoss
from lossatlas.parts.registry import (
    activation_names,
    find_activation,
    find_loss,
    loss_names,
    register_activation,
    register_loss,
)

__all__ = [
    "Activation",
    "OutputLoss",
    "activation_names",
    "find_activation",
    "find_loss",
    "loss_names",
    "register_activation",
    "register_loss",
]
