"""Gradient flow against series, order conditions, and SciPy's stiff integrators."""

import json
from fractions import Fraction
from functools import partial
from math import factorial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from lane_runs import results_of
from reference_networks import compiled, newton
from scipy.integrate import solve_ivp

from lossatlas.errors import Status
from lossatlas.kernels import exponential
from lossatlas.kernels.dense.flow import Flow
from lossatlas.landscape import FunctionLandscape, NetworkLandscape
from lossatlas.testing.surfaces import LJAT3_PLANAR, MUELLER_BROWN, SIX_HUMP_CAMEL

COARSE, TIGHT = np.asarray(1e-3), np.asarray(1e-6)
BALL, ZERO = np.asarray(0.1), np.zeros(())
SURFACES = {
    "Mueller-Brown": (MUELLER_BROWN, 0.02),
    "six-hump camel": (SIX_HUMP_CAMEL, 0.02),
    "LJAT3": (LJAT3_PLANAR, 0.005),
}


def phi_by_fractions(k, z):
    """The series sum z^j / (j + k)!, without rounding."""
    z, term, total = Fraction(z), Fraction(1, factorial(k)), Fraction(0)
    j = 0
    while j < 5 or abs(term) > Fraction(1, 10**25):
        total += term
        j += 1
        term = term * z / (j + k)
    return float(total)


def test_phi_functions():
    z = np.concatenate([[0.0], *[[s * 10.0**e for s in (1, -1)] for e in range(-12, 2)]])
    z = np.concatenate([z, [0.4999, 0.5001, -0.4999, -0.5001, -3.7, 2.2, -40.0]])
    for k, found in zip((1, 3, 4), exponential.phi(jnp.asarray(z)), strict=True):
        expected = [phi_by_fractions(k, value) for value in z]
        np.testing.assert_allclose(found, expected, rtol=2e-13)


def test_phi_functions_far_out():
    z = np.array([1e4, 1e8])
    one, three, four = exponential.phi(jnp.asarray(-z))
    np.testing.assert_allclose(one, 1 / z, rtol=1e-12)
    two = (1 - 1 / z) / z
    np.testing.assert_allclose(three, (1 / 2 - two) / z, rtol=1e-12)
    np.testing.assert_allclose(four, (1 / 6 - three) / z, rtol=1e-12)


def fixed_steps(surface, n):
    """The position after a time, by steps of given length, short ones and long ones, whatever their
    error."""
    kernel = Flow(max_step=1e3, stationary_rms=0.0)
    start, step = jax.jit(kernel.init), jax.jit(kernel.step)

    def advance(w, time, steps):
        state, moves = start(surface, w, np.asarray(np.inf), np.zeros(()), np.eye(n), ZERO), 0
        state = state._replace(hessians=jnp.int32(1))  # the first one chooses the time step
        for k in range(steps):
            before, length = np.asarray(state.w), (2 / 3, 4 / 3)[k % 2] * time / steps
            state = step(surface, state._replace(time_step=jnp.asarray(length)))
            moves += not np.array_equal(before, state.w)
        assert moves == steps
        return np.asarray(state.w)

    return advance


def test_steps_are_of_fourth_order():
    after = fixed_steps(FunctionLandscape(SIX_HUMP_CAMEL.energy, [-2, -1], [2, 1]).surface, 2)
    w, time = np.array([0.6, 0.9]), 0.4
    gradient = jax.jit(jax.grad(SIX_HUMP_CAMEL.energy))
    exact = solve_ivp(
        lambda _, x: -np.asarray(gradient(x)), (0, time), w, "DOP853", rtol=1e-13, atol=1e-14
    ).y[:, -1]
    counts = np.array([32, 64, 128])
    errors = [np.linalg.norm(after(w, time, n) - exact) for n in counts]
    orders = np.log2(np.divide(errors[:-1], errors[1:]))
    assert errors[-1] < 1e-8
    np.testing.assert_allclose(orders, 4.0, atol=0.25)


