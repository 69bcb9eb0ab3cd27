"""What a model must be, tried out before any search begins: beyond `function_checks`."""

import os

import jax
import numpy as np

from lossatlas.compiled import compiled
from lossatlas.errors import BadInputError
from lossatlas.landscape.base import Surface

STEP, AGREE = 1e-5, 1e-4
"""Length of the step of a finite difference, and its largest relative error."""
VECTORS = 40
"""Vectors of the length of the weights that a search needs at least."""


def check_memory(n_weights: int, items: int, name: str) -> None:
    """Refuse more weights than the memory of this machine holds a search of.

    Raises:
        BadInputError: with what is needed and what there is.
    """
    if not hasattr(os, "sysconf"):
        return  # a system that does not say
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    needed = 8 * VECTORS * (n_weights + items)
    if needed > there:
        problem = (
            f"{n_weights} weights and {items} items need {needed / 1e9:.0f} GB, this machine has "
            f"{there / 1e9:.0f} GB"
        )
        raise BadInputError(name, problem, "use a smaller network, or fewer items")


def check_derivatives(surface: Surface, points: np.ndarray, name: str) -> None:
    """Refuse derivatives that finite differences do not confirm.

    Custom derivatives of a model can be wrong, and roundings and absolute values have none.

    Args:
        surface: the loss.
        points: (b, n) where it is tried out.
        name: of the model, for messages.

    Raises:
        BadInputError: names the derivative, with what it is and what it should be.
    """
    random = np.random.default_rng(0)

    @compiled
    def values(w, v):
        energy, gradient = surface.value_and_gradient(w)
        return energy, gradient, surface.hessian_vector_product(w, v)

    with jax.enable_x64(True):
        for w in points:
            v = random.normal(size=len(w))
            v /= np.linalg.norm(v)
            step = STEP * max(1.0, float(np.linalg.norm(w)) / len(w) ** 0.5)
            up, down, here = (
                jax.device_get(values(jax.numpy.asarray(x), jax.numpy.asarray(v)))
                for x in (w + step * v, w - step * v, w)
            )
            _compare("gradient", here[1] @ v, (up[0] - down[0]) / (2 * step), name)
            _compare("Hessian", here[2] @ v, (up[1] - down[1]) @ v / (2 * step), name)


def _compare(kind: str, given: float, expected: float, name: str) -> None:
    if not abs(given - expected) <= AGREE * max(1.0, abs(given), abs(expected)):
        problem = (
            f"its {kind} along a random direction is {given:.6g}, finite differences give "
            f"{expected:.6g}"
        )
        remedy = (
            "it needs two continuous derivatives: correct custom derivatives, and smooth kinks, "
            "steps and rounding"
        )
        raise BadInputError(name, problem, remedy)
