"""Conflicts of identity: points that compute the same with weights that no symmetry joins."""

import numpy as np
import pytest

from lossatlas.atlas import Atlas, Attempt, Problem
from lossatlas.errors import Status
from lossatlas.exploration.conflicts import identity_conflicts
from lossatlas.landscape import FunctionLandscape, NetworkLandscape
from lossatlas.search.outcome import Cost, Outcome, StationaryPoint

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(12, 1))
Y = np.sin(X)


def landscape(activation) -> NetworkLandscape:
    return NetworkLandscape(X, Y, (2,), 1e-2, activation=activation, loss="mean-squared-error")


def point(landscape, w, uncertainty=1e-12) -> StationaryPoint:
    eigenvalues = np.array([0.1, 0.2, 0.3, 0.4])
    invariants = landscape.invariants(w)
    return StationaryPoint(w, 0.5, 1e-14, 0, eigenvalues, 0.0, uncertainty, invariants, 2)


def conflicts(tmp_path, landscape, points):
    with Atlas.create(tmp_path / "a.atlas", Problem(landscape.fingerprint())) as atlas:
        run = atlas.start_run({}, 0, {}, "cpu")
        outcome = Outcome(Status.CONVERGED, Cost(), minima=tuple(points))
        atlas.commit(run, [Attempt("made up", (), "", outcome)], "batch")
        return len(atlas.minima()), identity_conflicts(landscape, atlas)


def test_softplus_computes_the_same_with_other_weights(tmp_path):
    """softplus(z) - softplus(-z) = z: a pair of units that cancel may turn together.

    With v (softplus(a x) - softplus(-a x)) = v a x both units can be turned, and exchanging them
    gives other signs: the function and the length of the weights stay as they are.
    """
    softplus = landscape("softplus")
    # in, in, out, out, bias, bias, bias
    w = np.array([1.0, -1.0, 0.7, -0.7, 0.0, 0.0, 0.3])  # 0.7 x + 0.3
    v = np.array([0.7, -0.7, 1.0, -1.0, 0.0, 0.0, 0.3])  # the same with a and v exchanged
    np.testing.assert_allclose(softplus.outputs(w, X), softplus.outputs(v, X), atol=1e-14)
    count, found = conflicts(tmp_path, softplus, [point(softplus, w), point(softplus, v)])
    assert count == 2
    assert len(found) == 1
    assert "minimum 1 and 2: they compute the same" in found[0]


@pytest.mark.parametrize("activation", ["softplus", "tanh", "sin"])
def test_copies_and_other_points_are_no_conflict(tmp_path, activation):
    network = landscape(activation)
    w = np.random.default_rng(1).normal(size=network.n_weights)
    copy = network.symmetry.random_copy(w, np.random.default_rng(2))
    other = np.random.default_rng(3).normal(size=network.n_weights)
    points = [point(network, x) for x in (w, copy, other)]
    assert conflicts(tmp_path, network, points) == (2, ())


def test_functions_have_one_test_only(tmp_path):
    wells = FunctionLandscape(lambda w: (w[0] ** 2 - 1) ** 2, [-2], [2], "wells")
    with Atlas.create(tmp_path / "w.atlas", Problem(wells.fingerprint())) as atlas:
        assert identity_conflicts(wells, atlas) == ()
