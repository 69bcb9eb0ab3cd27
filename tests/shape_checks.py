"""The type checker of the test run: shapes and kinds of numbers of arrays, and nothing else.

Whatever else a user passes is checked by the library itself, with errors that name the remedy; a
checker of all annotations would refuse bad input first, and an integer for a number, too. NumPy and
JAX arrays count as the same, because JAX takes both.
"""

from types import UnionType
from typing import Union, get_args, get_origin

import jax
import numpy as np
from beartype import beartype
from jaxtyping import AbstractArray


def is_array(annotation):
    """Whether an annotation is one of jaxtyping's, with a shape."""
    return isinstance(annotation, type) and issubclass(annotation, AbstractArray)


def has_shape(annotation):
    """Whether an annotation is an array with a shape, or contains one."""
    return is_array(annotation) or any(has_shape(part) for part in get_args(annotation))


def of_either_kind(annotation):
    """The annotation with NumPy and JAX arrays allowed wherever it has one of them."""
    if is_array(annotation):
        return annotation.dtype[jax.Array | np.ndarray, annotation.dim_str]
    if not has_shape(annotation):
        return annotation
    parts = tuple(of_either_kind(part) for part in get_args(annotation))
    origin = get_origin(annotation)
    return Union[parts] if origin in (Union, UnionType) else origin[parts]  # noqa: UP007


def shapes(function):
    """The function with its arrays checked; `jaxtyping`'s import hook applies it to each."""
    annotations = getattr(function, "__annotations__", {})
    kept = {name: of_either_kind(hint) for name, hint in annotations.items() if has_shape(hint)}
    if not kept:
        return function
    function.__annotations__ = kept
    return beartype(function)
