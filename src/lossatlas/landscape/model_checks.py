"""Checks of a model before any search begins, in addition to `function_checks`."""

import os

import jax
import numpy as np

from lossatlas.compiled import compiled
from lossatlas.errors import BadInputError
from lossatlas.landscape.base import Surface

STEP, AGREE = 1e-5, 1e-4
"""Length of the step of a finite difference, and the largest relative error of a derivative."""
VECTORS = 40
"""Least number of weight vectors that a search holds in memory."""


def check_memory(n_weights: int, items: int, name: str) -> None:
    """Refuse a model with too many weights for a search in the memory of this machine.

    Args:
        n_weights: number of weights.
        items: number of training items.
        name: name of the model, for messages.

    Raises:
        BadInputError: if the memory is too small; the message says how much is needed.
    """
    if not hasattr(os, "sysconf"):
        return  # the system does not say how much memory there is
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    needed = 8 * VECTORS * (n_weights + items)
    if needed > there:
        problem = (
            f"{n_weights} weights and {items} items need {needed / 1e9:.0f} GB, this machine has "
            f"{there / 1e9:.0f} GB"
        )
        raise BadInputError(name, problem, "use a smaller network, or fewer items")


def check_derivatives(surface: Surface, points: np.ndarray, name: str) -> None:
    """Refuse derivatives that do not agree with finite differences.

    Custom derivatives of a model can be wrong, and roundings and absolute values have none.

    Args:
        surface: the loss of the model.
        points: (b, n) weights at which derivatives are compared.
        name: name of the model, for messages.

    Raises:
        BadInputError: if a derivative is wrong; the message has its value and the correct one.
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
