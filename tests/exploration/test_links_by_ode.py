"""Which minima a transition state joins, decided by SciPy's ODE solver, on a D1 landscape."""

import numpy as np
import pytest
from lane_runs import results_of

from lossatlas.atlas import Atlas, Problem
from lossatlas.data import load_ljat3, split_pools
from lossatlas.exploration import ExploreOptions, grow, verify
from lossatlas.exploration.ode_flow import OdeFlow
from lossatlas.landscape import FunctionLandscape, NetworkLandscape
from lossatlas.testing.surfaces import SIX_HUMP_CAMEL


@pytest.mark.slow
def test_sixty_links_of_a_d1_landscape_are_those_of_gradient_flow(tmp_path):
    """Half of them the softest and the degenerate ones, the other half drawn at random."""
    pools = load_ljat3("D1", items=20_000, seed=3).pools
    train = split_pools(pools, 1000, 1, 1).train
    landscape = NetworkLandscape(train.inputs, train.labels, (10,), 1e-4)
    arrays = {"train_inputs": landscape.inputs, "train_labels": landscape.labels}
    problem = Problem(landscape.fingerprint(), {}, arrays)
    with Atlas.create(tmp_path / "d1.atlas", problem) as atlas:
        grow(landscape, atlas, ExploreOptions(minutes=15, transition_states=100))
        states = atlas.transition_states()
        degenerate = states.query("degenerate")["id"].tolist()[:10]
        softest = states.sort_values("curvature", ascending=False)["id"].tolist()
        hard = degenerate + [i for i in softest if i not in degenerate][: 30 - len(degenerate)]
        rest = [i for i in states["id"] if i not in hard]
        drawn = np.random.default_rng(0).choice(rest, size=30, replace=False).tolist()
        result = verify(landscape, atlas, sample=1, flow=True, transition_states=hard + drawn)
    print(f"{len(degenerate)} degenerate, softest {states['curvature'].max():.1e}; {result}")
    assert result.checked_transition_states == 60
    assert result.failures == ()


def test_paths_followed_at_once_are_those_followed_alone():
    """LSODA of SciPy before 1.17 refuses to be used by two threads at once."""
    wells = FunctionLandscape(SIX_HUMP_CAMEL.energy, [-2, -1], [2, 1], "camel")
    random = np.random.default_rng(0)
    jobs = [(0.5 * wells.random_start(random), np.eye(2), 1.0) for _ in range(8)]
    alone = results_of(wells.surface, OdeFlow(), jobs, workers=1)
    together = results_of(wells.surface, OdeFlow(), jobs, workers=4)
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one.w, other.w)
