"""Labeled data sets: LJAT3 outcomes, files, MNIST and its relatives, and bundled sets.

Every source returns a `Dataset` (or `RegressionData` for numbers to be predicted), which is checked
and read-only. `split` chooses the rows for training and testing, `scale` scales columns by
statistics of the training rows, and label noise changes training labels on purpose.
"""

from lossatlas.data.dataset import Dataset, dataset_from_arrays
from lossatlas.data.frames import data_from, data_from_frame, openml_dataset
from lossatlas.data.idx import load_idx
from lossatlas.data.ljat3 import (
    LJAT3_CLASSES,
    LJAT3_DISTANCES,
    LJAT3_SIDES,
    LJAT3Data,
    load_ljat3,
)
from lossatlas.data.mnist import load_mnist
from lossatlas.data.noise import (
    NoisyLabels,
    adversarial_noise,
    boundary_noise,
    class_conditional_noise,
    permutation_noise,
    uniform_noise,
)
from lossatlas.data.regression import RegressionData, regression_from_arrays
from lossatlas.data.scaling import Scaling, apply_scaling, column_scaling, scale, scale_targets
from lossatlas.data.sklearn_sets import SKLEARN_NAMES, sklearn_dataset
from lossatlas.data.split import Split, split, split_pools
from lossatlas.data.tables import read_table

__all__ = [
    "LJAT3_CLASSES",
    "LJAT3_DISTANCES",
    "LJAT3_SIDES",
    "SKLEARN_NAMES",
    "Dataset",
    "LJAT3Data",
    "NoisyLabels",
    "RegressionData",
    "Scaling",
    "Split",
    "adversarial_noise",
    "apply_scaling",
    "boundary_noise",
    "class_conditional_noise",
    "column_scaling",
    "data_from",
    "data_from_frame",
    "dataset_from_arrays",
    "load_idx",
    "load_ljat3",
    "load_mnist",
    "openml_dataset",
    "permutation_noise",
    "read_table",
    "regression_from_arrays",
    "scale",
    "scale_targets",
    "sklearn_dataset",
    "split",
    "split_pools",
    "uniform_noise",
]
