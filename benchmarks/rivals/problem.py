"""The problems that both sides work on."""

from functools import cache
from pathlib import Path

import numpy as np
from benchmarks.rivals.measure import Unavailable

from lossatlas.data import load_ljat3, split_pools
from lossatlas.data.mnist import load_mnist
from lossatlas.errors import BadInputError
from lossatlas.landscape import NetworkLandscape
from lossatlas.lanes.engine import Engine
from lossatlas.search.basin_hopping import BasinHoppingOptions, basin_hopping
from lossatlas.search.outcome import StationaryPoint
from lossatlas.search.tools import default_tools

L2 = 1e-4
MNIST_L2 = 1e-2
"""Lambda for MNIST with pixels divided by 255; with 0.1 only the frequencies of the classes would
be learned."""


@cache
def d1(hidden: tuple[int, ...] = (10,), items: int = 1000) -> NetworkLandscape:
    """The landscape [2, hidden, 4, items, 1e-4] on LJAT3 outcomes in the cube D1."""
    pools = load_ljat3("D1", items=max(4000, 4 * items), seed=1).pools
    train = split_pools(pools, items, 1, 1).train
    return NetworkLandscape(train.inputs, train.labels, hidden, L2)


def some_minima(landscape: NetworkLandscape, count: int, seed: int = 0) -> list[StationaryPoint]:
    """Certified minima to start from, one from each chain of basin-hopping; they are not timed."""
    tools = default_tools(landscape)
    chains = [
        basin_hopping(tools, np.random.default_rng([seed, k]), BasinHoppingOptions(steps=2))
        for k in range(count)
    ]
    attempts = dict(Engine(landscape.surface).run(chains))
    return [m for k in range(count) for m in attempts[k].minima[-1:]]


def mnist(folder: Path | None, items: int = 1000) -> NetworkLandscape:
    """The landscape [784, 10, 10, items, 0.01] on the first MNIST training images."""
    if folder is None:
        raise Unavailable("no MNIST files: set LOSSATLAS_MNIST or give --mnist FOLDER")
    try:
        train = load_mnist(folder).train.subset(np.arange(items))
    except BadInputError as error:
        raise Unavailable(str(error)) from error
    return NetworkLandscape(train.inputs, train.labels, (10,), MNIST_L2, classes=10)
