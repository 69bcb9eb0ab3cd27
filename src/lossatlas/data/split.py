"""Rows for training and rows for testing, drawn by a seed or taken in order."""

from typing import Literal, NamedTuple, Protocol

import numpy as np
from jaxtyping import Int

from lossatlas.data.dataset import Dataset
from lossatlas.errors import BadInputError

SplitMode = Literal["random", "ordered"]
"""``random``: rows drawn without replacement. ``ordered``: rows as they stand in the data."""


class Split(NamedTuple):
    """Training and testing rows; no row is in both."""

    train: Dataset
    test: Dataset


class Pool(Protocol):
    """Rows to choose from: a `Dataset`, or what makes one of the chosen rows only."""

    @property
    def name(self) -> str:
        """Used in messages."""
        ...

    def __len__(self) -> int:
        """How many rows there are."""
        ...

    def subset(self, rows: Int[np.ndarray, " M"]) -> Dataset:
        """The given rows, in the given order."""
        ...


def split(dataset: Dataset, train: int, test: int, seed: int, mode: SplitMode = "random") -> Split:
    """Choose `train` rows, then `test` other rows.

    The training rows do not depend on how many testing rows are asked for.

    Args:
        dataset: all rows.
        train: how many rows to train on, at least 1.
        test: how many rows to test on, at least 1.
        seed: of the draw; not used by ``ordered``.
        mode: ``random``, or ``ordered`` for the first `train` rows and the `test` after them.

    Raises:
        BadInputError: more rows asked for than there are, a count below 1, training rows of one
            class only, an unknown mode.

    Example:
        >>> from lossatlas.data import sklearn_dataset
        >>> train, test = split(sklearn_dataset("iris"), train=100, test=50, seed=1)
        >>> len(train), len(test)
        (100, 50)
    """
    _check_count(dataset, "train", train, len(dataset) - test)
    _check_count(dataset, "test", test, len(dataset) - train)
    rows = _order(len(dataset), np.random.default_rng(seed), mode)
    return _checked(dataset.subset(rows[:train]), dataset.subset(rows[train : train + test]))


def split_pools(
    pools: tuple[Pool, Pool], train: int, test: int, seed: int, mode: SplitMode = "random"
) -> Split:
    """Choose `train` rows of the training pool and `test` rows of the testing pool.

    Neither choice depends on the size of the other.

    Args:
        pools: all rows for training and all rows for testing, e.g. the halves of LJAT3 or
            those of MNIST.
        train: how many rows to train on, at least 1.
        test: how many rows to test on, at least 1.
        seed: of the draw; not used by ``ordered``.
        mode: ``random``, or ``ordered`` for the first rows of each pool.

    Raises:
        BadInputError: as `split`.

    Example:
        >>> from lossatlas.data import load_ljat3
        >>> pools = load_ljat3("D2", items=400, seed=1).pools
        >>> [len(part) for part in split_pools(pools, train=100, test=50, seed=1)]
        [100, 50]
    """
    train_pool, test_pool = pools
    _check_count(train_pool, "train", train, len(train_pool))
    _check_count(test_pool, "test", test, len(test_pool))
    train_stream, test_stream = np.random.default_rng(seed).spawn(2)
    train_rows = _order(len(train_pool), train_stream, mode)[:train]
    test_rows = _order(len(test_pool), test_stream, mode)[:test]
    return _checked(train_pool.subset(train_rows), test_pool.subset(test_rows))


def _order(rows: int, generator: np.random.Generator, mode: SplitMode) -> Int[np.ndarray, " rows"]:
    if mode == "random":
        return generator.permutation(rows)
    if mode == "ordered":
        return np.arange(rows)
    raise BadInputError("split", f"unknown mode {mode!r}", "use 'random' or 'ordered'")


def _check_count(pool: Pool, field: str, asked: int, available: int) -> None:
    if asked < 1:
        raise BadInputError(f"{pool.name}: {field}", f"{asked} rows", "ask for at least 1")
    if asked > available:
        raise BadInputError(
            f"{pool.name}: {field}",
            f"{asked} rows asked for, {max(available, 0)} of {len(pool)} are left for it",
            "ask for fewer rows, or give more data",
        )


def _checked(train: Dataset, test: Dataset) -> Split:
    if len(np.unique(train.labels)) < 2:
        raise BadInputError(
            f"{train.name}: train",
            f"the {len(train)} training rows all have class {train.classes[train.labels[0]]!r}",
            "ask for more rows, or for another split",
        )
    return Split(train, test)
