"""What the rules for a landscape share: random points and directions, and its evaluation."""

from functools import cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from lossatlas.compiled import compiled
from lossatlas.landscape.base import Landscape

DIRECTIONS = 3
"""Number of random directions along which derivatives are compared."""


class Trial(NamedTuple):
    """A landscape that is checked.

    Attributes:
        landscape: the landscape.
        points: (b, n) random points with a finite energy.
        seed: seed of all random numbers.
    """

    landscape: Landscape
    points: Float[np.ndarray, "b n"]
    seed: int


def directions(trial: Trial) -> Float[np.ndarray, "d n"]:
    """(d, n) random unit vectors."""
    random = np.random.default_rng([trial.seed, 10_000])
    found = random.normal(size=(DIRECTIONS, trial.landscape.n_weights))
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def evaluate(landscape: Landscape, name: str, *arguments: np.ndarray) -> Any:
    """The result of a compiled method of the surface, as NumPy arrays in double precision.

    Args:
        landscape: the landscape.
        name: name of the method of its surface.
        *arguments: arguments of the method.
    """
    with jax.enable_x64(True):
        found = _method(name)(landscape.surface, *map(jnp.asarray, arguments))
    return jax.tree.map(np.asarray, found)


def energy(landscape: Landscape, w: Float[np.ndarray, " n"]) -> float:
    """E(w) of a weight vector w (n,)."""
    return float(evaluate(landscape, "energy", w))


@cache
def _method(name: str) -> Any:
    return compiled(lambda surface, *arguments: getattr(surface, name)(*arguments))
