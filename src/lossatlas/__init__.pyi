"""The public names and where they live; `__init__.py` loads each when it is first used.

The packages are public too, with the names that each lists in its `__all__`: there stands what is
needed more rarely. Everything else is internal and may change without notice.
"""

from . import (
    analysis as analysis,
    browser as browser,
    data as data,
    errors as errors,
    exploration as exploration,
    interop as interop,
    landscape as landscape,
    network as network,
    parts as parts,
    plots as plots,
    search as search,
    testing as testing,
)
from .analysis.auc_columns import (
    compute_auc as compute_auc,
    left_out_of_macro_auc as left_out_of_macro_auc,
    undefined_auc as undefined_auc,
)
from .analysis.class_distribution import (
    class_distribution as class_distribution,
)
from .analysis.completeness import (
    Completeness as Completeness,
    completeness as completeness,
)
from .analysis.measure_columns import (
    compute_measures as compute_measures,
    prediction as prediction,
)
from .analysis.merging import (
    counts_by_tolerance as counts_by_tolerance,
    merge_points as merge_points,
)
from .atlas import (
    Atlas as Atlas,
    Exploration as Exploration,
    Problem as Problem,
)
from .browser.show import (
    TreePage as TreePage,
    show_tree as show_tree,
)
from .data import (
    Dataset as Dataset,
    RegressionData as RegressionData,
    data_from as data_from,
    load_idx as load_idx,
    load_ljat3 as load_ljat3,
    load_mnist as load_mnist,
    read_table as read_table,
    sklearn_dataset as sklearn_dataset,
)
from .distribution.clusters import cluster as cluster
from .errors import (
    AtlasError as AtlasError,
    BadInputError as BadInputError,
    ClusterError as ClusterError,
    DataWarning as DataWarning,
    LossatlasError as LossatlasError,
    Status as Status,
)
from .exploration.stop_rules import ExploreOptions as ExploreOptions
from .exploration.tasks import (
    Key as Key,
    Strategy as Strategy,
    Task as Task,
)
from .exploration.verification import (
    Verification as Verification,
    verify as verify,
)
from .landscape import (
    FunctionLandscape as FunctionLandscape,
    ModelLandscape as ModelLandscape,
    NetworkLandscape as NetworkLandscape,
    UnitSymmetry as UnitSymmetry,
)
from .lanes.runtime import configure as configure
from .network import Network as Network
from .parts import (
    Activation as Activation,
    OutputLoss as OutputLoss,
    register_activation as register_activation,
    register_loss as register_loss,
)
from .plots.discovery import (
    plot_discovery as plot_discovery,
)
from .plots.tree import (
    plot_tree as plot_tree,
)
from .search.tools import default_tools as default_tools
from .studies.exploring import explore as explore
from .studies.problem import (
    Prepared as Prepared,
    landscape_of as landscape_of,
    prepare as prepare,
)
from .studies.study import (
    Study as Study,
    load_study as load_study,
)

__version__: str
