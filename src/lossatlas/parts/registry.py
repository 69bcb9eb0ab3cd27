"""The activations and losses that study files can name, with one line for each.

A line names the module and the attribute of a part. The module is loaded when the part is first
used, so that a study file is checked without loading JAX. Parts of other packages are registered by
a function call, or by an entry point of the group ``lossatlas.activations`` or
``lossatlas.losses``.
"""

import difflib
from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from lossatlas.errors import BadInputError
from lossatlas.parts.activation import Activation, check_activation
from lossatlas.parts.output_loss import OutputLoss, check_loss

ACTIVATIONS: dict[str, Any] = {
    "tanh": "lossatlas.parts.tanh:TANH",
    "sigmoid": "lossatlas.parts.sigmoid:SIGMOID",
    "softplus": "lossatlas.parts.softplus:SOFTPLUS",
    "silu": "lossatlas.parts.silu:SILU",
    "gelu": "lossatlas.parts.gelu:GELU",
    "gelu-tanh": "lossatlas.parts.gelu_tanh:GELU_TANH",
    "sin": "lossatlas.parts.sine:SINE",
    "relu": "lossatlas.parts.smoothed_relu:smoothed_relu",
}
"""Where each activation is defined, by its name. ``relu`` is a function of its smoothing."""

LOSSES: dict[str, Any] = {
    "softmax-cross-entropy": "lossatlas.parts.softmax_cross_entropy:SOFTMAX_CROSS_ENTROPY",
    "binary-cross-entropy": "lossatlas.parts.binary_cross_entropy:BINARY_CROSS_ENTROPY",
    "mean-squared-error": "lossatlas.parts.squared_error:MEAN_SQUARED_ERROR",
    "half-mean-squared-error": "lossatlas.parts.squared_error:HALF_MEAN_SQUARED_ERROR",
    "smooth-auc": "lossatlas.parts.smooth_auc:smooth_auc",
}
"""Where each loss is defined, by its name. ``smooth-auc`` is a function of its sharpness."""

PARAMETERS = {"relu": "smoothing", "smooth-auc": "sharpness"}
"""The parameter of each part that has one."""
REQUIRED = {
    "relu": "ReLU has no second derivative: at its kink a stationary point has no Hessian index, "
    "and gradient flow no unique continuation",
}
"""The parts whose parameter has no default, each with the reason, which messages show."""


def activation_names() -> list[str]:
    """The names of all activations, including those of other packages.

    Examples:
        >>> "tanh" in activation_names()
        True
    """
    return _names(ACTIVATIONS, "lossatlas.activations")


def loss_names() -> list[str]:
    """The names of all losses, including those of other packages.

    Examples:
        >>> "softmax-cross-entropy" in loss_names()
        True
    """
    return _names(LOSSES, "lossatlas.losses")


def register_activation(activation: Activation) -> None:
    """Make an activation known by its name, in this process.

    Args:
        activation: the activation. Its derivatives are checked by automatic differentiation.

    Raises:
        BadInputError: if another activation has this name, or `check_activation` finds a fault.

    Examples:
        >>> import jax.numpy as jnp
        >>> def value(z): return z / jnp.sqrt(1 + z * z)
        >>> def slope(z, a): return (1 + z * z) ** -1.5
        >>> def curvature(z, a): return -3 * z * (1 + z * z) ** -2.5
        >>> register_activation(Activation("algebraic", value, slope, curvature, odd=True))
        >>> find_activation("algebraic").odd
        True
    """
    check_activation(activation)
    _register(ACTIVATIONS, activation.name, activation)


def register_loss(loss: OutputLoss) -> None:
    """Make a loss known by its name, in this process.

    Args:
        loss: the loss. Its derivatives are checked by automatic differentiation.

    Raises:
        BadInputError: if another loss has this name, or `check_loss` finds a fault.

    Examples:
        >>> from lossatlas.parts.loss_of_item import loss_of_item
        >>> register_loss(loss_of_item(lambda y, t: ((y - t) ** 4).sum(), "fourth-power"))
        >>> find_loss("fourth-power").targets
        'numbers'
    """
    check_loss(loss)
    _register(LOSSES, loss.name, loss)


