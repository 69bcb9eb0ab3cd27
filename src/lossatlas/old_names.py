"""Names of earlier versions: the error that their use raises tells the new name."""

import sys
from collections.abc import Callable
from functools import wraps
from typing import NoReturn, ParamSpec, TypeVar

NEW_NAMES = {
    "snapshot": "use atlas.network()",
    "Snapshot": "use lossatlas.Network, as Atlas.network() gives it",
    "build_tree": "use Network.tree, of atlas.network() or Network.of_pairs(...)",
    "barrier": "use Network.barrier(a, b) with ids, e.g. atlas.network().barrier(1, 2)",
    "superbasins": "use Network.superbasins(energy)",
    "prune": "plot_tree does it; the function is in lossatlas.analysis.tree_layout",
    "discretize": "plot_tree does it; the function is in lossatlas.analysis.tree_layout",
    "layout": "plot_tree does it; the function is in lossatlas.analysis.tree_layout",
    "merge_minima": "use merge_points(network, tolerance)",
    "merge_transition_states": "use merge_points(network, tolerance)",
    "optimize": "its methods are in lossatlas.kernels",
    "engine": "it is lossatlas.lanes",
    "surfaces": "functions with known answers are in lossatlas.testing.surfaces",
}
"""What to use in place of each name that the package once had; the changelog lists renamed modules
too."""

P = ParamSpec("P")
R = TypeVar("R")


def refuse(package: str, name: str) -> NoReturn:
    """Refuse a name that the package does not have; tell the new name if it was renamed.

    Args:
        package: name of the package that was asked.
        name: the name that was asked for.

    Raises:
        AttributeError: if an attribute was asked for, as in ``package.name``.
        ImportError: in ``from package import name`` for a name that was renamed: Python replaces
            the message of any other exception there by its own.
    """
    known = NEW_NAMES.get(name)
    if known is None:
        raise AttributeError(f"module {package!r} has no attribute {name!r}")
    text = f"{package}.{name} is not there any more: {known}"
    # Python calls `__getattr__` from this function of its own in `from package import name`.
    if sys._getframe(2).f_code.co_name == "_handle_fromlist":
        raise ImportError(text, name=name)
    raise AttributeError(text)


def renamed_arguments(**new_names: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make a decorator with which a function refuses old names of its arguments.

    Args:
        **new_names: the new name of each argument, by its old name.

    Returns:
        The decorator. The decorated function raises a `TypeError` that tells the new name.

    Examples:
        >>> @renamed_arguments(ode="flow")
        ... def verify(flow=False): ...
        >>> verify(ode=True)
        Traceback (most recent call last):
        ...
        TypeError: verify() has no argument 'ode' any more: it is called 'flow'
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @wraps(function)
        def checked(*args: P.args, **kwargs: P.kwargs) -> R:
            for old, new in new_names.items():
                if old in kwargs:
                    text = f"{function.__name__}() has no argument {old!r} any more"
                    raise TypeError(f"{text}: it is called {new!r}")
            return function(*args, **kwargs)

        return checked

    return decorate
