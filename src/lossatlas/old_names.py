"""Names of earlier versions: whoever uses one is told the new one."""

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
"""What to use in place of a name that the package had; the changelog has those of modules, too."""

P = ParamSpec("P")
R = TypeVar("R")


def refuse(package: str, name: str) -> NoReturn:
    """Refuse a name that the package does not have, with the new one if it had it once.

    Raises:
        AttributeError: where an attribute is asked for.
        ImportError: in ``from package import name``, which would replace the message of another.
    """
    known = NEW_NAMES.get(name)
    if known is None:
        raise AttributeError(f"module {package!r} has no attribute {name!r}")
    text = f"{package}.{name} is not there any more: {known}"
    if sys._getframe(2).f_code.co_name == "_handle_fromlist":  # Python's own, for such imports
        raise ImportError(text, name=name)
    raise AttributeError(text)


def renamed_arguments(**new_names: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Have a function refuse old names of its arguments with the new ones.

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
