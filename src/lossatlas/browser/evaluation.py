"""What views need of a surface: spectra, and losses along lines; compiled when first asked for."""

from typing import Any

import numpy as np
from jaxtyping import Float

LARGEST = 1500
"""Weights up to which the whole Hessian is computed for a view."""
_programs: dict[str, Any] = {}


def spectrum(landscape: Any, w: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"] | None:
    """Eigenvalues of the Hessian, ascending; None of a network too large to wait for."""
    if w.size > LARGEST:
        return None
    import jax

    with jax.enable_x64(True):
        hessian = np.asarray(_program("hessian")(landscape.surface, w))
    return np.linalg.eigvalsh(hessian)


def losses(landscape: Any, weights: Float[np.ndarray, "k n"]) -> Float[np.ndarray, " k"]:
    """Losses of many weight vectors; blocks of a fixed size, so that code is compiled once."""
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
