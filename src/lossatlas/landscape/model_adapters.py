"""Models of other libraries as functions of one float64 vector.

A model is a pair ``(function, parameters)``, a Flax Linen pair ``(module, variables)``, a Flax NNX
module, or an Equinox module. Its parameters are the floating-point arrays of a pytree; whole
numbers and all else in it stay as they are. Of the variables of a Flax Linen module, those of the
collection "params" are parameters.
"""

from collections.abc import Callable, Mapping
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
        path: the place of the array in the model, as text.
        positions: an array of the same shape that holds the position of each element in the vector.
    """

    path: str
    positions: np.ndarray


class AdaptedModel(NamedTuple):
    """A model as a function of a vector.

    Attributes:
        apply: ``apply(w, inputs)`` returns the outputs (items, outputs) for weights w (n,) and
            inputs (items, features).
        start: (n,) float64 parameters of the model as it was given.
        rebuilt: ``rebuilt(w)`` returns the parameters, or the module, in the form of the model.
        leaves: the arrays of parameters, in the order of the vector.
    """

    apply: Callable[[Any, Any], Any]
    start: np.ndarray
    rebuilt: Callable[[Any], Any]
    leaves: list[Leaf]


def adapted(model: Any) -> AdaptedModel:
    """Make a function of one vector of a model.

    Args:
        model: a pair ``(function, parameters)``, a Flax Linen pair ``(module, variables)``, a Flax
            NNX module, or an Equinox module.

    Raises:
        BadInputError: if the model is of another kind, has no parameters, or has complex ones.

    Examples:
        >>> model = adapted((lambda p, x: x @ p["w"], {"w": np.ones((2, 1))}))
        >>> model.start.tolist(), model.leaves[0].path
        ([1.0, 1.0], "['w']")
    """
    if isinstance(model, tuple) and len(model) == 2:
        module, parameters = model
        if _is_from(module, "flax.linen"):
            return _of_linen(module, parameters)
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


def _of_linen(module: Any, variables: Any) -> AdaptedModel:
    if not isinstance(variables, Mapping) or "params" not in variables:
        problem = "the variables of the Flax module have no collection 'params'"
        raise BadInputError("model", problem, "give all that module.init gives")

    def is_parameter(path: Any) -> bool:
        return jax.tree_util.keystr(path[:1]) == "['params']"

    return _adapted(variables, lambda p: p, lambda p, x: module.apply(p, x), is_parameter)


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
    given: Any,
    rebuilt: Callable[[Any], Any],
    apply: Callable[[Any, Any], Any],
    is_parameter: Callable[[Any], bool] = lambda path: True,
) -> AdaptedModel:
    """The model whose parameters are the floating-point arrays at some of the paths of a pytree."""
    found, structure = jax.tree_util.tree_flatten_with_path(given)
    trained = [is_parameter(path) and _is_inexact(x) for path, x in found]
    with jax.enable_x64(True):
        kept = [
            _double(x, path) if _is_inexact(x) else jnp.asarray(x) if _is_array(x) else x
            for path, x in found
        ]
        start, unravel = ravel_pytree([x for x, is_it in zip(kept, trained, strict=True) if is_it])
        if not start.size:
            raise BadInputError("model", "it has no parameters", "give arrays of floating point")
        tables = unravel(jnp.arange(start.size, dtype=jnp.float64))
    paths = [path for (path, _), is_it in zip(found, trained, strict=True) if is_it]
    leaves = [
        Leaf(jax.tree_util.keystr(path), np.asarray(table).astype(int))
        for path, table in zip(paths, tables, strict=True)
    ]

    def whole(w: Any) -> Any:
        parts = iter(unravel(w))
        every = [next(parts) if is_it else x for x, is_it in zip(kept, trained, strict=True)]
        return structure.unflatten(every)

    def of_vector(w: Any, inputs: Any) -> Any:
        outputs = apply(whole(w), inputs)
        return outputs[:, None] if outputs.ndim == 1 else outputs

    return AdaptedModel(of_vector, np.asarray(start), lambda w: rebuilt(whole(w)), leaves)


def _is_array(x: Any) -> bool:
    return isinstance(x, np.ndarray | np.generic) and x.dtype.kind in "biuf"


def _is_inexact(x: Any) -> bool:
    """Whether an object is a floating-point array or number."""
    if isinstance(x, float | complex):
        return True
    return hasattr(x, "dtype") and bool(jnp.issubdtype(x.dtype, jnp.inexact))


def _double(x: Any, path: Any) -> Any:
    if jnp.issubdtype(jnp.result_type(x), jnp.complexfloating):
        problem = f"{jax.tree_util.keystr(path)} is complex"
        raise BadInputError("model", problem, "give real and imaginary parts as two arrays")
    return jnp.asarray(x, jnp.float64)
