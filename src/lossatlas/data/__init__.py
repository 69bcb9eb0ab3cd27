"""Labelled data: LJAT3 outcomes, files, scikit-learn's bundled sets; split and scaled.

Every source hands over a `Dataset`, checked and read-only. `split` chooses the rows to train
and to test on; `scale` divides columns by statistics of the training rows.
"""

from lossatlas.data.dataset import Dataset, dataset_from_arrays
from lossatlas.data.ljat3 import (
    LJAT3_CLASSES,
    LJAT3_DISTANCES,
    LJAT3_SIDES,
    LJAT3Data,
    load_ljat3,
)
from lossatlas.data.scaling import Scaling, apply_scaling, column_scaling, scale
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
    "Scaling",
    "Split",
    "apply_scaling",
    "column_scaling",
    "dataset_from_arrays",
    "load_ljat3",
    "read_table",
    "scale",
    "sklearn_dataset",
    "split",
    "split_pools",
]