def test_a_quadratic_is_followed_exactly_whatever_the_step():
    """w(t) = exp(-H t) w(0), also where the Hessian is stiff or negative."""
    values = jnp.array([-0.5, 1e-3, 2.0, 1e5])
    surface = FunctionLandscape(lambda w: 0.5 * jnp.sum(values * w * w), [-1] * 4, [1] * 4).surface
    w = np.array([0.1, -0.7, 0.4, 0.2])
    found = fixed_steps(surface, 4)(w, 2.3, 2)
    np.testing.assert_allclose(found, np.exp(-2.3 * values) * w, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("wall", "most"), [(0.1, 30), (10.0, 45)])
def test_long_steps_stay_on_the_floor_of_a_winding_valley(wall, most):
    """Down y = sin(x) / 10 with a slope of 1e-4, between walls of a curvature of up to 10."""

    def energy(w):
        return 1e-4 * (w[0] + 0.05 * w[0] ** 2) + 0.5 * wall * (w[1] - 0.1 * jnp.sin(w[0])) ** 2

    surface = FunctionLandscape(energy, [-9, -1], [4, 1]).surface
    start, time = np.array([3.0, 0.1 * np.sin(3.0)]), 3e4
    gradient, hessian = jax.jit(jax.grad(energy)), jax.jit(jax.hessian(energy))
    exact = solve_ivp(
        lambda _, w: -gradient(w),
        (0, time),
        start,
        "LSODA",
        jac=lambda _, w: -hessian(w),
        rtol=1e-9,
        atol=1e-10,
    ).y[:, -1]
    assert np.linalg.norm(exact - start) > 3
    np.testing.assert_allclose(fixed_steps(surface, 2)(start, time, 12), exact, atol=0.01)
    job = (start, np.asarray(1e-2), np.asarray(1e-3), np.eye(2), ZERO)
    (path,) = results_of(surface, Flow(max_step=1.0), [job])
    assert path.status == Status.CONVERGED
    assert path.hessians < most


@pytest.mark.parametrize("force", [(3e-3, 3.0, 0.0), (1e-3, 2.0, 3.0)])
def test_a_step_is_rejected_if_the_walls_of_its_valley_end_within_it(force):
    """The valley branches at x = 1.5; a small force from the side decides for a branch."""
    size, frequency, phase = force

    def energy(w):
        wall, aside = jnp.tanh(2.0 * (1.5 - w[0])), jnp.sin(frequency * w[0] + phase)
        run_out = 0.05 * (jax.nn.softplus(4.0 * (w[0] - 3.0)) / 4.0) ** 2
        valley = 0.5 * wall * w[1] ** 2 + 0.25 * w[1] ** 4
        return -1e-4 * w[0] + run_out + valley + size * aside * w[1]

    surface = FunctionLandscape(energy, [-1, -1], [4, 1]).surface
    gradient = jax.jit(jax.grad(energy))
    y = -size * np.sin(frequency * 1.2 + phase) / np.tanh(0.6)
    start, times = np.array([1.2, y]), np.geomspace(1e3, 6e3, 14)
    exact = solve_ivp(
        lambda _, w: -gradient(w), (0, 6e3), start, "LSODA", times, rtol=1e-9, atol=1e-11
    ).y.T
    kernel = Flow(max_step=10.0)
    step = jax.jit(kernel.step)
    state = kernel.init(surface, start, np.ones(()), ZERO, np.eye(2), ZERO)
    state = state._replace(hessians=jnp.int32(1))  # the first one chooses the time step
    tried = [step(surface, state._replace(time_step=jnp.asarray(time))) for time in times]
    accepted = [bool(new.arrived) for new in tried]
    assert any(accepted)
    assert not all(accepted)
    for new, position in zip(tried, exact, strict=True):
        if new.arrived:
            np.testing.assert_allclose(new.w, position, atol=0.02)


def flow_end(gradient, start, finished, method="LSODA"):
    """Where SciPy's integration stands when a minimum's neighborhood is reached."""
    event = lambda _, w: finished(w)  # noqa: E731
    event.terminal = True
    found = solve_ivp(
        lambda _, w: -gradient(w), (0, 1e7), start, method, rtol=1e-8, atol=1e-10, events=event
    )
    assert found.status == 1
    return found.y[:, -1]


