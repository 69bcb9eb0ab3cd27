"""The parts that networks are made of: activations and losses, known by their names.

Each activation and loss is in a module of its own, which is loaded when the part is first used;
`registry` has one line for each. Importing this package does not load JAX.
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
