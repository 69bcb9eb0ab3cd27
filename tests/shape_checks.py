"""The type checker of the test run: shapes of arrays, and nothing else.

Whatever else a user passes is checked by the library itself, with errors that name the remedy; a
checker of all annotations would refuse bad input first, and an integer for a number, too.
"""

from typing import get_args

from beartype import beartype
from jaxtyping import AbstractArray


def has_shape(annotation):
    """Whether an annotation is an array with a shape, or contains one."""
    if isinstance(annotation, type) and issubclass(annotation, AbstractArray):
        return True
    return any(has_shape(part) for part in get_args(annotation))


def shapes(function):
    """The function with its arrays checked; `jaxtyping`'s import hook applies it to each."""
    annotations = getattr(function, "__annotations__", {})
    kept = {name: hint for name, hint in annotations.items() if has_shape(hint)}
    if not kept:
        return function
    function.__annotations__ = kept
    return beartype(function)
