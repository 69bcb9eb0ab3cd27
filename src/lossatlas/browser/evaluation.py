"""Spectra and losses along lines for the views, by functions that are compiled at first use."""

from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

if TYPE_CHECKING:
    from lossatlas.landscape.base import Landscape

LARGEST = 1500
"""Largest number of weights for which a view computes the whole spectrum of the Hessian."""
_programs: dict[str, Any] = {}
"""The compiled functions, by name."""


def spectrum(landscape: "Landscape", w: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"] | None:
    """The eigenvalues of the Hessian in ascending order; None if there are too many weights."""
    if w.size > LARGEST:
        return None
    import jax

    with jax.enable_x64(True):
        hessian = np.asarray(_program("hessian")(landscape.surface, w))
    return np.linalg.eigvalsh(hessian)


def losses(landscape: "Landscape", weights: Float[np.ndarray, "k n"]) -> Float[np.ndarray, " k"]:
    """The losses of k weight vectors.

    They are computed in blocks of a fixed size, so that the function is compiled only once.
    """
    import jax

    block = 64
    padded = np.concatenate([weights, np.repeat(weights[-1:], -len(weights) % block, axis=0)])
    with jax.enable_x64(True):
        parts = [
            np.asarray(_program("energies")(landscape.surface, padded[start : start + block]))
            for start in range(0, len(padded), block)
        ]
    return np.concatenate(parts)[: len(weights)]


def _program(name: str) -> Any:
    if not _programs:
        import jax

        from lossatlas.compiled import compiled

        _programs["hessian"] = compiled(lambda surface, w: surface.hessian(w))
        _programs["energies"] = compiled(lambda surface, ws: jax.vmap(surface.energy)(ws))
    return _programs[name]
