"""Loss landscapes of neural networks: certified minima, transition states, disconnectivity graphs.

The public names are loaded when they are first used, so that importing the package takes no time
and changes nothing: no JAX setting, no matplotlib setting, no log handler, no folder. One name
is not among them: the function `explore` is in `lossatlas.exploration.explorer`, because
`lossatlas.exploration` is the package it belongs to.

Example:
    >>> import lossatlas
    >>> study = lossatlas.Study.model_validate(
    ...     {
    ...         "data": {"source": "sklearn", "name": "iris", "train": 100, "test": 50},
    ...         "network": {"hidden": [3]},
    ...         "loss": {"l2": 1e-3},
    ...     }
    ... )
    >>> lossatlas.prepare(study).landscape.n_weights
    27
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lossatlas.analysis.auc_columns import compute_auc
    from lossatlas.analysis.class_distribution import class_distribution
    from lossatlas.analysis.completeness import Completeness, completeness
    from lossatlas.analysis.merging import (
        counts_by_tolerance,
        merge_minima,
        merge_transition_states,
    )
    from lossatlas.analysis.tree_layout import discretize, layout, prune
    from lossatlas.atlas import Atlas, Problem, snapshot
    from lossatlas.data import Dataset, load_ljat3, load_mnist, read_table, sklearn_dataset
    from lossatlas.errors import AtlasError, BadInputError, LossatlasError, Status
    from lossatlas.exploration.explorer import Exploration
    from lossatlas.exploration.stop_rules import ExploreOptions
    from lossatlas.exploration.verification import Verification, verify
    from lossatlas.landscape import FunctionLandscape, NetworkLandscape
    from lossatlas.network.disconnectivity import barrier, build_tree, superbasins
    from lossatlas.plots.discovery import plot_discovery
    from lossatlas.plots.tree import plot_tree
    from lossatlas.studies.problem import Prepared, landscape_of, prepare
    from lossatlas.studies.study import Study, load_study

__all__ = [
    "Atlas",
    "AtlasError",
    "BadInputError",
    "Completeness",
    "Dataset",
    "Exploration",
    "ExploreOptions",
    "FunctionLandscape",
    "LossatlasError",
    "NetworkLandscape",
    "Prepared",
    "Problem",
    "Status",
    "Study",
    "Verification",
    "barrier",
    "build_tree",
    "class_distribution",
    "completeness",
    "compute_auc",
    "counts_by_tolerance",
    "discretize",
    "landscape_of",
    "layout",
    "load_ljat3",
    "load_mnist",
    "load_study",
    "merge_minima",
    "merge_transition_states",
    "plot_discovery",
    "plot_tree",
    "prepare",
    "prune",
    "read_table",
    "sklearn_dataset",
    "snapshot",
    "superbasins",
    "verify",
]

_HOMES = {
    "compute_auc": "analysis.auc_columns",
    "class_distribution": "analysis.class_distribution",
    "Completeness": "analysis.completeness",
    "completeness": "analysis.completeness",
    "counts_by_tolerance": "analysis.merging",
    "merge_minima": "analysis.merging",
    "merge_transition_states": "analysis.merging",
    "barrier": "network.disconnectivity",
    "build_tree": "network.disconnectivity",
    "superbasins": "network.disconnectivity",
    "discretize": "analysis.tree_layout",
    "layout": "analysis.tree_layout",
    "prune": "analysis.tree_layout",
    "Atlas": "atlas",
    "Problem": "atlas",
    "snapshot": "atlas",
    "Dataset": "data",
    "load_ljat3": "data",
    "load_mnist": "data",
    "read_table": "data",
    "sklearn_dataset": "data",
    "AtlasError": "errors",
    "BadInputError": "errors",
    "LossatlasError": "errors",
    "Status": "errors",
    "Exploration": "exploration.explorer",
    "ExploreOptions": "exploration.stop_rules",
    "Verification": "exploration.verification",
    "verify": "exploration.verification",
    "FunctionLandscape": "landscape",
    "NetworkLandscape": "landscape",
    "plot_discovery": "plots.discovery",
    "plot_tree": "plots.tree",
    "Prepared": "studies.problem",
    "landscape_of": "studies.problem",
    "prepare": "studies.problem",
    "Study": "studies.study",
    "load_study": "studies.study",
}
"""The module of each public name."""


def __getattr__(name: str) -> Any:
    """Load a public name on first use."""
    if name == "__version__":
        from importlib.metadata import version

        return version("lossatlas")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names, loaded or not."""
    return [*globals(), *__all__]
