"""Checks of a user's function, before any search begins.

The function is traced and differentiated as the kernels will do it, under `jax.jit` and in double
precision, and evaluated at random points of the box. Single points where derivatives do not exist,
such as zero for sqrt(|w|), do not count, because searches do not meet them.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from lossatlas.box import Box
from lossatlas.compiled import compiled
from lossatlas.errors import BadInputError
from lossatlas.landscape.compiled_functions import check_elementary_functions
from lossatlas.landscape.function_surface import FunctionSurface

POINTS = 16
"""Number of random points of the box at which the function is evaluated."""
LARGEST_HESSIAN = 1000
"""Largest number of weights for which the Hessian is computed; for more, only its product with a
vector."""
SAME = 1e-6
"""Largest relative difference of two evaluations that rounding in another order can explain."""

GENERAL = "write it as a pure function of one vector w (n,), with jax.numpy"
REMEDIES: tuple[tuple[type[Exception], str], ...] = (
    (jax.errors.TracerArrayConversionError, "use jax.numpy in place of NumPy and SciPy"),
    (jax.errors.NonConcreteBooleanIndexError, "use jnp.where in place of w[condition]"),
    (
        jax.errors.TracerBoolConversionError,
        "use jnp.where or jax.lax.cond in place of Python's if, and, or, max, while on values",
    ),
    (
        jax.errors.ConcretizationTypeError,
        "leave out float(), int(), .item() and np.array(), and use jax.numpy throughout",
    ),
    (jax.errors.TracerIntegerConversionError, "use jnp.take in place of a list that w indexes"),
    (jax.errors.UnexpectedTracerError, "keep no values of one call for the next"),
)
"""Kinds of errors, each with what to change; the first kind that fits an error is used."""


def sample(box: Box) -> np.ndarray:
    """(`POINTS`, n) random points of a box, always the same ones for the same box."""
    random = np.random.default_rng(0)
    fractions = random.uniform(size=(POINTS, len(box.low)))
    fractions[0] = 0.7
    return box.low + fractions * (box.high - box.low)


def values_at(surface: FunctionSurface, points: np.ndarray) -> np.ndarray:
    """(b,) values of a function at points (b, n)."""
    with jax.enable_x64(True):
        return np.array([_energy(surface, jnp.asarray(w)) for w in points], float)


def check_function(surface: FunctionSurface, points: np.ndarray, name: str) -> None:
    """Refuse a function that searches could not use.

    Args:
        surface: the function.
        points: (b, n) points of the box, see `sample`.
        name: name of the landscape, for messages.

    Raises:
        BadInputError: if the function cannot be called or traced, does not return one float64,
            reads more variables than the box has, is not finite at the first point, contains a
            function that is compiled wrongly here, has derivatives that are not finite where its
            value is, has second derivatives that are zero at all points, or returns another value
            when it is traced again.
    """
    if not callable(surface.function.call):
        kind = type(surface.function.call).__name__
        raise BadInputError(name, f"the function is of type {kind}, it cannot be called", GENERAL)
    with jax.enable_x64(True):
        _check_signature(surface, jnp.asarray(points[0]), name)
        _check_index(surface, points[0], name)
        traced = jax.make_jaxpr(surface.function.call)(jnp.asarray(points[0]))
        check_elementary_functions(traced, name)
        found = _derivatives_at(surface, points, name)
        _check_values(*found, points, name)
        _check_pure(surface, found[0], points, name)


def _check_signature(surface: FunctionSurface, w: Array, name: str) -> None:
    """Check that the function can be traced and returns one float64."""
    try:
        returned = jax.eval_shape(surface.function.call, w)
    except Exception as error:
        raise _cannot(error, name, "JAX cannot trace it") from error
    shape, dtype = getattr(returned, "shape", None), getattr(returned, "dtype", None)
    if shape is None or dtype is None:
        problem = f"it returns a {type(returned).__name__}, not a number"
        raise BadInputError(name, problem, "return one float64")
    if shape != ():
        problem = f"it returns an array of shape {shape}, not one number"
        raise BadInputError(name, problem, "return a scalar, for example by jnp.sum")
    if dtype != jnp.float64:
        problem = f"it returns {dtype}, not float64"
        raise BadInputError(name, problem, "keep the precision of w: no astype, no float32 arrays")


def _check_index(surface: FunctionSurface, w: np.ndarray, name: str) -> None:
    """Check for an index that is out of bounds, for which JAX would take the last coordinate.

    NumPy refuses such an index, so the function is called with a NumPy array, and what it computes
    by jax.numpy is only traced. Errors of other kinds are ignored, since the function need not work
    with NumPy.
    """
    try:
        jax.make_jaxpr(lambda _: surface.function.call(w))(0.0)  # type: ignore[arg-type]
    except jax.errors.JAXIndexError:
        return
    except IndexError as error:
        remedy = f"give as many corners of the box as the function has variables, not {len(w)}"
        raise BadInputError(name, str(error).splitlines()[0], remedy) from error
    except Exception:
        pass


@compiled
def _energy(surface: FunctionSurface, w: Array) -> Array:
    return surface.energy(w)


@compiled
def _derivatives(surface: FunctionSurface, w: Array) -> tuple[Array, Array, Array]:
    """E(w), its gradient, and its Hessian or the product of the Hessian with a vector of ones."""
    energy, gradient = surface.value_and_gradient(w)
    if len(w) > LARGEST_HESSIAN:
        return energy, gradient, surface.hessian_vector_product(w, jnp.ones_like(w))
    return energy, gradient, surface.hessian(w)


def _derivatives_at(
    surface: FunctionSurface, points: np.ndarray, name: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    try:
        found = [jax.device_get(_derivatives(surface, jnp.asarray(w))) for w in points]
    except Exception as error:
        raise _cannot(error, name, "JAX cannot differentiate it twice") from error
    energies, gradients, hessians = (np.stack(part) for part in zip(*found, strict=True))
    return energies, gradients, hessians


def _check_values(
    energies: np.ndarray,
    gradients: np.ndarray,
    hessians: np.ndarray,
    points: np.ndarray,
    name: str,
) -> None:
    """Check that values and derivatives are finite, and that second derivatives are not all zero.

    The value must be finite at the first point, and derivatives wherever the value is.
    """
    if not np.isfinite(energies[0]):
        problem = f"inside the box, at {_shown(points[0])}, it returns {energies[0]}"
        raise BadInputError(name, problem, "give a box in which it is finite")
    for kind, derivatives in (("gradient", gradients), ("Hessian", hessians)):
        finite = np.isfinite(derivatives.reshape(len(points), -1)).all(axis=1)
        bad = np.flatnonzero(np.isfinite(energies) & ~finite)
        if len(bad):
            problem = f"its {kind} at {_shown(points[bad[0]])} is not finite, though its value is"
            remedy = (
                "avoid square roots, norms and logarithms of zero, also in the branch that "
                "jnp.where does not take"
            )
            raise BadInputError(name, problem, remedy)
    if not hessians.any():
        problem = (
            f"its second derivatives are zero at all of {len(points)} random points of the box"
        )
        remedy = "it needs two continuous derivatives: smooth absolute values, steps and rounding"
        raise BadInputError(name, problem, remedy)


def _check_pure(
    surface: FunctionSurface, energies: np.ndarray, points: np.ndarray, name: str
) -> None:
    """Check that the function returns the same values when it is traced again."""
    again = compiled(lambda w: surface.function.call(w))
    values = np.array([again(jnp.asarray(w)) for w in points], float)
    tolerance = SAME * np.nanmax(np.where(np.isfinite(energies), np.abs(energies), np.nan))
    alike = np.isclose(values, energies, rtol=SAME, atol=tolerance, equal_nan=True)
    if not alike.all():
        first = int(np.argmin(alike))
        problem = f"at one point it returns {energies[first]}, the next time {values[first]}"
        remedy = "it must depend on w alone: draw random numbers once, outside of the function"
        raise BadInputError(name, problem, remedy)


def _cannot(error: Exception, name: str, what: str) -> BadInputError:
    """The error for a function that JAX refuses, with the first line of the message of JAX."""
    remedies = (text for kind, text in REMEDIES if isinstance(error, kind))
    lines: list[Any] = str(error).splitlines() or [""]
    problem = f"{what}: {type(error).__name__}: {lines[0].rstrip('.;')}"
    return BadInputError(name, problem, next(remedies, GENERAL))


def _shown(w: np.ndarray) -> str:
    """A point as text for messages."""
    numbers = ", ".join(f"{x:.6g}" for x in w[:6])
    return f"w = [{numbers}{', ...' if len(w) > 6 else ''}]"
