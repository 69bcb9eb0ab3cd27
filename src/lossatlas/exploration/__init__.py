"""Growing an atlas: strategies propose searches, a planner chooses, the engine runs them."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lossatlas.exploration.display import ExploreDisplay
    from lossatlas.exploration.explorer import Exploration, Progress, grow
    from lossatlas.exploration.stop_rules import ExploreOptions
    from lossatlas.exploration.tasks import Key, Strategy, Task
    from lossatlas.exploration.verification import Verification, verify
    from lossatlas.exploration.view import View

__all__ = [
    "Exploration",
    "ExploreDisplay",
    "ExploreOptions",
    "Key",
    "Progress",
    "Strategy",
    "Task",
    "Verification",
    "View",
    "grow",
    "verify",
]

_MODULES = {
    "Exploration": "explorer",
    "ExploreDisplay": "display",
    "ExploreOptions": "stop_rules",
    "Key": "tasks",
    "Progress": "explorer",
    "Strategy": "tasks",
    "Task": "tasks",
    "Verification": "verification",
    "View": "view",
    "grow": "explorer",
    "verify": "verification",
}


def __getattr__(name: str) -> Any:
    """Load a name when it is first used: the stop rules are read without loading JAX."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
