"""Networks whose biases are not regularized: the shift of the output biases costs nothing."""

import numpy as np
from lane_runs import each_in_order
from reference_networks import compiled, small_landscape

from lossatlas.lanes.engine import Engine
from lossatlas.search.basin_hopping import BasinHoppingOptions, basin_hopping
from lossatlas.search.tools import default_tools


def test_minima_are_certified():
    landscape = small_landscape((2,), regularize_biases=False)
    search = basin_hopping(
        default_tools(landscape), np.random.default_rng(0), BasinHoppingOptions(steps=3)
    )
    (chain,) = each_in_order(Engine(landscape.surface), [search])
    minima = [minimum for quench in chain for minimum in quench.minima]
    assert minima
    loss, _ = compiled(landscape)
    for minimum in minima:
        assert minimum.index == 0
        assert np.abs(loss(minimum.weights)[1]).max() < 1e-11