def find_activation(part: str | Activation, smoothing: float | None = None) -> Activation:
    """Find an activation by its name.

    Args:
        part: a name, or an activation, which is returned as it is.
        smoothing: for ``relu`` only: the width of the rounded corner, in units of the weighted sum
            z; it has no default there. None for all others.

    Raises:
        BadInputError: if the name is not known, ``relu`` is given without a smoothing, another
            activation with one, or the smoothing is not positive.

    Examples:
        >>> find_activation("tanh").odd
        True
        >>> find_activation("relu")
        Traceback (most recent call last):
        ...
        lossatlas.errors.BadInputError: [network] activation: ReLU has no second derivative: ...
    """
    if isinstance(part, Activation):
        return part
    return _find(ACTIVATIONS, "[network] activation", part, smoothing)


def find_loss(part: str | OutputLoss, sharpness: float | None = None) -> OutputLoss:
    """Find a loss by its name.

    Args:
        part: a name, or a loss, which is returned as it is.
        sharpness: for ``smooth-auc`` only: the steepness of the step between two scores, 10 if it
            is None. None for all others.

    Raises:
        BadInputError: if the name is not known, another loss than ``smooth-auc`` is given with a
            sharpness, or the sharpness is not positive.

    Examples:
        >>> find_loss("mean-squared-error").targets
        'numbers'
    """
    if isinstance(part, OutputLoss):
        return part
    return _find(LOSSES, "[loss] function", part, sharpness)


def check_parameter(where: str, name: str, value: float | None) -> None:
    """Check the parameter of a part.

    Args:
        where: the key that names the part, for messages.
        name: name of the part.
        value: value of its parameter, None if it is not given.

    Raises:
        BadInputError: if the part has no parameter and one is given, the part requires a parameter
            and none is given, or the parameter is not positive.
    """
    if value is not None and name not in PARAMETERS:
        whose = {"[network] activation": "relu", "[loss] function": "smooth-auc"}.get(where, "")
        key = PARAMETERS.get(whose, "parameter")
        raise BadInputError(where, f"{name!r} has no {key}", f"leave {key} out")
    if value is None and name in REQUIRED:
        key = PARAMETERS[name]
        remedy = f"use a smooth activation such as softplus, or give {key}, e.g. {key} = 0.1"
        raise BadInputError(where, REQUIRED[name], remedy)
    if value is not None and not 0 < value < float("inf"):
        key = PARAMETERS[name]
        raise BadInputError(where, f"{key} {value} is not positive", f"use e.g. {key} = 0.1")


def check_name(where: str, name: str) -> None:
    """Check that a name is known, without loading the part.

    Args:
        where: the key of a study file: ``"[network] activation"`` or ``"[loss] function"``.
        name: name of an activation or a loss.

    Raises:
        BadInputError: if the name is not known; the message has the most similar name, or lists
            all.
    """
    table, names = (LOSSES, loss_names) if "[loss]" in where else (ACTIVATIONS, activation_names)
    if name in table:
        return  # a name that is known needs no reading of entry points, which takes some time
    known = names()
    if name not in known:
        near = difflib.get_close_matches(name.lower(), known, 1)
        remedy = f"did you mean {near[0]!r}?" if near else f"use one of {', '.join(known)}"
        raise BadInputError(where, f"{name!r} is not known", remedy)


def _find(table: dict[str, Any], where: str, name: str, value: Any) -> Any:
    if name not in table:
        _load_entry_points(table, where)
    if name not in table:
        check_name(where, name)
    check_parameter(where, name, value)
    entry = table[name]
    if not isinstance(entry, str):
        return entry
    module, attribute = entry.split(":")
    part = getattr(import_module(module), attribute)
    if name not in PARAMETERS:
        return part
    return _with_parameter(part, value)


@cache
def _with_parameter(part: Callable[..., Any], value: float | None) -> Any:
    """Make a part for a value of its parameter; equal values give the same object."""
    return part() if value is None else part(float(value))


def _register(table: dict[str, Any], name: str, part: Any) -> None:
    if name in table and table[name] != part:
        raise BadInputError("register", f"the name {name!r} is taken", "choose another")
    table[name] = part


def _names(table: dict[str, Any], group: str) -> list[str]:
    return sorted({*table, *(point.name for point in entry_points(group=group))})


def _load_entry_points(table: dict[str, Any], where: str) -> None:
    """Register the parts that installed packages declare as entry points."""
    is_loss = table is LOSSES
    for point in entry_points(group="lossatlas.losses" if is_loss else "lossatlas.activations"):
        try:
            part = point.load()
        except Exception as error:
            problem = f"the entry point {point.name} = {point.value} cannot be loaded: {error}"
            raise BadInputError(where, problem, "repair or remove that package") from error
        register_loss(part) if is_loss else register_activation(part)
