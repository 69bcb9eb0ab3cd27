"""Which minima a transition state joins, decided by SciPy's ODE solver.

On a D1 landscape, and on small networks of other activations and losses.
"""

import jax
import numpy as np
import pytest
from lane_runs import results_of

from lossatlas.atlas import Atlas, Problem
from lossatlas.data import load_ljat3, split_pools
from lossatlas.errors import Status
from lossatlas.exploration import ExploreOptions, grow, ode_flow, verify
from lossatlas.exploration.ode_flow import OdeFlow
from lossatlas.landscape import FunctionLandscape, NetworkLandscape
from lossatlas.parts import find_activation, find_loss
from lossatlas.parts.loss_of_item import loss_of_item
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


def log_cosh(outputs, target):
    """A loss of one item that lossatlas has not."""
    return jax.numpy.log(jax.numpy.cosh(outputs - target)).sum()


PARTS = {
    "softplus": ("softplus", "mean-squared-error"),
    "gelu": ("gelu", loss_of_item(log_cosh, "log cosh")),
    "silu": ("silu", "half-mean-squared-error"),
    "sin": ("sin", "mean-squared-error"),
    "sigmoid": ("sigmoid", "binary-cross-entropy"),
    "gelu-tanh": ("gelu-tanh", "smooth-auc"),
    "relu": (find_activation("relu", 0.3), "softmax-cross-entropy"),
}


@pytest.mark.slow
@pytest.mark.parametrize(("activation", "loss"), PARTS.values(), ids=PARTS)
def test_links_of_other_networks_are_those_of_gradient_flow(tmp_path, activation, loss):
    """All links of a small landscape, those of units that are idle or equal among them."""
    random = np.random.default_rng(0)
    x = random.uniform(-1.0, 1.0, (40, 2))
    numbers = np.sin(3.0 * x[:, 0]) * x[:, 1]
    targets = numbers if find_loss(loss).targets == "numbers" else (numbers > 0.0).astype(int)
    l2 = 2e-2 if activation == "sin" else 1e-3
    landscape = NetworkLandscape(x, targets, (4,), l2, activation=activation, loss=loss)
    with Atlas.create(tmp_path / "small.atlas", Problem(landscape.fingerprint())) as atlas:
        grow(landscape, atlas, ExploreOptions(minutes=10, transition_states=60))
        states = atlas.transition_states()
        result = verify(landscape, atlas, flow=True, transition_states=states["id"].tolist()[:60])
    print(f"{len(states)} transition states; {result}")
    assert result.checked_links >= 20
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


def test_a_path_that_lsoda_makes_too_many_steps_for_is_followed_to_its_end_by_radau(monkeypatch):
    """Down a curved valley whose walls are a million times as steep as its floor."""

    def valley(w):
        return 5e5 * (w[1] - w[0] ** 2) ** 2 + 0.5 * (w[0] - 1.0) ** 2

    landscape = FunctionLandscape(valley, [-2.0, -2.0], [2.0, 2.0])
    job = (np.array([-1.0, 1.5]), np.eye(2), 1.0)
    solvers = []

    class Watched(ode_flow.Radau):
        def __init__(self, *arguments, **options):
            solvers.append(self)
            super().__init__(*arguments, **options)

    monkeypatch.setattr(ode_flow, "Radau", Watched)
    (usual,) = results_of(landscape.surface, OdeFlow(), [job], workers=1)
    assert not solvers
    monkeypatch.setattr(ode_flow, "MANY_STEPS", 10)
    (left,) = results_of(landscape.surface, OdeFlow(), [job], workers=1)
    assert 0 < len(solvers) < ode_flow.SEGMENTS
    for path in (usual, left):
        assert path.status == Status.CONVERGED
        np.testing.assert_allclose(path.w, 1.0, atol=2 * ode_flow.SHORT_STEP)