@pytest.mark.parametrize("name", SURFACES)
def test_paths_from_displaced_saddles_end_where_scipys_do(name):
    known, pushoff = SURFACES[name]
    n = len(known.points[0].position)
    landscape = FunctionLandscape(known.energy, [0.5] * n, [2.0] * n)
    gradient, hessian = jax.jit(jax.grad(known.energy)), jax.jit(jax.hessian(known.energy))
    minima = np.array([p.position for p in known.points if p.hessian_index == 0])
    if name == "LJAT3":
        minima = np.concatenate([minima, minima * [1, 1, -1], minima * [-1, -1, 1]])
    starts = []
    for saddle in known.points:
        if saddle.hessian_index == 1:
            mode = np.linalg.eigh(hessian(jnp.array(saddle.position)))[1][:, 0]
            starts += [saddle.position + sign * pushoff * mode for sign in (1, -1)]
    kernel = Flow(max_step=0.1)
    ball = np.asarray(0.1 * pushoff * 5)
    for tolerance in (COARSE, TIGHT):
        jobs = [(start, tolerance * pushoff / 0.02, ball, np.eye(n), ZERO) for start in starts]
        for start, found in zip(starts, results_of(landscape.surface, kernel, jobs), strict=True):
            assert found.status == Status.CONVERGED
            near = lambda w: np.linalg.norm(minima - w, axis=1).min() - 0.01  # noqa: E731
            end = flow_end(lambda w: np.asarray(gradient(w)), start, near)
            expected = np.argmin(np.linalg.norm(minima - end, axis=1))
            distances = np.linalg.norm(minima - found.w, axis=1)
            assert np.argmin(distances) == expected
            assert distances[expected] < 0.1


def test_paths_of_a_network_end_where_scipys_do(shared):
    case = json.loads((shared / "morse_fixture.json").read_text())
    which = next(c for c in case["cases"] if c["n_hidden"] == 1 and c["lam"] == 1e-3)
    landscape = NetworkLandscape(np.array(case["X"]), np.array(case["c"]), (1,), which["lam"])
    loss, hessian = compiled(landscape)
    polish = partial(newton, loss=loss, hessian=hessian)
    minima = [polish(np.array(p["w"])) for p in which["points"] if p["index"] == 0]
    minima = np.array([copy for w in minima for copy in (w, *landscape.neighbor_copies(w))])
    starts = []
    for point in which["points"]:
        if point["index"] == 1:
            w = polish(np.array(point["w"]))
            mode = np.linalg.eigh(hessian(w))[1][:, 0]
            starts += [w + sign * 0.02 * mode for sign in (1, -1)]
    identity = np.eye(landscape.n_weights)
    found = results_of(
        landscape.surface, Flow(), [(w, COARSE, BALL, identity, ZERO) for w in starts]
    )
    assert len(found) == 6
    reached = set()
    for start, path in zip(starts, found, strict=True):
        assert path.status == Status.CONVERGED
        near = lambda w: np.linalg.norm(minima - w, axis=1).min() - 0.05  # noqa: E731
        for method in ("LSODA", "BDF"):
            end = flow_end(lambda w: loss(w)[1], start, near, method)
            expected = np.argmin(np.linalg.norm(minima - end, axis=1))
            arrived = polish(path.w, steps=12)
            assert np.linalg.norm(minima[expected] - arrived) < 1e-8
        reached.add(int(expected))
    assert len(reached) >= 3


def test_the_nearer_a_path_runs_along_a_ridge_the_further_it_may_have_strayed():
    """Started beside the ridge that leads to the saddle at the origin of the camel."""
    surface = FunctionLandscape(SIX_HUMP_CAMEL.energy, [-2, -1], [2, 1]).surface
    hessian = jax.jit(jax.hessian(SIX_HUMP_CAMEL.energy))(jnp.zeros(2))
    stable, unstable = np.linalg.eigh(hessian)[1].T[::-1]
    starts = [0.3 * stable + gap * unstable for gap in (0.3, 0.1, 0.01, 1e-4)]
    jobs = [(w, TIGHT, BALL, np.eye(2), ZERO) for w in starts]
    found = results_of(surface, Flow(max_step=0.1), jobs)
    assert all(path.status == Status.CONVERGED for path in found)
    spreads = np.array([path.spread for path in found])
    assert (np.diff(spreads) > 0).all()
    assert spreads[0] < 100 * TIGHT < spreads[-1]


