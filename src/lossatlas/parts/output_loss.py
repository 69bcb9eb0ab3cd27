"""The record of a loss: its derivatives by the outputs of a network, and its kind of targets."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from lossatlas.errors import BadInputError

TargetKind = Literal["classes", "two classes", "numbers"]
"""The kind of targets of a loss.

``classes``: labels of any number of classes, with one output for each class. ``two classes``:
labels 0 and 1, with a single output that is positive for class 1. ``numbers``: real targets, with
one output for each target of an item."""


@dataclass(frozen=True)
class OutputLoss:
    """A loss of the outputs of a network, which is averaged over the items.

    The functions are given outputs and targets as JAX arrays (outputs, items), and must be defined
    at the top level of a module, so that they can be sent to other processes. Targets are one-hot
    for ``classes``, zero or one for ``two classes``, and numbers for ``numbers``.

    Args:
        name: the name in study files.
        title: the name in words, which is part of the fingerprint of a landscape. For a loss that
            is not built in, the fingerprint also contains its values at fixed outputs.
        targets: the kind of the targets: ``"classes"``, ``"two classes"`` or ``"numbers"``.
        value: ``value(outputs, targets)`` returns (items,), the loss of each item.
        slope: ``slope(outputs, targets)`` returns (outputs, items), the first derivatives.
        curvature: ``curvature(outputs, targets)`` returns (outputs, outputs, items), the second
            derivatives.
        shifts: whether adding the same number to all outputs of an item leaves the loss unchanged,
            as in a softmax; default False. Searches then leave out the directions in weight space
            along which this happens.
        coupling: only for a loss that compares items: ``coupling(outputs, targets)`` returns
            (items, items), the mixed second derivatives of the sum over items by the single output
            of two different items, with zeros on the diagonal. `slope` and `curvature` are then
            the derivatives of the sum over items. By default None: the loss of an item depends on
            its own outputs alone.
        fused: a faster way to compute the mean and the slope: ``fused(outputs, targets)`` returns
            the mean loss and its (outputs, items) derivatives. By default None: `value` and
            `slope` are used.
        contrasted: a faster way to compute derivatives along combinations of outputs:
            ``contrasted(table, outputs, targets, weights)``, see
            `parts.derivatives.output_derivatives`. By default None: `slope` and `curvature` are
            used.

    Examples:
        >>> import jax.numpy as jnp
        >>> cosh = OutputLoss(
        ...     "log-cosh", "logarithm of cosh", "numbers",
        ...     value=lambda y, t: jnp.log(jnp.cosh(y - t)).sum(axis=0),
        ...     slope=lambda y, t: jnp.tanh(y - t),
        ...     curvature=lambda y, t: jnp.eye(len(y))[:, :, None] * jnp.cosh(y - t) ** -2,
        ... )
        >>> check_loss(cosh)
        >>> cosh.value(jnp.zeros((2, 3)), jnp.zeros((2, 3))).tolist()
        [0.0, 0.0, 0.0]
    """

    name: str
    title: str
    targets: TargetKind
    value: Callable[..., Any]
    slope: Callable[..., Any]
    curvature: Callable[..., Any]
    shifts: bool = False
    coupling: Callable[..., Any] | None = None
    fused: Callable[..., Any] | None = None
    contrasted: Callable[..., Any] | None = None


def check_loss(loss: OutputLoss) -> None:
    """Compare the derivatives of a loss with automatic differentiation.

    Args:
        loss: the loss to be checked.

    Raises:
        BadInputError: if a value is not finite, a derivative is not that of the value, items are
            coupled and `coupling` is None, or `shifts` is True and adding a number to all outputs
            changes the loss.
    """
    import jax
    import numpy as np

    where, random = f"loss {loss.name!r}", np.random.default_rng(20200409)
    rows = 1 if loss.targets == "two classes" else 3
    with jax.enable_x64(True):
        outputs = jax.numpy.asarray(random.normal(size=(rows, 7)))
        targets = jax.numpy.asarray(_example(loss.targets, random, 7))

        def total(flat: Any) -> Any:
            return loss.value(flat.reshape(outputs.shape), targets).sum()

        flat = outputs.ravel()
        if not np.isfinite(total(flat)):
            raise BadInputError(where, "its value is not finite", "give one finite number an item")
        whole = jax.hessian(total)(flat).reshape(rows, 7, rows, 7)
        own = np.einsum("iaja->ija", whole)
        compared = [
            ("slope", loss.slope(outputs, targets), jax.grad(total)(flat).reshape(rows, 7)),
            ("curvature", loss.curvature(outputs, targets), own),
        ]
        between = np.asarray(whole).copy()
        between[:, np.arange(7), :, np.arange(7)] = 0.0
        if loss.coupling is not None:
            compared.append(("coupling", loss.coupling(outputs, targets), between[0, :, 0]))
        elif np.abs(between).max() > 1e-9 or not _by_item(loss, outputs, targets):
            problem = "the loss of one item depends on the outputs of another"
            raise BadInputError(where, problem, "give coupling as well")
        for name, given, expected in compared:
            if np.shape(given) != np.shape(expected) or not np.allclose(
                given, expected, rtol=1e-9, atol=1e-9
            ):
                problem = "it is not the derivative of the value"
                raise BadInputError(f"{where}: {name}", problem, "correct the formula")
        if loss.shifts and abs(total(flat + 1.5) - total(flat)) > 1e-9:
            problem = "adding one number to all outputs changes the loss"
            raise BadInputError(f"{where}: shifts", problem, "leave shifts out")


def _by_item(loss: OutputLoss, outputs: Any, targets: Any) -> bool:
    """Whether the value of an item stays as it is when the outputs of the others change."""
    other = outputs.at[:, 1:].add(1.0)
    return abs(loss.value(outputs, targets)[0] - loss.value(other, targets)[0]) < 1e-9


def _example(kind: TargetKind, random: Any, items: int) -> Any:
    import numpy as np

    if kind == "numbers":
        return random.normal(size=(3, items))
    if kind == "two classes":
        return (np.arange(items) % 2 * 1.0)[None]
    return np.eye(3)[np.arange(items) % 3].T
