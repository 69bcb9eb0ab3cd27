"""The activations and losses that study files can name: one line for each.

A line says in which module a part stands. The module is loaded when the part is first used: a study
file is checked without loading JAX. Parts of other packages are registered by a function call, or
by an entry point of the group ``lossatlas.activations`` or ``lossatlas.losses``.
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
"""By name: where it stands. ``relu`` is a function of its smoothing."""

LOSSES: dict[str, Any] = {
    "softmax-cross-entropy": "lossatlas.parts.softmax_cross_entropy:SOFTMAX_CROSS_ENTROPY",
    "binary-cross-entropy": "lossatlas.parts.binary_cross_entropy:BINARY_CROSS_ENTROPY",
    "mean-squared-error": "lossatlas.parts.squared_error:MEAN_SQUARED_ERROR",
    "half-mean-squared-error": "lossatlas.parts.squared_error:HALF_MEAN_SQUARED_ERROR",
    "smooth-auc": "lossatlas.parts.smooth_auc:smooth_auc",
}
"""By name: where it stands. ``smooth-auc`` is a function of its sharpness."""

PARAMETERS = {"relu": "smoothing", "smooth-auc": "sharpness"}
"""The parts that have a parameter, and what it is called."""
REQUIRED = {
    "relu": "ReLU has no second derivative: at its kink a stationary point has no Hessian index, "
    "and gradient flow no unique continuation",
}
"""The parts whose parameter has no default, with the reason."""


def activation_names() -> list[str]:
    """The names of all activations, those of other packages included."""
    return _names(ACTIVATIONS, "lossatlas.activations")


def loss_names() -> list[str]:
    """The names of all losses, those of other packages included."""
    return _names(LOSSES, "lossatlas.losses")


def register_activation(activation: Activation) -> None:
    """Make an activation known by its name, in this process.

    Args:
        activation: the record; it is checked by automatic differentiation.

    Raises:
        BadInputError: if the name is taken by another, or the derivatives are wrong.

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
        loss: the record; it is checked by automatic differentiation.

    Raises:
        BadInputError: if the name is taken by another, or the derivatives are wrong.
    """
    check_loss(loss)
    _register(LOSSES, loss.name, loss)


def find_activation(part: str | Activation, smoothing: float | None = None) -> Activation:
    """The activation of a name.

    Args:
        part: a name, or a record, which is given back.
        smoothing: of ``relu``: the width of the rounded corner, in units of z.

    Raises:
        BadInputError: for a name that is not known, ``relu`` without smoothing, or smoothing of
            what has none.

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
    """The loss of a name.

    Args:
        part: a name, or a record, which is given back.
        sharpness: of ``smooth-auc``: how steep the step between two scores is; default 10.

    Raises:
        BadInputError: for a name that is not known, or a sharpness of what has none.

    Examples:
        >>> find_loss("mean-squared-error").targets
        'numbers'
    """
    if isinstance(part, OutputLoss):
        return part
    return _find(LOSSES, "[loss] function", part, sharpness)


def check_parameter(where: str, name: str, value: float | None) -> None:
    """Refuse a parameter that a part has not, or that is missing.

    Args:
        where: the key that names the part, for messages.
        name: of the part.
        value: of its parameter, None if it is not given.

    Raises:
        BadInputError: see above.
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
    """Refuse a name that is not known, without loading anything.

    Args:
        where: ``"[network] activation"`` or ``"[loss] function"``.
        name: of an activation or a loss.

    Raises:
        BadInputError: with the names that are, and the one that may be meant.
    """
    table, names = (LOSSES, loss_names) if "[loss]" in where else (ACTIVATIONS, activation_names)
    if name in table:
        return  # entry points take some time to be read
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
    """Made once, so that equal parts are one."""
    return part() if value is None else part(float(value))


def _register(table: dict[str, Any], name: str, part: Any) -> None:
    if name in table and table[name] != part:
        raise BadInputError("register", f"the name {name!r} is taken", "choose another")
    table[name] = part


def _names(table: dict[str, Any], group: str) -> list[str]:
    return sorted({*table, *(point.name for point in entry_points(group=group))})


def _load_entry_points(table: dict[str, Any], where: str) -> None:
    """Register the parts that installed packages announce."""
    is_loss = table is LOSSES
    for point in entry_points(group="lossatlas.losses" if is_loss else "lossatlas.activations"):
        try:
            part = point.load()
        except Exception as error:
            problem = f"the entry point {point.name} = {point.value} cannot be loaded: {error}"
            raise BadInputError(where, problem, "mend or remove that package") from error
        register_loss(part) if is_loss else register_activation(part)