def test_a_deviation_at_the_start_is_carried_along():
    """Along a quadratic valley it shrinks as the flow does across it."""
    curvatures = jnp.array([0.1, 1.0])
    surface = FunctionLandscape(lambda w: 0.5 * w @ (curvatures * w), [-1, -1], [1, 1]).surface
    start = np.array([0.8, 0.1])
    jobs = [(start, TIGHT, BALL, np.eye(2), np.asarray(d)) for d in (0.0, 0.3)]
    none, some = results_of(surface, Flow(), jobs)
    assert none.spread < 1e-3
    assert some.spread == pytest.approx(0.3)
    assert none.deviation < some.deviation < 0.01


@settings(max_examples=30, deadline=None)
@given(st.sampled_from([-1e-3, 0.0, 1e-9, 0.1]), st.floats(1e-5, 1e-2), st.floats(1e-5, 1e3))
def test_a_larger_error_is_tolerated_only_where_errors_are_forgotten(across, tolerance, newton):
    found = float(exponential.tolerated(*map(jnp.asarray, (tolerance, across, newton))))
    if across <= 0 or 0.3 * newton <= tolerance:
        assert found == pytest.approx(tolerance)
    else:
        assert tolerance <= found <= 10 * tolerance
        assert found == pytest.approx(min(10 * tolerance, 0.3 * newton))


def test_an_error_that_is_tolerated_does_not_lead_out_of_a_shallow_minimum():
    """The cubic has a minimum at -a and a maximum at a, narrower than ten times the tolerance."""
    a, tolerance = 0.015, 3e-3

    def energy(w):
        cubic = a**2 * w[0] - w[0] ** 3 / 3 + 10.0 * (jnp.maximum(w[0] - 1.0, 0.0)) ** 4
        return 1e-2 * cubic + 0.5 * (w[1] - 0.3 * jnp.sin(2.0 * w[0])) ** 2

    surface = FunctionLandscape(energy, [-2, -1], [2, 1]).surface
    starts = [np.array([x, 0.3 * np.sin(2 * x)]) for x in (-0.9, -0.5, -0.2)]
    jobs = [(start, np.asarray(tolerance), np.asarray(1e-3), np.eye(2), ZERO) for start in starts]
    for path in results_of(surface, Flow(max_step=0.5), jobs):
        assert path.status == Status.CONVERGED
        assert path.w[0] == pytest.approx(-a, abs=3e-3)


def test_the_symmetrizer_keeps_a_path_in_its_subspace():
    """On the ridge itself the flow runs into the Newton ball of the saddle and stops there."""
    surface = FunctionLandscape(
        lambda w: w[0] ** 2 - w[1] ** 2 + w[1] ** 4, [-1, -1], [1, 1]
    ).surface
    onto = np.diag([1.0, 0.0])
    start = np.array([0.6, 1e-9])
    inside, outside = results_of(
        surface,
        Flow(max_step=0.1),
        [(start, TIGHT, BALL, onto, ZERO), (start, TIGHT, BALL, np.eye(2), ZERO)],
    )
    assert inside.status == outside.status == Status.CONVERGED
    np.testing.assert_allclose(inside.w, [inside.newton, 0.0])
    assert inside.newton < BALL
    assert abs(outside.w[1]) == pytest.approx(np.sqrt(0.5), abs=0.1)


def test_limits_are_outcomes():
    surface = FunctionLandscape(SIX_HUMP_CAMEL.energy, [-2, -1], [2, 1]).surface
    kernel = Flow(max_hessians=3)
    starts = (np.array([0.01, 0.0]), np.array([np.nan, 0]))
    jobs = [(start, TIGHT, BALL, np.eye(2), ZERO) for start in starts]
    slow, bad = results_of(surface, kernel, jobs)
    assert (slow.status, slow.hessians) == (Status.TOO_MANY_STEPS, 3)
    assert bad.status == Status.NOT_FINITE


