"""The record of an activation function: its derivatives, and the symmetry that they have."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from lossatlas.errors import BadInputError

Elementwise = Callable[..., Any]

POINTS = np.concatenate([np.linspace(-6.0, 6.0, 121), [-30.0, 30.0]])
"""Arguments z at which `check_activation` compares values and derivatives."""
ALONE = "for many z at once it must be what it is for each alone: write it by other functions"
AGREE = 1e-9
"""Largest difference between a given derivative and the one by automatic differentiation, relative
to the size of the derivative or to one, whichever is larger."""


@dataclass(frozen=True)
class Activation:
    """An activation function: what a hidden unit computes from its weighted sum z.

    All functions work elementwise on JAX arrays of any shape, and must be defined at the top level
    of a module, so that they can be sent to other processes. `slope` and `curvature` are given the
    value as well as z, because many derivatives are simple functions of the value.

    Args:
        name: the name in study files and in the fingerprint of a landscape. For an activation that
            is not built in, the fingerprint also contains its values at fixed arguments.
        value: ``value(z)``, the activation, with two continuous derivatives.
        slope: ``slope(z, value)``, the first derivative.
        curvature: ``curvature(z, value)``, the second derivative.
        odd: whether value(-z) - center = -(value(z) - center); default False.
        center: the constant that must be subtracted to make the activation odd; default 0. If it
            is not zero, changing the sign of a unit changes the biases of the next layer by a
            constant, which is a symmetry only where these biases are not penalized.
        periodic: whether the activation is periodic in z; default False. Biases must then be
            penalized, because minima would otherwise have infinitely many copies.
        identifies: whether it is a theorem that the function which a network computes determines
            its weights up to symmetry; default False. Without such a theorem, points are compared
            by their weights as well.
        on_host: the activation for NumPy arrays, by NumPy or SciPy. By default None: `value` is
            used.
        less: the constant that was subtracted from another activation to make this one, see
            `centered`; default 0.

    Examples:
        >>> import jax.numpy as jnp
        >>> cube = Activation("cube", lambda z: z**3, lambda z, a: 3 * z**2, lambda z, a: 6 * z)
        >>> float(cube.slope(jnp.asarray(2.0), None))
        12.0
    """

    name: str
    value: Elementwise
    slope: Elementwise
    curvature: Elementwise
    odd: bool = False
    center: float = 0.0
    periodic: bool = False
    identifies: bool = False
    on_host: Elementwise | None = None
    less: float = 0.0

    @property
    def plain_name(self) -> str:
        """The name of the activation from which this one was made by subtracting `less`."""
        return self.name.removesuffix(f" less {self.less:g}")


def applied(activation: Activation, z: np.ndarray) -> np.ndarray:
    """Compute an activation for a NumPy array, on the host.

    Args:
        activation: the activation.
        z: (...) float64 weighted sums.

    Returns:
        (...) float64 values.

    Examples:
        >>> from lossatlas.parts.tanh import TANH
        >>> applied(TANH, np.zeros(2))
        array([0., 0.])
    """
    if activation.on_host is not None:
        return activation.on_host(z)
    import jax

    with jax.enable_x64(True):
        return np.asarray(activation.value(jax.numpy.asarray(z)))


def check_activation(activation: Activation) -> None:
    """Compare the derivatives and the symmetry of an activation with automatic differentiation.

    Values of many arguments at once must equal those of one argument at a time, because XLA has
    compiled some functions of vectors wrongly (in JAX 0.10 the arctangent in double precision with
    vectors of 512 bits).

    Args:
        activation: the activation to be checked.

    Raises:
        BadInputError: if a value is not finite or depends on what is computed at the same time, a
            derivative is not that of the value, or the activation is called odd and is not.

    Examples:
        >>> check_activation(Activation("cube", lambda z: z**3, lambda z, a: 3 * z**2,
        ...                             lambda z, a: 6 * z, odd=True))
        >>> check_activation(Activation("cube", lambda z: z**3, lambda z, a: 2 * z**2,
        ...                             lambda z, a: 6 * z))
        Traceback (most recent call last):
        ...
        lossatlas.errors.BadInputError: activation 'cube': slope: at z = -6 it is 72, ...
    """
    import jax

    where = f"activation {activation.name!r}"
    with jax.enable_x64(True):
        z = jax.numpy.asarray(POINTS)
        value = activation.value(z)
        if value.shape != z.shape or not np.isfinite(value).all():
            raise BadInputError(where, "its value is not finite", "give one finite number for each")
        one_by_one = np.array([float(activation.value(x)) for x in z])
        _compare(f"{where}: value", np.asarray(value), one_by_one, ALONE)
        true_slope = jax.vmap(jax.grad(activation.value))
        true_curvature = jax.vmap(jax.grad(jax.grad(activation.value)))
        _compare(f"{where}: slope", activation.slope(z, value), true_slope(z))
        _compare(f"{where}: curvature", activation.curvature(z, value), true_curvature(z))
        if activation.odd:
            mirrored = 2 * activation.center - activation.value(-z)
            _compare(f"{where}: odd", np.asarray(value), np.asarray(mirrored))


def _compare(where: str, given: Any, expected: Any, remedy: str = "correct the formula") -> None:
    given, expected = (np.broadcast_to(np.asarray(x), POINTS.shape) for x in (given, expected))
    bad = ~(np.abs(given - expected) <= AGREE * np.maximum(1.0, np.abs(expected)))
    if bad.any():
        k = int(np.argmax(bad))
        problem = f"at z = {POINTS[k]:g} it is {given[k]:.10g}, and should be {expected[k]:.10g}"
        raise BadInputError(where, problem, remedy)
