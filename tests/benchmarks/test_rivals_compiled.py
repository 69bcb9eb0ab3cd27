"""The C programs of the benchmarks compute the same as the package."""

import numpy as np
import pytest
from benchmarks.rivals.compiled import CompiledLJAT3, CompiledNetwork
from benchmarks.rivals.measure import Unavailable

from lossatlas.data.ljat3_quench import Quenched, distances, outcome_labels, quench
from lossatlas.landscape import NetworkLandscape


def built(make):
    try:
        return make()
    except Unavailable as reason:
        pytest.skip(str(reason))


def test_network(tmp_path):
    random = np.random.default_rng(0)
    inputs, labels = random.normal(size=(40, 3)), np.arange(40) % 4
    landscape = NetworkLandscape(inputs, labels, (5,), 1e-3)
    compiled = built(lambda: CompiledNetwork(inputs, labels, 5, tmp_path))
    for scale in (0.3, 5.0, 60.0):
        w = scale * random.normal(size=landscape.n_weights)
        energy, gradient, after = compiled.descend(w, 1e-3, 1, 0.1)
        expected, slope = landscape.surface.value_and_gradient(w)
        assert energy == pytest.approx(float(expected), rel=1e-13)
        np.testing.assert_allclose(gradient, slope, rtol=1e-11, atol=1e-14 * scale)
        np.testing.assert_allclose(after, w - 0.1 * gradient, rtol=1e-15)


def test_ljat3(tmp_path):
    compiled = built(lambda: CompiledLJAT3(tmp_path))
    starts = np.random.default_rng(0).uniform(0.0, 3.0, (200, 3, 3))
    ends, evaluations, unconverged = compiled.minimize(starts, 0.4)
    ours = quench(starts, 0.4)
    assert unconverged == 0
    assert evaluations == pytest.approx(ours.evaluations.sum(), rel=0.02)
    sides = distances(ours.positions)
    same = np.abs(distances(ends) - sides).max(axis=1) < 1e-7
    assert same.mean() > 0.98
    assert isinstance(ours, Quenched)
    assert set(outcome_labels(ours)) <= {0, 1, 2, 3}
