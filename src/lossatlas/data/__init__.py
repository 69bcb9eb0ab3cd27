"""Labelled data: LJAT3 outcomes, files, scikit-learn's bundled sets; split and scaled.

Every source hands over a `Dataset`, checked and read-only. `split` chooses the rows to train
and to test on; `scale` divides columns by statistics of the training rows.
"""

from lossatlas.data.dataset import Dataset, dataset_from_arrays
from lossatlas.data.scaling import Scaling, apply_scaling, column_scaling, scale
from lossatlas.data.sklearn_sets import SKLEARN_NAMES, sklearn_dataset
from lossatlas.data.split import Split, split, split_pools
from lossatlas.data.tables import read_table

__all__ = [
    "SKLEARN_NAMES",
    "Dataset",
    "Scaling",
    "Split",
    "apply_scaling",
    "column_scaling",
    "dataset_from_arrays",
    "read_table",
    "scale",
    "sklearn_dataset",
    "split",
    "split_pools",
]
