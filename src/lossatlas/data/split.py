"""Choose rows for training and testing: at random, at random class by class, or in order."""

from typing import Literal, NamedTuple, Protocol, get_args

import numpy as np
from jaxtyping import Int

from lossatlas.data.class_counts import apportion
from lossatlas.data.dataset import Dataset
from lossatlas.data.regression import RegressionData
from lossatlas.errors import BadInputError

SplitMode = Literal["random", "stratified", "ordered"]
"""How rows are chosen. ``random``: drawn without replacement. ``stratified``: drawn without
replacement class by class, in proportion to the classes of the data, and at least one of each.
``ordered``: taken in the order of the data."""


class Split(NamedTuple):
    """Training and testing rows.

    Attributes:
        train: the rows for training.
        test: the rows for testing, none of which is among those for training.

    Examples:
        >>> data = Dataset([[0.0], [1.0], [2.0]], [0, 1, 0], ("no", "yes"), "tiny", ("x",))
        >>> parts = split(data, train=2, test=1, seed=0, mode="ordered")
        >>> parts.test.inputs.tolist()
        [[2.0]]
    """

    train: Dataset | RegressionData
    test: Dataset | RegressionData


class Pool(Protocol):
    """Rows to choose from: a `Dataset`, or data that become one when rows are chosen."""

    @property
    def name(self) -> str:
        """Where the data come from, for messages."""
        ...

    @property
    def labels(self) -> Int[np.ndarray, " N"]:
        """The class of each row, from 0 to C - 1."""
        ...

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the C classes."""
        ...

    def __len__(self) -> int:
        """The number of rows."""
        ...

    def subset(self, rows: Int[np.ndarray, " M"]) -> Dataset:
        """The given rows in the given order."""
        ...


def split(
    dataset: Dataset | RegressionData, train: int, test: int, seed: int, mode: SplitMode = "random"
) -> Split:
    """Choose rows for training, and other rows for testing.

    The training rows do not depend on the number of testing rows.

    Args:
        dataset: all rows.
        train: number of rows for training, at least 1.
        test: number of rows for testing, at least 1.
        seed: seed of the random numbers; ``"ordered"`` does not use it.
        mode: ``"random"`` (the default) draws rows at random; ``"stratified"`` draws rows of every
            class for both parts, in proportion to the classes of the data; ``"ordered"`` takes the
            first rows for training and the following ones for testing.

    Raises:
        BadInputError: a number is below 1 or there are not enough rows, all training rows are of
            one class, the mode is unknown, or ``"stratified"`` is used for numbers, with fewer rows
            than classes, or with a class that has a single row.

    Examples:
        >>> from lossatlas.data import sklearn_dataset
        >>> train, test = split(sklearn_dataset("iris"), train=100, test=50, seed=1)
        >>> len(train), len(test)
        (100, 50)
    """
    if mode == "stratified":
        _check_classes(dataset)
    _check_count(dataset, "train", train, len(dataset) - test)
    _check_count(dataset, "test", test, len(dataset) - train)
    generator = np.random.default_rng(seed)
    if mode == "stratified":
        assert isinstance(dataset, Dataset)  # `_check_classes` has refused numbers.
        rows = _stratified_order(dataset, generator, train, test)
    else:
        rows = _order(len(dataset), generator, mode)
    return _checked(dataset.subset(rows[:train]), dataset.subset(rows[train : train + test]))


def split_pools(
    pools: tuple[Pool, Pool], train: int, test: int, seed: int, mode: SplitMode = "random"
) -> Split:
    """Choose rows for training and testing from data that come in two parts.

    Neither choice depends on the number of rows of the other.

    Args:
        pools: all rows for training and all rows for testing, such as the two parts of LJAT3 or of
            MNIST.
        train: number of rows for training, at least 1.
        test: number of rows for testing, at least 1.
        seed: seed of the random numbers; ``"ordered"`` does not use it.
        mode: ``"random"`` (the default) draws rows at random; ``"stratified"`` draws rows of every
            class of each part, in proportion to its classes; ``"ordered"`` takes the first rows of
            each part.

    Raises:
        BadInputError: a number is below 1 or there are not enough rows, all training rows are of
            one class, the mode is unknown, or ``"stratified"`` is used for numbers or with fewer
            rows than classes.

    Examples:
        >>> from lossatlas.data import load_ljat3
        >>> pools = load_ljat3("D2", items=400, seed=1).pools
        >>> [len(part) for part in split_pools(pools, train=100, test=50, seed=1)]
        [100, 50]
    """
    train_pool, test_pool = pools
    if mode == "stratified":
        _check_classes(train_pool)
        _check_classes(test_pool)
    _check_count(train_pool, "train", train, len(train_pool))
    _check_count(test_pool, "test", test, len(test_pool))
    train_stream, test_stream = np.random.default_rng(seed).spawn(2)
    train_rows = _pool_rows(train_pool, train_stream, mode, train, "train")
    test_rows = _pool_rows(test_pool, test_stream, mode, test, "test")
    return _checked(train_pool.subset(train_rows), test_pool.subset(test_rows))


def _pool_rows(
    pool: Pool, generator: np.random.Generator, mode: SplitMode, count: int, field: str
) -> Int[np.ndarray, " count"]:
    rows = _order(len(pool), generator, "random" if mode == "stratified" else mode)
    if mode != "stratified":
        return rows[:count]
    sizes = np.bincount(pool.labels, minlength=len(pool.classes))
    _check_enough(pool, field, count, sizes)
    shares = apportion(sizes, count, np.minimum(sizes, 1), sizes)
    return rows[_rank_in_class(pool.labels[rows], sizes) < shares[pool.labels[rows]]]


def _stratified_order(
    data: Dataset, generator: np.random.Generator, train: int, test: int
) -> Int[np.ndarray, " chosen"]:
    """The indices of the training rows and then of the testing rows, in the order of one draw."""
    sizes = np.bincount(data.labels, minlength=len(data.classes))
    if (sizes == 1).any():
        raise BadInputError(
            f"{data.name}: split",
            f"class {data.classes[int(np.argmax(sizes == 1))]!r} has a single row, which cannot "
            "be both for training and for testing",
            "leave that row out, or use split = 'random'",
        )
    _check_enough(data, "train", train, sizes)
    _check_enough(data, "test", test, sizes)
    once = np.minimum(sizes, 1)
    for_training = apportion(sizes, train, once, sizes - once)
    for_testing = apportion(sizes, test, once, sizes - for_training)
    rows = generator.permutation(len(data))
    labels = data.labels[rows]
    rank = _rank_in_class(labels, sizes)
    trained = rank < for_training[labels]
    tested = ~trained & (rank < (for_training + for_testing)[labels])
    return np.concatenate([rows[trained], rows[tested]])


def _rank_in_class(labels: Int[np.ndarray, " N"], sizes: Int[np.ndarray, " C"]) -> np.ndarray:
    """(N,) for each row, the number of rows of the same class that come before it."""
    by_class = np.argsort(labels, kind="stable")
    begins = np.cumsum(sizes) - sizes
    rank = np.empty(len(labels), np.int64)
    rank[by_class] = np.arange(len(labels)) - begins[labels[by_class]]
    return rank


def _check_enough(pool: Pool, field: str, asked: int, sizes: Int[np.ndarray, " C"]) -> None:
    present = int((sizes > 0).sum())
    if asked < present:
        raise BadInputError(
            f"{pool.name}: {field}",
            f"a stratified split takes a row of each of the {present} classes, {asked} are asked "
            "for",
            f"ask for at least {present} rows, or use split = 'random'",
        )


def _order(rows: int, generator: np.random.Generator, mode: SplitMode) -> Int[np.ndarray, " rows"]:
    if mode == "random":
        return generator.permutation(rows)
    if mode == "ordered":
        return np.arange(rows)
    raise BadInputError("split", f"unknown mode {mode!r}", f"use {', '.join(get_args(SplitMode))}")


def _check_classes(pool: Pool | RegressionData) -> None:
    if isinstance(pool, RegressionData):
        problem = "numbers have no classes to draw from"
        raise BadInputError(f"{pool.name}: split", problem, "use split = 'random'")


def _check_count(pool: Pool | RegressionData, field: str, asked: int, available: int) -> None:
    if asked < 1:
        raise BadInputError(f"{pool.name}: {field}", f"{asked} rows", "ask for at least 1")
    if asked > available:
        raise BadInputError(
            f"{pool.name}: {field}",
            f"{asked} rows asked for, {max(available, 0)} of {len(pool)} are left for it",
            "ask for fewer rows, or give more data",
        )


def _checked(train: Dataset | RegressionData, test: Dataset | RegressionData) -> Split:
    if isinstance(train, Dataset) and len(np.unique(train.labels)) < 2:
        raise BadInputError(
            f"{train.name}: train",
            f"the {len(train)} training rows all have class {train.classes[train.labels[0]]!r}",
            "ask for more rows, or for another split",
        )
    return Split(train, test)
