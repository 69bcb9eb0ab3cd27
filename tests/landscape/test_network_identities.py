"""Exact statements about every softmax network with L2: shift modes, zero units, bounds."""

import json

import numpy as np
import pytest
from reference_networks import compiled, newton, scipy_minimum, small_landscape

from lossatlas.landscape import NetworkLandscape

HIDDEN = [(3,), (3, 2)]


@pytest.fixture(scope="module", params=HIDDEN, ids=str)
def network(request):
    landscape = small_landscape(request.param)
    return landscape, *compiled(landscape)


def with_zero_unit(w, hidden, features, classes):
    """The weights of a network of one more hidden unit, the new one (the last) all zero."""
    incoming = w[: hidden * features].reshape(hidden, features)
    outgoing = w[hidden * features : hidden * (features + classes)].reshape(classes, hidden)
    biases = w[hidden * (features + classes) :]
    return np.concatenate(
        [
            np.vstack([incoming, np.zeros(features)]).ravel(),
            np.hstack([outgoing, np.zeros((classes, 1))]).ravel(),
            np.insert(biases, hidden, 0.0),
        ]
    )


def test_twice_lambda_is_an_eigenvalue_everywhere(network):
    landscape, _, hessian = network
    last = landscape.architecture.widths[-2]
    for seed in range(3):
        w = np.random.default_rng(seed).normal(size=landscape.n_weights)
        values = np.linalg.eigvalsh(hessian(w))
        assert (np.abs(values - 2 * landscape.l2) < 1e-14).sum() >= last + 1


def test_shift_modes_are_exact(network):
    """E(w + t m) = E(w) + lambda (2 t w.m + t^2) along every excluded mode m."""
    landscape, loss, hessian = network
    modes = landscape.excluded_modes
    assert len(modes) == landscape.architecture.widths[-2] + 1
    np.testing.assert_allclose(modes @ modes.T, np.eye(len(modes)), atol=1e-15)
    w = np.random.default_rng(3).normal(size=landscape.n_weights)
    np.testing.assert_allclose(hessian(w) @ modes.T, 2 * landscape.l2 * modes.T, atol=1e-15)
    for mode in modes:
        for t in (-3.0, 0.5, 10.0):
            expected = loss(w)[0] + landscape.l2 * (2 * t * w @ mode + t * t)
            assert loss(w + t * mode)[0] == pytest.approx(expected, rel=1e-12)


def test_stationary_points_have_no_part_along_the_shift(network):
    landscape, loss, hessian = network
    for seed in range(3):
        start = landscape.random_start(np.random.default_rng(seed))
        assert np.abs(landscape.excluded_modes @ start).max() < 1e-14
        w = scipy_minimum(start, loss, hessian)
        assert np.abs(loss(w)[1]).max() < 1e-14
        classes, last = landscape.architecture.matrix_shapes[-1]
        assert abs(w[-classes:].sum()) < 1e-12
        first = sum(a * b for a, b in landscape.architecture.matrix_shapes[:-1])
        outgoing = w[first : first + classes * last].reshape(classes, last)
        assert np.abs(outgoing.sum(axis=0)).max() < 1e-12
        assert landscape.l2 * (w**2).sum() <= loss(w)[0]


def test_without_regularized_biases_the_bias_shift_has_curvature_two_lambda():
    landscape = small_landscape((2,), regularize_biases=False)
    loss, hessian = compiled(landscape)
    w = np.random.default_rng(0).normal(size=landscape.n_weights)
    shift = landscape.excluded_modes[-1]
    assert np.flatnonzero(shift).tolist() == list(
        range(landscape.n_weights - 3, landscape.n_weights)
    )
    w -= (w @ shift) * shift
    shifted = loss(w)[0] + landscape.l2 * 7**2
    assert loss(w + 7 * shift)[0] == pytest.approx(shifted, rel=1e-13)
    np.testing.assert_allclose(hessian(w) @ shift, 2 * landscape.l2 * shift, atol=1e-14)


def test_only_units_joined_to_every_output_have_a_shift_mode():
    landscape = small_landscape((5,), classes=4, neighbors=2)
    loss, _ = compiled(landscape)
    assert len(landscape.excluded_modes) == 1
    w = np.random.default_rng(0).normal(size=landscape.n_weights)
    mode = landscape.excluded_modes[0]
    expected = loss(w)[0] + landscape.l2 * (2 * w @ mode + 1)
    assert loss(w + mode)[0] == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize(("l2", "expected_rise"), [(3e-1, 0), (1e-1, 1), (1e-3, 2)])
