"""Models of other libraries as functions of one float64 vector.

A model is a pair ``(function, parameters)``, a Flax Linen pair ``(module, variables)``, a Flax NNX
module, or an Equinox module. Its parameters are the floating-point arrays of a pytree.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from lossatlas.errors import BadInputError
from lossatlas.optional import optional


class Leaf(NamedTuple):
    """An array of parameters.

    Attributes:
        path: where it stands in the model, as text.
        positions: its shape, each element the position in the vector.
    """

    path: str
    positions: np.ndarray


class AdaptedModel(NamedTuple):
    """A model as a function of a vector.

    Attributes:
        apply: ``apply(w, inputs)`` of w (n,) and inputs (items, features) gives outputs
            (items, outputs).
        start: (n,) float64, the parameters that the model came with.
        rebuilt: ``rebuilt(w)`` gives the parameters (or the module) in the model's own form.
        leaves: the arrays of parameters, in the order of the vector.
    """

    apply: Callable[[Any, Any], Any]
    start: np.ndarray
    rebuilt: Callable[[Any], Any]
    leaves: list[Leaf]


def adapted(model: Any) -> AdaptedModel:
    """A model as a function of one vector.

    Raises:
        BadInputError: if it is of no kind that is known, or has no parameters.

    Examples:
        >>> model = adapted((lambda p, x: x @ p["w"], {"w": np.ones((2, 1))}))
        >>> model.start.tolist(), model.leaves[0].path
        ([1.0, 1.0], "['w']")
    """
    if isinstance(model, tuple) and len(model) == 2:
        module, parameters = model
        if _is_from(module, "flax.linen"):
            return _adapted(parameters, lambda p: p, lambda p, x: module.apply(p, x))
        if callable(module):
            return _adapted(parameters, lambda p: p, module)
    if _is_from(model, "flax.nnx"):
        return _of_nnx(model)
    if _is_from(model, "equinox"):
        return _of_equinox(model)
    kind = type(model).__name__
    remedy = (
        "give (function, parameters), a Flax pair (module, variables), or an NNX or Equinox module"
    )
    raise BadInputError("model", f"a {kind} is no model that is known", remedy)


def _is_from(thing: Any, package: str) -> bool:
    return any(kind.__module__.startswith(package) for kind in type(thing).__mro__)


def _of_nnx(model: Any) -> AdaptedModel:
    nnx = optional("flax.nnx", "lossatlas[flax]")

    graph, parameters, rest = nnx.split(model, nnx.Param, ...)

    def rebuilt(p: Any) -> Any:
        return nnx.merge(graph, p, rest)

    return _adapted(parameters, rebuilt, lambda p, x: rebuilt(p)(x))


def _of_equinox(model: Any) -> AdaptedModel:
    eqx = optional("equinox", "lossatlas[equinox]")

    parameters, rest = eqx.partition(model, eqx.is_inexact_array)

    def rebuilt(p: Any) -> Any:
        return eqx.combine(p, rest)

    return _adapted(parameters, rebuilt, lambda p, x: jax.vmap(rebuilt(p))(x))


def _adapted(
    parameters: Any, rebuilt: Callable[[Any], Any], apply: Callable[[Any, Any], Any]
) -> AdaptedModel:
    with jax.enable_x64(True):
        kept = jax.tree.map(lambda x: jnp.asarray(x, jnp.float64), parameters)
        start, unravel = ravel_pytree(kept)
        if not start.size:
            raise BadInputError("model", "it has no parameters", "give arrays of floating point")
        numbered = unravel(jnp.arange(start.size, dtype=jnp.float64))
        leaves = [
            Leaf(jax.tree_util.keystr(path), np.asarray(x).astype(int))
            for path, x in jax.tree_util.tree_leaves_with_path(numbered)
        ]

    def of_vector(w: Any, inputs: Any) -> Any:
        outputs = apply(unravel(w), inputs)
        return outputs[:, None] if outputs.ndim == 1 else outputs

    return AdaptedModel(of_vector, np.asarray(start), lambda w: rebuilt(unravel(w)), leaves)