def test_a_hessian_that_is_not_finite_ends_a_path():
    """Where only it is not: every step would be rejected for ever."""
    energy = lambda w: (w[0] - 2) ** 2 + jnp.abs(w[1]) ** 1.5  # noqa: E731
    surface = FunctionLandscape(energy, [-1, -1], [1, 1]).surface
    job = (np.array([0.5, 0.0]), TIGHT, BALL, np.eye(2), ZERO)
    (path,) = results_of(surface, Flow(), [job])
    assert path.status == Status.NOT_FINITE


def test_a_path_ends_at_a_symmetric_saddle_where_the_regularization_is_strong():
    """Nothing may leak along the softmax shift, where the gradient would stay at 2 lambda."""
    random = np.random.default_rng(0)
    landscape = NetworkLandscape(random.normal(size=(60, 3)), np.arange(60) % 3, (5,), 1e-2)
    jobs = []
    for seed in range(12):
        w = landscape.random_start(np.random.default_rng(seed)) / 5
        w = (w + landscape.neighbor_copies(w)[-1]) / 2
        jobs.append((w, np.asarray(1e-2), BALL, landscape.symmetrizer(w), ZERO))
    for path in results_of(landscape.surface, Flow(max_hessians=300), jobs):
        assert path.status == Status.CONVERGED
        assert np.abs(landscape.excluded_modes @ path.w).max() < 1e-13


@pytest.mark.slow
def test_a_path_with_units_that_stay_zero_is_that_of_the_network_without_them():
    """The soft and the negative modes of those units neither hold it up nor count as its errors."""
    random = np.random.default_rng(0)
    inputs, labels = random.normal(size=(60, 2)), np.arange(60) % 3
    small, large = (NetworkLandscape(inputs, labels, (k,), 1e-3) for k in (2, 12))
    w = small.random_start(random) / 5
    into, out, biases, outputs = np.split(w, [4, 10, 12])
    same = np.zeros(large.n_weights)
    same[:4], same[60:62], same[72:] = into, biases, outputs
    same[24:60].reshape(3, 12)[:, :2] = out.reshape(3, 2)
    (expected,), (path,) = (
        results_of(
            landscape.surface,
            Flow(),
            [(x, np.asarray(5e-3), BALL, landscape.symmetrizer(x), ZERO)],
        )
        for landscape, x in ((small, w), (large, same))
    )
    assert path.status == expected.status == Status.CONVERGED
    assert path.hessians == pytest.approx(expected.hessians, abs=2)
    np.testing.assert_allclose(path.w[:4], expected.w[:4], atol=1e-3)
    for name in ("deviation", "spread", "newton"):
        assert getattr(path, name) == pytest.approx(getattr(expected, name), rel=0.05)
    values = np.linalg.eigvalsh(large.surface.hessian(path.w))
    assert (values < -1e-9).sum() >= 20


@pytest.mark.parametrize("kept", [None, 4])
def test_the_curvature_across_a_path_is_nearly_the_lowest(kept):
    """Never below it, and near it: by brute force, in all directions or in a subspace."""
    random = np.random.default_rng(1)
    off = []
    for _ in range(200):
        values = np.sort(random.normal(size=8)) * 10.0 ** random.uniform(-3, 1, 8)
        vectors, _ = np.linalg.qr(random.normal(size=(8, 8)))
        order = np.argsort(values)
        values, vectors = values[order], vectors[:, order]
        inside = np.arange(8) if kept is None else np.sort(random.permutation(8)[:kept])
        onto = vectors[:, inside] @ vectors[:, inside].T
        gradient = vectors[:, inside] @ (
            random.normal(size=len(inside)) * 10.0 ** random.uniform(-2, 1, len(inside))
        )
        slope = vectors.T @ gradient
        order = np.argsort(~np.isin(np.arange(8), inside), kind="stable")  # others come last
        found = exponential.curvature_across(jnp.asarray(values[order]), jnp.asarray(slope[order]))
        along = gradient / np.linalg.norm(gradient)
        basis = np.linalg.svd(onto - np.outer(along, along))[0][:, : len(inside) - 1]
        lowest = np.linalg.eigvalsh(basis.T @ (vectors * values) @ vectors.T @ basis)[0]
        assert found >= lowest - 1e-9
        off.append((float(found) - lowest) / np.ptp(values))
    assert np.median(off) < 0.01
    assert np.max(off) < 0.3