def test_a_zero_unit_raises_the_index_by_the_large_singular_values(l2, expected_rise):
    small, large = small_landscape((2,), l2=l2), small_landscape((3,), l2=l2)
    loss, hessian = compiled(small)
    w = scipy_minimum(small.random_start(np.random.default_rng(1)), loss, hessian)
    wide = with_zero_unit(w, 2, 2, 3)
    wide_loss, wide_hessian = compiled(large)
    assert wide_loss(wide)[0] == pytest.approx(loss(w)[0], rel=1e-14)
    assert np.abs(wide_loss(wide)[1]).max() < 1e-13
    outputs = small.logits(w, small.inputs)[0]
    p = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    residual = p - np.eye(3)[small.labels]
    with_one = np.column_stack([small.inputs, np.ones(len(p))])
    singular = np.linalg.svd(residual.T @ with_one / len(p), compute_uv=False)
    rise = int((singular > 2 * l2).sum())
    assert rise == expected_rise
    assert (np.linalg.eigvalsh(hessian(w)) < 0).sum() == 0
    assert (np.linalg.eigvalsh(wide_hessian(wide)) < 0).sum() == rise
    if rise:  # otherwise the minimum has zero units already
        assert large.orbit_size(wide) == 3 * small.orbit_size(w)


@pytest.mark.parametrize("hidden", HIDDEN, ids=str)
def test_the_network_without_hidden_activity_is_stationary(hidden):
    """Only output biases: the loss is near the entropy of the class frequencies."""
    landscape = small_landscape(hidden, l2=1e-3)
    loss, hessian = compiled(landscape)
    w = np.zeros(landscape.n_weights)
    classes = len(np.unique(landscape.labels))
    for _ in range(20):  # Newton's method in the output biases alone
        block = slice(-classes, None)
        w[block] -= np.linalg.solve(hessian(w)[block, block], loss(w)[1][block])
    energy, gradient = loss(w)
    assert np.abs(gradient).max() < 1e-15
    p = np.bincount(landscape.labels) / len(landscape.labels)
    assert energy == pytest.approx(-(p * np.log(p)).sum(), abs=0.01)
    assert landscape.orbit_size(w) == 1
    np.testing.assert_allclose(newton(w, loss, hessian, 1), w, atol=1e-12)


def test_the_fixture_of_complete_landscapes(shared):
    """Energies, indices and orbits of every stationary point; the orbits' Euler sum is one."""
    fixture = json.loads((shared / "morse_fixture.json").read_text())
    inputs, labels = np.array(fixture["X"]), np.array(fixture["c"])
    for case in fixture["cases"]:
        landscape = NetworkLandscape(inputs, labels, (case["n_hidden"],), case["lam"])
        loss, hessian = compiled(landscape)
        euler = 0
        for point in case["points"]:
            w = np.array(point["w"])
            energy, gradient = loss(w)
            assert energy == pytest.approx(point["E"], abs=1e-12)
            assert np.sqrt(np.mean(gradient**2)) < 1e-8
            index = int((np.linalg.eigvalsh(hessian(w)) < 0).sum())
            assert index == point["index"]
            w = newton(w, loss, hessian)
            assert landscape.orbit_size(w) == point["orbit"]
            euler += (-1) ** index * landscape.orbit_size(w)
        assert euler == 1


def test_stored_points_of_the_programs(shared):
    """Loss and log-determinant at the file's own coordinates, minima and transition states."""
    folder = shared / "peer" / "d2"
    rows = np.loadtxt(folder / "MLPdata")
    landscape = NetworkLandscape(rows[:, 1:], rows[:, 0].astype(int), (10,), 1e-4)
    loss, hessian = compiled(landscape)
    count = 0
    for kind, index in (("min", 0), ("ts", 1)):
        table = np.loadtxt(folder / f"{kind}.data")
        points = np.fromfile(folder / f"points.{kind}", "<f8").reshape(len(table), -1)
        for (energy, log_determinant), w in zip(table[:, :2], points, strict=True):
            assert loss(w)[0] == pytest.approx(energy, abs=1e-9)
            values = np.linalg.eigvalsh(hessian(w))
            assert np.log(values[values > 0]).sum() == pytest.approx(log_determinant, abs=1e-6)
            assert (values < 0).sum() == index
            count += 1
    assert count == 41
