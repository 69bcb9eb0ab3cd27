"""A digest of the values of a part, which tells it from other parts of the same name.

The name of a built-in part identifies it. A part that a user wrote can change while its name stays,
and all functions without a name share one, so their values at fixed arguments are compared as well.
"""

import hashlib
from dataclasses import astuple
from importlib import import_module
from typing import Any

import numpy as np

from lossatlas.parts.activation import Activation
from lossatlas.parts.centered import original_of
from lossatlas.parts.output_loss import OutputLoss, TargetKind
from lossatlas.parts.registry import ACTIVATIONS, LOSSES, PARAMETERS

DIGITS = 10
"""Significant digits of a value that count, since machines differ in the last of sixteen digits."""
ITEMS = 12
"""Number of items for which the values of a loss are computed."""


def built_in(part: Activation | OutputLoss) -> bool:
    """Whether a part is one of those that come with lossatlas.

    Args:
        part: an activation or a loss.

    Examples:
        >>> from lossatlas.parts import find_activation
        >>> built_in(find_activation("tanh")), built_in(find_activation("relu", 0.1))
        (True, True)
    """
    table = LOSSES if isinstance(part, OutputLoss) else ACTIVATIONS
    if isinstance(part, Activation):
        part = original_of(part)
    value: Any = part.value
    entry = table.get(part.name)
    if isinstance(entry, str) and part.name not in PARAMETERS:
        return bool(_at(entry).value == part.value)
    for name in PARAMETERS.keys() & table.keys():
        module, _ = table[name].split(":")
        if getattr(part.value, "__module__", None) == module:
            # The first field of such a function is the parameter that it was made with.
            same = _at(table[name])(astuple(value)[0])
            return bool(same.name == part.name and same.value == part.value)
    return False


def name_and_parameter(part: Activation | OutputLoss) -> tuple[str, float | None] | None:
    """By which name and with which parameter the part is found again; None if by none.

    A part of somebody else is found by its name where it is registered.

    Examples:
        >>> from lossatlas.parts import find_activation
        >>> name_and_parameter(find_activation("relu", 0.1))
        ('relu', 0.1)
    """
    table = LOSSES if isinstance(part, OutputLoss) else ACTIVATIONS
    original: Any = original_of(part) if isinstance(part, Activation) else part
    if not built_in(original):
        return (original.name, None) if table.get(original.name) == original else None
    if original.name in table and original.name not in PARAMETERS:
        return original.name, None
    module = original.value.__module__
    name = next(n for n in PARAMETERS.keys() & table.keys() if table[n].startswith(f"{module}:"))
    return name, float(astuple(original.value)[0])


def identity(part: Activation | OutputLoss, outputs: int = 1) -> str:
    """What the fingerprint of a landscape contains of a part besides its name.

    Args:
        part: an activation or a loss.
        outputs: number of outputs of the network, for a loss; default 1.

    Returns:
        A digest of the values of the part at fixed arguments; empty for a built-in part.

    Examples:
        >>> from lossatlas.parts import find_loss
        >>> from lossatlas.parts.loss_of_item import loss_of_item
        >>> once = loss_of_item(lambda y, t: ((y - t) ** 2).sum(), "mine")
        >>> twice = loss_of_item(lambda y, t: 2 * ((y - t) ** 2).sum(), "mine")
        >>> identity(once) == identity(twice), identity(find_loss("mean-squared-error"))
        (False, '')
    """
    if built_in(part):
        return ""
    import jax

    with jax.enable_x64(True):
        if isinstance(part, OutputLoss):
            found = part.value(*map(jax.numpy.asarray, _items(part.targets, outputs)))
        else:
            found = part.value(jax.numpy.asarray(np.linspace(-6.0, 6.0, 49)))
        values = np.asarray(found, np.float64).ravel()
    return f", values {hashlib.sha256(_rounded(values).encode()).hexdigest()[:16]}"


def _at(entry: str) -> Any:
    module, attribute = entry.split(":")
    return getattr(import_module(module), attribute)


def _items(kind: TargetKind, outputs: int) -> tuple[np.ndarray, np.ndarray]:
    """Outputs and targets (outputs, items) of small and large size and of either sign."""
    random = np.random.default_rng(20200409)
    size = np.array([0.3, 1.0, 4.0])[np.arange(ITEMS) % 3]
    given = size * random.normal(size=(outputs, ITEMS))
    if kind == "classes":
        return given, np.eye(outputs)[np.arange(ITEMS) % outputs].T
    if kind == "two classes":
        return given, np.tile(np.arange(ITEMS) % 2 * 1.0, (outputs, 1))
    return given, size[::-1] * random.normal(size=(outputs, ITEMS))


def _rounded(values: np.ndarray) -> str:
    """The values as text, with ten significant digits, or nine decimals where one is below one.

    Small values are differences of larger ones, and have the rounding errors of these.
    """
    shown = []
    for value in values.tolist():
        if np.isfinite(value):
            places = DIGITS - 1 - int(np.floor(np.log10(max(1.0, abs(value)))))
            value = round(value, places) + 0.0  # minus zero is zero
        shown.append(repr(value))
    return " ".join(shown)
