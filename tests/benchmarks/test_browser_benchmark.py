"""The atlas that the benchmark of the browser fills."""

import numpy as np
from benchmarks.browser import COMPONENTS, fill
from benchmarks.bulk import STATES

from lossatlas.atlas import Atlas


def test_the_atlas_has_a_graph_with_a_large_funnel_and_minima_that_nothing_joins(tmp_path):
    path = str(tmp_path / "funnels.atlas")
    fill(path, 500)
    with Atlas.open(path) as atlas:
        network = atlas.network()
    assert network.minimum_ids.size == 500
    assert network.transition_state_ids.size <= STATES * 500
    alone = np.bincount(network.components)
    assert alone.max() > 400
    assert 5 <= (alone == 1).sum() <= COMPONENTS
    assert network.tree.minima.size == 500  # no transition state lies below its minima
